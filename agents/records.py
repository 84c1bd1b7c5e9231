"""Records as they come from Kafka: one an event of a stream, or many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

# A batch is worked off before what came behind it, and events wait for each other by number.
MOST_RECORDS = 100
MOST_BYTES = 512 << 10


class Record(NamedTuple):
    """One record and its place; ``timestamp`` is the broker's, in seconds."""

    topic: str
    partition: int
    offset: int
    timestamp: float
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, not none, in their order: the value of one event.

    What Faust does for an event costs the same whatever is in it.
    """

    records: list[Record]

    @property
    def last(self) -> Record:
        """The record whose offset is that of the event."""
        return self.records[-1]


def in_batches(records: Iterable[Record]) -> Iterator[Batch]:
    """Records of one partition, as many in a batch as may be."""
    held: list[Record] = []
    size = 0
    for record in records:
        if held and (len(held) == MOST_RECORDS or size + _size(record) > MOST_BYTES):
            yield Batch(held)
            held, size = [], 0
        held.append(record)
        size += _size(record)
    if held:
        yield Batch(held)


def _size(record: Record) -> int:
    return len(record.value or b"")


def records_of(message: Any) -> list[Any]:
    """The records of a message of Faust's: those of a batch, or the message itself."""
    return message.value.records if isinstance(message.value, Batch) else [message]
