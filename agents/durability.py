"""Offsets are committed only when what was done with their records is durable.

A checkpoint holds an agent's state for one partition and the offset to read on from. It is written
after everything sent before it has been confirmed and everything stored before it has been
committed; only then are the records acknowledged. After a crash a successor restores the state,
reads on, and repeats some effects, which are all idempotent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import structlog

from agents import metrics
from agents.publishing import DeadLetters, Publisher
from agents.state import compress, encode_state, unpack_state
from schemas.times import from_us
from timescale.checkpoints import Checkpoint, CheckpointStore
from timescale.errors import TimescaleError
from timescale.writer import RowWriter

log = structlog.get_logger(__name__)

RETRY_S = 0.5

# Places for a part: what the stored state builds on, what this worker stores next, and what one
# that has lost the partition may still be storing.
PARTS = 3


@dataclass(slots=True)
class Effects:
    """Where the agents' effects go."""

    app: Any
    writer: RowWriter
    checkpoints: CheckpointStore
    topic_ids: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Ledger:
    """The records of one partition that one agent has taken in and not acknowledged yet."""

    agent: str
    topic: str
    partition: int
    effects: Effects
    interval_s: float
    publisher: Publisher = field(init=False)
    dead_letters: DeadLetters = field(init=False)
    _held: list[Any] = field(default_factory=list)
    _done: int = -1
    _last: float = field(default_factory=time.monotonic)
    _running: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.effects.app)
        self.dead_letters = DeadLetters(self.publisher)

    @property
    def topic_id(self) -> str:
        """Tells this creation of the topic from an earlier one with the same offsets."""
        return self.effects.topic_ids[self.topic]

    async def restore(self) -> tuple[Checkpoint, dict[str, Any]] | None:
        """The newest checkpoint of this partition and the state in it; waits for the database."""
        found = await self._patiently(partial(self._load, self.agent, self.partition))
        if found is None or found.state is None:
            return None
        self._done = found.processed_offset
        return found, unpack_state(found.state)

    async def recall(self, number: int) -> dict[str, Any] | None:
        """The newest part of that number (see :meth:`begin`); waits for the database."""
        found = await self._patiently(partial(self._load, f"{self.agent}.part", number % PARTS))
        return None if found is None or found.state is None else unpack_state(found.state)

    async def _patiently(self, load: Callable[[], Awaitable[Checkpoint | None]]) -> Any:
        while True:
            try:
                return await load()
            except TimescaleError as exc:
                log.warning("waiting for the database", agent=self.agent, reason=str(exc))
                await asyncio.sleep(RETRY_S)

    async def _load(self, agent: str, partition: int) -> Checkpoint | None:
        return await self.effects.checkpoints.load(agent, self.topic_id, partition)

    def hold(self, event: Any) -> None:
        """Remember a record to acknowledge once its effects are durable."""
        self._held.append(event)

    def due(self, processed: int) -> bool:
        """Whether it is time for a checkpoint and there is something new to keep."""
        if self._running is not None and self._running.done():
            self._running.result()
            self._running = None
        waited = time.monotonic() - self._last >= self.interval_s
        return waited and self._running is None and self.behind(processed)

    def behind(self, processed: int) -> bool:
        """Whether anything was taken in since the last checkpoint began."""
        return processed > self._done

    def begin(
        self,
        state: dict[str, Any],
        next_offset: int,
        processed: int,
        event_time: int,
        part: tuple[int, dict[str, Any]] | None = None,
        before: Sequence[Awaitable[Any]] = (),
    ) -> asyncio.Task[None]:
        """Start a checkpoint of everything up to now; the agent may go on meanwhile.

        It acknowledges the records of ``topic`` before ``next_offset``, and all those of others.
        ``part`` is a number and a part of the state that is large and seldom stored, which the
        state and those after it build on; it takes the place of the third last number. Who goes
        on from a stored state leaves one number out: it may be taken by who had the partition.
        ``before`` are effects of other kinds that must be there first.
        """
        self._last = time.monotonic()
        self._done = processed
        checkpoint = Checkpoint(
            agent=self.agent,
            topic_id=self.topic_id,
            partition=self.partition,
            next_offset=next_offset,
            processed_offset=processed,
            event_time=from_us(event_time),
            state=encode_state(state),
        )
        checkpoints = [checkpoint]
        if part is not None:
            number, content = part
            aside = replace(checkpoint, agent=f"{self.agent}.part", partition=number % PARTS)
            checkpoints.insert(0, replace(aside, state=encode_state(content)))
        sent = [*self.publisher.unconfirmed(), *before]
        covered = [event for event in self._held if self._is_covered(event, next_offset)]
        self._held = [event for event in self._held if not self._is_covered(event, next_offset)]
        self._running = asyncio.create_task(self._finish(checkpoints, sent, covered, self._running))
        return self._running

    def _is_covered(self, event: Any, next_offset: int) -> bool:
        message = event.message
        return bool(message.topic != self.topic or message.offset < next_offset)

    async def _finish(
        self,
        checkpoints: list[Checkpoint],
        sent: list[Awaitable[Any]],
        covered: list[Any],
        previous: asyncio.Task[None] | None,
    ) -> None:
        started = time.monotonic()
        if previous is not None:
            await previous
        packing = asyncio.to_thread(lambda: [_packed(checkpoint) for checkpoint in checkpoints])
        packed, *_ = await asyncio.gather(
            packing, self.publisher.confirm(sent), self.effects.writer.flush()
        )
        await self.effects.checkpoints.save(packed)
        for event in covered:
            event.ack()
        metrics.CHECKPOINTS.labels(agent=self.agent).inc()
        metrics.CHECKPOINT_SECONDS.labels(agent=self.agent).observe(time.monotonic() - started)


def _packed(checkpoint: Checkpoint) -> Checkpoint:
    return replace(checkpoint, state=compress(checkpoint.state or b""))
