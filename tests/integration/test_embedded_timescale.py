"""TimescaleDB itself on the embedded engine: what the schema and the writers count on."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from timescale.embedded import EmbeddedTimescale

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
INSERT = """
    INSERT INTO ticks
    SELECT * FROM unnest(%b::text[], %b::timestamptz[], %b::float8[], %b::float8[])
    ON CONFLICT DO NOTHING"""
SCHEMA = """
    CREATE TABLE ticks (symbol text NOT NULL, ts timestamptz NOT NULL, price float8, volume float8);
    CREATE UNIQUE INDEX ON ticks (symbol, ts DESC);
    SELECT create_hypertable('ticks', 'ts', chunk_time_interval => interval '1 day');
    ALTER TABLE ticks SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol',
                           timescaledb.compress_orderby = 'ts DESC')"""
HOURLY = """
    CREATE MATERIALIZED VIEW hourly
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT symbol, time_bucket('1 hour', ts) AS bucket, first(price, ts) AS open,
           last(price, ts) AS close, sum(volume) AS volume, count(*) AS n,
           first(price, ts) FILTER (WHERE volume > 0) AS open_traded,
           last(price, ts) FILTER (WHERE volume > 0) AS close_traded
      FROM ticks GROUP BY 1, 2 WITH NO DATA"""
DAILY = """
    CREATE MATERIALIZED VIEW daily
    WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
    SELECT symbol, time_bucket('1 day', bucket) AS day, first(open, bucket) AS open,
           last(close, bucket) AS close, sum(volume) AS volume, sum(n) AS n,
           last(close_traded, bucket) FILTER (WHERE volume > 0) AS close_traded
      FROM hourly GROUP BY 1, 2 WITH NO DATA"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedTimescale]:
    with EmbeddedTimescale(tmp_path) as running, _connect(running) as connection:
        connection.execute(SCHEMA)
        connection.execute(HOURLY)
        connection.execute(DAILY)
        yield running


def _connect(server: EmbeddedTimescale) -> psycopg.Connection:
    return psycopg.connect(server.dsn, autocommit=True)


def _minutes(day: int) -> list[tuple[str, dt.datetime, float, float]]:
    """A day of minutes of two symbols; nothing is traded in the last minute of an hour."""
    start = START + dt.timedelta(days=day)
    return [
        (symbol, start + dt.timedelta(minutes=i), day * 1e6 + i, 0.0 if i % 60 == 59 else 2.0)
        for symbol in ("AAA", "BBB")
        for i in range(1440)
    ]


def _insert(
    connection: psycopg.Connection, rows: list[tuple[str, dt.datetime, float, float]]
) -> int:
    return connection.execute(INSERT, [list(column) for column in zip(*rows, strict=True)]).rowcount


def test_hierarchical_aggregates_compression_and_restart(server: EmbeddedTimescale) -> None:
    with _connect(server) as connection:
        assert _insert(connection, _minutes(0)) == 2880
        assert _insert(connection, _minutes(0)) == 0
        expected = (0.0, 1439.0, 2832.0, 1440, 1438.0)
        # Real-time aggregation: right before anything was materialised ..
        assert _daily(connection, day=0) == expected
        _refresh(connection, day=0)
        connection.execute("SELECT compress_chunk(c) FROM show_chunks('ticks') c")
        _insert(connection, _minutes(1))
        # .. and after, for the day that was and for the one that was not.
        assert _daily(connection, day=0) == expected
        assert _daily(connection, day=1) == (1e6, 1e6 + 1439, 2832.0, 1440, 1e6 + 1438)
    server.stop()
    server.start()
    with _connect(server) as connection:
        _refresh(connection, day=1)
        compressed = connection.execute(
            "SELECT number_compressed_chunks FROM hypertable_compression_stats('ticks')"
        ).fetchone()
        assert compressed == (1,)
        late = [("AAA", START + dt.timedelta(seconds=30), 7.0, 1.0)]
        assert _insert(connection, late) == 1
        assert _insert(connection, late) == 0
        assert _insert(connection, _minutes(0)) == 0
        connection.execute("SELECT drop_chunks('ticks', older_than => %s)", (_day(1),))
        assert _daily(connection, day=0) == expected
        assert connection.execute("SELECT count(*) FROM ticks").fetchone() == (2880,)


