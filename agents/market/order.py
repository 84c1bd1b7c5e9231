"""What others build on is read first, where it is there: names, then news, then bars."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

# Offsets without a record (transaction markers) look like records that never come.
PATIENCE_S = 10.0


class ReadingOrder:
    """Says whether records of earlier topics are still to be read.

    ``read`` gives the offset up to which a topic has been read. A topic that makes no progress for
    ``PATIENCE_S`` is not waited for any longer, until it grows.
    """

    def __init__(self, topics: tuple[str, ...], read: Callable[[str], int]) -> None:
        self._topics = topics
        self._read = read
        self._stood_at: dict[str, tuple[tuple[int, int | None], float]] = {}

    def is_turn_of(self, topic: str, consumer: Any) -> bool:
        """Whether everything that ``topic`` builds on has been read."""
        earlier = self._topics[: self._topics.index(topic)]
        return not any(self._is_behind(name, consumer) for name in earlier)

    def _is_behind(self, topic: str, consumer: Any) -> bool:
        tp = next((tp for tp in consumer.assignment() if tp.topic == topic), None)
        if tp is None:
            return False
        end: int | None = consumer.highwater(tp)
        read = self._read(topic)
        if end is not None and read >= end:
            return False
        now = time.monotonic()
        place, since = self._stood_at.get(topic, ((-1, None), now))
        if place != (read, end):
            self._stood_at[topic] = ((read, end), now)
            return True
        return now - since < PATIENCE_S
