"""The tracking table as the database holds it, for every worker and for readers."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from timescale.connect import connect_async, unreachable

_LATEST = """
SELECT symbol, "timestamp" AS ts, price AS last, bid, ask, spread, volume, volatility,
       relative_volume, imbalance
FROM security_latest ORDER BY symbol
"""

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


async def latest_securities(dsn: str) -> list[dict[str, Any]]:
    """One object a security: symbol, ts, last, bid, ask, spread, volume, volatility, ..

    Raises:
        TimescaleError: the database cannot be reached.
    """
    try:
        async with await connect_async(dsn) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_LATEST)
            return await cursor.fetchall()
    except psycopg.OperationalError as error:
        raise unreachable(dsn, error) from None
