"""A worker reads by librdkafka, commits what is done, and joins its group without Faust's waits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from agents.records import MOST_BYTES, MOST_RECORDS, Batch, Record, in_batches
from streams.app import create_app
from streams.settings import Settings

QUOTES = TP("quotes", 0)


def record(offset: int, value: bytes = b"x") -> Record:
    return Record(QUOTES.topic, QUOTES.partition, offset, 1.0, b"key", value)


def test_a_worker_does_not_wait_for_tables_before_it_subscribes() -> None:
    async def waits() -> bool:
        app = create_app(Settings(_env_file=None))
        starting = asyncio.create_task(app.tables.on_start())
        for _ in range(100):
            await asyncio.sleep(0)
        # It goes on to a consumer, which nobody has started here.
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return not app.tables._tables_finalized.is_set()

    assert not asyncio.run(waits())


def test_a_batch_is_full_by_records_or_by_bytes_and_nothing_is_lost() -> None:
    small = [record(offset) for offset in range(2 * MOST_RECORDS + 1)]
    large = [record(offset, bytes(MOST_BYTES - 1)) for offset in range(3)]
    for records, sizes in ((small, [MOST_RECORDS, MOST_RECORDS, 1]), (large, [1, 1, 1])):
        batches = list(in_batches(records))
        assert [len(batch.records) for batch in batches] == sizes
        assert [r for batch in batches for r in batch.records] == records


def test_an_event_of_a_batch_is_that_of_its_last_record() -> None:
    async def made() -> Any:
        consumer: Any = create_app(Settings(_env_file=None)).consumer
        return consumer._to_message(QUOTES, Batch([record(7), record(9)]))

    message = asyncio.run(made())
    assert (message.offset, message.key, message.tp) == (9, b"key", QUOTES)
    assert [r.offset for r in message.value.records] == [7, 9]


def test_nothing_is_committed_past_an_event_that_waits_for_its_effects() -> None:
    async def committed() -> list[int | None]:
        consumer: Any = create_app(Settings(_env_file=None)).consumer
        consumer._unacked_messages = [SimpleNamespace(tp=QUOTES, offset=19)]
        consumer._acked[QUOTES] = [9, 29]
        found = [consumer._new_offset(QUOTES), consumer._new_offset(QUOTES)]
        consumer._unacked_messages = []
        consumer._acked[QUOTES].append(19)
        return [*found, consumer._new_offset(QUOTES)]

    assert asyncio.run(committed()) == [10, None, 30]
