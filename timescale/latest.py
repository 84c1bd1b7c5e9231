"""The tracking table as the database holds it, for every worker and for readers."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from timescale.connect import connect_async, unreachable

_LATEST = """
SELECT symbol, "timestamp" AS ts, price AS last, bid, ask, spread, volume, volatility,
       relative_volume, imbalance
FROM security_latest ORDER BY symbol
"""


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
