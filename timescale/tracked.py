"""Who is tracked and proposed, as the database knows it: for every worker."""

from __future__ import annotations

from typing import LiteralString

import psycopg

from timescale.connect import connect_async, unreachable

_TRACKED = "SELECT symbol FROM security_tracking_state WHERE tracked"
_CANDIDATES = """
SELECT candidate->>'symbol' FROM jsonb_array_elements(
    (SELECT trading_candidates FROM scans ORDER BY "timestamp" DESC LIMIT 1)) AS candidate
"""


async def tracked_symbols(dsn: str) -> frozenset[str]:
    """The securities that the last scan follows.

    Raises:
        TimescaleError: the database cannot be reached.
    """
    return await _symbols(dsn, _TRACKED)


async def candidate_symbols(dsn: str) -> frozenset[str]:
    """The securities that the last scan proposes to trade.

    Raises:
        TimescaleError: the database cannot be reached.
    """
    return await _symbols(dsn, _CANDIDATES)


async def _symbols(dsn: str, query: LiteralString) -> frozenset[str]:
    try:
        async with await connect_async(dsn) as connection:
            cursor = await connection.execute(query)
            return frozenset(row[0] for row in await cursor.fetchall())
    except psycopg.OperationalError as error:
        raise unreachable(dsn, error) from None
