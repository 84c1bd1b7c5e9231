"""The signal topics, read once a worker and handed to any number of listeners.

The first listener starts the one consumer. A listener has a bounded queue: one that does not keep
up is dropped and may come back with the position it had reached, which the ids of the events carry.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams.topics import ALERTS, OUTCOMES, SIGNALS, TRADING_CANDIDATES
from streams.web.errors import ApiError

log = structlog.get_logger(__name__)

TOPICS = (*SIGNALS, TRADING_CANDIDATES, OUTCOMES, ALERTS)
NAMES = tuple(topic.removeprefix("signals.") for topic in TOPICS)

REPLAY = 200
BUFFER = 256
MAX_LISTENERS = 100
START_S = 10.0
_RETRY_S = 2.0
_BATCH = 64
_PATIENCE_S = 0.25
_POSITION = re.compile(r"[0-9]{1,18}" + r"\.[0-9]{1,18}" * (len(NAMES) - 1))


@dataclass(frozen=True, slots=True)
class Signal:
    """One record; ``code`` indexes :data:`NAMES`."""

    code: int
    offset: int
    value: bytes


@dataclass(eq=False)
class Listener:
    """Who follows some of the topics; ``position`` is the next offset of each topic."""

    codes: frozenset[int]
    position: list[int]
    missed: list[str] = field(default_factory=list)
    backlog: deque[Signal] = field(default_factory=deque)
    queue: asyncio.Queue[Signal] = field(default_factory=lambda: asyncio.Queue(BUFFER))
    dropped: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, signal: Signal) -> bool:
        """Queue a signal; False: there is no room, the listener is too slow."""
        if signal.code in self.codes:
            try:
                self.queue.put_nowait(signal)
            except asyncio.QueueFull:
                return False
        return True

    async def next(self, seconds: float) -> Signal | None:
        """The next signal; None when there was none for ``seconds`` or this has ended."""
        if self.backlog:
            return self.backlog.popleft()
        if not self.queue.empty():
            return self.queue.get_nowait()
        getting = asyncio.ensure_future(self.queue.get())
        ending = asyncio.ensure_future(self.ended.wait())
        try:
            await asyncio.wait(
                (getting, ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            ending.cancel()

    def passed(self, signal: Signal) -> str:
        """Note that ``signal`` was delivered; the id to come back with."""
        self.position[signal.code] = signal.offset + 1
        return ".".join(map(str, self.position))


def parse_position(text: str | None) -> list[int] | None:
    """The position in an event id; None for anything else, which is then as good as no id."""
    if text is None or not _POSITION.fullmatch(text):
        return None
    return [int(part) for part in text.split(".")]


class SignalFeed:
    """Reads the signal topics for the listeners of one worker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._listeners: set[Listener] = set()
        self._recent: tuple[deque[Signal], ...] = tuple(deque(maxlen=REPLAY) for _ in TOPICS)
        self._position: list[int] = [0] * len(TOPICS)
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.state = "idle"
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many follow now."""
        return len(self._listeners)

    async def start(self) -> None:
        """Begin to read, unless that was done before.

        Raises:
            ApiError: 503, the broker does not answer.
        """
        async with self._starting:
            if self._task is not None:
                return
            try:
                async with asyncio.timeout(START_S):
                    consumer = await self._connect(resume=False)
            except (KafkaError, OSError, TimeoutError) as exc:
                self.state = f"unreachable: {type(exc).__name__}"
                raise ApiError(503, "the broker does not answer", {"Retry-After": "5"}) from None
            self._task = asyncio.create_task(self._follow(consumer), name="signals")

    async def stop(self) -> None:
        """Let every listener go and the broker too."""
        for listener in self._listeners:
            listener.ended.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @contextmanager
    def listen(self, names: Sequence[str], position: list[int] | None) -> Iterator[Listener]:
        """Follow the topics of ``names`` (all, where none is given) from ``position`` or from now.

        Raises:
            ApiError: 503, there are too many listeners.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise ApiError(503, "too many follow the signals here", {"Retry-After": "10"})
        codes = frozenset(NAMES.index(name) for name in names or NAMES)
        listener = Listener(codes, list(position or self._position))
        if position is not None:
            self._replay(listener)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _replay(self, listener: Listener) -> None:
        """Give a listener that came back what it has missed, or say what cannot be given."""
        for code in sorted(listener.codes):
            recent, wanted = self._recent[code], listener.position[code]
            listener.backlog.extend(item for item in recent if item.offset >= wanted)
            if wanted < (recent[0].offset if recent else self._position[code]):
                listener.missed.append(NAMES[code])

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                self.state = "ok"
                while True:
                    self._hand_out(await consumer.getmany(timeout_ms=1000, max_records=_BATCH))
                    await self._pace()
            except (KafkaError, OSError) as exc:
                self.state = f"retrying: {type(exc).__name__}"
                log.warning("the signal topics cannot be read, trying again", reason=str(exc))
            finally:
                await consumer.stop()
            consumer = await self._reconnect()

    async def _reconnect(self) -> AIOKafkaConsumer:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                return await self._connect(resume=True)
            except (KafkaError, OSError) as exc:
                self.state = f"retrying: {type(exc).__name__}"

    async def _connect(self, resume: bool) -> AIOKafkaConsumer:
        """A consumer at the end, or where it was; what came just before the end is kept.

        The end comes from a fetch, as not every broker answers well when asked for it.
        """
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            client_id="catalyst-signals",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(topic, 0) for topic in TOPICS]
            consumer.assign(partitions)
            if resume:
                for partition, offset in zip(partitions, self._position, strict=True):
                    consumer.seek(partition, offset)
            else:
                await self._catch_up(consumer, partitions)
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _catch_up(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        first = await consumer.beginning_offsets(partitions)
        for partition in partitions:
            consumer.seek(partition, first[partition])
        while any(consumer.highwater(partition) is None for partition in partitions):
            await consumer.getmany(timeout_ms=100)
        ends = [int(consumer.highwater(partition)) for partition in partitions]
        for code, (partition, end) in enumerate(zip(partitions, ends, strict=True)):
            start = max(first[partition], end - REPLAY)
            self._position[code] = end
            consumer.seek(partition, start)
        while True:
            at = [await consumer.position(partition) for partition in partitions]
            if all(now >= end for now, end in zip(at, ends, strict=True)):
                self._position = [max(pair) for pair in zip(self._position, ends, strict=True)]
                return
            self._hand_out(await consumer.getmany(timeout_ms=100))

    async def _pace(self) -> None:
        """Let the listeners write: a burst alone makes nobody a slow one."""
        deadline = time.monotonic() + _PATIENCE_S
        await asyncio.sleep(0)
        while any(listener.queue.qsize() > BUFFER - _BATCH for listener in self._listeners):
            if time.monotonic() >= deadline:
                return
            await asyncio.sleep(0.01)

    def _hand_out(self, batches: Mapping[TopicPartition, Sequence[ConsumerRecord]]) -> None:
        for partition, records in batches.items():
            code = TOPICS.index(partition.topic)
            for record in records:
                self._take(code, record.offset, record.value)

    def _take(self, code: int, offset: int, value: bytes | None) -> None:
        self._position[code] = offset + 1
        if value is None:
            return
        signal = Signal(code, offset, value)
        self._recent[code].append(signal)
        for listener in list(self._listeners):
            if not listener.offer(signal):
                self._drop(listener)

    def _drop(self, listener: Listener) -> None:
        listener.dropped = True
        listener.ended.set()
        self._listeners.discard(listener)
        self.dropped += 1
        log.warning("dropped a listener that did not keep up", buffered=BUFFER)
