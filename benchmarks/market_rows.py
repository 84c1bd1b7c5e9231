"""A year of collected rows and a day of ticks with the look of a real market: cents, lots, spreads.

Values are what the storage cost depends on: prices are whole cents that walk by a few ticks,
volumes are U-shaped over the day in odd lots and round lots, derived measures are full doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

US = 1_000_000
OPEN_S = 14 * 3_600 + 30 * 60
SESSION_S = 23_400
INTERVAL_S = 900
Columns = dict[str, NDArray[Any]]


def trading_days(first: date, count: int) -> list[date]:
    """`count` weekdays from `first` on."""
    days = (first + timedelta(days=offset) for offset in range(count * 2 + 7))
    return [day for day in days if day.weekday() < 5][:count]


def midnight_us(day: date) -> int:
    """Epoch microseconds of the UTC day."""
    return int(np.datetime64(day, "us").astype(np.int64))


def symbols(count: int) -> list[str]:
    """Tickers of one to four letters."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    made = []
    for number in range(count):
        name, rest = "", number * 37 + 5
        while rest or not name:
            rest, letter = divmod(rest, 26)
            name += letters[letter]
        made.append(name)
    return made


def year_of_rows(count: int, days: list[date], seed: int = 7) -> Iterator[tuple[date, Columns]]:
    """Each day's rows of ``security_data_high_freq``: 26 intervals by `count` symbols."""
    rng = np.random.default_rng(seed)
    price = rng.lognormal(4, 0.8, count)
    liquidity = rng.lognormal(9, 1, count)
    for day in days:
        yield day, _day_of_rows(rng, price, liquidity, day)


def _day_of_rows(
    rng: np.random.Generator, price: NDArray[Any], liquidity: NDArray[Any], day: date
) -> Columns:
    steps, count = SESSION_S // INTERVAL_S, len(price)
    shape = 1 + 1.5 * np.abs(np.linspace(-1, 1, steps))[:, None]
    walk = price * np.exp(np.cumsum(rng.normal(0, 0.004, (steps, count)), axis=0))
    opened = np.vstack([price, walk[:-1]]).round(2)
    close = walk.round(2)
    high = (np.maximum(opened, close) * (1 + rng.exponential(0.001, (steps, count)))).round(2)
    low = (np.minimum(opened, close) * (1 - rng.exponential(0.001, (steps, count)))).round(2)
    volume = np.floor(liquidity * shape * rng.lognormal(0, 0.5, (steps, count))) + 1
    spread = np.maximum(0.01, close * 4e-4).round(2)
    quotes = rng.integers(300, 900, (steps, count))
    typical = (opened + high + low + close) / 4
    price[:] = walk[-1]
    start = midnight_us(day) + OPEN_S * US
    columns = {
        "symbol": np.tile(np.arange(count), (steps, 1)),
        "timestamp": start + np.arange(steps)[:, None] * INTERVAL_S * US + np.zeros(count, int),
        "open": opened,
        "high": high,
        "low": low,
        "price": close,
        "volume": volume,
        "bid": (close - spread / 2).round(2),
        "ask": (close + spread / 2).round(2),
        "spread": spread,
        "volatility_15min": np.abs(rng.normal(0.004, 0.001, (steps, count))),
        "relative_volume": rng.lognormal(0, 0.4, (steps, count)),
        "news_mentions": rng.poisson(0.05, (steps, count)),
        "interval_s": np.full((steps, count), INTERVAL_S),
        "notional": volume * typical,
        "buy_volume": np.floor(volume * rng.beta(8, 8, (steps, count))),
        "spread_sum": quotes * spread,
        "quoted_count": quotes,
        "quote_count": quotes,
        "bar_count": np.full((steps, count), INTERVAL_S // 60),
    }
    return {name: data.ravel() for name, data in columns.items()}


def day_of_ticks(count: int, seconds: int, day: date, seed: int = 11) -> Iterator[Columns]:
    """One tick a second of each symbol, ten minutes at a time."""
    rng = np.random.default_rng(seed)
    cents = rng.integers(1_000, 30_000, count)
    start = midnight_us(day) + OPEN_S * US
    for first in range(0, seconds, 600):
        steps = min(600, seconds - first)
        moves = rng.choice([-2, -1, 0, 0, 0, 0, 1, 2], (steps, count))
        path = np.maximum(cents + np.cumsum(moves, axis=0), 100)
        cents = path[-1]
        half = np.maximum(1, path // 5_000)
        lots = np.where(rng.random((steps, count)) < 0.6, 100, 1)
        yield {
            "symbol": np.tile(np.arange(count), steps),
            "timestamp": start + np.repeat(first + np.arange(steps), count) * US,
            "price": path.ravel() / 100,
            "volume": (rng.integers(1, 12, (steps, count)) * lots).ravel() * 1.0,
            "bid": (path - half).ravel() / 100,
            "ask": (path + half).ravel() / 100,
        }
