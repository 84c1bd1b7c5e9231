"""The frames of each partition that are not full yet."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.quotes import QuoteColumns
from streams.producing.slicing import concatenated, rows_between


class OpenFrames:
    """Collects quotes by partition and cuts them into frames of at most ``max_rows``.

    Every frame promises the next record of its partition within ``hold_s`` seconds. ``rows`` are
    the quotes held, ``packed`` those given out, by partition.
    """

    def __init__(self, partitions: int, max_rows: int, hold_s: float) -> None:
        self._max_rows = max_rows
        self._hold_s = hold_s
        self._open: list[list[QuoteColumns]] = [[] for _ in range(partitions)]
        self.rows = [0] * partitions
        self.packed = [0] * partitions

    def push(self, partition: int, piece: QuoteColumns) -> Iterator[QuoteColumns]:
        """Take quotes of a partition in; give the frames that are full."""
        self._open[partition].append(piece)
        self.rows[partition] += len(piece)
        if self.rows[partition] >= self._max_rows:
            yield from self._cut(partition, self.rows[partition] // self._max_rows * self._max_rows)

    def drain(self, partition: int) -> Iterator[QuoteColumns]:
        """All that is held of a partition."""
        yield from self._cut(partition, self.rows[partition])

    def drain_with_clock(
        self, partition: int, clock_us: int, hold_s: float | None
    ) -> Iterator[QuoteColumns]:
        """All that is held of a partition; the last frame has the clock, and ``hold_s``."""
        frames = list(self.drain(partition))
        if frames:
            frames[-1].clock, frames[-1].hold_s = clock_us, hold_s
        yield from frames

    def _cut(self, partition: int, end: int) -> Iterator[QuoteColumns]:
        rows, size = self.rows[partition], self._max_rows
        if not end:
            return
        held = concatenated(self._open[partition])
        self._open[partition] = [rows_between(held, end, rows)] if end < rows else []
        self.rows[partition] = rows - end
        self.packed[partition] += end
        for first in range(0, end, size):
            frame = rows_between(held, first, min(first + size, end))
            frame.hold_s = self._hold_s
            yield frame
