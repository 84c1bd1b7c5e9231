"""Delivery to Kafka: idempotent, acknowledged by all replicas, bounded, nothing dropped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Event
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from streams.errors import UserError
from streams.producing.packing import Packed
from streams.topics import MAX_MESSAGE_BYTES

_QUEUE_RECORDS = 20_000
_QUEUE_KBYTES = 64 << 10
_STOPPED_S = 4.0
_SLICE_S = 0.2


class Delivery:
    """Sends records and knows of each whether it has arrived.

    At most 64 MB wait in memory; ``send`` then waits for the broker. A record that cannot be
    delivered within ``timeout_s`` ends the run with a UserError; once ``stop`` is set, nothing
    waits longer than four seconds.
    """

    def __init__(
        self,
        bootstrap: str,
        stop: Event,
        *,
        timeout_s: float = 30.0,
    ) -> None:
        self._bootstrap = bootstrap
        self._stop = stop
        self._timeout_s = timeout_s
        self._error: str | None = None
        self._last_broker_error = ""
        self.sent = self.delivered = 0
        self.quotes_delivered = 0
        self.bytes = 0
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                # A worker reads bytes at more cost than lz4 asks for unpacking a fraction of them.
                "compression.type": "lz4",
                "linger.ms": 5,
                "batch.size": 1 << 20,
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "queue.buffering.max.messages": _QUEUE_RECORDS,
                "queue.buffering.max.kbytes": _QUEUE_KBYTES,
                "delivery.timeout.ms": int(timeout_s * 1000),
                "socket.nagle.disable": True,
                "log_level": 0,
                "error_cb": self._on_error,
            }
        )

    def send(self, topic: str, record: Packed, headers: Mapping[str, bytes] | None = None) -> None:
        """Queue a record; wait while the queue is full.

        Raises:
            UserError: an earlier record was not delivered.
        """
        delivered: Callable[[Any, Any], None] = partial(self._on_delivery, record.quotes)
        while True:
            try:
                self._producer.produce(
                    topic,
                    record.value,
                    record.key,
                    record.partition,
                    on_delivery=delivered,
                    headers=dict(headers or {}),
                )
                break
            except BufferError:
                self._wait_for_room()
            except KafkaException as exc:
                raise UserError(f"{topic}: {exc.args[0].str()}") from None
        self.sent += 1
        self.bytes += len(record.value)
        if self.sent % 64 == 0 or record.quotes == 0:
            self.poll()

    def poll(self) -> None:
        """Take in what the broker has answered; raise UserError when a record was lost."""
        self._producer.poll(0)
        self.check()

    @property
    def failed(self) -> bool:
        """Whether a record was lost, so that nothing more can be sent."""
        return self._error is not None

    def flush(self) -> None:
        """Wait until everything has arrived.

        Raises:
            UserError: something has not, for whatever reason.
        """
        began, timeout_s = time.monotonic(), self._timeout_s
        # In slices, since no signal is seen while the library waits.
        while self._producer.flush(_SLICE_S):
            self.check()
            timeout_s = _STOPPED_S if self._stop.is_set() else self._timeout_s
            if time.monotonic() - began >= timeout_s:
                break
        self.check()
        missing = self.sent - self.delivered
        if missing:
            self._producer.purge()
            self._error = (
                f"{missing} of {self.sent} records were not acknowledged by {self._bootstrap} "
                f"within {timeout_s:g} s{self._why()}: what they hold is not stored"
            )
            raise UserError(self._error)

    def check(self) -> None:
        """Raise UserError when a record could not be delivered."""
        if self._error is not None:
            self._producer.purge()
            raise UserError(self._error)

    def _wait_for_room(self) -> None:
        asked_to_stop = self._stop.is_set()
        self._producer.poll(0.05)
        self.check()
        if asked_to_stop:
            self.flush()

    def _on_delivery(self, quotes: int, error: Any, message: Any) -> None:
        if error is None:
            self.delivered += 1
            self.quotes_delivered += quotes
        elif self._error is None:
            self._error = (
                f"not delivered to {message.topic()}[{message.partition()}]: {error.str()}"
                f"{self._why()} after {self.quotes_delivered} quotes; start the broker at "
                f"{self._bootstrap} and produce again"
            )

    def _on_error(self, error: KafkaError) -> None:
        self._last_broker_error = str(error.str())

    def _why(self) -> str:
        return f" ({self._last_broker_error})" if self._last_broker_error else ""
