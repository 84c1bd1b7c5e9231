"""What agents send: raw records on topics, confirmed before any offset is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

import structlog

from agents import metrics

log = structlog.get_logger(__name__)


class Publisher:
    """Sends records through the Faust producer and remembers which the broker has not confirmed."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._channels: dict[str, Any] = {}
        self._unconfirmed: list[Awaitable[Any]] = []

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        """Queue one record; :meth:`confirm` waits until the broker has it."""
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._app.topic(topic, key_serializer="raw", value_serializer="raw")
            self._channels[topic] = channel
        sent = await channel.send(key=key, value=value, headers=dict(headers or {}))
        self._unconfirmed.append(sent)

    def unconfirmed(self) -> list[Awaitable[Any]]:
        """Hand over what was sent and is not confirmed yet."""
        sent, self._unconfirmed = self._unconfirmed, []
        return sent

    async def confirm(self, sent: list[Awaitable[Any]] | None = None) -> None:
        """Wait until the broker has everything sent so far (or ``sent``)."""
        await asyncio.gather(*(self.unconfirmed() if sent is None else sent))


class DeadLetters:
    """Puts rejected input on ``<topic>.dlq``: its bytes as value, where and why as headers."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def reject(
        self, message: Any, reason: str, detail: str, value: bytes | None = None
    ) -> None:
        """Send a record, or the ``value`` of the part of it that is rejected."""
        metrics.DEAD_LETTERS.labels(topic=message.topic).inc()
        log.warning(
            "rejected", topic=message.topic, partition=message.partition,
            offset=message.offset, reason=reason, detail=detail[:200],
        )  # fmt: skip
        await self._publisher.send(
            f"{message.topic}.dlq",
            message.key,
            message.value if value is None else value,
            {
                "reason": reason.encode(),
                "error": detail[:1000].encode(),
                "topic": message.topic.encode(),
                "partition": str(message.partition).encode(),
                "offset": str(message.offset).encode(),
            },
        )
