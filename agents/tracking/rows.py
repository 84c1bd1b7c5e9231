"""Rows of tracking for the database: ticks, and the newest state of each security."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.tracking.buffer import QuoteRows
from agents.tracking.table import SymbolTable


def tick_rows(ticks: QuoteRows) -> dict[str, Any]:
    """Columns of ``security_ticks``; ``symbol`` holds ids of the tracking table."""
    return {
        "symbol": ticks.ids,
        "timestamp": ticks.ts,
        "seq": ticks.seq,
        "price": ticks.price,
        "volume": ticks.volume,
        "bid": ticks.bid,
        "ask": ticks.ask,
    }


def latest_rows(table: SymbolTable, ids: NDArray[np.intp]) -> dict[str, Any]:
    """Columns of ``security_latest`` for some symbols of the table."""
    relative = table.profile.relative_volume(int(table.last_ts.max()))
    return {
        "symbol": ids,
        "timestamp": table.last_ts[ids],
        "price": table.last_price[ids],
        "bid": table.last_bid[ids],
        "ask": table.last_ask[ids],
        "spread": (table.last_ask - table.last_bid)[ids],
        "volume": table.profile.day_volume()[ids],
        "volatility": table.volatility()[ids],
        "relative_volume": relative[ids],
        "imbalance": table.imbalance()[ids],
    }
