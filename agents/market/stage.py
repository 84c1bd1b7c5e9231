"""The second stage at work: the engine joined to Kafka and the database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from agents import metrics, models
from agents.discovery.journal import JournaledDiscovery
from agents.durability import RETRY_S, Effects, Ledger
from agents.market import rows
from agents.market.cycle import cycle_id, cycle_of, steps_of
from agents.market.engine import EngineConfig, MarketEngine, Outputs
from agents.market.order import ReadingOrder
from agents.market.told import count, discovered, discovery_facts
from schemas.bars import decode_bars
from schemas.errors import InvalidMessage
from schemas.news import decode_news, decode_security
from schemas.times import US_PER_S, iso
from schemas.tracking import decode_scan_request
from timescale.cycles import Cycles
from timescale.errors import TimescaleError, Unavailable
from timescale.relations import (
    DISCOVERIES,
    HIGH_FREQ,
    MODELS,
    NEWS,
    SCANS,
    TIER_CHANGES,
    TRACKING_STATE,
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MarketConfig:
    """What the stage needs to know: its topics, the engine's configuration, wall-clock seconds."""

    bars: str
    news: str
    securities: str
    requests: str
    catalysts: str
    decisions: tuple[str, str, str]
    signals: rows.SignalTopics
    engine: EngineConfig
    dsn: str
    checkpoint_interval_s: float
    max_clock_ahead_s: float

    @property
    def inputs(self) -> tuple[str, ...]:
        """The topics that are read, what others build on first."""
        return (self.securities, self.news, self.requests, self.bars)


@dataclass(slots=True)
class _State:
    """``discovered`` counts what discovery did since the last cycle."""

    engine: MarketEngine
    discovery: JournaledDiscovery
    ledger: Ledger
    offsets: dict[str, int]
    taken: int = 0
    discovered: Counter[str] = field(default_factory=Counter)


