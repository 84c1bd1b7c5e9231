"""Rows of the tracked securities, each covering the time since the symbol's previous one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.minutes import MarketMinute
from agents.profile import VolumeProfile
from schemas.times import US_PER_MINUTE, US_PER_S

_SUMS = ("volume", "notional", "spread_sum", "buy_volume", "squared_returns")
_COUNTS = ("quoted_count", "quote_count", "bar_count")
_LEVELS = ("open", "high", "low", "price", "bid", "ask")

# A return over a night or a halt says nothing about volatility within the interval.
_LONGEST_RETURN_US = 30 * US_PER_MINUTE


@dataclass(slots=True)
class CollectedRows:
    """Rows to store as columns of shape (n,), NaN where unknown.

    ``timestamp`` is the start of the interval that a row covers, epoch microseconds, and
    ``interval_s`` its length. A symbol that did not trade has only its last ``price`` and zeros.
    """

    symbol: list[str]
    timestamp: NDArray[np.int64]
    interval_s: NDArray[np.int64]
    values: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.symbol)


@dataclass(slots=True)
class Collector:
    """Accumulates bars per symbol and gives out rows as intervals of event time end.

    Intervals lie on a grid (``interval_s`` seconds from midnight UTC), so rows of all securities
    end together. An interval in which no security traded at all gives no rows (the market was
    closed); one in which only some traded gives a row for every security known.
    """

    interval_s: int
    symbols: list[str] = field(default_factory=list)
    start: int = 0
    profile: VolumeProfile = field(default_factory=VolumeProfile)
    _id: dict[str, int] = field(default_factory=dict)
    _values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    _last_bar: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        for name in (*_SUMS, *_COUNTS, *_LEVELS):
            self._values.setdefault(name, np.zeros(0))

    def take(self, minute: MarketMinute) -> CollectedRows | None:
        """Add one market minute; the rows of the interval before it, if this minute ends one."""
        rows = self.advance(minute.start)
        if len(minute.bars):
            if not self.start:
                self.start = self._grid(minute.start)
            self._add(minute)
        return rows

    def advance(self, time: int) -> CollectedRows | None:
        """Event time has come to ``time``: the rows of the open interval if it ended by then."""
        if not self.start or time < self.start + self.interval_s * US_PER_S:
            return None
        rows = self._rows()
        self._reset()
        return rows

    def _grid(self, us: int) -> int:
        return us - us % (self.interval_s * US_PER_S)

    def _ids(self, symbols: list[str]) -> NDArray[np.intp]:
        new = [symbol for symbol in symbols if symbol not in self._id]
        for symbol in new:
            self._id[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        if new:
            for name, values in self._values.items():
                fill = np.nan if name in _LEVELS else 0.0
                self._values[name] = np.concatenate([values, np.full(len(new), fill)])
            self._last_bar = np.concatenate([self._last_bar, np.zeros(len(new), np.int64)])
            self.profile.resize(len(self.symbols))
        return np.array([self._id[symbol] for symbol in symbols], dtype=np.intp)

    def _add(self, minute: MarketMinute) -> None:
        ids = self._ids(minute.bars.symbol)
        if len(set(minute.bars.symbol)) == len(ids):
            self._fold(minute, ids, np.arange(len(ids)))
            return
        # A symbol that two partitions carry (foreign keys) has two bars; they are taken in turn.
        for row in range(len(ids)):
            self._fold(minute, ids[row : row + 1], np.arange(row, row + 1))

    def _fold(self, minute: MarketMinute, ids: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        bars, v = minute.bars, self._values
        close, volume = bars.close[rows], bars.volume[rows]
        quoted = bars.quoted[rows]
        recent = minute.start - self._last_bar[ids] <= _LONGEST_RETURN_US
        returns = np.where(recent, np.log(close / v["price"][ids]), 0.0)
        self._last_bar[ids] = minute.start
        opening = v["bar_count"][ids] == 0
        v["open"][ids] = np.where(opening, bars.open[rows], v["open"][ids])
        v["high"][ids] = np.fmax(v["high"][ids], bars.high[rows])
        v["low"][ids] = np.fmin(v["low"][ids], bars.low[rows])
        v["price"][ids], v["bid"][ids], v["ask"][ids] = close, bars.bid[rows], bars.ask[rows]
        v["volume"][ids] += volume
        v["notional"][ids] += np.nan_to_num(bars.vwap[rows]) * volume
        v["spread_sum"][ids] += np.nan_to_num(bars.spread[rows]) * quoted
        v["buy_volume"][ids] += bars.buy_volume[rows]
        v["squared_returns"][ids] += np.nan_to_num(returns) ** 2
        v["quoted_count"][ids] += quoted
        v["quote_count"][ids] += bars.count[rows]
        v["bar_count"][ids] += 1
        self.profile.add(minute.start, ids, volume)

    def _rows(self) -> CollectedRows:
        v, size = self._values, len(self.symbols)
        per_15_minutes = 900 / self.interval_s
        values: dict[str, NDArray[Any]] = {name: v[name].copy() for name in _LEVELS + _SUMS[:-1]}
        values |= {name: v[name].astype(np.int64) for name in _COUNTS}
        values["spread"] = ratio(v["spread_sum"], v["quoted_count"])
        values["volatility_15min"] = np.sqrt(v["squared_returns"] * per_15_minutes)
        values["relative_volume"] = self.profile.relative_slots(
            self.start, self.interval_s, v["volume"]
        )
        values["news_mentions"] = np.zeros(size, np.int64)
        return CollectedRows(
            list(self.symbols),
            np.full(size, self.start),
            np.full(size, self.interval_s),
            values,
        )

    def _reset(self) -> None:
        self.start = 0
        for name in (*_SUMS, *_COUNTS):
            self._values[name][:] = 0
        for name in ("open", "high", "low"):
            self._values[name][:] = np.nan

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "symbols": self.symbols,
            "start": self.start,
            "profile": self.profile.snapshot(),
            "values": self._values,
            "last_bar": self._last_bar,
        }

    @classmethod
    def restore(cls, interval_s: int, state: dict[str, Any]) -> Collector:
        """The collector of a snapshot, with the interval of now.

        A changed interval takes effect with the next row: the one begun keeps its start.
        """
        symbols = state["symbols"]
        return cls(
            interval_s,
            symbols,
            state["start"],
            VolumeProfile.restore(state["profile"]),
            {symbol: i for i, symbol in enumerate(symbols)},
            state["values"],
            state["last_bar"],
        )
