"""Rows a second into TimescaleDB: as tracking writes ticks, against the fastest there is.

``python -m benchmarks.rows [--quick] [--json FILE]``

On a server (``TIMESCALE_DSN``) that is ``COPY`` in binary of the same rows into the same table and
its unique index; the embedded engine cannot do it, and its best is one statement with arrays that
were encoded beforehand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import psycopg

from agents.tracking.rows import tick_rows
from agents.tracking.tracker import PartitionTracker
from benchmarks import feed as feeds
from benchmarks import places
from benchmarks.harness import Case, Measures, Options, Section, alternate, number, options, report
from schemas.quotes import QuoteColumns, decode_quotes
from schemas.times import US_PER_S, from_us
from streams.producing.packing import FramePacker, Packing
from timescale.pgbinary import BinaryArray, BinaryArrayDumper, encode
from timescale.relations import TICKS
from timescale.writer import RowWriter

SECURITIES = 100
BATCH = 5_000
_COPY_TYPES = ("text", "timestamptz", "int4", "float8", "float8", "float8", "float8")


def frames(quotes: int) -> list[QuoteColumns]:
    """Frames of 1,000 quotes, as a worker decodes them."""
    packer = FramePacker(Packing(1))
    records = [r for batch in feeds.Feed(SECURITIES, quotes, 10) for r in packer.add(batch)]
    records += packer.finish()
    return [decode_quotes(record.value) for record in records if record.quotes]


def as_tracking(dsn: str, feed: list[QuoteColumns]) -> Measures:
    """Through tracker and writer, until every row is durable."""
    return asyncio.run(_as_tracking(dsn, feed))


async def _as_tracking(dsn: str, feed: list[QuoteColumns]) -> Measures:
    _empty(dsn)
    tracker, writer = PartitionTracker(0, 1, 5 * US_PER_S), RowWriter(dsn)
    await writer.start()
    began, cpu = time.perf_counter(), time.process_time()
    for offset, quotes in enumerate(feed):
        taken = tracker.take(quotes, offset)
        tracker.close_due()
        await writer.put(TICKS, tick_rows(taken.ticks), symbols=tracker.table.symbols)
    await writer.flush()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    await writer.stop()
    return _rates(writer.counts[TICKS.name].inserted, seconds, cpu)


def prepared(dsn: str, feed: list[QuoteColumns]) -> Measures:
    """One statement after the other, with arrays encoded beforehand."""
    arrays = [
        [encode(field.type, column) for field, column in zip(TICKS.columns, columns, strict=True)]
        for columns in _batches(feed)
    ]
    _empty(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.adapters.register_dumper(BinaryArray, BinaryArrayDumper)
        began, cpu = time.perf_counter(), time.process_time()
        rows = sum(connection.execute(TICKS.insert, batch).rowcount for batch in arrays)
        return _rates(rows, time.perf_counter() - began, time.process_time() - cpu)


def copied(dsn: str, feed: list[QuoteColumns]) -> Measures:
    """``COPY .. FROM STDIN (FORMAT BINARY)``, with tuples made beforehand."""
    rows = list(_tuples(feed))
    _empty(dsn)
    names = ", ".join(field.name for field in TICKS.columns)
    statement = f"COPY {TICKS.name} ({names}) FROM STDIN (FORMAT BINARY)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        began, cpu = time.perf_counter(), time.process_time()
        with connection.cursor().copy(statement) as copy:
            copy.set_types(_COPY_TYPES)
            for row in rows:
                copy.write_row(row)
        return _rates(len(rows), time.perf_counter() - began, time.process_time() - cpu)


def _numbered(feed: list[QuoteColumns]) -> Iterator[tuple[dict, Sequence[str]]]:
    tracker = PartitionTracker(0, 1, 5 * US_PER_S)
    for offset, quotes in enumerate(feed):
        yield tick_rows(tracker.take(quotes, offset).ticks), tracker.table.symbols
        tracker.close_due()


def _batches(feed: list[QuoteColumns]) -> Iterator[tuple]:
    found = list(_numbered(feed))
    joined = {name: np.concatenate([rows[name] for rows, _ in found]) for name in found[0][0]}
    symbols = found[-1][1]
    for start in range(0, len(joined["symbol"]), BATCH):
        part = {name: column[start : start + BATCH] for name, column in joined.items()}
        yield TICKS.columns_of(part, symbols)


def _tuples(feed: list[QuoteColumns]) -> Iterator[tuple]:
    for rows, symbols in _numbered(feed):
        columns = {name: column.tolist() for name, column in rows.items()}
        columns["symbol"] = [symbols[row] for row in columns["symbol"]]
        columns["timestamp"] = map(from_us, columns["timestamp"])
        yield from zip(*(columns[field.name] for field in TICKS.columns), strict=True)


def _empty(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE security_ticks")


def _rates(rows: int, seconds: float, cpu: float) -> dict[str, float]:
    return {"rows_per_s": rows / seconds, "cpu_us": 1e6 * cpu / rows}


def measure(chosen: Options) -> list[Section]:
    """On the database at hand."""
    return run(chosen, 100_000 if chosen.quick else 500_000)


def run(chosen: Options, quotes: int) -> list[Section]:
    """The same with as many quotes as one likes."""
    feed = frames(quotes)
    with places.database() as (dsn, kind):
        best = ("COPY in binary", copied) if kind == "server" else ("prepared arrays", prepared)
        cases = [Case(best[0], partial(best[1], dsn, feed))]
        cases.append(Case("tracker and writer", partial(as_tracking, dsn, feed)))
        if kind == "server":
            cases.append(Case("prepared arrays", partial(prepared, dsn, feed)))
        results = alternate(cases, chosen.rounds)
    base = results[best[0]]
    rows = [
        [
            name,
            number(result.median("rows_per_s")),
            number(result.ratio(base, "rows_per_s"), 2),
            number(result.median("cpu_us"), 2),
        ]
        for name, result in results.items()
    ]
    header = ["ticks", "rows/s", f"to {best[0]}", "client's CPU µs a row"]
    title = "Rows into TimescaleDB, " + ("a server" if kind == "server" else "embedded")
    return [Section(title, [], header, rows, {name: dict(r.rounds) for name, r in results.items()})]


def main() -> None:
    """Measure and print."""
    report("rows", options(__doc__), measure)


if __name__ == "__main__":
    main()
