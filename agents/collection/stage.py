"""The collection stage: market minutes joined from ``bars``, rows to the database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from agents import metrics
from agents.collection.collector import CollectedRows, Collector
from agents.durability import Effects, Ledger
from agents.minutes import MarketClock
from schemas.bars import PartitionBars, decode_bars
from schemas.errors import InvalidMessage
from schemas.times import US_PER_S
from timescale.relations import HIGH_FREQ

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionConfig:
    """What the stage needs to know."""

    topic: str
    interval_s: int
    checkpoint_interval_s: float


@dataclass(slots=True)
class _State:
    clock: MarketClock
    collector: Collector
    ledger: Ledger
    next_offset: int = 0


class CollectionStage:
    """Feeds ``bars`` to the market clock and the collector, and stores what they give."""

    def __init__(self, config: CollectionConfig, effects: Effects) -> None:
        self.config = config
        self.effects = effects
        self._state: _State | None = None
        self._generation = 0
        self.durable_until = 0
        self._turn = asyncio.Lock()

    def reset(self) -> None:
        """Forget everything: the partition has changed hands."""
        self._state = None
        self.durable_until = 0
        self._generation += 1

    async def take(self, event: Any) -> None:
        """Take in one record of ``bars``."""
        async with self._turn:
            state = await self._current()
            if state is None:
                return
            state.ledger.hold(event)
            if event.message.offset < state.next_offset:
                return
            state.next_offset = event.message.offset + 1
            try:
                message = decode_bars(event.message.value)
            except InvalidMessage as exc:
                await state.ledger.dead_letters.reject(event.message, exc.reason, str(exc))
                return
            await self._take(state, event.message, message)
            self._checkpoint_if_due(state)

    async def _take(self, state: _State, record: Any, message: PartitionBars) -> None:
        minutes, in_time = state.clock.take(message)
        if not in_time:
            metrics.LATE.labels(topic=self.config.topic).inc()
            await state.ledger.dead_letters.reject(record, "late", "the minute is already taken")
        for minute in minutes:
            metrics.MINUTES.inc()
            await self._store(state.collector.take(minute))
        await self._store(state.collector.advance(state.clock.time))
        metrics.EVENT_TIME.labels(agent="collection").set(state.clock.time / US_PER_S)
        metrics.TRACKED.labels(tier="high_freq").set(len(state.collector.symbols))

    async def _store(self, rows: CollectedRows | None) -> None:
        if rows is None:
            return
        await self.effects.writer.put(
            HIGH_FREQ,
            {
                "symbol": rows.symbol,
                "timestamp": rows.timestamp,
                "interval_s": rows.interval_s,
                **rows.values,
            },
        )
        metrics.COLLECTED.inc(len(rows))

    async def _current(self) -> _State | None:
        """The state; None when the partition changed hands while it was being restored."""
        if self._state is None:
            generation = self._generation
            state = await self._restore()
            if generation != self._generation:
                return None
            self._state = state
        return self._state

    async def _restore(self) -> _State:
        config = self.config
        ledger = Ledger("collection", config.topic, 0, self.effects, config.checkpoint_interval_s)
        found = await ledger.restore()
        if found is None:
            return _State(MarketClock(), Collector(config.interval_s), ledger)
        checkpoint, state = found
        log.info("restored", agent="collection", offset=checkpoint.next_offset)
        return _State(
            MarketClock.restore(state["clock"]),
            Collector.restore(config.interval_s, state["collector"]),
            ledger,
            checkpoint.next_offset,
        )

    def _checkpoint_if_due(self, state: _State) -> None:
        if state.ledger.due(state.next_offset):
            self._checkpoint(state)

    def _checkpoint(self, state: _State) -> asyncio.Task[None]:
        snapshot = {"clock": state.clock.snapshot(), "collector": state.collector.snapshot()}
        time, generation = state.clock.time, self._generation
        task = state.ledger.begin(snapshot, state.next_offset, state.next_offset, time)
        task.add_done_callback(lambda done: self._note_durable(done, time, generation))
        return task

    def _note_durable(self, done: asyncio.Task[None], time: int, generation: int) -> None:
        if generation == self._generation and not done.cancelled() and not done.exception():
            self.durable_until = time

    async def tick(self) -> None:
        """By the wall clock: write a checkpoint that is due."""
        async with self._turn:
            if self._state is not None:
                self._checkpoint_if_due(self._state)

    async def finish(self) -> None:
        """Make everything taken in durable."""
        async with self._turn:
            if self._state is not None and self._state.ledger.behind(self._state.next_offset):
                await self._checkpoint(self._state)
