"""One-minute bars, built up as quotes become final, and the side of each trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.tracking.buffer import QuoteRows, order_by_symbol
from schemas.bars import BarColumns
from schemas.times import US_PER_MINUTE


def split_minutes(rows: QuoteRows) -> list[tuple[int, QuoteRows]]:
    """Group ``rows``, not none, by minute (its start, epoch microseconds), oldest first.

    Within a minute they keep their order.
    """
    first, last = int(rows.ts.min()) // US_PER_MINUTE, int(rows.ts.max()) // US_PER_MINUTE
    if first == last:
        return [(first * US_PER_MINUTE, rows)]
    minute = rows.ts // US_PER_MINUTE
    found = np.unique(minute).tolist()
    return [(number * US_PER_MINUTE, rows.take(minute == number)) for number in found]


def _by_symbol_and_time(rows: QuoteRows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of rows by symbol, time and arrival, mostly that by symbol alone, and their ids."""
    order = order_by_symbol(rows.ids)
    ids, ts = rows.ids[order], rows.ts[order]
    back = (ids[1:] == ids[:-1]) & (ts[1:] < ts[:-1])
    return (np.lexsort((rows.seq, rows.ts, rows.ids)) if back.any() else order), ids


def bought_share(
    price: NDArray[np.float64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    previous: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The buyer-initiated share (0, 0.5 or 1) of each quote's volume, shape (n,).

    Quote rule, then tick rule (Lee and Ready 1991): above the midpoint is a buy, below a sale; at
    the midpoint, or without both sides, an uptick from ``previous`` is a buy and a downtick a sale;
    else undecided. NaN where unknown.
    """
    quote_rule, tick_rule = _sign(price - (bid + ask) / 2), _sign(price - previous)
    return 0.5 + 0.5 * np.where(quote_rule != 0, quote_rule, tick_rule)


def _sign(numbers: NDArray[np.float64]) -> NDArray[np.int8]:
    """1, -1, or 0 where neither is known."""
    return (numbers > 0).view(np.int8) - (numbers < 0).view(np.int8)


@dataclass(slots=True)
class ClosedBars:
    """Bars of a minute, the ids of their symbols, in order of id, and when each last traded."""

    ids: NDArray[np.intp]
    last_ts: NDArray[np.int64]
    bars: BarColumns


_PRICES = ("open", "high", "low", "close", "bid", "ask")
_SUMS = ("volume", "notional", "bought", "spread", "quoted")


class OpenBars:
    """The bars of one open minute, as far as its quotes are final.

    Quotes are added in pieces, each later than the ones before, when nothing in time can precede
    them any more. Sums are taken strictly in order, one quote after the other: where the pieces end
    changes no bit of a bar. Row ``i`` of every array belongs to symbol id ``i``.
    """

    def __init__(self) -> None:
        self.minute = self.quotes = 0
        self._count = np.zeros(0, np.int64)
        self._last_ts = np.zeros(0, np.int64)
        for name in (*_PRICES, *_SUMS):
            setattr(self, f"_{name}", np.zeros(0))

    _open: NDArray[np.float64]
    _high: NDArray[np.float64]
    _low: NDArray[np.float64]
    _close: NDArray[np.float64]
    _bid: NDArray[np.float64]
    _ask: NDArray[np.float64]
    _volume: NDArray[np.float64]
    _notional: NDArray[np.float64]
    _bought: NDArray[np.float64]
    _spread: NDArray[np.float64]
    _quoted: NDArray[np.float64]

    def add(self, minute: int, rows: QuoteRows, last_price: NDArray[np.float64]) -> None:
        """Add quotes of ``minute`` (its start, epoch microseconds), not none, as they arrived.

        ``last_price`` by symbol id is that before the minute, NaN where unknown.
        """
        self._reach(len(last_price))
        self.minute = minute
        self.quotes += len(rows)
        order, ids = _by_symbol_and_time(rows)
        price, volume = rows.price[order], rows.volume[order]
        bid, ask = rows.bid[order], rows.ask[order]
        ends = np.flatnonzero(ids[1:] != ids[:-1])
        first, last = np.append(0, ends + 1), np.append(ends, len(ids) - 1)
        present = ids[first]
        new = self._count[present] == 0
        previous = np.empty_like(price)
        previous[1:] = price[:-1]
        previous[first] = np.where(new, last_price[present], self._close[present])
        share = bought_share(price, bid, ask, previous)

        high, low = np.maximum.reduceat(price, first), np.minimum.reduceat(price, first)
        self._open[present] = np.where(new, price[first], self._open[present])
        self._high[present] = np.where(new, high, np.maximum(high, self._high[present]))
        self._low[present] = np.where(new, low, np.minimum(low, self._low[present]))
        self._close[present], self._bid[present] = price[last], bid[last]
        self._ask[present], self._last_ts[present] = ask[last], rows.ts[order[last]]
        self._count[present] += last - first + 1
        # Unlike a sum over each symbol's rows, these go row by row.
        np.add.at(self._volume, ids, volume)
        np.add.at(self._notional, ids, price * volume)
        np.add.at(self._bought, ids, share * volume)
        spread = ask - bid
        two_sided = ~np.isnan(spread)
        if not two_sided.all():
            ids, spread = ids[two_sided], spread[two_sided]
            np.add.at(self._quoted, ids, 1.0)
        else:
            self._quoted[present] += last - first + 1
        np.add.at(self._spread, ids, spread)

    def _reach(self, size: int) -> None:
        new = size - len(self._count)
        if new > 0:
            for name in ("count", "last_ts", *_PRICES, *_SUMS):
                array = getattr(self, f"_{name}")
                setattr(self, f"_{name}", np.append(array, np.zeros(new, array.dtype)))

    def close(self, symbols: list[str]) -> ClosedBars:
        """The bars, by symbol id of ``symbols``; empty afterwards, for the next minute."""
        ids = np.flatnonzero(self._count)
        at = {name: getattr(self, f"_{name}")[ids] for name in (*_PRICES, *_SUMS, "count")}
        bars = BarColumns(
            symbol=[symbols[i] for i in ids.tolist()],
            **{name: at[name] for name in (*_PRICES, "volume", "count")},
            vwap=ratio(at["notional"], at["volume"]),
            spread=ratio(at["spread"], at["quoted"]),
            buy_volume=at["bought"],
            quoted=at["quoted"].astype(np.int64),
        )
        closed = ClosedBars(ids, self._last_ts[ids], bars)
        self._count[ids] = 0
        for name in _SUMS:
            getattr(self, f"_{name}")[ids] = 0.0
        self.quotes = 0
        return closed
