"""What others build on is read first, where it is there: names, then news, then bars."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


class ReadingOrder:
    """Holds a topic back while records of an earlier one are still to be read.

    ``read`` gives the offset up to which a topic has been read. It waits for ``patience_s`` at
    most, since offsets without a record (transaction markers) would be waited for for ever.
    """

    def __init__(
        self, topics: tuple[str, ...], read: Callable[[str], int], patience_s: float
    ) -> None:
        self._topics = topics
        self._read = read
        self._patience_s = patience_s
        self._given_up: dict[str, int | None] = {}

    async def wait(self, topic: str, consumer: Any) -> None:
        """Return when it is the turn of ``topic``."""
        for earlier in self._topics[: self._topics.index(topic)]:
            deadline = time.monotonic() + self._patience_s
            while self._is_behind(earlier, consumer):
                await asyncio.sleep(0.01)
                if time.monotonic() >= deadline:
                    self._given_up[earlier] = _end(earlier, consumer)

    def _is_behind(self, topic: str, consumer: Any) -> bool:
        end = _end(topic, consumer)
        if topic in self._given_up and self._given_up[topic] == end:
            return False
        return end is None or self._read(topic) < end


def _end(topic: str, consumer: Any) -> int | None:
    """The offset after the newest record, None while it is not known; 0 if not ours to read."""
    tp = next((tp for tp in consumer.assignment() if tp.topic == topic), None)
    end: int | None = 0 if tp is None else consumer.highwater(tp)
    return end
