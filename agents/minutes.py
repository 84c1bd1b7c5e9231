"""The second stage's clock: bars of all partitions joined into market minutes, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas.bars import BarColumns, PartitionBars
from schemas.times import US_PER_MINUTE


@dataclass(slots=True)
class MarketMinute:
    """The bars of every live partition of one minute (start, epoch microseconds), by symbol."""

    start: int
    bars: BarColumns


@dataclass(slots=True)
class _Pending:
    bars: BarColumns
    offset: int


@dataclass(slots=True)
class MarketClock:
    """Joins partitions' minutes; gives out a minute once every partition has closed it.

    An idle partition says so again and again. Each time it closes, for itself, the minutes that
    others had closed when it said so before: nobody waits longer for it, and it had time to be
    heard, however fast the others went on. Its word counts for nothing while it is behind what the
    partition itself has closed: it comes from a worker that has to catch up first. So what comes
    out, and in which order, depends on the messages alone, never on the wall clock.
    """

    closed: dict[int, int] = field(default_factory=dict)
    partitions: int = 0
    time: int = 0
    _own: dict[int, int] = field(default_factory=dict)
    _read_until: int = 0
    _silent: dict[int, int] = field(default_factory=dict)
    _pending: dict[int, dict[int, _Pending]] = field(default_factory=dict)

    def take(
        self, message: PartitionBars, offset: int | None = None
    ) -> tuple[list[MarketMinute], bool]:
        """Take the message at ``offset`` (by default the next one).

        Gives the minutes now complete, oldest first, and whether it came in time. A repeat of a
        minute that the partition has closed already changes nothing. A message that was taken
        before the restart only fills up the minutes that were waiting then.
        """
        offset = self._read_until if offset is None else offset
        self.partitions = max(self.partitions, message.partitions)
        partition, until = message.partition, message.minute + US_PER_MINUTE
        if offset < self._read_until:
            self._wait(message, offset)
            return [], True
        in_time = True
        own = self._own.get(partition, -1)
        if len(message.bars) and until > own:
            in_time = message.minute >= self.time
            self._wait(message, offset)
        self._own[partition] = max(until, own)
        self._read_until = offset + 1
        said_before = self._silent.pop(partition, 0)
        if message.idle and until >= own:
            until = max(until, said_before)
            self._silent[partition] = max(self.closed.values(), default=0)
        self.closed[partition] = max(until, self.closed.get(partition, 0))
        return self._advance(), in_time

    @property
    def is_silent(self) -> bool:
        """Whether every partition has said last that it is idle, and no minute waits."""
        return 0 < self.partitions == len(self._silent) and not self._pending

    def _wait(self, message: PartitionBars, offset: int) -> None:
        """Keep the bars until their minute is complete; a minute already taken needs no more."""
        if len(message.bars) and message.minute >= self.time:
            waiting = self._pending.setdefault(message.minute, {})
            waiting[message.partition] = _Pending(message.bars, offset)

    def _advance(self) -> list[MarketMinute]:
        if len(self.closed) < self.partitions:
            return []
        self.time = max(self.time, min(self.closed.values()))
        due = sorted(minute for minute in self._pending if minute < self.time)
        return [
            MarketMinute(
                minute,
                BarColumns.concat(
                    [waiting.bars for _, waiting in sorted(self._pending.pop(minute).items())]
                ),
            )
            for minute in due
        ]

    def resume_offset(self, next_offset: int) -> int:
        """From which message on to read again to come to the same state after a restart."""
        waiting = (held.offset for minute in self._pending.values() for held in minute.values())
        return min(waiting, default=next_offset)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint, without the minutes that wait: they are read again."""
        return {
            "closed": [list(item) for item in self.closed.items()],
            "own": [list(item) for item in self._own.items()],
            "partitions": self.partitions,
            "time": self.time,
            "read_until": self._read_until,
            "silent": [list(item) for item in self._silent.items()],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> MarketClock:
        """The clock of a snapshot, to be fed from :meth:`resume_offset` on."""
        return cls(
            dict(state["closed"]),
            state["partitions"],
            state["time"],
            dict(state["own"]),
            state["read_until"],
            dict(state["silent"]),
        )
