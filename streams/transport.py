"""Faust's Kafka driver: aiokafka is the member of the group, librdkafka reads the records.

The group, the positions and the commits stay with aiokafka, whose own fetching is paused. Where a
position is moved, by a rebalance or a seek, reading goes on from there.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import ConsumerStoppedError
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from agents.records import Batch, Record, in_batches
from streams.reading import Found, PartitionReader, Place
from streams.topics import QUOTES

# Topics of which an event holds as many records as there are.
IN_BATCHES = frozenset({QUOTES})
# A consumer that stops waits for the reader so long.
_WAIT_S = 0.25


class _RebalanceListener(driver.ConsumerRebalanceListener):
    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        assigned = list(assigned)
        # Before the first await, lest aiokafka fetch what nobody takes.
        self._thread._ensure_consumer().pause(*assigned)
        await super().on_partitions_assigned(assigned)


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    async def on_start(self) -> None:
        transport: Any = self.transport
        servers = driver.server_list(transport.url, transport.default_port)
        conf = self.app.conf
        self._reader = PartitionReader(",".join(servers), conf.id, conf.consumer_max_fetch_size)
        self._executor = ThreadPoolExecutor(1, "reader")
        self._fetching = asyncio.Lock()
        await super().on_start()

    async def on_thread_stop(self) -> None:
        await super().on_thread_stop()
        await asyncio.get_running_loop().run_in_executor(self._executor, self._reader.close)
        self._executor.shutdown(wait=False)

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, list[Record | Batch]]:
        if not self.consumer.flow_active:
            return {}
        if consumer._closed:
            raise ConsumerStoppedError
        # Who asked before may have given up; what it still reads must not be missed here.
        async with self._fetching:
            return await self._fetch(consumer, active_partitions)

    async def _fetch(self, consumer: Any, wanted: set[TP]) -> dict[TP, list[Record | Batch]]:
        with consumer._subscription.fetch_context():
            assignment = _assignment(consumer)
            positions = _positions(assignment, wanted)
            if not positions:
                await asyncio.sleep(_WAIT_S)
                return {}
            found = await self._read(positions)
            if _assignment(consumer) is not assignment:
                return {}
            return _accept(assignment, positions, found)

    async def _read(self, positions: dict[Place, int]) -> Found:
        """What is at hand, at once; else what comes, while this thread does other things."""
        found = self._reader.read(positions, 0)
        if found.records:
            return found
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._reader.read, positions, _WAIT_S)


def _assignment(consumer: Any) -> Any:
    """The assignment that holds; None while there is none."""
    if consumer._subscription.reassignment_in_progress:
        return None
    subscription = consumer._subscription.subscription
    return None if subscription is None else subscription.assignment


def _positions(assignment: Any, wanted: set[TP]) -> dict[Place, int]:
    """Where to read on, of the partitions of which this is known."""
    if assignment is None:
        return {}
    states = {tp: assignment.state_value(tp) for tp in wanted}
    return {
        tp: state.position
        for tp, state in states.items()
        if state is not None and state.has_valid_position
    }


def _accept(
    assignment: Any, positions: dict[Place, int], found: Found
) -> dict[TP, list[Record | Batch]]:
    """Move the positions over what was found, unless they have been moved meanwhile."""
    taken: dict[TP, list[Record | Batch]] = {}
    for tp, position in ((TP(*place), at) for place, at in positions.items()):
        state = assignment.state_value(tp)
        state.timestamp = int(time.time() * 1000)
        state.highwater = found.ends.get(tp, state.highwater)
        records = found.records.get(tp)
        if records and state.has_valid_position and state.position == position:
            state.consumed_to(records[-1].offset + 1)
            taken[tp] = list(in_batches(records) if tp.topic in IN_BATCHES else records)
    return taken


class _Consumer(driver.Consumer):
    RebalanceListener = _RebalanceListener

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Record | Batch) -> ConsumerMessage:
        last = record.last if isinstance(record, Batch) else record
        value: Any = record if isinstance(record, Batch) else last.value
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp,
            0,
            None,
            last.key,
            value,
            None,
            serialized_value_size=-1,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_offset(self, tp: TP) -> int | None:
        """Commit up to the oldest event that waits for its effects.

        Faust's own counts offset by offset, as if each were an event.
        """
        waiting = (message.offset for message in self._unacked_messages if message.tp == tp)
        oldest = min(waiting, default=math.inf)
        done = {offset for offset in self._acked[tp] if offset < oldest}
        if not done:
            return None
        self._acked[tp] = [offset for offset in self._acked[tp] if offset not in done]
        self._acked_index[tp].difference_update(done)
        return max(done) + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets without an event need no care: see :meth:`_new_offset`."""


class PromptTransport(driver.Transport):
    """Hands a worker its records without waiting, and many at once."""

    Consumer = _Consumer


class NoTables(TableManager):
    """There are none; Faust's own gives them a second to be declared before it subscribes."""

    async def on_start(self) -> None:
        """Say at once that all are declared."""
        await self._update_channels()
        await self.recovery.start()
