"""``catalyst verify``: whether the database holds what a history file says."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from psycopg import conninfo
from rich.console import Console
from rich.table import Table

from streams.cli.parameters import Moment
from streams.errors import UserError
from streams.settings import load_settings
from streams.sources.replay import KINDS, open_replay
from streams.sources.sample import open_sample
from streams.sources.window import Windowed
from streams.verify import Comparison, Daily, Mismatch, compare, daily, read_stored, rows_of

SHOWN = 10
_POLL_S = 2.0


@click.command(
    epilog="""\b
Examples:
  catalyst produce quotes --file bars.parquet && catalyst verify --file bars.parquet --wait 60
  catalyst verify --source sample
  catalyst verify --file bars.csv.gz --from 2018-02-20 --to 2018-02-22 --json

\b
The database is TIMESCALE_DSN. Only the symbols and the span of days of the file are compared.
Exit code: 0 all equal, 1 something differs, 2 it could not be compared.
"""
)
@click.option(
    "--file", "files", type=click.Path(path_type=Path), multiple=True, help="As produced."
)
@click.option("--source", type=click.Choice(["replay", "sample"]), help="Default: replay.")
@click.option("--kind", type=click.Choice(KINDS), help="As given to produce quotes.")
@click.option("--interval", type=float, metavar="SECONDS", help="As given to produce quotes.")
@click.option("--from", "start_us", type=Moment(), help="As given to produce quotes.")
@click.option("--to", "end_us", type=Moment(), help="As given to produce quotes.")
@click.option("--dsn", help="Another database; a password belongs into TIMESCALE_DSN.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Compare again until all is equal, at most so long: workers may still be writing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def verify(
    ctx: click.Context,
    files: tuple[Path, ...],
    source: str | None,
    kind: Any,
    interval: float | None,
    start_us: int | None,
    end_us: int | None,
    dsn: str | None,
    wait: float,
    as_json: bool,
) -> None:
    """Compare a history file with the daily figures of the database.

    Bars, quotes, volume, open, high, low and close of each symbol and UTC day must be equal: to
    the share and to the cent.
    """
    if (source == "sample") == bool(files):
        raise click.UsageError("name a --file, or --source sample")
    database = _dsn(dsn)
    interval_us = None if interval is None else int(interval * 1_000_000)
    opened = (
        open_replay(list(files), kind=kind, interval_us=interval_us) if files else open_sample()
    )
    is_part = start_us is not None or end_us is not None
    expected = daily(rows_of(Windowed(opened, start_us, end_us) if is_part else opened))
    comparison = _compare_until_equal(database, expected, wait)
    if as_json:
        click.echo(json.dumps(asdict(comparison) | {"equal": comparison.equal}, default=str))
    else:
        _show(comparison)
    ctx.exit(0 if comparison.equal else 1)


def _dsn(given: str | None) -> str:
    if given is None:
        return load_settings().timescale_dsn.get_secret_value()
    try:
        has_password = "password" in conninfo.conninfo_to_dict(given)
    except Exception:
        has_password = False
    if has_password:
        raise UserError("--dsn shows its password to other users: set TIMESCALE_DSN instead")
    return given


def _compare_until_equal(dsn: str, expected: Daily, wait_s: float) -> Comparison:
    deadline = time.monotonic() + wait_s
    while True:
        comparison = compare(expected, read_stored(dsn, expected))
        left = deadline - time.monotonic()
        if comparison.equal or left <= 0:
            return comparison
        time.sleep(min(_POLL_S, left))


def _show(comparison: Comparison) -> None:
    table = Table("day", caption="file / database where they differ", caption_justify="left")
    for title in ("symbols", "bars", "volume", "mismatches"):
        table.add_column(title, justify="right")
    for day in comparison.days:
        numbers = (_both(day.symbols), _both(day.bars), _both(day.volume))
        table.add_row(day.day.isoformat(), *numbers, f"{day.mismatches:,}")
    table.add_section()
    sums = [
        (sum(getattr(d, name)[0] for d in comparison.days),
         sum(getattr(d, name)[1] for d in comparison.days))
        for name in ("bars", "volume")
    ]  # fmt: skip
    total = f"{len(comparison.mismatches):,}"
    table.add_row(f"{len(comparison.days)} days", "", *(_both(pair) for pair in sums), total)
    console = Console()
    console.print(table)
    for mismatch in comparison.mismatches[:SHOWN]:
        console.print(_line(mismatch), highlight=False)
    if len(comparison.mismatches) > SHOWN:
        console.print(f".. and {len(comparison.mismatches) - SHOWN:,} more")
    console.print("all equal" if comparison.equal else "not equal")


def _both(pair: tuple[float, float]) -> str:
    expected, stored = pair
    return f"{expected:,.0f}" if expected == stored else f"{expected:,.0f} / {stored:,.0f}"


def _line(mismatch: Mismatch) -> str:
    expected, stored = (
        "nothing" if value is None else repr(value)
        for value in (mismatch.expected, mismatch.stored)
    )
    where = f"{mismatch.day} {mismatch.symbol} {mismatch.figure}"
    return f"{where}: the file says {expected}, the database {stored}"
