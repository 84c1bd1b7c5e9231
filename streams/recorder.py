"""Reads topics in order of arrival, over all their partitions."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from threading import Event
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from schemas.recording import recording_line
from schemas.times import column_to_us, to_us
from streams.errors import UserError
from streams.topics import topic_partitions

_HELD_RECORDS = 4000
# librdkafka goes on by itself after these.
_PASSING = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)
_Place = tuple[str, int]


class _Head(Struct):
    ts: Any = None
    clock: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode


class _Held(NamedTuple):
    order: tuple[int, int]
    place: _Place
    offset: int
    line: bytes


class Merge:
    """Puts the records of many partitions into one order: arrival, then event time.

    A record is given out when no partition can still hold an earlier one: each has a record held
    or has been read to its end. The order of every partition is kept.
    """

    def __init__(self, places: list[_Place]) -> None:
        self._heap: list[_Held] = []
        self._held = dict.fromkeys(places, 0)
        self._newest: dict[_Place, tuple[int, int]] = {}
        self._at_end: set[_Place] = set()
        self._waiting = set(places)

    @property
    def all_read(self) -> bool:
        """Whether every partition has been read to its end and everything is given out."""
        return not self._heap and len(self._at_end) == len(self._held)

    def held(self, place: _Place) -> int:
        """How many records of a partition are held."""
        return self._held[place]

    def end(self, place: _Place) -> None:
        """The partition has been read to its end, for now."""
        self._at_end.add(place)
        self._waiting.discard(place)

    def add(
        self, place: _Place, offset: int, arrived_ms: int, value: bytes | None, line: bytes
    ) -> None:
        """Take a record in."""
        order = max((arrived_ms, _event_us(value)), self._newest.get(place, (-1, -1)))
        self._newest[place] = order
        self._at_end.discard(place)
        self._waiting.discard(place)
        self._held[place] += 1
        heapq.heappush(self._heap, _Held(order, place, offset, line))

    def take(self, *, everything: bool = False) -> list[_Held]:
        """The records whose turn has come, or all of them, in order."""
        taken = []
        while self._heap and (everything or not self._waiting):
            record = heapq.heappop(self._heap)
            taken.append(record)
            self._held[record.place] -= 1
            if not self._held[record.place] and record.place not in self._at_end:
                self._waiting.add(record.place)
        return taken


class Recorder:
    """Reads topics from their beginning, or from now on, into lines of a recording."""

    def __init__(self, broker: str, topics: list[str], *, from_beginning: bool) -> None:
        """Raise UserError when the broker does not answer or a topic does not exist."""
        admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
        found = topic_partitions(admin, broker, 10.0)
        missing = [topic for topic in topics if topic not in found]
        if missing:
            raise UserError(f"there is no topic {', '.join(missing)} at {broker}: catalyst topics")
        self._places = [(t, p) for t in dict.fromkeys(topics) for p in range(found[t])]
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": "catalyst-record",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "fetch.queue.backoff.ms": 5,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(t, p, start) for t, p in self._places])
        self._merge = Merge(self._places)
        self._paused: set[_Place] = set()

    def run(
        self,
        write: Callable[[bytes], Any],
        stop: Event,
        *,
        seconds: float | None = None,
        until_end: bool = False,
        on_progress: Callable[[Counter[str]], Any] | None = None,
    ) -> Counter[str]:
        """Write lines until asked to stop, for ``seconds``, or to the end; count them by topic.

        The end is told by the broker's answers to fetches, not by its list of offsets.

        Raises:
            UserError: the broker refuses.
        """
        written: Counter[str] = Counter()
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            while not stop.is_set() and not (until_end and self._merge.all_read):
                if deadline is not None and time.monotonic() >= deadline:
                    break
                self._read()
                self._write(write, written, everything=False)
                if on_progress is not None:
                    on_progress(written)
            self._write(write, written, everything=True)
        finally:
            self._consumer.close()
        return written

    def _read(self) -> None:
        for message in self._consumer.consume(500, timeout=0.1):
            error = message.error()
            place = (str(message.topic()), int(message.partition() or 0))
            if error is None:
                self._take(place, message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._merge.end(place)
            elif not error.retriable() and error.code() not in _PASSING:
                raise UserError(f"{place[0]}[{place[1]}] cannot be read: {error.str()}")
        self._hold_back()

    def _take(self, place: _Place, message: Any) -> None:
        line = recording_line(place[0], message.key(), message.value())
        self._merge.add(place, message.offset(), message.timestamp()[1], message.value(), line)

    def _hold_back(self) -> None:
        """Wait for partitions that lag, so that little is held."""
        full = {place for place in self._places if self._merge.held(place) > _HELD_RECORDS}
        if new := full - self._paused:
            self._consumer.pause([TopicPartition(t, p) for t, p in new])
        if ready := self._paused - full:
            self._consumer.resume([TopicPartition(t, p) for t, p in ready])
        self._paused = full

    def _write(
        self, write: Callable[[bytes], Any], written: Counter[str], *, everything: bool
    ) -> None:
        for record in self._merge.take(everything=everything):
            write(record.line + b"\n")
            written[record.place[0]] += 1


def _event_us(value: bytes | None) -> int:
    """The first event time of a message in epoch microseconds, 0 where it has none."""
    if not value:
        return 0
    try:
        head = _decode_head(value)
        first = head.ts[0] if isinstance(head.ts, list) and head.ts else head.ts or head.clock
        return _to_us(first)
    except (msgspec.MsgspecError, ValueError, OverflowError, TypeError):
        return 0


def _to_us(value: Any) -> int:
    if isinstance(value, str):
        return to_us(msgspec.convert(value, datetime))
    return int(column_to_us([value])[0])
