"""Loading older days into a database that has already aged past them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta

import psycopg

from timescale.connect import connect_async, one_line
from timescale.errors import TimescaleError


@asynccontextmanager
async def backfill(dsn: str, first: date, last: date) -> AsyncIterator[None]:
    """Take in high-frequency rows of the days (UTC) `first` to `last`; aggregate them at the end.

    Rows must be durable (flushed) before it ends. Days above the aging mark need no backfill; for
    them this does nothing. If the block fails, what came in is aggregated all the same, and a
    second backfill of those days is refused: what is kept is never computed again.

    Raises:
        TimescaleError: one of the days has figures already, or the database does not answer.
    """
    start, end = _midnight(first), _midnight(last) + timedelta(days=1)
    if start >= end:
        raise TimescaleError(f"a backfill from {first} to {last} has no days")
    await _call(dsn, "CALL open_backfill(%s::timestamptz, %s::timestamptz)", (start, end))
    try:
        yield
    finally:
        await _call(dsn, "CALL close_backfill(%s::timestamptz)", (start,))


async def finish_backfills(dsn: str) -> int:
    """Close what a crash left open; how many. For the start of a program that backfills."""
    async with await connect_async(dsn) as connection:
        cursor = await connection.execute("SELECT range_start FROM backfill_ranges")
        starts = [row[0] for row in await cursor.fetchall()]
    for start in starts:
        await _call(dsn, "CALL close_backfill(%s::timestamptz)", (start,))
    return len(starts)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def _call(dsn: str, statement: str, parameters: tuple[datetime, ...]) -> None:
    async with await connect_async(dsn) as connection:
        try:
            await connection.execute(statement.encode(), parameters)
        except psycopg.Error as error:
            raise TimescaleError(f"cannot backfill: {one_line(error)}") from error
