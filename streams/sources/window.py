"""Part of a source: the quotes of a span of event time."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.quotes import QuoteColumns
from schemas.times import EARLIEST_US, LATEST_US
from streams.sources.base import Source


class Windowed:
    """The quotes of ``source`` at or after ``start_us`` and before ``end_us``."""

    total: int | None = None

    def __init__(self, source: Source, start_us: int | None, end_us: int | None) -> None:
        self._source = source
        self._start_us = EARLIEST_US if start_us is None else start_us
        self._end_us = LATEST_US if end_us is None else end_us

    @property
    def name(self) -> str:
        """What is played, for people."""
        return self._source.name

    @property
    def skipped(self) -> dict[str, int]:
        """Messages that are no quotes, by reason."""
        return self._source.skipped

    def __iter__(self) -> Iterator[QuoteColumns]:
        for batch in self._source:
            inside = (batch.ts >= self._start_us) & (batch.ts < self._end_us)
            if inside.any():
                yield batch.take(inside)
            elif self._source.total is not None and batch.ts[0] >= self._end_us:
                # Only what is sorted knows its total; a recording may go back in time.
                return