def _day(day: int) -> dt.datetime:
    return START + dt.timedelta(days=day)


def _refresh(connection: psycopg.Connection, day: int) -> None:
    for view in ("hourly", "daily"):
        connection.execute(
            "CALL refresh_continuous_aggregate(%s, %s::timestamptz, %s::timestamptz)",
            (view, _day(day), _day(day + 1)),
        )


def _daily(connection: psycopg.Connection, day: int) -> tuple[object, ...] | None:
    return connection.execute(
        "SELECT open, close, volume, n, close_traded FROM daily WHERE symbol = 'AAA' AND day = %s",
        (_day(day),),
    ).fetchone()


def test_vacuum_lets_dead_rows_be_used_again(server: EmbeddedTimescale) -> None:
    with _connect(server) as connection:
        connection.execute("CREATE TABLE state (symbol text PRIMARY KEY, n int)")
        connection.execute("CREATE INDEX ON state (n)")  # no HOT updates: every version stays
        sizes = []
        for _ in range(3):
            with connection.transaction():
                for n in range(2000):
                    connection.execute(
                        "INSERT INTO state VALUES ('AAA', %s)"
                        " ON CONFLICT (symbol) DO UPDATE SET n = excluded.n",
                        (n,),
                    )
            size = connection.execute("SELECT pg_relation_size('state')").fetchone()
            assert size
            sizes.append(size[0])
            connection.execute("VACUUM state")
        assert sizes[0] > 8192 * 5
        assert sizes[2] == sizes[1] == sizes[0]


@pytest.mark.parametrize("lock", ["pg_advisory_xact_lock", "pg_advisory_lock"])
def test_advisory_locks_exclude_others(server: EmbeddedTimescale, lock: str) -> None:
    async def hold(name: str, log: list[str]) -> None:
        async with await psycopg.AsyncConnection.connect(server.dsn) as connection:
            await connection.execute(f"SELECT {lock}(7)")
            log.append(f"{name} in")
            if lock == "pg_advisory_lock":
                await connection.commit()
            await asyncio.sleep(0.05)
            log.append(f"{name} out")
            if lock == "pg_advisory_lock":
                await connection.execute("SELECT pg_advisory_unlock(7)")

    log: list[str] = []

    async def hold_together() -> None:
        await asyncio.gather(hold("a", log), hold("b", log))

    asyncio.run(hold_together())
    assert log in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


def test_binary_unnest_insert_from_async_clients(
    server: EmbeddedTimescale, record_property: Callable[[str, object], None]
) -> None:
    batch, batches = 5000, 12

    async def load(client: int) -> None:
        async with await psycopg.AsyncConnection.connect(server.dsn, autocommit=True) as connection:
            for k in range(batches // 2):
                first = (client * batches // 2 + k) * batch
                rows = range(first, first + batch)
                columns = [
                    [f"S{i % 100}" for i in rows],
                    [START + dt.timedelta(seconds=i // 100) for i in rows],
                    [float(i) for i in rows],
                    [1.0] * batch,
                ]
                cursor = await connection.execute(INSERT, columns)
                assert cursor.rowcount == batch
                cursor = await connection.execute(INSERT, columns)
                assert cursor.rowcount == 0

    async def load_together() -> None:
        await asyncio.gather(load(0), load(1))

    began = time.perf_counter()
    asyncio.run(load_together())
    seconds = time.perf_counter() - began
    record_property("rows_per_second_each_sent_twice", round(batch * batches / seconds))
    with _connect(server) as connection:
        assert connection.execute("SELECT count(*) FROM ticks").fetchone() == (batch * batches,)
