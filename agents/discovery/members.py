"""Which securities discovery looks at, where a market has more than it can compare."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from agents.minutes import MarketMinute


class Members:
    """The first ``limit`` securities that trade, and beside them whatever is tracked.

    Who has come in stays: a pattern must not end because a security left the hundred. Securities
    that come in by being tracked find room up to twice the limit.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._in: set[str] = set()
        self._out: set[str] = set()

    def __len__(self) -> int:
        return len(self._in)

    def of(self, minute: MarketMinute, tracked: Set[str]) -> MarketMinute:
        """The part of a market minute that discovery sees."""
        for symbol in minute.bars.symbol:
            if symbol not in self._in and (symbol not in self._out or symbol in tracked):
                self._admit(symbol, symbol in tracked)
        if not self._out:
            return minute
        keep = [i for i, symbol in enumerate(minute.bars.symbol) if symbol in self._in]
        return MarketMinute(minute.start, minute.bars.take(np.array(keep, np.intp)))

    def _admit(self, symbol: str, tracked: bool) -> None:
        room = 2 * self.limit if tracked else self.limit
        if len(self._in) < room:
            self._in.add(symbol)
            self._out.discard(symbol)
        else:
            self._out.add(symbol)

    def snapshot(self) -> list[list[str]]:
        """State for a checkpoint."""
        return [sorted(self._in), sorted(self._out)]

    @classmethod
    def restore(cls, state: list[list[str]], limit: int) -> Members:
        """The members of a snapshot, with the limit of now."""
        members = cls(limit)
        members._in, members._out = map(set, state)
        return members