class MarketStage:
    """Feeds bars, news and requests to the engine and carries out what it decides.

    What a scan or discovery decided is durable before it is published. So it holds even though the
    moment in which a news item arrived may have decided what was seen: a successor repeats it to
    the letter.
    """

    def __init__(self, config: MarketConfig, effects: Effects) -> None:
        self.config = config
        self.effects = effects
        self.durable_until = 0
        self._state: _State | None = None
        self._cycles = Cycles(config.dsn)
        self._generation = 0
        self._order = ReadingOrder(config.inputs, self._read)
        self._waiting: dict[str, deque[Any]] = {topic: deque() for topic in config.inputs}
        self._turn = asyncio.Lock()
        self._handlers: dict[str, Callable[[_State, Any], Outputs | None]] = {
            config.bars: self._bars,
            config.news: self._news,
            config.securities: self._security,
            config.requests: self._request,
        }

    def reset(self) -> None:
        """Forget everything: the partitions have changed hands."""
        self._state = None
        self._waiting = {topic: deque() for topic in self.config.inputs}
        self.durable_until = 0
        self._generation += 1

    async def take(self, event: Any, consumer: Any) -> None:
        """Take in one record of any of the topics, as soon as it is its turn."""
        async with self._turn:
            generation = self._generation
            state = await self._current()
            if state is not None and generation == self._generation:
                self._waiting[event.message.topic].append(event)
                await self._work(state, consumer)

    async def _work(self, state: _State, consumer: Any) -> None:
        """Process what has come, in the order of the topics.

        Records wait here and not in the stream: a stream that is full would hold back the very
        records that they wait for.
        """
        for topic, waiting in self._waiting.items():
            while waiting and self._state is state and self._order.is_turn_of(topic, consumer):
                await self._process(state, waiting.popleft())

    async def _process(self, state: _State, event: Any) -> None:
        message = event.message
        state.ledger.hold(event)
        if message.offset < state.offsets[message.topic]:
            return
        state.offsets[message.topic] = message.offset + 1
        state.taken += 1
        try:
            out = self._handlers[message.topic](state, message)
        except InvalidMessage as exc:
            await state.ledger.dead_letters.reject(message, exc.reason, str(exc))
            return
        except Exception as exc:  # a fault of ours must not stop the market either
            log.exception("a record could not be taken in", topic=message.topic)
            await state.ledger.dead_letters.reject(message, "error", repr(exc))
            return
        if out is not None:
            await self._carry_out(state, out, message)

    def _read(self, topic: str) -> int:
        return 0 if self._state is None else self._state.offsets[topic]

    def _bars(self, state: _State, message: Any) -> Outputs:
        return state.engine.take_bars(decode_bars(message.value), message.offset)

    def _news(self, state: _State, message: Any) -> Outputs:
        latest = int((time.time() + self.config.max_clock_ahead_s) * US_PER_S)
        news = decode_news(message.value, latest_us=latest)
        metrics.NEWS.inc()
        return state.engine.take_news(news)

    def _security(self, state: _State, message: Any) -> None:
        if message.value is None and message.key:
            state.engine.forget_security(message.key.decode(errors="replace"))
        else:
            state.engine.take_security(decode_security(message.value))

    def _request(self, state: _State, message: Any) -> Outputs:
        request = decode_scan_request(message.value)
        out = state.engine.force_scan(request.mode)
        out.request = request.request
        return out

    async def _carry_out(self, state: _State, out: Outputs, message: Any = None) -> None:
        if out.late:
            metrics.LATE.labels(topic=self.config.bars).inc()
            await state.ledger.dead_letters.reject(message, "late", "the minute is already taken")
        count(state.engine, out)
        state.discovered.update(discovered(out))
        began = time.monotonic()
        await self._store(state, out)
        stored_in = round(time.monotonic() - began, 6)
        for record in rows.catalyst_records(self.config.catalysts, out.catalysts):
            await state.ledger.publisher.send(*record)
        if out.is_decided:
            await self._decide(state, out, stored_in)
        elif state.ledger.due(state.taken):
            self._checkpoint(state)

    async def _store(self, state: _State, out: Outputs) -> None:
        put = self.effects.writer.put
        for collected in out.rows:
            await put(HIGH_FREQ, rows.collected_rows(collected))
        if out.news:
            await put(NEWS, rows.news_rows(out.news))
        for update in out.updates:
            if update.scan is not None:
                await put(SCANS, rows.scan_rows(update.scan))
            if update.tier_changes:
                await put(TIER_CHANGES, rows.tier_change_rows(update.tier_changes))
            tracked = rows.tracking_rows(state.engine, update)
            if tracked["symbol"]:
                await put(TRACKING_STATE, tracked)
        if out.cases:
            await put(DISCOVERIES, rows.pattern_rows(out.cases))
        for done in out.consolidated:
            if done.model is not None:
                await put(MODELS, rows.model_rows(done, done.model))

    async def _decide(self, state: _State, out: Outputs, stored_in: float) -> None:
        """Make decisions durable, then publish them, each scan as a trading cycle."""
        waiting = state.engine.waiting_news
        opening = []
        for update in out.updates:
            if update.scan is not None:
                cycle = cycle_of(update.scan, out.request)
                since, state.discovered = state.discovered, Counter()
                steps = steps_of(update.scan, update, out, waiting, stored_in, since)
                record = self._record(partial(self._cycles.open, cycle, steps))
                opening.append(asyncio.create_task(record))
        outbox = [
            record
            for update in out.updates
            for record in rows.update_records(update, self.config.decisions)
        ]
        outbox += rows.signal_records(out, self.config.signals)
        cycles = [cycle_id(u.scan, out.request) for u in out.updates if u.scan is not None]
        await self._checkpoint(state, outbox, cycles, opening)
        await self._publish(state.ledger, outbox, cycles)

    async def _publish(self, ledger: Ledger, outbox: list[Any], cycles: list[str]) -> None:
        began = time.monotonic()
        for topic, key, value in outbox:
            await ledger.publisher.send(topic, key, value)
        done = {"records": len(outbox), "seconds": round(time.monotonic() - began, 6)}
        for cycle in cycles:
            await self._record(partial(self._cycles.close, cycle, "signals", done))

    async def _record(self, call: Callable[[], Awaitable[object]]) -> None:
        """Make a coordination record; waits for the database, as the checkpoint after it would.

        One that is refused must not hold the market up. Who lost the partitions waits no longer:
        the successor resolves what is left.
        """
        generation, waiting = self._generation, False
        while generation == self._generation:
            try:
                await call()
                return
            except Unavailable as exc:
                if not waiting:
                    log.warning("a cycle waits for the database", reason=str(exc))
                waiting = True
            except TimescaleError as exc:
                log.warning("cycle not recorded", reason=str(exc))
                return
            await asyncio.sleep(RETRY_S)
            await self.effects.writer.flush()

    def _checkpoint(
        self,
        state: _State,
        outbox: list[Any] | None = None,
        cycles: list[str] | None = None,
        before: Sequence[Awaitable[Any]] = (),
    ) -> asyncio.Task[None]:
        """Begin a checkpoint, stored when what is ``before`` it is done too."""
        bars = state.engine.clock.resume_offset(state.offsets[self.config.bars])
        offsets = state.offsets | {self.config.bars: bars}
        snapshot: dict[str, Any] = {
            "taken": state.taken,
            "offsets": [[t, self.effects.topic_ids[t], o] for t, o in offsets.items()],
            "outbox": [list(record) for record in outbox or []],
            "cycles": cycles or [],
            "discovered": dict(state.discovered),
        }
        whole = state.discovery.renew()
        snapshot["engine"] = state.engine.snapshot()
        part = None if whole is None else (state.discovery.whole, whole)
        until, generation = state.engine.clock.time, self._generation
        # Records of all topics are counted together: progress on any of them is progress.
        task = state.ledger.begin(snapshot, bars, state.taken, until, part, before)
        task.add_done_callback(lambda done: self._note_durable(done, until, generation))
        return task

    def _note_durable(self, done: asyncio.Task[None], until: int, generation: int) -> None:
        if generation == self._generation and not done.cancelled() and not done.exception():
            self.durable_until = until

    async def _current(self) -> _State | None:
        """The state; None when the partitions changed hands while it was being restored."""
        if self._state is None:
            generation = self._generation
            state = await self._restore()
            if generation != self._generation:
                return None
            self._state = state
        return self._state

    async def _restore(self) -> _State:
        config = self.config
        await asyncio.to_thread(models.prepare)
        ledger = Ledger("market", config.bars, 0, self.effects, config.checkpoint_interval_s)
        found = await ledger.restore()
        if found is None:
            await self._record(partial(self._cycles.resolve, []))
            offsets, discovery = dict.fromkeys(config.inputs, 0), JournaledDiscovery()
            return _State(MarketEngine(config.engine, discovery), discovery, ledger, offsets)
        _, saved = found
        offsets = dict.fromkeys(config.inputs, 0)
        for topic, topic_id, offset in saved["offsets"]:
            if self.effects.topic_ids.get(topic) == topic_id:
                offsets[topic] = offset
        await self._record(partial(self._cycles.resolve, saved["cycles"]))
        await self._publish(ledger, saved["outbox"], saved["cycles"])
        log.info("restored", agent="market", offsets=offsets)
        discovery = await self._resume(ledger, saved["engine"]["discovery"])
        engine = MarketEngine.restore(saved["engine"], config.engine, discovery)
        since = Counter(saved["discovered"])
        return _State(engine, discovery, ledger, offsets, saved["taken"], since)

    async def _resume(self, ledger: Ledger, saved: dict[str, Any]) -> JournaledDiscovery:
        whole = await ledger.recall(saved["whole"]) if saved["whole"] else None
        try:
            interval_us = self.config.engine.discovery_interval * US_PER_S
            return JournaledDiscovery.resume(saved, whole, interval_us)
        except ValueError as exc:
            log.error("discovery begins anew", reason=str(exc))
            return JournaledDiscovery()

    def facts(self) -> dict[str, Any]:
        """What the stage says of itself; empty where another worker runs it."""
        state = self._state
        if state is None:
            return {}
        engine = state.engine
        return {
            "event_time": iso(engine.clock.time),
            "tracked": len(engine.desk.book.tracked),
            "waiting_news": engine.waiting_news,
            "discovery": discovery_facts(state.discovery, len(engine.members)),
        }

    def discovery_times(self) -> tuple[int, int] | None:
        """The end of the newest minute given to discovery and when it was consolidated last.

        Epoch microseconds; None where another worker runs the stage, or nothing was given yet.
        """
        state = self._state
        if state is None or not state.engine.discovered_until:
            return None
        return state.engine.discovered_until, state.discovery.consolidation.last_run

    async def tick(self, consumer: Any) -> None:
        """Read news that waits for a silent market, write a checkpoint that is due."""
        async with self._turn:
            state = self._state
            if state is None:
                return
            await self._work(state, consumer)
            if state.engine.is_silent and state.engine.waiting_news:
                await self._carry_out(state, state.engine.release_news())
            elif state.ledger.due(state.taken):
                self._checkpoint(state)

    async def finish(self) -> None:
        """Make everything taken in durable."""
        async with self._turn:
            state = self._state
            if state is not None and state.ledger.behind(state.taken):
                await self._checkpoint(state)

    async def close(self) -> None:
        """Let go of the database."""
        await self._cycles.disconnect()
