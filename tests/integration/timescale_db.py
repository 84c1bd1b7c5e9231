"""A migrated database for the storage tests: the embedded engine, on a directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.timescale_rows import COUNTED, EXACT, SUMMED, Figures, Rows
from timescale.embedded import EmbeddedTimescale
from timescale.migrate import migrate
from timescale.relations import HIGH_FREQ
from timescale.writer import RowWriter

EMPTIED = (
    "security_ticks, security_data_high_freq, checkpoints, security_tracking_state, scans, "
    "tier_changes, ml_pattern_discoveries, news, models"
)


@contextlib.contextmanager
def migrated_server(directory: Path) -> Iterator[EmbeddedTimescale]:
    """A started server with the present schema."""
    with EmbeddedTimescale(directory) as server:
        migrate(server.dsn)
        yield server


def empty(dsn: str) -> None:
    """Remove the rows that tests write."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {EMPTIED}")


def rows_of(dsn: str, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def store(dsn: str, rows: Rows) -> None:
    """Write high-frequency rows through the real writer."""
    asyncio.run(store_async(dsn, rows))


async def store_async(dsn: str, rows: Rows) -> None:
    """As :func:`store`."""
    writer = RowWriter(dsn)
    await writer.start()
    await writer.put(HIGH_FREQ, rows.columns, symbols=rows.symbols)
    await writer.stop()
    assert writer.counts[HIGH_FREQ.name].rejected == 0


def aggregated(dsn: str, view: str) -> Figures:
    """The rows of an aggregate by symbol and bucket."""
    names = (*EXACT, *SUMMED, *COUNTED)
    rows = rows_of(dsn, f"SELECT symbol, timestamp, {', '.join(names)} FROM {view}")
    keys = [(symbol, moment) for symbol, moment, *_ in rows]
    assert len(set(keys)) == len(keys)
    return {
        key: dict(zip(names, row[2:], strict=True)) for key, row in zip(keys, rows, strict=True)
    }


def assert_figures(actual: Figures, expected: Figures) -> None:
    """Prices and counts to the last bit, sums within 1e-9."""
    assert actual.keys() == expected.keys()
    for key, figure in expected.items():
        for name in (*EXACT, *COUNTED):
            assert actual[key][name] == figure[name], (key, name)
        for name in SUMMED:
            wanted = figure[name]
            expected_sum = None if wanted is None else pytest.approx(wanted, rel=1e-9)
            assert actual[key][name] == expected_sum, (key, name)
