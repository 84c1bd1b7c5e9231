"""What the factors see: the market at one moment of event time, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.scanning.catalysts import NewsColumns

Floats = NDArray[np.float64]

MOVE_MIN = 15
HOUR_MIN = 60
SESSION_MIN = 390


@dataclass(slots=True)
class MarketView:
    """The market at ``now`` (epoch microseconds) from nothing later; arrays have shape (n,).

    NaN where unknown. Returns are logarithmic. ``gap`` and ``day_return`` are against the previous
    close, ``recent_return`` and ``hour_return`` cover the last 15 and
    60 minutes of today. ``usual_move`` and ``usual_day`` are the
    security's own standard deviations of 15 minutes and of a day; ``realised`` is its volatility
    of the last 15 minutes. ``relative_volume`` is the day's volume over the usual until now,
    ``pace`` the last minutes' over the usual of this time of day. ``dollars`` is the usual turnover
    of a day, ``spread`` a fraction of the price. ``mentions`` are news items of the last 24 hours
    and ``newest`` the time of the newest item (0: none). Only ``eligible`` securities are ranked.
    """

    now: int
    symbols: list[str]
    eligible: NDArray[np.bool_]
    price: Floats
    gap: Floats
    day_return: Floats
    recent_return: Floats
    hour_return: Floats
    usual_move: Floats
    usual_day: Floats
    realised: Floats
    relative_volume: Floats
    pace: Floats
    dollars: Floats
    spread: Floats
    mentions: NDArray[np.int64]
    newest: NDArray[np.int64]
    news: NewsColumns

    def __len__(self) -> int:
        return len(self.symbols)
