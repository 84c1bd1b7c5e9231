"""Sends news and reference data, one message a record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

from schemas.times import US_PER_MINUTE, iso
from streams.producing.delivery import Delivery
from streams.producing.pacing import Pacer
from streams.producing.packing import Packed
from streams.producing.quotes import Progress
from streams.sources.news import Message

_REPORT_S = 0.25


@dataclass(slots=True)
class MessageSummary:
    """What a run delivered; times are event time, None where the messages have none."""

    topic: str
    messages: int
    bytes: int
    seconds: float
    first: str | None
    last: str | None
    stopped: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def produce_messages(
    messages: Iterable[Message],
    delivery: Delivery,
    stop: Event,
    *,
    topic: str,
    partition_of_key: Callable[[bytes], int],
    speed: float | None = None,
    gap_us: int = 30 * US_PER_MINUTE,
    total: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> MessageSummary:
    """Send messages in their order, at ``speed`` or at once, and wait until all have arrived.

    Pauses in event time longer than ``gap_us`` are skipped.

    Raises:
        UserError: a message was not delivered.
    """
    started = reported = time.monotonic()
    pacer = None if speed is None else Pacer(speed)
    first: int | None = None
    last: int | None = None
    for message in messages:
        if pacer is not None and message.ts is not None:
            _wait(message.ts, last, pacer, gap_us, delivery, stop)
        if stop.is_set():
            break
        key = message.key
        delivery.send(topic, Packed(partition_of_key(key), key, message.value, 1))
        if message.ts is not None:
            first, last = message.ts if first is None else first, max(message.ts, last or 0)
        now = time.monotonic()
        if on_progress is not None and now - reported > _REPORT_S:
            reported = now
            on_progress(Progress(delivery.quotes_delivered, total, last, now - started))
    delivery.flush()
    return MessageSummary(
        topic,
        delivery.delivered,
        delivery.bytes,
        round(time.monotonic() - started, 3),
        None if first is None else iso(first),
        None if last is None else iso(last),
        stop.is_set(),
    )


def _wait(
    ts: int, last: int | None, pacer: Pacer, gap_us: int, delivery: Delivery, stop: Event
) -> None:
    if not pacer.started or (last is not None and ts - last >= gap_us):
        pacer.jump(ts)
    while (wait := pacer.seconds_until(ts)) > 0 and not stop.is_set():
        stop.wait(min(wait, 1.0))
        delivery.poll()
