"""Packs quotes in order of event time into frames of the target partitions, and their marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from schemas.quotes import QuoteColumns, encode_clock, encode_frame
from streams.producing.open_frames import OpenFrames
from streams.producing.packing import Packed
from streams.producing.slicing import PartitionCache, rows_between


class Repacker:
    """Quotes of a foreign feed in, records of ``quotes`` out.

    Unlike a producer of ours, which knows its source, this says nothing of event time by itself:
    ``mark`` does, when all source partitions have come so far.
    """

    def __init__(self, partitions: int, max_rows: int, hold_s: float) -> None:
        self._hold_s = hold_s
        self._frames = OpenFrames(partitions, max_rows, hold_s)
        self._partition = PartitionCache(partitions)
        self._partitions = range(partitions)

    @property
    def packed(self) -> list[int]:
        """Quotes given out, by partition."""
        return list(self._frames.packed)

    def add(self, quotes: QuoteColumns) -> Iterator[Packed]:
        """Take quotes in; give the frames that are full."""
        lookup: Callable[[str], int] = self._partition.__getitem__
        partition = np.fromiter(map(lookup, quotes.symbol), np.int16, len(quotes))
        order = np.argsort(partition, kind="stable")
        by_partition = quotes.take(order)
        edges = np.searchsorted(partition[order], [*self._partitions, len(self._partitions)])
        for number in self._partitions:
            start, end = edges[number : number + 2].tolist()
            if end > start:
                piece = rows_between(by_partition, start, end)
                yield from _packed(number, self._frames.push(number, piece))

    def flush(self) -> Iterator[Packed]:
        """Whatever is held."""
        for number in self._partitions:
            yield from _packed(number, self._frames.drain(number))

    def mark(self, clock_us: int, *, promise: bool) -> Iterator[Packed]:
        """Whatever is held, and the clock on every partition."""
        hold_s = self._hold_s if promise else None
        for number in self._partitions:
            if self._frames.rows[number]:
                frames = self._frames.drain_with_clock(number, clock_us, hold_s)
                yield from _packed(number, frames)
            else:
                yield Packed(number, None, encode_clock(clock_us, hold_s), 0)


def _packed(partition: int, frames: Iterator[QuoteColumns]) -> Iterator[Packed]:
    for frame in frames:
        yield Packed(partition, None, encode_frame(frame), len(frame))
