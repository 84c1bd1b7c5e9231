"""A measured year: what 100 securities at 15 minutes take, and how fast the history answers.

Writes through the real writer and ages with the real procedure, on the embedded TimescaleDB or any
server given with --dsn (an empty database: it is filled).

    python -m benchmarks.storage
    python -m benchmarks.storage --days 20 --tick-seconds 3600
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.market_rows import (
    SESSION_S,
    day_of_ticks,
    midnight_us,
    symbols,
    trading_days,
    year_of_rows,
)
from timescale.aging import age
from timescale.connect import connect
from timescale.embedded import EmbeddedTimescale
from timescale.migrate import migrate
from timescale.readers import Reader
from timescale.relations import HIGH_FREQ, TICKS
from timescale.storage import StorageReport, storage_report
from timescale.writer import RowWriter

BUDGET_GB = 2.5
GOAL_GB = 0.25
FIRST_DAY = date(2024, 1, 2)
TARGETS_MS = {"latest": 20.0, "matrix_24h": 50.0, "daily_symbol_year": 10.0}
REPEATS = 20
Result = dict[str, Any]


def main() -> int:
    """Run, print the figures, and fail where the year does not fit the budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage", description=__doc__)
    parser.add_argument("--symbols", type=int, default=100)
    parser.add_argument("--days", type=int, default=252, help="trading days of rows")
    parser.add_argument("--tick-seconds", type=int, default=SESSION_S)
    parser.add_argument("--dsn", help="an empty TimescaleDB (default: the embedded one)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with _database(options.dsn) as dsn:
        migrate(dsn)
        result = asyncio.run(
            _measure(dsn, options.symbols, options.days, options.tick_seconds, bool(options.dsn))
        )
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0 if result["year"]["gigabytes"] < BUDGET_GB else 1


@contextlib.contextmanager
def _database(dsn: str | None) -> Iterator[str]:
    if dsn:
        yield dsn
        return
    with (
        tempfile.TemporaryDirectory(prefix="catalyst-storage-") as directory,
        EmbeddedTimescale(Path(directory) / "db") as server,
    ):
        yield server.dsn


async def _measure(dsn: str, count: int, days: int, tick_seconds: int, native: bool) -> Result:
    names = symbols(count)
    calendar = trading_days(FIRST_DAY, days)
    rows = await _write_year(dsn, names, calendar)
    year = await storage_report(dsn, BUDGET_GB)
    queries = await _time_queries(dsn, names, calendar)
    ticks = await _write_ticks(dsn, names, calendar[-1] + timedelta(days=1), tick_seconds)
    return {
        "engine": "server" if native else "embedded",
        "symbols": count,
        "days": days,
        "rows": rows,
        "year": _year(year),
        "queries_ms": queries,
        "ticks": ticks,
    }


async def _write_year(dsn: str, names: list[str], calendar: list[date]) -> Result:
    writer = RowWriter(dsn)
    await writer.start()
    writing = aging = 0.0
    for number, (day, columns) in enumerate(year_of_rows(len(names), calendar), 1):
        began = time.perf_counter()
        await writer.put(HIGH_FREQ, columns, symbols=names)
        await writer.flush()
        written = time.perf_counter()
        await age(dsn, datetime.fromtimestamp(midnight_us(day) / 1e6, UTC) + timedelta(hours=21))
        writing += written - began
        aging += time.perf_counter() - written
        if number % 21 == 0:
            print(f"{number} of {len(calendar)} days", file=sys.stderr)
    await writer.stop()
    count = writer.counts[HIGH_FREQ.name].inserted
    return {
        "rows": count,
        "rows_per_second": round(count / writing),
        "aging_seconds_a_day": round(aging / len(calendar), 4),
    }


def _year(report: StorageReport) -> Result:
    in_use = [item for item in report.relations if item.tier != "records" or item.bytes > 65_536]
    return {
        "gigabytes": round(report.database_bytes / 1e9, 4),
        "bytes_by_tier": report.by_tier,
        "bytes_by_relation": {item.relation: item.bytes for item in in_use},
        "forecast_gigabytes": round((report.in_a_year or 0) / 1e9, 4),
        "budget_gigabytes": BUDGET_GB,
        "goal_gigabytes": GOAL_GB,
    }


async def _time_queries(dsn: str, names: list[str], calendar: list[date]) -> Result:
    end = datetime.fromtimestamp(midnight_us(calendar[-1]) / 1e6, UTC) + timedelta(hours=21)
    async with Reader(dsn) as reader:
        year_ago = end - timedelta(days=366)
        return {
            "latest": await _median_ms(lambda: reader.latest(names)),
            "matrix_24h": await _median_ms(
                lambda: reader.returns(names, end - timedelta(hours=24), end)
            ),
            "daily_symbol_year": await _median_ms(
                lambda: reader.bars(names[0], year_ago, end, "daily")
            ),
            "history_symbol_year": await _median_ms(
                lambda: reader.history(names[0], year_ago, end)
            ),
        }


async def _median_ms(ask: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(times), 2)


async def _write_ticks(dsn: str, names: list[str], day: date, seconds: int) -> Result:
    writer = RowWriter(dsn)
    await writer.start()
    began = time.perf_counter()
    for columns in day_of_ticks(len(names), seconds, day):
        await writer.put(TICKS, columns, symbols=names)
    await writer.stop()
    elapsed = time.perf_counter() - began
    plain = await _tick_bytes(dsn)
    began = time.perf_counter()
    with connect(dsn) as connection:
        connection.execute("CALL compress_colder('security_ticks', %s)", (day + timedelta(days=1),))
    compressing = time.perf_counter() - began
    count = writer.counts[TICKS.name].inserted
    return {
        "ticks": count,
        "rows_per_second": round(count / elapsed),
        "plain_bytes": plain,
        "compressed_bytes": await _tick_bytes(dsn),
        "compressing_seconds": round(compressing, 2),
    }


async def _tick_bytes(dsn: str) -> int:
    report = await storage_report(dsn, BUDGET_GB)
    return next(item.bytes for item in report.relations if item.tier == "ticks")


def _table(result: Result) -> str:
    year, ticks = result["year"], result["ticks"]
    lines = [
        f"{result['symbols']} securities, {result['days']} days at 15 minutes, {result['engine']}:"
        f" {result['rows']['rows']:,} rows, {result['rows']['rows_per_second']:,} rows/s,"
        f" aging {result['rows']['aging_seconds_a_day'] * 1e3:.0f} ms a day",
        "",
        f"{'relation':<28}{'bytes':>14}",
        *(f"{name:<28}{size:>14,}" for name, size in year["bytes_by_relation"].items()),
        f"{'whole database':<28}{year['gigabytes'] * 1e9:>14,.0f}"
        f"   budget {BUDGET_GB} GB, goal {GOAL_GB} GB",
        f"{'forecast of a year from now':<28}{year['forecast_gigabytes'] * 1e9:>14,.0f}",
        "",
        f"a day of ticks: {ticks['ticks']:,} at {ticks['rows_per_second']:,} rows/s,"
        f" {ticks['plain_bytes']:,} bytes, compressed {ticks['compressed_bytes']:,}"
        f" ({ticks['plain_bytes'] / max(1, ticks['compressed_bytes']):.1f} times smaller)"
        f" in {ticks['compressing_seconds']} s",
        "",
        f"{'query (median)':<28}{'ms':>8}   goal on a server",
    ]
    for name, milliseconds in result["queries_ms"].items():
        goal = TARGETS_MS.get(name)
        lines.append(f"{name:<28}{milliseconds:>8.2f}" + (f"   < {goal:.0f} ms" if goal else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
