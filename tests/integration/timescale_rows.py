"""High-frequency rows as a collector would write them, and their hourly figures by NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

US = 1_000_000
Figures = dict[tuple[str, datetime], dict[str, float | None]]

EXACT = ("open", "high", "low", "close")
SUMMED = ("volume", "vwap", "spread", "volatility", "buy_volume")
COUNTED = ("quote_count", "bar_count", "news_mentions", "row_count")


def midnight(day: str) -> int:
    """Epoch microseconds of a UTC day."""
    return int(np.datetime64(day, "us").astype(np.int64))


@dataclass(frozen=True)
class Rows:
    """Columns of ``security_data_high_freq``, each of shape (n,)."""

    symbols: list[str]
    columns: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.columns["timestamp"])

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(self.symbols, {name: data[mask] for name, data in self.columns.items()})


def make_rows(
    symbols: Sequence[str], start_us: int, days: float, interval_s: int = 900, seed: int = 1
) -> Rows:
    """A walk for each symbol, one row an interval in order of time; one in six without a trade."""
    rng = np.random.default_rng(seed)
    steps = int(days * 86_400 / interval_s)
    n, k = steps * len(symbols), len(symbols)
    walk = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, (steps, k)), axis=0)).round(4)
    close = walk.ravel()
    open_ = np.vstack([walk[:1], walk[:-1]]).ravel()
    traded = rng.random(n) > 1 / 6
    volume = np.where(traded, rng.integers(1, 5_000, n), 0).astype(np.float64)
    quoted = rng.integers(0, 50, n) * traded
    missing = np.full(n, np.nan)
    high, low = np.maximum(open_, close) + 0.01, np.minimum(open_, close) - 0.01
    return Rows(
        list(symbols),
        {
            "symbol": np.tile(np.arange(k), steps),
            "timestamp": start_us + np.repeat(np.arange(steps), k) * interval_s * US,
            "open": np.where(traded, open_, missing),
            "high": np.where(traded, high, missing),
            "low": np.where(traded, low, missing),
            "price": close,
            "volume": volume,
            "notional": volume * (open_ + close) / 2,
            "buy_volume": np.floor(volume * rng.random(n)),
            "spread_sum": quoted * 0.01,
            "quoted_count": quoted,
            "quote_count": quoted + 1,
            "bar_count": np.where(traded, interval_s // 60, 0),
            "volatility_15min": np.where(rng.random(n) < 0.1, np.nan, rng.random(n) / 50),
            "news_mentions": rng.integers(0, 3, n),
            "interval_s": np.full(n, interval_s),
        },
    )


def figures(rows: Rows, bucket_s: int) -> Figures:
    """What the aggregate of `bucket_s` must say of these rows."""
    columns = rows.columns
    buckets = columns["timestamp"] // (bucket_s * US)
    result: Figures = {}
    for code, bucket in sorted(set(zip(columns["symbol"].tolist(), buckets.tolist(), strict=True))):
        mask = (columns["symbol"] == code) & (buckets == bucket)
        moment = datetime.fromtimestamp(bucket * bucket_s, UTC)
        result[rows.symbols[code], moment] = _bucket(rows.where(mask).columns)
    return result


def _bucket(part: dict[str, NDArray[Any]]) -> dict[str, float | None]:
    order = np.argsort(part["timestamp"])
    part = {name: data[order] for name, data in part.items()}
    traded = part["bar_count"] > 0
    measured = ~np.isnan(part["volatility_15min"])
    weights = part["interval_s"][measured]
    squares = part["volatility_15min"][measured] ** 2
    return {
        "open": part["open"][traded][0] if traded.any() else None,
        "high": part["high"][traded].max() if traded.any() else None,
        "low": part["low"][traded].min() if traded.any() else None,
        "close": part["price"][traded][-1] if traded.any() else part["price"][-1],
        "volume": part["volume"].sum(),
        "vwap": _ratio(part["notional"].sum(), part["volume"].sum()),
        "spread": _ratio(part["spread_sum"].sum(), part["quoted_count"].sum()),
        "volatility": float(np.sqrt((squares * weights).sum() / weights.sum()))
        if measured.any()
        else None,
        "buy_volume": part["buy_volume"].sum(),
        "quote_count": part["quote_count"].sum(),
        "bar_count": part["bar_count"].sum(),
        "news_mentions": part["news_mentions"].sum(),
        "row_count": len(order),
    }


def _ratio(total: float, count: float) -> float | None:
    return float(total / count) if count else None
