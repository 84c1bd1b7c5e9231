"""Partitions, read by librdkafka: fetching, checking and unpacking do not hold up Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.records import Record

log = structlog.get_logger(__name__)

# How long the broker may hold a fetch open while nothing comes. Apache Kafka answers as soon as
# something does; the embedded broker looks a few times in that span only. Less than this costs an
# idle broker more than it gives.
FETCH_WAIT_MS = 20
# What may lie here, read ahead: all of it is worked off before what comes next on other topics.
_READ_AHEAD_KB = 16 << 10
_MOST_RECORDS = 500
_RECONNECT_MS = 1_000

# librdkafka goes on by itself after these.
PASSING = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)
_DENIED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,
)


Place = tuple[str, int]


class Found(NamedTuple):
    """Records by partition, and where each partition ended when it was last asked for."""

    records: dict[Place, list[Record]]
    ends: dict[Place, int]


class PartitionReader:
    """Reads the partitions it is told to, each from the offset it is told; it is of no group.

    One call at a time: two would share out the records between them.
    """

    def __init__(self, broker: str, group: str, most_bytes: int) -> None:
        """``most_bytes`` are those of one answer for one partition."""
        self._next: dict[Place, int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_uncommitted",
                "check.crcs": True,
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "fetch.queue.backoff.ms": 5,
                "fetch.message.max.bytes": most_bytes,
                "queued.max.messages.kbytes": _READ_AHEAD_KB,
                "reconnect.backoff.max.ms": _RECONNECT_MS,
                "log_level": 0,
            }
        )

    def read(self, positions: Mapping[Place, int], timeout_s: float) -> Found:
        """What has come of these partitions, each from its position on; waits for the first record.

        Raises:
            KafkaException: the broker does not let us read.
        """
        self._align(positions)
        first = self._consumer.poll(timeout_s)
        found: dict[Place, list[Record]] = {}
        if first is not None:
            self._take(found, [first, *self._consumer.consume(_MOST_RECORDS, 0)])
        ends = {tp: end for tp in positions if (end := self._end(tp)) is not None}
        return Found(found, ends)

    def _align(self, positions: Mapping[Place, int]) -> None:
        moved = [tp for tp, at in self._next.items() if positions.get(tp) != at]
        if moved:
            self._consumer.incremental_unassign([TopicPartition(*tp) for tp in moved])
            for tp in moved:
                del self._next[tp]
        new = {tp: at for tp, at in positions.items() if tp not in self._next}
        if new:
            self._consumer.incremental_assign([TopicPartition(*tp, at) for tp, at in new.items()])
            self._next |= new

    def _take(self, found: dict[Place, list[Record]], messages: Iterable[Message]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                _judge(error, message.topic())
                continue
            record = _record(message)
            tp = (record.topic, record.partition)
            if record.offset >= self._next.get(tp, record.offset + 1):
                self._next[tp] = record.offset + 1
                found.setdefault(tp, []).append(record)

    def _end(self, tp: Place) -> int | None:
        known = self._consumer.get_watermark_offsets(TopicPartition(*tp), cached=True)
        return known[1] if known and known[1] >= 0 else None

    def close(self) -> None:
        """Let go."""
        self._consumer.close()


def _record(message: Message) -> Record:
    _, milliseconds = message.timestamp()
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        milliseconds / 1000,
        message.key(),
        message.value(),
    )


def _judge(error: KafkaError, topic: str | None) -> None:
    if error.fatal() or error.code() in _DENIED:
        raise KafkaException(error)
    if error.code() not in PASSING:
        log.warning("cannot be read for now", topic=topic, reason=error.str())
