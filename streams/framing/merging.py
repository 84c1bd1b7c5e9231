"""Brings the quotes of several source partitions into one order of event time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from streams.producing.slicing import concatenated, rows_between


class _Held(NamedTuple):
    """Quotes of one read; ``reach`` is the newest time of the partition up to each, shape (n,)."""

    quotes: QuoteColumns
    reach: NDArray[np.int64]
    first_offset: int


@dataclass(slots=True)
class _Source:
    heard: float
    next_offset: int | None = None
    clock: int | None = None
    at_end: bool = False
    rows: int = 0
    held: deque[_Held] = field(default_factory=deque)

    def take_until(self, boundary: int) -> list[tuple[QuoteColumns, NDArray[np.int64]]]:
        taken = []
        while self.held and self.held[0].reach[0] <= boundary:
            quotes, reach, offset = self.held.popleft()
            cut = int(np.searchsorted(reach, boundary, side="right"))
            taken.append((rows_between(quotes, 0, cut), reach[:cut]))
            self.rows -= cut
            if cut < len(quotes):
                rest = rows_between(quotes, cut, len(quotes))
                self.held.appendleft(_Held(rest, reach[cut:], offset))
        return taken


class SourceMerge:
    """Holds quotes of source partitions until no other partition can still bring earlier ones.

    A backlog is read partition by partition, in large pieces; passed on as read, the quotes of one
    would be late behind those of another. A partition that has been read to its end holds nothing
    back but for ``settle_s`` seconds, in which what was sent at the same time arrives. The order
    within each partition is kept, whatever its times say. ``now`` is wall clock in seconds, other
    times are epoch microseconds.
    """

    def __init__(self, partitions: list[int], now: float, settle_s: float) -> None:
        self._sources = {partition: _Source(now) for partition in partitions}
        self._settle_s = settle_s if len(partitions) > 1 else 0.0
        self._arrived: deque[tuple[float, int]] = deque()
        self._settled = self._released = self._told = 0

    def add(
        self,
        partition: int,
        quotes: QuoteColumns,
        offsets: tuple[int, int],
        now: float,
    ) -> None:
        """Take in the quotes of the records from the first offset to before the second."""
        source = self._sources[partition]
        source.at_end, source.heard = False, now
        source.next_offset = offsets[1]
        if not len(quotes):
            return
        reach = np.maximum.accumulate(quotes.ts)
        if source.clock is not None:
            reach = np.maximum(reach, source.clock)
        source.clock = int(reach[-1])
        source.rows += len(quotes)
        source.held.append(_Held(quotes, reach, offsets[0]))
        self._arrived.append((now, source.clock))

    def end(self, partition: int) -> None:
        """The partition has been read to its end, for now."""
        self._sources[partition].at_end = True

    @property
    def finished(self) -> bool:
        """Whether every partition has been read to its end and nothing is held."""
        return all(source.at_end and not source.held for source in self._sources.values())

    def held(self, partition: int) -> int:
        """How many quotes of a partition wait."""
        return self._sources[partition].rows

    def position(self, partition: int) -> int | None:
        """The offset of the first record not released whole; None before the first record."""
        source = self._sources[partition]
        return source.held[0].first_offset if source.held else source.next_offset

    def release(self, now: float) -> QuoteColumns | None:
        """Remove and return the quotes whose turn has come, in order."""
        boundary = self._released = self._boundary(now)
        taken = [t for source in self._sources.values() for t in source.take_until(boundary)]
        if not taken:
            return None
        merged = concatenated([quotes for quotes, _ in taken])
        reach = np.concatenate([reach for _, reach in taken])
        if (np.diff(reach) >= 0).all():
            return merged
        return merged.take(np.argsort(reach, kind="stable"))

    def _boundary(self, now: float) -> int:
        """The time up to which every partition has been read."""
        while self._arrived and now - self._arrived[0][0] >= self._settle_s:
            self._settled = max(self._settled, self._arrived.popleft()[1])
        unfinished = [s.clock or 0 for s in self._sources.values() if not s.at_end]
        return min([self._settled, *unfinished])

    def is_silent(self, now: float, idle_after: float) -> bool:
        """Whether every partition is at its end and has been for ``idle_after`` seconds."""
        return all(_is_idle(source, now, idle_after) for source in self._sources.values())

    def clock(self, now: float, idle_after: float) -> int | None:
        """The time up to which everything has been released; it never goes back.

        A partition at its end and unheard for ``idle_after`` seconds no longer counts. None while
        nothing can be said.
        """
        live = [s for s in self._sources.values() if not _is_idle(s, now, idle_after)]
        known = [s.clock for s in live if s.clock is not None]
        self._told = max(self._told, min([self._released, *known]))
        return self._told or None


def _is_idle(source: _Source, now: float, idle_after: float) -> bool:
    return source.at_end and now - source.heard >= idle_after
