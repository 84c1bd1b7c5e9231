"""Market minutes and catalysts for tests of scanning, tiers and collection."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from agents.minutes import MarketMinute
from schemas.bars import BarColumns
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, US_PER_S, from_us

OPEN = 1_518_791_400 * US_PER_S  # 2018-02-16 09:30 New York
DAY = 86_400 * US_PER_S


def bars(
    symbols: list[str], close: np.ndarray, volume: np.ndarray, open_: np.ndarray | None = None
) -> BarColumns:
    """Bars without quotes; ``open`` is the close where not given."""
    opening = close if open_ is None else open_
    unknown, count = np.full(len(symbols), np.nan), np.ones(len(symbols), np.int64)
    return BarColumns(
        list(symbols), opening, np.fmax(opening, close), np.fmin(opening, close), close, volume,
        close.copy(), unknown, unknown.copy(), unknown.copy(), volume / 2, count, count * 0,
    )  # fmt: skip


def random_days(
    symbols: int, days: int, minutes: int, seed: int = 0, start: int = OPEN
) -> Iterator[MarketMinute]:
    """Days of ``minutes`` in which about two thirds of the symbols trade each minute."""
    rng = np.random.default_rng(seed)
    names = [f"S{i:05d}" for i in range(symbols)]
    price = rng.uniform(10, 200, symbols)
    usual = rng.lognormal(7, 1, symbols)
    for day in range(days):
        price = price * np.exp(rng.normal(0, 0.01, symbols))
        for minute in range(minutes):
            at = np.flatnonzero(rng.random(symbols) < 0.67)
            moved = price * np.exp(rng.standard_t(4, symbols) * 0.0007)
            volume = np.round(usual * rng.exponential(1, symbols))
            yield MarketMinute(
                start + day * DAY + minute * US_PER_MINUTE,
                bars([names[i] for i in at], moved[at], volume[at], price[at]),
            )
            price[at] = moved[at]


def catalyst(
    symbol: str, ts: int, news_id: str = "n", materiality: float = 0.4, sentiment: float = 0.5
) -> Catalyst:
    return Catalyst(symbol, from_us(ts), news_id, sentiment, "earnings", 1, materiality)


@st.composite
def catalysts(draw: st.DrawFn, symbols: int, first: int, last: int) -> list[Catalyst]:
    """Up to 20 catalysts between two times, some breaking, some at one instant."""
    seconds = st.integers(0, (last - first) // US_PER_S // 30)
    return [
        catalyst(
            f"S{draw(st.integers(0, symbols - 1)):05d}",
            first + 30 * draw(seconds) * US_PER_S,
            f"n{i}",
            draw(st.sampled_from([0.1, 0.5, 0.9])),
            draw(st.sampled_from([-1.0, 0.0, 0.6])),
        )
        for i in range(draw(st.integers(0, 20)))
    ]
