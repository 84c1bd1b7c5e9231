"""The second stage's clock: bars of all partitions joined into market minutes, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.bars import BarColumns, PartitionBars, decode_bars, encode_bars
from schemas.times import US_PER_MINUTE


@dataclass(slots=True)
class MarketMinute:
    """The bars of every live partition of one minute (start, epoch microseconds), by symbol."""

    start: int
    bars: BarColumns


@dataclass(slots=True)
class MarketClock:
    """Joins partitions' minutes; gives out a minute once every partition has closed it.

    A message of an idle partition closes, for that partition, every minute that another one had
    closed before it; later minutes wait for it again. So what comes out, and in which order,
    depends on the messages alone, never on the wall clock.
    """

    closed: dict[int, int] = field(default_factory=dict)
    partitions: int = 0
    time: int = 0
    _own: dict[int, int] = field(default_factory=dict)
    _pending: dict[int, list[PartitionBars]] = field(default_factory=dict)

    def take(self, message: PartitionBars) -> tuple[list[MarketMinute], bool]:
        """Take one message; the minutes now complete, oldest first, and whether it came in time.

        A repeat of a minute that the partition has closed already changes nothing.
        """
        self.partitions = max(self.partitions, message.partitions)
        partition, until = message.partition, message.minute + US_PER_MINUTE
        in_time = True
        if until > self._own.get(partition, -1):
            self._own[partition] = until
            if len(message.bars):
                in_time = message.minute >= self.time
                if in_time:
                    self._pending.setdefault(message.minute, []).append(message)
        if message.idle:
            until = max(until, *self.closed.values(), 0)
        self.closed[partition] = max(until, self.closed.get(partition, 0))
        return self._advance(), in_time

    def _advance(self) -> list[MarketMinute]:
        if len(self.closed) < self.partitions:
            return []
        self.time = max(self.time, min(self.closed.values()))
        due = sorted(minute for minute in self._pending if minute < self.time)
        return [
            MarketMinute(
                minute,
                BarColumns.concat(
                    [m.bars for m in sorted(self._pending.pop(minute), key=lambda m: m.partition)]
                ),
            )
            for minute in due
        ]

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "closed": [list(item) for item in self.closed.items()],
            "own": [list(item) for item in self._own.items()],
            "partitions": self.partitions,
            "time": self.time,
            "pending": [encode_bars(m) for parts in self._pending.values() for m in parts],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> MarketClock:
        """The clock of a snapshot."""
        clock = cls(
            dict(state["closed"]),
            state["partitions"],
            state["time"],
            dict(state["own"]),
        )
        for message in map(decode_bars, state["pending"]):
            clock._pending.setdefault(message.minute, []).append(message)
        return clock
