"""Packs quotes into records per partition: frames, and the marks that carry event time forward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import orjson

from schemas.quotes import QuoteColumns, encode_clock, encode_frame, wire_times
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.producing.open_frames import OpenFrames
from streams.producing.slicing import PartitionCache, rows_between


class Packed(NamedTuple):
    """One record to send: ``quotes`` of one partition, or none when it is a mark."""

    partition: int
    key: bytes | None
    value: bytes
    quotes: int


@dataclass(frozen=True, slots=True)
class Packing:
    """How quotes are packed.

    ``hold_s`` is the promise that the next record of a partition follows within that many seconds
    of wall clock. ``gap_us`` is the pause in event time beyond which the market is closed.
    ``single`` sends one quote a record and no marks, as foreign producers do.
    """

    partitions: int
    lateness_us: int = 5 * US_PER_S
    max_quotes: int = 1000
    hold_s: float = 30.0
    gap_us: int = 30 * US_PER_MINUTE
    single: bool = False


class FramePacker:
    """Turns batches in order of event time into records; holds at most one open frame a partition.

    Every record holds the promise ``hold_s`` until ``finish``. When event time passes a minute,
    every partition is told: by the clock of its last frame of that minute, or by a mark.
    """

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        partitions = packing.partitions
        self._frames = OpenFrames(partitions, packing.max_quotes, packing.hold_s)
        self._partition = PartitionCache(partitions)
        self._clock: int | None = None
        self._minute: int | None = None
        self.first_us: int | None = None
        self.last_us: int | None = None

    @property
    def packed(self) -> list[int]:
        """Quotes packed so far, by partition."""
        return self._frames.packed

    @property
    def pending(self) -> int:
        """Quotes taken in and not yet packed."""
        return sum(self._frames.rows)

    def add(self, batch: QuoteColumns) -> Iterator[Packed]:
        """Take quotes in; give the records that are complete."""
        if not len(batch):
            return
        if self.first_us is None:
            self.first_us = int(batch.ts[0])
        newest = np.maximum.accumulate(batch.ts)
        if self.last_us is not None:
            newest = np.maximum(newest, self.last_us)
        pieces = _Pieces(batch, newest // US_PER_MINUTE, self._partition)
        for index, minute in enumerate(pieces.minutes):
            yield from self._reach(minute)
            for partition in range(self._packing.partitions):
                piece = pieces.get(partition, index)
                if piece is not None:
                    frames = self._frames.push(partition, piece)
                    yield from self._encode(partition, frames)
        self.last_us = int(newest[-1])

    def announce(self, event_us: int) -> Iterator[Packed]:
        """Tell every partition, before any quote, that there will be some from ``event_us`` on."""
        yield from self._mark_all(event_us // US_PER_MINUTE * US_PER_MINUTE, self._packing.hold_s)

    def advance(self, event_us: int) -> Iterator[Packed]:
        """Every quote up to ``event_us`` has been taken in: tell it when a minute has passed."""
        if self._minute is not None:
            yield from self._reach(event_us // US_PER_MINUTE)

    def flush(self) -> Iterator[Packed]:
        """Whatever is held, without a mark."""
        for partition in range(self._packing.partitions):
            yield from self._encode(partition, self._frames.drain(partition))

    def mark(self) -> Iterator[Packed]:
        """Whatever is held, and a sign of life with the clock on every partition."""
        if self.last_us is not None:
            yield from self._mark_all(self.last_us, self._packing.hold_s)

    def finish(self) -> Iterator[Packed]:
        """The rest, and the marks by which the last bars close; nothing is promised any more."""
        if self.last_us is not None:
            yield from self._mark_all(self._closing_clock(self.last_us), None)

    def _closing_clock(self, event_us: int) -> int:
        end = (event_us // US_PER_MINUTE + 1) * US_PER_MINUTE
        return end + self._packing.lateness_us + US_PER_MS

    def _reach(self, minute: int) -> Iterator[Packed]:
        before = self._minute
        if before is not None and minute <= before:
            return
        self._minute = minute
        if before is None:
            return
        clock = minute * US_PER_MINUTE
        if (minute - before - 1) * US_PER_MINUTE >= self._packing.gap_us:
            clock = self._closing_clock(before * US_PER_MINUTE)
        yield from self._mark_all(clock, self._packing.hold_s)

    def _mark_all(self, clock_us: int, hold_s: float | None) -> Iterator[Packed]:
        clock = self._clock = max(clock_us, self._clock or 0)
        if self._packing.single:
            yield from self.flush()
            return
        for partition in range(self._packing.partitions):
            if self._frames.rows[partition]:
                frames = self._frames.drain_with_clock(partition, clock, hold_s)
                yield from self._encode(partition, frames)
            else:
                yield Packed(partition, None, encode_clock(clock, hold_s), 0)

    def _encode(self, partition: int, frames: Iterable[QuoteColumns]) -> Iterator[Packed]:
        for frame in frames:
            if self._packing.single:
                yield from _singles(partition, frame)
            else:
                yield Packed(partition, None, encode_frame(frame), len(frame))


class _Pieces:
    """A batch cut by minute and partition; each piece keeps the order of the batch."""

    def __init__(
        self,
        batch: QuoteColumns,
        minute: np.ndarray[tuple[int], np.dtype[np.int64]],
        partition_of_symbol: PartitionCache,
    ) -> None:
        lookup: Callable[[str], int] = partition_of_symbol.__getitem__
        partition = np.fromiter(map(lookup, batch.symbol), np.int16, len(batch))
        order = np.argsort(partition, kind="stable")
        self._sorted = batch.take(order)
        edges = np.searchsorted(partition[order], np.arange(partition_of_symbol.partitions + 1))
        changes = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
        self.minutes: list[int] = minute[changes].tolist()
        sorted_minute = minute[order]
        self._cuts: list[list[int]] = [
            (start + np.searchsorted(sorted_minute[start:end], [*self.minutes, 1 << 62])).tolist()
            for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        ]

    def get(self, partition: int, minute: int) -> QuoteColumns | None:
        start, end = self._cuts[partition][minute : minute + 2]
        return rows_between(self._sorted, start, end) if end > start else None


def _singles(partition: int, frame: QuoteColumns) -> Iterator[Packed]:
    times = wire_times(frame.ts)
    columns = (
        frame.symbol,
        times if isinstance(times, list) else times.tolist(),
        frame.price.tolist(),
        frame.bid.tolist(),
        frame.ask.tolist(),
        frame.volume.tolist(),
    )
    names = ("symbol", "ts", "price", "bid", "ask", "volume")
    for row in zip(*columns, strict=True):
        value = orjson.dumps(dict(zip(names, row, strict=True)))
        yield Packed(partition, row[0].encode(), value, 1)
