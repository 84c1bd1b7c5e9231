"""Plays a source of quotes into Kafka, at a speed or as fast as the broker takes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from threading import Event
from typing import Any

import numpy as np

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, iso
from streams.producing.delivery import Delivery
from streams.producing.pacing import Pacer
from streams.producing.packing import FramePacker, Packed, Packing
from streams.sources.base import Source

_TICK_S = 0.02
_ANNOUNCE_S = 0.25
_REPORT_S = 0.25


@dataclass(slots=True)
class Progress:
    """How far a run has come."""

    quotes: int
    total: int | None
    event_us: int | None
    seconds: float


@dataclass(slots=True)
class ProduceSummary:
    """What a run delivered; ``partitions`` counts quotes by partition, times are event time."""

    source: str
    quotes: int
    records: int
    bytes: int
    seconds: float
    partitions: list[int]
    first: str | None
    last: str | None
    stopped: bool
    skipped: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class QuoteProducer:
    """Plays one source; see ``run``."""

    def __init__(
        self,
        delivery: Delivery,
        packing: Packing,
        *,
        topic: str,
        speed: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """``speed`` is seconds of events in a second of wall clock, None as fast as it goes."""
        self._delivery = delivery
        self._packing = packing
        self._packer = FramePacker(packing)
        self._topic = topic
        self._pacer = None if speed is None else Pacer(speed)
        self._on_progress = on_progress
        self._started = self._reported = self._marked = time.monotonic()
        self._total: int | None = None

    def run(self, source: Source, stop: Event) -> ProduceSummary:
        """Send everything, or until ``stop`` is set; then the last marks, then wait for the broker.

        Raises:
            UserError: the source is not what it claims to be, or a record was not delivered. What
                was read before is sent and marked nonetheless.
        """
        self._started = self._reported = self._marked = time.monotonic()
        self._total = source.total
        try:
            self._play(source, stop)
        finally:
            if not self._delivery.failed:
                self._send(self._packer.finish())
                self._delivery.flush()
        self._report(force=True)
        return self._summary(source, stop.is_set())

    def _play(self, source: Iterable[QuoteColumns], stop: Event) -> None:
        for batch in source:
            if self._packer.last_us is None and len(batch):
                self._announce(int(batch.ts[0]), stop)
            if self._pacer is None:
                self._send_at_once(batch, stop)
            else:
                self._send_when_due(batch, self._pacer, stop)
            if stop.is_set():
                return

    def _announce(self, event_us: int, stop: Event) -> None:
        """Let the workers of every partition know before the first of them can run ahead."""
        self._send(self._packer.announce(event_us))
        self._delivery.poll()
        stop.wait(_ANNOUNCE_S)

    def _send_at_once(self, batch: QuoteColumns, stop: Event) -> None:
        for record in self._packer.add(batch):
            self._delivery.send(self._topic, record)
            self._report()
        self._keep_promise()

    def _send_when_due(self, batch: QuoteColumns, pacer: Pacer, stop: Event) -> None:
        newest = np.maximum.accumulate(batch.ts)
        row = 0
        while row < len(batch) and not stop.is_set():
            self._skip_gap(int(newest[row]), pacer)
            now = pacer.now_us()
            due = int(np.searchsorted(newest, now, side="right"))
            if due > row:
                self._send(self._packer.add(batch.take(np.arange(row, due))))
                row = due
            else:
                self._send(self._packer.advance(now))
            self._send(self._packer.flush())
            self._keep_promise()
            self._report()
            if row < len(batch):
                stop.wait(self._pause(int(newest[row]), now, pacer))

    def _skip_gap(self, next_us: int, pacer: Pacer) -> None:
        last = self._packer.last_us
        if not pacer.started or last is None or next_us - last >= self._packing.gap_us:
            pacer.jump(next_us)

    def _pause(self, next_us: int, now_us: int, pacer: Pacer) -> float:
        """Until the next quote, minute or sign of life; the quotes of 20 ms share a frame."""
        minute_us = (now_us // US_PER_MINUTE + 1) * US_PER_MINUTE
        wait = min(pacer.seconds_until(min(next_us, minute_us)), self._packing.hold_s / 3)
        return max(_TICK_S, wait)

    def _keep_promise(self) -> None:
        now = time.monotonic()
        if now - self._marked >= self._packing.hold_s / 3:
            self._marked = now
            self._send(self._packer.mark())

    def _send(self, records: Iterable[Packed]) -> None:
        for record in records:
            self._delivery.send(self._topic, record)

    def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is None or (now - self._reported < _REPORT_S and not force):
            return
        self._reported = now
        self._delivery.poll()
        quotes, event_us = self._delivery.quotes_delivered, self._packer.last_us
        self._on_progress(Progress(quotes, self._total, event_us, now - self._started))

    def _summary(self, source: Source, stopped: bool) -> ProduceSummary:
        packer = self._packer
        return ProduceSummary(
            source=source.name,
            quotes=self._delivery.quotes_delivered,
            records=self._delivery.delivered,
            bytes=self._delivery.bytes,
            seconds=round(time.monotonic() - self._started, 3),
            partitions=list(packer.packed),
            first=None if packer.first_us is None else iso(packer.first_us),
            last=None if packer.last_us is None else iso(packer.last_us),
            stopped=stopped,
            skipped=source.skipped,
        )
