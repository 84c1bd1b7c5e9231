"""``catalyst storage``: where the bytes are, how they grow, and how long the budget lasts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from streams.cli.options import with_settings
from streams.settings import Settings
from timescale.aging import AgingReport, aging_report
from timescale.storage import StorageReport, storage_report


@click.command(
    epilog="""\b
Examples:
  catalyst storage                          by relation and tier, against the budget
  catalyst storage --storage-budget-gb 10   against another budget
  catalyst storage --json

Growth is read from sizes that a worker notes once a day of event time, so it needs two days of
data. From 80 % of the budget on, workers raise an alert and drop ticks and high-frequency rows
earlier. Exit code 1 says that this is so now.
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings("storage_budget_gb")
def storage(settings: Settings, as_json: bool) -> None:
    """Show the size of every relation, growth a day and a year's forecast against the budget."""
    dsn = settings.timescale_dsn.get_secret_value()
    report = asyncio.run(storage_report(dsn, settings.storage_budget_gb))
    aged = asyncio.run(aging_report(dsn))
    if as_json:
        click.echo(json.dumps(_as_dict(report, aged), default=str))
    else:
        _print(report, aged)
    if report.is_short:
        raise SystemExit(1)


def _as_dict(report: StorageReport, aged: AgingReport) -> dict[str, Any]:
    return {
        "database_bytes": report.database_bytes,
        "budget_bytes": report.budget_bytes,
        "share": report.share,
        "short": report.is_short,
        "growth_per_day": report.growth_per_day,
        "in_a_year": report.in_a_year,
        "days_observed": report.days_observed,
        "by_tier": report.by_tier,
        "relations": [
            {
                "relation": item.relation,
                "tier": item.tier,
                "bytes": item.bytes,
                "uncompressed_bytes": item.uncompressed_bytes,
                "chunks": item.chunks,
                "compressed_chunks": item.compressed_chunks,
                "growth_per_day": item.growth_per_day,
                "in_a_year": item.in_a_year,
            }
            for item in report.relations
        ],
        "dropped_before": {
            "ticks": aged.ticks_before,
            "high_freq": aged.high_freq_before,
            "hourly": aged.hourly_before,
        },
        "late_rows": aged.late_rows,
    }


def _print(report: StorageReport, aged: AgingReport) -> None:
    table = Table("relation", "tier", title=None)
    for heading in ("size", "as plain rows", "chunks", "compressed", "a day", "in a year"):
        table.add_column(heading, justify="right")
    for item in report.relations:
        table.add_row(
            item.relation,
            item.tier,
            size(item.bytes),
            size(item.uncompressed_bytes),
            str(item.chunks),
            str(item.compressed_chunks),
            size(item.growth_per_day),
            size(item.in_a_year),
        )
    console = Console()
    console.print(table)
    tiers = ", ".join(f"{tier} {size(count)}" for tier, count in report.by_tier.items())
    console.print(f"by tier: {tiers}")
    console.print(
        f"{size(report.database_bytes)} of {size(report.budget_bytes)} ({report.share:.0%}); "
        f"a day {size(report.growth_per_day)}, a year from now {size(report.in_a_year)}"
    )
    if aged.late_rows:
        console.print(
            f"{aged.late_rows} rows came after their tier was dropped: security_data_late"
        )


def size(count: float | None) -> str:
    """Bytes for people; a dash where they are not known yet.

    >>> size(2_500_000_000)
    '2.50 GB'
    """
    if count is None:
        return "-"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= scale:
            return f"{count / scale:.2f} {unit}"
    return f"{count:.0f} B"
