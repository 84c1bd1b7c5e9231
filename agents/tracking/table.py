"""The per-symbol tracking table of one partition, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.profile import VolumeProfile
from agents.symbols import SymbolRows
from schemas.bars import BarColumns
from schemas.times import US_PER_MINUTE

VOLATILITY_HALF_LIFE_MIN = 30
IMBALANCE_HALF_LIFE_MIN = 15

# A return over a longer gap (a night, a halt) says nothing about volatility by the minute.
LONGEST_RETURN_MIN = 30

_CLOSED = ("closed_ts", "close", "bid", "ask", "spread", "variance", "signed", "flow")


class SymbolTable(SymbolRows):
    """What is known of each symbol; row ``i`` of every array belongs to ``symbols[i]``.

    The ``last_*`` arrays follow the newest quote at once. All others stand as of the last closed
    minute and depend on event time alone. NaN where unknown; timestamps are epoch microseconds, 0
    before the first quote.
    """

    def __init__(self) -> None:
        super().__init__()
        self.profile = VolumeProfile()
        self.changed = np.zeros(0, np.bool_)
        for name in ("last_ts", "closed_ts"):
            setattr(self, name, np.zeros(0, np.int64))
        for name in ("last_price", "last_bid", "last_ask", *_CLOSED[1:]):
            setattr(self, name, np.zeros(0))

    last_ts: NDArray[np.int64]
    last_price: NDArray[np.float64]
    last_bid: NDArray[np.float64]
    last_ask: NDArray[np.float64]
    closed_ts: NDArray[np.int64]
    close: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    spread: NDArray[np.float64]
    variance: NDArray[np.float64]
    signed: NDArray[np.float64]
    flow: NDArray[np.float64]

    def _grow(self, new: int) -> None:
        for name in ("last_ts", "closed_ts"):
            zeros = np.zeros(new, np.int64)
            setattr(self, name, np.concatenate([getattr(self, name), zeros]))
        for name in ("last_price", "last_bid", "last_ask", "close", "bid", "ask", "spread"):
            unknown = np.full(new, np.nan)
            setattr(self, name, np.concatenate([getattr(self, name), unknown]))
        for name in ("variance", "signed", "flow"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(new)]))
        self.changed = np.concatenate([self.changed, np.ones(new, np.bool_)])
        self.profile.resize(len(self.symbols))

    def see(
        self,
        ids: NDArray[np.intp],
        ts: NDArray[np.int64],
        price: NDArray[np.float64],
        bid: NDArray[np.float64],
        ask: NDArray[np.float64],
    ) -> None:
        """Take each symbol's newest of these quotes as its last one."""
        order = np.lexsort((ts, ids))
        newest = order[np.flatnonzero(np.diff(ids[order], append=-1))]
        newest = newest[ts[newest] >= self.last_ts[ids[newest]]]
        self.see_in_order(ids[newest], ts[newest], price[newest], bid[newest], ask[newest])

    def see_in_order(
        self,
        ids: NDArray[np.intp],
        ts: NDArray[np.int64],
        price: NDArray[np.float64],
        bid: NDArray[np.float64],
        ask: NDArray[np.float64],
    ) -> None:
        """The same where no quote is older than one of its symbol before it."""
        # Of several values for one place NumPy leaves the last.
        self.last_ts[ids] = ts
        self.last_price[ids] = price
        self.last_bid[ids] = bid
        self.last_ask[ids] = ask
        self.changed[ids] = True

    def take_changed(self) -> NDArray[np.intp]:
        """The ids of symbols with a quote in time that changed since this was last asked."""
        ids = np.flatnonzero(self.changed & (self.last_ts > 0))
        self.changed[ids] = False
        return ids

    def close_minute(
        self, minute: int, ids: NDArray[np.intp], last_ts: NDArray[np.int64], bars: BarColumns
    ) -> None:
        """Fold the bars of a closed minute into the state; ``last_ts`` is each bar's last quote."""
        gap = (minute - self.closed_ts[ids]) // US_PER_MINUTE + 1
        squared = np.log(bars.close / self.close[ids]) ** 2
        usable = (gap >= 1) & (gap <= LONGEST_RETURN_MIN) & ~np.isnan(squared)
        weight = np.where(usable, 1 - 0.5 ** (gap.clip(1) / VOLATILITY_HALF_LIFE_MIN), 0.0)
        per_minute = np.where(usable, squared, 0.0) / gap.clip(1)
        self.variance[ids] += weight * (per_minute - self.variance[ids])
        decay = 0.5 ** (gap.clip(1) / IMBALANCE_HALF_LIFE_MIN)
        self.signed[ids] = self.signed[ids] * decay + 2 * bars.buy_volume - bars.volume
        self.flow[ids] = self.flow[ids] * decay + bars.volume
        self.close[ids], self.bid[ids], self.ask[ids] = bars.close, bars.bid, bars.ask
        self.spread[ids] = bars.spread
        self.closed_ts[ids] = last_ts
        self.changed[ids] = True
        self.profile.add(minute, ids, bars.volume)

    def volatility(self) -> NDArray[np.float64]:
        """Standard deviation of 15-minute log returns, from EW one-minute variance."""
        return np.asarray(np.sqrt(self.variance * 15))

    def imbalance(self) -> NDArray[np.float64]:
        """EW (buys - sales) / volume, -1 to 1; NaN without volume."""
        return ratio(self.signed, self.flow)

    def snapshot(self) -> dict[str, Any]:
        """State as of the last closed minute."""
        arrays = {name: getattr(self, name) for name in _CLOSED}
        return {"symbols": self.symbols, "profile": self.profile.snapshot(), **arrays}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> SymbolTable:
        """The table of a snapshot; the ``last_*`` arrays start from the last closed minute."""
        table = cls()
        table._append(state["symbols"])
        table.profile = VolumeProfile.restore(state["profile"])
        for name in _CLOSED:
            setattr(table, name, state[name])
        table.last_ts = table.closed_ts.copy()
        table.last_price = table.close.copy()
        table.last_bid, table.last_ask = table.bid.copy(), table.ask.copy()
        return table
