"""The foreign topic, read by one reader over all its partitions."""

from __future__ import annotations

import time
from typing import Any, Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from streams.errors import UserError
from streams.reading import PASSING

Start = Literal["beginning", "now"]

_GONE_S = 30.0
_ASK_S = 5.0
_ANSWER_S = 2.0
# A running reader commits twice a second while there is traffic.
_WATCH_S = 1.2


class ForeignTopic:
    """All partitions of one topic from where ``group`` left off; it does not share them.

    Two readers of a backlog are never equally far, and event time cannot run twice.
    """

    def __init__(
        self, broker: str, topic: str, partitions: int, group: str, start: Start, wait_ms: int
    ) -> None:
        """Raise UserError when somebody else reads for ``group``, or the broker does not answer."""
        self._broker, self._topic, self._group = broker, topic, group
        self._partitions = list(range(partitions))
        self._asked = self._answered = time.monotonic()
        self._requested: dict[int, int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": broker,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                # The end of a partition is told after so long without a record.
                "fetch.wait.max.ms": wait_ms,
                "fetch.queue.backoff.ms": 5,
                "queued.max.messages.kbytes": 64 << 10,
                "log_level": 0,
            }
        )
        found = self._committed(10.0)
        if any(offset >= 0 for offset in found.values()):
            time.sleep(_WATCH_S)
            if self._committed(10.0) != found:
                raise UserError(
                    f"another catalyst frame reads {topic} for the group {group}: stop it first, "
                    "or name another --group to frame the topic a second time"
                )
        fresh = OFFSET_BEGINNING if start == "beginning" else OFFSET_END
        self._consumer.assign(
            [TopicPartition(topic, p, at if at >= 0 else fresh) for p, at in found.items()]
        )

    @property
    def partitions(self) -> list[int]:
        """The numbers of its partitions."""
        return self._partitions

    def read(self, records: int, timeout_s: float) -> tuple[list[Any], list[int]]:
        """Up to so many records as they came, and the partitions that are read to their end.

        Raises:
            UserError: the topic cannot be read.
        """
        good, ended = [], []
        for message in self._consumer.consume(records, timeout=timeout_s):
            error = message.error()
            if error is None:
                good.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.append(int(message.partition() or 0))
            elif not error.retriable() and error.code() not in PASSING:
                raise UserError(f"{self._topic}: cannot be read: {error.str()}")
        return good, ended

    def pause(self, partitions: set[int]) -> None:
        """Read nothing more of these, for now."""
        self._consumer.pause([TopicPartition(self._topic, p) for p in partitions])

    def resume(self, partitions: set[int]) -> None:
        """Read them again."""
        self._consumer.resume([TopicPartition(self._topic, p) for p in partitions])

    def commit(self, positions: dict[int, int], *, wait: bool = False) -> None:
        """Note where to go on after a restart, by partition."""
        new = {p: at for p, at in positions.items() if self._requested.get(p) != at}
        if not new:
            return
        offsets = [TopicPartition(self._topic, p, at) for p, at in new.items()]
        try:
            if wait:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            else:
                self._consumer.commit(offsets=offsets)
        except KafkaException:
            # What is not noted is repeated; whether the broker is there, the next look tells.
            return
        self._requested |= new

    def look_after(self) -> None:
        """Every few seconds: is the broker there, and has the topic stayed as it was?

        Raises:
            UserError: no broker has answered for half a minute, or the topic has changed.
        """
        now = time.monotonic()
        if now - self._asked < _ASK_S:
            return
        self._asked = now
        try:
            topics = self._consumer.list_topics(timeout=_ANSWER_S).topics
        except KafkaException as exc:
            if now - self._answered > _GONE_S:
                raise UserError(
                    f"no Kafka broker has answered at {self._broker} for {_GONE_S:.0f} s "
                    f"({exc.args[0].str()}): start it and run catalyst frame again; it goes on "
                    "where it stopped"
                ) from None
            return
        self._answered = now
        found = len(topics[self._topic].partitions) if self._topic in topics else 0
        if found != len(self._partitions):
            raise UserError(
                f"{self._topic} has {found} partitions now, it had {len(self._partitions)}: "
                "run catalyst frame again"
            )

    def close(self) -> None:
        """Let go."""
        self._consumer.close()

    def _committed(self, timeout_s: float) -> dict[int, int]:
        wanted = [TopicPartition(self._topic, p) for p in self._partitions]
        try:
            found = self._consumer.committed(wanted, timeout=timeout_s)
        except KafkaException as exc:
            raise UserError(
                f"the offsets of the group {self._group} cannot be read at {self._broker}: "
                f"{exc.args[0].str()}"
            ) from None
        return {tp.partition: tp.offset for tp in found}
