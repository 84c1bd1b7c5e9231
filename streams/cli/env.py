"""``catalyst env``: the addresses of a running instance, for a shell or a program."""

from __future__ import annotations

import json
import shlex

import click

from streams.cli.options import with_settings
from streams.errors import UserError
from streams.instance import running_addresses
from streams.settings import Settings


@click.command(
    epilog="""\b
Examples:
  eval "$(catalyst env)"           this shell's commands then use `catalyst up`
  catalyst env --json              for a program

The database password is part of what is printed.
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings("data_dir")
def env(settings: Settings, as_json: bool) -> None:
    """Print KAFKA_BROKER and TIMESCALE_DSN of what runs in the data directory."""
    addresses = running_addresses(settings.data_dir)
    if addresses is None:
        raise UserError(f"nothing runs in {settings.data_dir}: start it with catalyst up")
    values = {"KAFKA_BROKER": addresses.kafka_broker, "TIMESCALE_DSN": addresses.timescale_dsn}
    if as_json:
        click.echo(json.dumps(values))
    else:
        for name, value in values.items():
            click.echo(f"export {name}={shlex.quote(value)}")
