"""The tracking stage: trackers of the partitions at hand, joined to Kafka and the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from agents import metrics
from agents.durability import Effects, Ledger
from agents.records import records_of
from agents.tracking.buffer import QuoteRows
from agents.tracking.rows import latest_rows, tick_rows
from agents.tracking.tracker import PartitionTracker, ResumePoint, for_successor
from agents.tracking.universe import KeptRows, TickUniverse
from schemas.bars import PartitionBars, encode_bars
from schemas.errors import InvalidMessage
from schemas.quotes import QuoteColumns, decode_quotes, encode_frame, encode_row
from schemas.times import US_PER_S, iso
from timescale.relations import LATEST, TICKS

log = structlog.get_logger(__name__)

# How often silence is looked for, by the wall clock.
TICK_S = 0.5

# With records apparently left to read, silence must last this much longer to count as idle: offsets
# without a record (transaction markers, what retention has removed) look like a backlog for ever.
_BACKLOG_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class TrackingConfig:
    """What the stage needs to know; times in seconds."""

    topic: str
    bars_topic: str
    partitions: int
    lateness_s: float
    idle_after: float
    checkpoint_interval_s: float
    max_clock_ahead_s: float


@dataclass(slots=True)
class _Partition:
    tracker: PartitionTracker
    ledger: Ledger
    kept: KeptRows
    heard: float = field(default_factory=time.monotonic)
    silent: bool = False
    said: int = 0
    said_before: int = 0
    said_at: float = 0.0


class TrackingStage:
    """Feeds records to the tracker of their partition and carries out what it says."""

    def __init__(self, config: TrackingConfig, effects: Effects, universe: TickUniverse) -> None:
        self.config = config
        self.universe = universe
        self.effects = effects
        self._partitions: dict[int, _Partition] = {}
        self._generation = 0
        self._ticked = 0.0
        self._turn = asyncio.Lock()

    def reset(self) -> None:
        """Forget everything: partitions have changed hands and are restored when next needed."""
        self._partitions = {}
        self._generation += 1

    async def take(self, event: Any) -> None:
        """Take in the records of one event of ``quotes``; others get their turn after each."""
        async with self._turn:
            part = await self._at(event.message.partition)
            if part is None:
                return
            part.ledger.hold(event)
        for record in records_of(event.message):
            async with self._turn:
                if self._partitions.get(record.partition) is not part:
                    return
                await self._take_in(part, record)
            # A stream with records at hand never waits, and decisions would wait for all of them.
            await asyncio.sleep(0)

    async def _take_in(self, part: _Partition, record: Any) -> None:
        started = time.monotonic()
        if record.offset >= part.tracker.next_offset:
            await self._take(part, record)
            await self._publish(part, part.tracker.close_due())
            if part.ledger.due(part.tracker.next_offset):
                await self._checkpoint(part)
        self._account(part, started)

    def _account(self, part: _Partition, started: float) -> None:
        """Note that ``part`` was heard; time that this took counts as nobody's silence."""
        now = time.monotonic()
        for other in self._partitions.values():
            other.heard += now - started
        part.heard = now

    async def _take(self, part: _Partition, message: Any) -> None:
        latest = int((time.time() + self.config.max_clock_ahead_s) * US_PER_S)
        try:
            quotes = decode_quotes(message.value, latest_us=latest)
            taken = part.tracker.take(quotes, message.offset)
        except InvalidMessage as exc:
            part.tracker.skip(message.offset)
            await part.ledger.dead_letters.reject(message, exc.reason, str(exc))
            return
        except Exception as exc:  # a fault of ours must not stop the market either
            log.exception("a record could not be taken in", offset=message.offset)
            part.tracker.skip(message.offset)
            await part.ledger.dead_letters.reject(message, "error", repr(exc))
            return
        metrics.QUOTES.inc(len(quotes))
        metrics.DUPLICATES.inc(taken.duplicates)
        if quotes.rejected or len(taken.late):
            await self._reject(part, message, quotes, taken.late.tolist())
        await self._store(part, taken.ticks)

    async def _store(self, part: _Partition, ticks: QuoteRows) -> None:
        kept = part.kept.keep(ticks.ids)
        if kept is not None:
            if not kept.any():
                return
            ticks = ticks.take(kept)
        if len(ticks):
            symbols = part.tracker.table.symbols
            await self.effects.writer.put(TICKS, tick_rows(ticks), symbols=symbols)
            metrics.TICKS.inc(len(ticks))

    async def _reject(
        self, part: _Partition, message: Any, quotes: QuoteColumns, late: list[int]
    ) -> None:
        for row, reason in quotes.rejected:
            value = encode_row(quotes.source, row) if quotes.source else None
            await part.ledger.dead_letters.reject(
                message, reason, f"{reason} of quote {row} in the frame", value
            )
        metrics.LATE.labels(topic=self.config.topic).inc(len(late))
        if late:
            rest = encode_frame(quotes.take(np.array(late))) if len(quotes) > 1 else None
            await part.ledger.dead_letters.reject(
                message, "late", f"{len(late)} quotes older than the watermark", rest
            )

    async def _publish(self, part: _Partition, messages: Iterable[PartitionBars]) -> None:
        for message in messages:
            await self._send(part, encode_bars(message))
            metrics.BARS.inc(len(message.bars))
            metrics.EVENT_TIME.labels(agent="tracking").set(part.tracker.clock / US_PER_S)

    async def _send(self, part: _Partition, value: bytes) -> None:
        key = str(part.tracker.partition).encode()
        await part.ledger.publisher.send(self.config.bars_topic, key, value)

    async def _at(self, partition: int) -> _Partition | None:
        """The state of a partition; None when it changed hands while it was being restored."""
        part = self._partitions.get(partition)
        if part is None:
            generation = self._generation
            part = await self._restore(partition)
            if generation != self._generation:
                return None
            self._partitions[partition] = part
        return part

    async def _restore(self, partition: int) -> _Partition:
        config = self.config
        lateness = int(config.lateness_s * US_PER_S)
        ledger = Ledger(
            "tracking", config.topic, partition, self.effects, config.checkpoint_interval_s
        )
        found = await ledger.restore()
        if found is None:
            return self._new(PartitionTracker(partition, config.partitions, lateness), ledger)
        checkpoint, state = found
        resume = ResumePoint(checkpoint.next_offset, state["clock"], checkpoint.processed_offset)
        tracker = PartitionTracker.restore(
            partition, config.partitions, lateness, state["tracker"], resume
        )
        part = self._new(tracker, ledger)
        log.info("restored", partition=partition, offset=resume.offset, symbols=len(tracker.table))
        for value in state["outbox"]:
            await self._send(part, value)
        return part

    def _new(self, tracker: PartitionTracker, ledger: Ledger) -> _Partition:
        return _Partition(tracker, ledger, KeptRows(self.universe, tracker.table.symbols))

    async def _checkpoint(self, part: _Partition, outbox: Iterable[bytes] = ()) -> Any:
        tracker = part.tracker
        changed = tracker.table.take_changed()
        if len(changed):
            rows = latest_rows(tracker.table, changed)
            await self.effects.writer.put(LATEST, rows, symbols=tracker.table.symbols)
        resume = tracker.resume_point()
        state = {"clock": resume.clock, "outbox": list(outbox), "tracker": tracker.snapshot()}
        return part.ledger.begin(state, resume.offset, resume.processed, tracker.closed_until)

    async def tick(self, consumer: Any) -> None:
        """By the wall clock: note the lag, close silent partitions, write checkpoints due."""
        async with self._turn:
            self._discount_stall()
            for tp in consumer.assignment():
                if tp.topic == self.config.topic and (part := await self._at(tp.partition)):
                    part.silent = self._is_silent(part, consumer, tp)
            for part in self._partitions.values():
                if part.silent:
                    await self._release(part)
                if part.ledger.due(part.tracker.next_offset):
                    await self._checkpoint(part)

    def _discount_stall(self) -> None:
        """Time in which this worker did not get to run counts as nobody's silence."""
        now = time.monotonic()
        stall = now - self._ticked - 2 * TICK_S
        if self._ticked and stall > 0:
            for part in self._partitions.values():
                part.heard = min(part.heard + stall, now)
        self._ticked = now

    def _is_silent(self, part: _Partition, consumer: Any, tp: Any) -> bool:
        """Whether the partition has given nothing for so long that nobody waits for it."""
        # Asked for at the last moment: a partition may be revoked at every await.
        end = consumer.highwater(tp) if tp in consumer.assignment() else None
        if end is None:
            return False
        backlog = max(0, end - part.tracker.next_offset)
        metrics.LAG.labels(topic=tp.topic, partition=str(tp.partition)).set(backlog)
        patience = max(self.config.idle_after, part.tracker.hold_s)
        if backlog:
            patience *= _BACKLOG_PATIENCE
        return time.monotonic() - part.heard >= patience

    async def _release(self, part: _Partition) -> None:
        """See to it that nobody waits for a silent partition."""
        if not part.tracker.idle:
            await self._close_silent(part)
        elif self._is_waited_for(part):
            self._note_said(part)
            await self._publish(part, [part.tracker.marker()])

    def _is_waited_for(self, part: _Partition) -> bool:
        """Whether the partition has to say again that it is idle.

        Only its second word releases what others had closed at its first. What partitions of other
        workers do is not known here, so there the word is given again and again.
        """
        if time.monotonic() - part.said_at < self.config.idle_after:
            return False
        if len(self._partitions) == self.config.partitions:
            return self._closed_until() > part.said_before
        return True

    def _note_said(self, part: _Partition) -> None:
        part.said_before, part.said = part.said, self._closed_until()
        part.said_at = time.monotonic()

    def _closed_until(self) -> int:
        return max(part.tracker.closed_until for part in self._partitions.values())

    async def _close_silent(self, part: _Partition) -> None:
        """Close what the silent partition holds, as far as the others have come.

        The wall clock decides here, so the decision is made durable before it is published: a
        successor publishes the same bars.
        """
        others = [
            p.tracker.watermark
            for p in self._partitions.values()
            if not p.silent and p.tracker.watermark
        ]
        until = min(others) if others and part.tracker.open_quotes else None
        messages = part.tracker.close_idle(until)
        if not messages:
            return
        metrics.IDLE.inc()
        part.said = 0
        self._note_said(part)
        await (await self._checkpoint(part, map(encode_bars, for_successor(messages))))
        await self._publish(part, messages)

    def facts(self) -> dict[str, Any]:
        """What the stage says of itself; empty while it has no partitions."""
        parts = self._partitions
        if not parts:
            return {}
        return {
            "partitions": sorted(parts),
            "symbols": sum(len(part.tracker.table) for part in parts.values()),
            "event_time": iso(max(part.tracker.clock for part in parts.values())),
        }

    async def finish(self) -> None:
        """Make everything taken in durable, so that a successor has nothing to repeat."""
        async with self._turn:
            for part in self._partitions.values():
                if part.ledger.behind(part.tracker.next_offset):
                    await (await self._checkpoint(part))
