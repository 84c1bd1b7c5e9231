"""``catalyst migrate``: the database schema."""

from __future__ import annotations

import asyncio

import click

from streams.cli.options import with_settings
from streams.errors import UserError
from streams.settings import Settings


@click.command(
    epilog="""\b
Examples:
  catalyst migrate                 apply what is missing
  catalyst migrate --dry-run       say what would be applied
  catalyst migrate --status        every migration and whether it is applied

The database is the one that TIMESCALE_DSN names.
"""
)
@click.option("--dry-run", is_flag=True, help="Only say what would be applied.")
@click.option("--status", "show", is_flag=True, help="List every migration with its state.")
@with_settings()
def migrate(settings: Settings, dry_run: bool, show: bool) -> None:
    """Bring the schema of the database up to date; safe to run at any time."""
    from timescale import migrate as schema
    from timescale.aging import schedule_aging
    from timescale.roles import create_roles, may_create_roles

    dsn = settings.timescale_dsn.get_secret_value()
    if show and dry_run:
        raise UserError("--status changes nothing by itself: leave --dry-run out")
    if show:
        for item in schema.migration_status(dsn):
            click.echo(f"{item.state:<8} {item.name}")
        return
    done = schema.migrate(dsn, dry_run=dry_run, on_step=lambda item: click.echo(item.name))
    if dry_run:
        for name in done:
            click.echo(f"would apply {name}")
    click.echo(_summary(len(done), dry_run))
    if dry_run:
        return
    if may_create_roles(dsn):
        create_roles(dsn)
    else:
        click.echo("roles are left as they are: this login may not create any")
    if asyncio.run(schedule_aging(dsn)):
        click.echo("aging runs as a job of the database")


def _summary(count: int, dry_run: bool) -> str:
    if count == 0:
        return "the schema is up to date"
    return f"{count} migrations {'to apply' if dry_run else 'applied'}"
