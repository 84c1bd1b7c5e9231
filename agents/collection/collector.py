"""Rows of the tracked securities, each covering the time since the symbol's previous one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.minutes import MarketMinute
from agents.profile import VolumeProfile
from agents.symbols import SymbolRows
from schemas.times import US_PER_MINUTE, US_PER_S

_SUMS = ("volume", "notional", "spread_sum", "buy_volume", "squared_returns")
_COUNTS = ("quoted_count", "quote_count", "bar_count")
_LEVELS = ("open", "high", "low", "price", "bid", "ask")

# The open row's start (0: none) and end, the end of the last row, the interval in seconds
# (0: not collected) and the start of the last bar.
_MARKS = ("start", "end", "until", "interval", "last_bar")

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


class Collector(SymbolRows):
    """Accumulates bars per symbol and gives out rows as intervals of event time end.

    Intervals lie on a grid (their seconds from midnight UTC), so rows of one interval end together.
    An interval in which no security traded at all gives no rows (the market was closed); one in
    which only some traded gives a row for every collected security whose price is known. The rows
    of a security never overlap, and every minute in which the market traded lies in one of them.

    Every security is collected each ``interval_s`` seconds, until :meth:`follow` says which are
    collected and how often.
    """

    def __init__(self, interval_s: int, everything: bool = True) -> None:
        super().__init__()
        self.interval_s = interval_s
        self.profile = VolumeProfile()
        self.everything = everything
        self.time = self._next_end = 0
        self._values = {name: np.zeros(0) for name in (*_SUMS, *_COUNTS, *_LEVELS)}
        self._marks = {name: np.zeros(0, np.int64) for name in _MARKS}
        self._mentions: dict[str, list[int]] = {}

    def take(self, minute: MarketMinute) -> CollectedRows | None:
        """Add one market minute; the rows that end before it."""
        rows = self.advance(minute.start)
        if len(minute.bars):
            self._add(minute)
            self._open(minute.start)
            self.time = max(self.time, minute.start + US_PER_MINUTE)
        return rows

    def advance(self, time: int) -> CollectedRows | None:
        """Event time has come to ``time``: the rows whose interval ended by then."""
        if not self._next_end or time < self._next_end:
            return None
        start, end = self._marks["start"], self._marks["end"]
        rows = self._close(np.flatnonzero((start > 0) & (end <= time)), end)
        self._set_next_end()
        return rows

    def follow(self, intervals: Mapping[str, int | None], time: int) -> CollectedRows | None:
        """From ``time`` on collect each symbol at its interval in seconds; None: no longer.

        The rows closed by the change, which cover the time until then. Symbols that are not named
        stay as they are, but the first call ends the collection of everything else. All minutes
        before ``time`` must have been taken; a ``time`` before the end of the last one taken, or
        inside a minute, is moved to a minute's start that is not.

        Raises:
            ValueError: an interval is not a multiple of a minute, or not a part of a day.
        """
        for symbol, seconds in intervals.items():
            if seconds is not None and not _fits(seconds):
                raise ValueError(f"{symbol}: rows of {seconds} s do not fit whole minutes to a day")
        time = max(time - time % US_PER_MINUTE, self.time)
        ended = self.advance(time)
        if self.everything:
            intervals = dict.fromkeys(self.symbols) | dict(intervals)
            self.everything = False
        named = sorted(intervals)
        ids = self.rows(named)
        chosen = np.array([intervals[symbol] or 0 for symbol in named], np.int64)
        changed = self._marks["interval"][ids] != chosen
        ids, chosen = ids[changed], chosen[changed]
        now = np.full(len(self.symbols), time, np.int64)
        cut = self._close(ids[self._marks["start"][ids] > 0], now)
        # What was not collected has summed up since; where no row was open the market was silent.
        self._reset(ids)
        self._marks["interval"][ids] = chosen
        self._marks["until"][ids] = time
        for symbol in named:
            if intervals[symbol] is None:
                self._mentions.pop(symbol, None)
        self._set_next_end()
        return _joined(ended, cut)

    def settle(self, time: int) -> CollectedRows | None:
        """The market is silent at ``time``: end longer rows now, so that what they hold is stored.

        Rows of more than ``interval_s`` end early where they are that long already; when the
        market trades again, the next ones go on from there. All minutes before ``time`` must have
        been taken.
        """
        start, interval = self._marks["start"], self._marks["interval"]
        least = self.interval_s * US_PER_S
        long = (start > 0) & (interval > self.interval_s) & (time - start >= least)
        rows = self._close(np.flatnonzero(long), np.full(len(self.symbols), time, np.int64))
        self._set_next_end()
        return rows

    def mention(self, symbol: str, time: int) -> None:
        """A news item at ``time`` names ``symbol``: it counts in the row that covers its time.

        In time in which no row is open it counts in the next one.
        """
        if self.everything or self._is_followed(symbol):
            self._mentions.setdefault(symbol, []).append(time)

    def _is_followed(self, symbol: str) -> bool:
        row = self._row.get(symbol)
        return row is not None and self._marks["interval"][row] > 0

    def _grow(self, new: int) -> None:
        for name, values in self._values.items():
            fill = np.nan if name in _LEVELS else 0.0
            self._values[name] = np.concatenate([values, np.full(new, fill)])
        for name, marks in self._marks.items():
            known = self.interval_s if name == "interval" and self.everything else 0
            self._marks[name] = np.concatenate([marks, np.full(new, known, np.int64)])
        self.profile.resize(len(self.symbols))

    def _open(self, time: int) -> None:
        """Begin rows for the collected symbols without one, now that the market trades."""
        marks = self._marks
        ids = np.flatnonzero((marks["start"] == 0) & (marks["interval"] > 0))
        if not len(ids):
            return
        interval = marks["interval"][ids] * US_PER_S
        begin = time - time % interval
        marks["start"][ids] = np.maximum(begin, marks["until"][ids])
        marks["end"][ids] = begin + interval
        self._set_next_end()

    def _set_next_end(self) -> None:
        open_ends = self._marks["end"][self._marks["start"] > 0]
        self._next_end = int(open_ends.min()) if len(open_ends) else 0

    def _add(self, minute: MarketMinute) -> None:
        ids = self.rows(minute.bars.symbol)
        if len(set(minute.bars.symbol)) == len(ids):
            self._fold(minute, ids, np.arange(len(ids)))
            return
        # A symbol that two partitions carry (foreign keys) has two bars; they are taken in turn.
        for row in range(len(ids)):
            self._fold(minute, ids[row : row + 1], np.arange(row, row + 1))

    def _fold(self, minute: MarketMinute, ids: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        bars, v, last_bar = minute.bars, self._values, self._marks["last_bar"]
        close, volume = bars.close[rows], bars.volume[rows]
        quoted = bars.quoted[rows]
        recent = minute.start - last_bar[ids] <= _LONGEST_RETURN_US
        returns = np.where(recent, np.log(close / v["price"][ids]), 0.0)
        last_bar[ids] = minute.start
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

    def _close(self, ids: NDArray[np.intp], end: NDArray[np.int64]) -> CollectedRows | None:
        """End the rows of ``ids`` at their ``end`` (all symbols,) and reset what they summed."""
        marks, v = self._marks, self._values
        start = marks["start"]
        parts = []
        spans = np.stack([start[ids], end[ids]])
        for begin, stop in np.unique(spans, axis=1).T.tolist():
            alike = ids[(start[ids] == begin) & (end[ids] == stop)]
            known = alike[~np.isnan(v["price"][alike])]
            if len(known) and stop > begin:
                parts.append(self._rows(known, begin, stop))
        marks["until"][ids] = np.maximum(marks["until"][ids], end[ids])
        start[ids] = 0
        self._reset(ids)
        return _joined(*parts)

    def _rows(self, ids: NDArray[np.intp], start: int, end: int) -> CollectedRows:
        seconds = (end - start) // US_PER_S
        v = {name: values[ids] for name, values in self._values.items()}
        values: dict[str, NDArray[Any]] = {name: v[name] for name in _LEVELS + _SUMS[:-1]}
        values |= {name: v[name].astype(np.int64) for name in _COUNTS}
        values["spread"] = ratio(v["spread_sum"], v["quoted_count"])
        values["volatility_15min"] = np.sqrt(v["squared_returns"] * (900 / seconds))
        relative = self.profile.relative_slots(start, seconds, self._values["volume"])
        values["relative_volume"] = relative[ids]
        symbols = [self.symbols[i] for i in ids.tolist()]
        values["news_mentions"] = np.array([self._mentioned(s, end) for s in symbols], np.int64)
        return CollectedRows(symbols, np.full(len(ids), start), np.full(len(ids), seconds), values)

    def _mentioned(self, symbol: str, end: int) -> int:
        times = self._mentions.get(symbol)
        if not times:
            return 0
        later = [time for time in times if time >= end]
        self._mentions[symbol] = later
        if not later:
            del self._mentions[symbol]
        return len(times) - len(later)

    def _reset(self, ids: NDArray[np.intp]) -> None:
        for name in (*_SUMS, *_COUNTS):
            self._values[name][ids] = 0
        for name in ("open", "high", "low"):
            self._values[name][ids] = np.nan

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "symbols": self.symbols,
            "profile": self.profile.snapshot(),
            "everything": self.everything,
            "time": self.time,
            "values": self._values,
            "marks": self._marks,
            "mentions": self._mentions,
        }

    @classmethod
    def restore(cls, interval_s: int, state: dict[str, Any]) -> Collector:
        """The collector of a snapshot, with the interval of now.

        A changed interval takes effect with the next row: the one begun keeps its start and end.
        Where :meth:`follow` decides, each symbol keeps its interval until that says otherwise.
        """
        collector = cls(interval_s, state["everything"])
        collector._append(state["symbols"])
        collector.profile = VolumeProfile.restore(state["profile"])
        collector.time = state["time"]
        for name in ("values", "marks", "mentions"):
            setattr(collector, f"_{name}", state[name])
        if collector.everything:
            collector._marks["interval"][:] = interval_s
        collector._set_next_end()
        return collector


def _fits(seconds: int) -> bool:
    return seconds > 0 and seconds % 60 == 0 and 86_400 % seconds == 0


def _joined(*parts: CollectedRows | None) -> CollectedRows | None:
    given = [part for part in parts if part is not None]
    if len(given) <= 1:
        return given[0] if given else None
    return CollectedRows(
        [symbol for part in given for symbol in part.symbol],
        np.concatenate([part.timestamp for part in given]),
        np.concatenate([part.interval_s for part in given]),
        {name: np.concatenate([part.values[name] for part in given]) for name in given[0].values},
    )
