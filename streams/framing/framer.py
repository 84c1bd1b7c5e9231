"""Reads one quote a message, sends frames, and commits what has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

import numpy as np

from schemas.errors import InvalidMessage
from schemas.quote_batches import decode_singles
from schemas.times import US_PER_MINUTE, US_PER_S, iso
from streams.framing.merging import SourceMerge
from streams.framing.packing import Repacker
from streams.framing.source import ForeignTopic
from streams.producing.delivery import Delivery
from streams.producing.packing import Packed
from streams.producing.quotes import Progress
from streams.topics import MAX_MESSAGE_BYTES, dead_letter

_READ = 10_000
_COMMIT_S = 0.5
_REPORT_S = 0.25
# A partition is not read on while so many of its quotes wait for those of another.
_HELD_MOST, _HELD_AGAIN = 200_000, 50_000
_REJECTED_BYTES = MAX_MESSAGE_BYTES - (64 << 10)


@dataclass(frozen=True, slots=True)
class Framing:
    """From where to where, and how quotes are framed.

    ``linger_s`` is how long a quote may wait for its frame to fill. ``hold_s`` is the promise of
    the next record, in seconds of wall clock, while the source gives any; a restart within it is
    not noticed. ``idle_after`` is when a silent source partition no longer holds time back.
    """

    source: str
    target: str
    partitions: int
    max_rows: int = 1000
    linger_s: float = 0.02
    hold_s: float = 30.0
    idle_after: float = 2.0
    lateness_us: int = 5 * US_PER_S
    max_clock_ahead_s: float = 3600.0


@dataclass(slots=True)
class FrameSummary:
    """What a run did; ``partitions`` counts quotes sent by partition, times are event time."""

    source: str
    target: str
    messages: int
    quotes: int
    frames: int
    rejected: int
    bytes: int
    seconds: float
    partitions: list[int]
    first: str | None
    last: str | None
    stopped: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Framer:
    """Frames one topic; see ``run``."""

    def __init__(
        self,
        source: ForeignTopic,
        delivery: Delivery,
        framing: Framing,
        *,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._source = source
        self._delivery = delivery
        self._framing = framing
        self._on_progress = on_progress
        self._packer = Repacker(framing.partitions, framing.max_rows, framing.hold_s)
        now = self._started = self._reported = time.monotonic()
        self._merge = SourceMerge(source.partitions, now, framing.linger_s)
        self._flushed = self._marked = self._committed = now
        self._promised = False
        self._closed_minute = 0
        self._paused: set[int] = set()
        self._messages = self._rejected = self._frames = 0
        self._first: int | None = None
        self._last: int | None = None

    def run(self, stop: Event, *, until_end: bool = False) -> FrameSummary:
        """Frame until ``stop`` is set, or with ``until_end`` to the end of the topic.

        Then what was read in order is sent, and where to go on is committed. After a stop the
        promise of a next record stands, for a restart to keep; at the end it is withdrawn.

        Raises:
            UserError: the topic cannot be read, or a record was not delivered.
        """
        try:
            while not stop.is_set() and not (until_end and self._merge.finished):
                self._step()
            if until_end and not stop.is_set():
                self._mark(self._last, promise=False)
        finally:
            try:
                if not self._delivery.failed:
                    self._commit(wait=True)
            finally:
                self._source.close()
        self._report(force=True)
        return self._summary(stop.is_set())

    def _step(self) -> None:
        messages, ended = self._source.read(_READ, self._framing.linger_s)
        if messages:
            self._take(messages)
        for partition in ended:
            self._merge.end(partition)
        self._forward()
        self._keep_time()
        now = time.monotonic()
        if now - self._committed >= _COMMIT_S:
            self._committed = now
            self._commit()
        self._hold_back()
        self._source.look_after()
        self._report()

    def _take(self, messages: list[Any]) -> None:
        self._messages += len(messages)
        latest_us = int((time.time() + self._framing.max_clock_ahead_s) * US_PER_S)
        values = [message.value() for message in messages]
        quotes, record, rejected = decode_singles(values, latest_us=latest_us)
        for at, why in rejected:
            self._reject(messages[at], why)
        places = np.array([message.partition() for message in messages], np.int32)
        now = time.monotonic()
        for partition in np.flatnonzero(np.bincount(places)).tolist():
            first, last = np.flatnonzero(places == partition)[[0, -1]].tolist()
            offsets = messages[first].offset(), messages[last].offset() + 1
            rows = np.flatnonzero(places[record] == partition)
            own = quotes if len(rows) == len(quotes) else quotes.take(rows)
            self._merge.add(partition, own, offsets, now)

    def _reject(self, message: Any, why: InvalidMessage) -> None:
        self._rejected += 1
        value = message.value() or b""
        headers = {
            "reason": why.reason.encode(),
            "error": str(why)[:1000].encode(errors="replace"),
            "topic": self._framing.source.encode(),
            "partition": str(message.partition()).encode(),
            "offset": str(message.offset()).encode(),
        }
        if len(value) > _REJECTED_BYTES:
            headers["cut_from"] = str(len(value)).encode()
            value = value[:_REJECTED_BYTES]
        record = Packed(-1, message.key(), value, 0)
        self._delivery.send(dead_letter(self._framing.source), record, headers)

    def _forward(self) -> None:
        """Send the frames that are full, and after ``linger_s`` also those that are not."""
        quotes = self._merge.release(time.monotonic())
        if quotes is not None:
            if not self._promised:
                self._announce(int(quotes.ts[0]))
            newest = int(quotes.ts.max())
            self._first = int(quotes.ts[0]) if self._first is None else self._first
            self._last = max(newest, self._last or newest)
            self._send(self._packer.add(quotes))
        now = time.monotonic()
        if now - self._flushed >= self._framing.linger_s:
            self._flushed = now
            self._send(self._packer.flush())
            self._delivery.poll()

    def _announce(self, first_us: int) -> None:
        """Let every partition know before the first can run ahead that quotes are coming."""
        self._promised = True
        clock = first_us // US_PER_MINUTE * US_PER_MINUTE
        self._send(self._packer.mark(clock, promise=True))
        self._delivery.flush()
        self._marked = time.monotonic()

    def _keep_time(self) -> None:
        """Tell every partition when minutes close, and that there is more to come."""
        now, framing = time.monotonic(), self._framing
        if self._merge.is_silent(now, framing.idle_after):
            if self._promised:
                self._mark(self._clock(), promise=False)
            return
        clock = self._clock()
        if not self._promised or clock is None:
            return
        closed = (clock - framing.lateness_us) // US_PER_MINUTE
        if closed > self._closed_minute or now - self._marked >= framing.hold_s / 3:
            self._closed_minute = closed
            self._mark(clock, promise=True)

    def _clock(self) -> int | None:
        return self._merge.clock(time.monotonic(), self._framing.idle_after)

    def _mark(self, clock: int | None, *, promise: bool) -> None:
        self._promised = promise
        self._marked = time.monotonic()
        if clock is not None:
            self._send(self._packer.mark(clock, promise=promise))

    def _commit(self, *, wait: bool = False) -> None:
        """Wait until all that was sent has arrived, then commit the records that it came from."""
        self._send(self._packer.flush())
        self._delivery.flush()
        positions = {p: self._merge.position(p) for p in self._source.partitions}
        self._source.commit({p: at for p, at in positions.items() if at is not None}, wait=wait)

    def _hold_back(self) -> None:
        """Wait for the partitions that lag, so that memory stays bounded."""
        held = {p: self._merge.held(p) for p in self._source.partitions}
        if full := {p for p, rows in held.items() if rows > _HELD_MOST} - self._paused:
            self._source.pause(full)
        if ready := {p for p in self._paused if held[p] < _HELD_AGAIN}:
            self._source.resume(ready)
        self._paused = (self._paused | full) - ready

    def _send(self, records: Iterable[Packed]) -> None:
        for record in records:
            self._frames += record.quotes > 0
            self._delivery.send(self._framing.target, record)

    def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self._on_progress is None or (now - self._reported < _REPORT_S and not force):
            return
        self._reported = now
        quotes = self._delivery.quotes_delivered
        self._on_progress(Progress(quotes, None, self._last, now - self._started))

    def _summary(self, stopped: bool) -> FrameSummary:
        framing = self._framing
        return FrameSummary(
            source=framing.source,
            target=framing.target,
            messages=self._messages,
            quotes=self._delivery.quotes_delivered,
            frames=self._frames,
            rejected=self._rejected,
            bytes=self._delivery.bytes,
            seconds=round(time.monotonic() - self._started, 3),
            partitions=self._packer.packed,
            first=None if self._first is None else iso(self._first),
            last=None if self._last is None else iso(self._last),
            stopped=stopped,
        )
