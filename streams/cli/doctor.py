"""``catalyst doctor``: what is set, where it comes from, and whether every part answers."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click
from dotenv import dotenv_values
from pydantic import SecretStr

from streams.cli.options import flags_given, public_settings, with_settings
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.cli.checks import Check

MASK = "***"
_LIKE_DSN = re.compile(r"://|=[^=]")
_MARKS = {"ok": "[green]ok[/]", "failed": "[bold red]failed[/]", "skipped": "[yellow]skipped[/]"}


@dataclass(frozen=True)
class Shown:
    """A setting as it may be shown: without its secret."""

    name: str
    value: str
    origin: str


@click.command(
    epilog="""\b
Examples:
  catalyst doctor
  catalyst doctor --json | jq .checks
  KAFKA_BROKER=kafka:9092 catalyst doctor

Exit code 1 when a check fails.
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings(*public_settings())
def doctor(settings: Settings, as_json: bool) -> int:
    """Print every setting with its origin, and check broker, topics, database, disk and port."""
    from streams.cli.checks import run_checks

    shown = show_settings(settings, flags_given())
    checks = run_checks(settings)
    failed = any(check.state == "failed" for check in checks)
    if as_json:
        report = {
            "ok": not failed,
            "settings": {s.name: {"value": s.value, "origin": s.origin} for s in shown},
            "checks": [asdict(check) for check in checks],
        }
        click.echo(json.dumps(report))
    else:
        _print(shown, checks)
    return 1 if failed else 0


def show_settings(settings: Settings, flags: dict[str, Any]) -> list[Shown]:
    """Every setting with its value, secrets masked, and where the value comes from."""
    environment = {name.lower() for name in os.environ}
    in_file = {name.lower() for name in dotenv_values(".env")}

    def origin(name: str) -> str:
        if name in flags:
            return "flag"
        if name in environment:
            return "environment"
        return ".env" if name in in_file else "default"

    return [
        Shown(name.upper(), masked(getattr(settings, name)), origin(name))
        for name in Settings.model_fields
    ]


def masked(value: Any) -> str:
    """A setting's value for people: of a DSN all but its passwords, of another secret nothing."""
    if not isinstance(value, SecretStr):
        return str(value)
    if not _LIKE_DSN.search(value.get_secret_value()):
        return MASK if value.get_secret_value() else ""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        parts: dict[str, Any] = conninfo_to_dict(value.get_secret_value())
    except ProgrammingError:
        return MASK
    hidden = {name: MASK for name in parts if "password" in name}
    return make_conninfo(**(parts | hidden))


def _print(shown: list[Shown], checks: list[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(soft_wrap=False, highlight=False)
    table = Table("setting", "value", "origin", box=None, pad_edge=False)
    for item in shown:
        style = "dim" if item.origin == "default" else ""
        table.add_row(item.name, escape(item.value), item.origin, style=style)
    console.print(table)
    console.print()
    table = Table("check", "", "", box=None, pad_edge=False, show_header=False)
    for check in checks:
        table.add_row(check.name, _MARKS[check.state], escape(check.detail))
    console.print(table)
