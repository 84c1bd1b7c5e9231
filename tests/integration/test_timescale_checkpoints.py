import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.timescale_db import empty, migrated_server, rows_of
from timescale.checkpoints import Checkpoint, CheckpointStore, load_checkpoint
from timescale.connect import connect_async
from timescale.relations import TICKS
from timescale.writer import RowWriter


@pytest.fixture(scope="module")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("checkpoints")) as server:
        yield server.dsn


@pytest.fixture
def dsn(server_dsn: str) -> str:
    empty(server_dsn)
    return server_dsn


def at(offset: int, state: bytes | None = None) -> Checkpoint:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    return Checkpoint("tracking", "quotes-1", 0, offset + 3, offset, moment, state)


@pytest.mark.asyncio
async def test_what_was_saved_is_loaded(dsn: str) -> None:
    writer = RowWriter(dsn)
    await writer.start()
    store = CheckpointStore(writer, dsn)
    assert await store.load("tracking", "quotes-1", 0) is None
    other = Checkpoint("tracking", "quotes-1", 1, 9, 9)
    await store.save([at(5, b"\0state"), other])
    assert await store.load("tracking", "quotes-1", 0) == at(5, b"\0state")
    async with await connect_async(dsn) as connection:
        assert await load_checkpoint(connection, "tracking", "quotes-1", 1) == other
    await writer.stop()


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_a_checkpoint_never_goes_back(server_dsn: str, offsets: list[int]) -> None:
    empty(server_dsn)

    async def save() -> Checkpoint | None:
        writer = RowWriter(server_dsn)
        await writer.start()
        store = CheckpointStore(writer, server_dsn)
        for number, offset in enumerate(offsets):
            await store.save([at(offset, bytes([number]))])
        await writer.stop()
        return await load_checkpoint(server_dsn, "tracking", "quotes-1", 0)

    stored = asyncio.run(save())
    assert stored is not None
    assert stored.processed_offset == max(offsets)
    newest = max(n for n, offset in enumerate(offsets) if offset == max(offsets))
    assert stored.state == bytes([newest])


@pytest.mark.asyncio
async def test_a_checkpoint_is_stored_after_the_rows_before_it(dsn: str) -> None:
    writer = RowWriter(dsn, batch_rows=10, linger_s=60)
    await writer.start()
    store = CheckpointStore(writer, dsn)
    await writer.put(TICKS, {"symbol": ["A"] * 95, "timestamp": range(95), "price": [1.0] * 95})
    saving = asyncio.create_task(store.save([at(95)]))
    while not saving.done():
        checkpoint, ticks = rows_of(
            dsn, "SELECT (SELECT count(*) FROM checkpoints), (SELECT count(*) FROM security_ticks)"
        )[0]
        assert not checkpoint or ticks == 95
        await asyncio.sleep(0)
    await saving
    assert rows_of(dsn, "SELECT count(*) FROM checkpoints") == [(1,)]
    await writer.stop()


@pytest.mark.asyncio
async def test_the_table_stays_small_without_autovacuum(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timescale.checkpoints.VACUUM_EVERY_BYTES", 200_000)
    writer = RowWriter(dsn)
    await writer.start()
    store = CheckpointStore(writer, dsn)
    for offset in range(100):
        await store.save([at(offset, bytes(range(256)) * 200)])
    await writer.stop()
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT pg_total_relation_size('checkpoints')").fetchone()
    assert row is not None
    assert row[0] < 100 * 256 * 200 / 4
