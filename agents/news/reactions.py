"""How prices reacted to news: the abnormal return over the security's own deviation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, to_us

HORIZON_MIN = 30
# A closed market between two prices counts as this many minutes of trading.
NIGHT_MIN = 120
_LONGEST_GAP_US = 120 * US_PER_MINUTE
# News that met no trading for so long has nothing left to teach.
_LONGEST_WAIT_US = 4 * 24 * 60 * US_PER_MINUTE
_MOST_WATCHED = 20_000


class Reaction(NamedTuple):
    """``move`` is the absolute abnormal return over the deviation usual for that time.

    ``weight`` is shared by all news of one symbol that met the same move: it is one observation.
    """

    news_id: str
    symbol: str
    move: float
    weight: float = 1.0


@dataclass(slots=True)
class _Watched:
    news_id: str
    symbol: str
    ts: int
    base: float
    deviation: float
    market: float
    due: int = 0
    minutes: int = HORIZON_MIN


@dataclass(slots=True)
class Reactions:
    """Watches securities after their news, minute by minute of event time.

    The reaction is measured from the last close before the news to the close ``horizon_min``
    minutes after the first trade that follows it. Abnormal means net of the median security; the
    deviation is that of before the news, which the reaction itself has not widened.
    """

    horizon_min: int = HORIZON_MIN
    market: float = 0.0
    minute: int = 0
    _close: dict[str, float] = field(default_factory=dict)
    _deviation: dict[str, float] = field(default_factory=dict)
    _watched: list[_Watched] = field(default_factory=list)

    def watch(self, catalysts: Iterable[Catalyst]) -> None:
        """Watch the securities of these catalysts whose price and deviation are known."""
        for catalyst in catalysts:
            symbol = catalyst.symbol
            deviation = self._deviation.get(symbol, 0.0)
            if deviation > 0 and len(self._watched) < _MOST_WATCHED:
                self._watched.append(
                    _Watched(
                        catalyst.news_id,
                        symbol,
                        to_us(catalyst.ts),
                        self._close[symbol],
                        deviation,
                        self.market,
                    )
                )

    def take(
        self,
        minute_us: int,
        symbols: Sequence[str],
        close: NDArray[np.float64],
        deviation: NDArray[np.float64],
    ) -> list[Reaction]:
        """Take a closed minute; the reactions that are complete with it, in order of the news.

        ``close`` and ``deviation`` have shape (n,) for the n ``symbols`` that traded; ``deviation``
        is of 15-minute log returns, NaN where unknown.
        """
        gap = self.minute and minute_us - self.minute > _LONGEST_GAP_US
        self._move_market(symbols, close)
        self.minute = minute_us
        traded = {symbol: row for row, symbol in enumerate(symbols)}
        complete: list[Reaction] = []
        waiting: list[_Watched] = []
        for item in self._watched:
            row = traded.get(item.symbol)
            if gap:
                item.minutes += NIGHT_MIN
            if row is not None and not item.due:
                item.due = minute_us + self.horizon_min * US_PER_MINUTE
            if row is not None and minute_us >= item.due:
                complete.append(self._reaction(item, float(close[row])))
            elif minute_us - item.ts < _LONGEST_WAIT_US:
                waiting.append(item)
        self._watched = waiting
        self._deviation.update(
            (symbol, float(value))
            for symbol, value in zip(symbols, deviation.tolist(), strict=True)
            if value > 0
        )
        together = Counter(reaction.symbol for reaction in complete)
        return [r._replace(weight=1 / together[r.symbol]) for r in complete]

    def _move_market(self, symbols: Sequence[str], close: NDArray[np.float64]) -> None:
        before = np.array([self._close.get(symbol, np.nan) for symbol in symbols])
        returns = np.log(close / before)
        if np.isfinite(returns).any():
            self.market += float(np.nanmedian(returns))
        self._close.update(zip(symbols, close.tolist(), strict=True))

    def _reaction(self, item: _Watched, price: float) -> Reaction:
        abnormal = math.log(price / item.base) - (self.market - item.market)
        usual = item.deviation * math.sqrt(item.minutes / 15)
        return Reaction(item.news_id, item.symbol, abs(abnormal) / usual)

    def snapshot(self) -> dict[str, Any]:
        """State as plain values."""
        return {
            "horizon": self.horizon_min,
            "market": self.market,
            "minute": self.minute,
            "close": self._close,
            "deviation": self._deviation,
            "watched": [
                [w.news_id, w.symbol, w.ts, w.base, w.deviation, w.market, w.due, w.minutes]
                for w in self._watched
            ],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Reactions:
        """The watch of a snapshot."""
        return cls(
            state["horizon"],
            state["market"],
            state["minute"],
            dict(state["close"]),
            dict(state["deviation"]),
            [_Watched(*row) for row in state["watched"]],
        )
