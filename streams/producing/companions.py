"""Sends messages of other topics in step with the quotes that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from schemas.quotes import QuoteColumns
from streams.sources.base import Source
from streams.sources.news import Message


class Accompanied:
    """A source whose ``messages`` are sent on the way, each before the first later quote.

    Batches are cut where a message falls, and the next part is asked for when the last one has
    been sent: so at any speed nothing is sent ahead of its time, nor behind the quotes after it.
    ``sent`` counts them. ``messages`` are in order of time.
    """

    def __init__(
        self, source: Source, messages: Sequence[Message], send: Callable[[Message], None]
    ) -> None:
        self._source = source
        self._messages = messages
        self._send = send
        self.sent = 0

    @property
    def name(self) -> str:
        """What is played, for people."""
        return self._source.name

    @property
    def total(self) -> int | None:
        """Number of quotes, None when unknown."""
        return self._source.total

    @property
    def skipped(self) -> dict[str, int]:
        """Messages that are no quotes, by reason."""
        return self._source.skipped

    def __iter__(self) -> Iterator[QuoteColumns]:
        self.sent = 0
        for batch in self._source:
            yield from self._cut(batch)
        self._send_before(None)

    def _cut(self, batch: QuoteColumns) -> Iterator[QuoteColumns]:
        newest = np.maximum.accumulate(batch.ts)
        row = 0
        while row < len(batch):
            self._send_before(int(newest[row]))
            end = len(batch)
            if self.sent < len(self._messages):
                until = self._messages[self.sent].ts or 0
                end = int(np.searchsorted(newest, until, side="left"))
            yield batch if end - row == len(batch) else batch.take(np.arange(row, end))
            row = end

    def _send_before(self, us: int | None) -> None:
        """Send what is due at or before ``us``; everything if None."""
        while self.sent < len(self._messages):
            message = self._messages[self.sent]
            if us is not None and message.ts is not None and message.ts > us:
                return
            self._send(message)
            self.sent += 1
