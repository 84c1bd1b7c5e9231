"""On a server that takes COPY, rows are copied, and are stored once all the same.

Needs a PostgreSQL of the machine (Debian's package ``postgresql``) or ``TIMESCALE_DSN``, where a
database is made for it.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.native_postgres import NativePostgres, binaries, make_ticks
from tests.integration.test_timescale_faults import (
    PART,
    PARTS,
    SYMBOLS,
    Load,
    first_retry,
    part,
    stored_prices,
)
from tests.integration.test_timescale_writer import writing
from tests.integration.timescale_db import rows_of
from timescale.migrate import migrate
from timescale.relation import Relation
from timescale.relations import TICKS
from timescale.writer import RowWriter

START_US = 1_700_000_000_000_000
NONE_HERE = "no PostgreSQL is installed here (Debian: apt-get install postgresql)"

# Notes every statement that stored rows of the table, but for those that failed.
NOTED = """
CREATE TABLE noted (number bigint GENERATED ALWAYS AS IDENTITY, statement text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO noted (statement) VALUES (split_part(current_query(), ' ', 1));
    RETURN NULL;
END $$;
CREATE TRIGGER noting AFTER INSERT ON security_ticks FOR EACH STATEMENT EXECUTE FUNCTION note();
"""

_PRICE = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_TICK = st.tuples(
    st.sampled_from(["A", "BRK.B", "Cé", "", "ZZZZZZZZZZ"]),
    st.integers(0, 40),
    st.integers(0, 3),
    st.floats(allow_nan=False),
    _PRICE,
    _PRICE,
)


@pytest.fixture(scope="module")
def server_dsn() -> Iterator[str]:
    given = os.environ.get("TIMESCALE_DSN")
    programs = binaries()
    if given:
        name = f"catalyst_test_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        dsn = psycopg.conninfo.make_conninfo(given, dbname=name)
        migrate(dsn)
        yield dsn
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    elif programs is not None:
        with NativePostgres(programs) as server:
            make_ticks(server.dsn)
            yield server.dsn
    else:
        pytest.skip(NONE_HERE)


@pytest.fixture
def dsn(server_dsn: str) -> str:
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE security_ticks")
    return server_dsn


def ticks(first: int, n: int) -> dict[str, Any]:
    index = np.arange(first, first + n)
    return {
        "symbol": index % len(SYMBOLS),
        "timestamp": START_US + index // 3 * 1_000_000,
        "seq": index % 3,
        "price": 10 + index / 8,
        "bid": np.where(index % 5 == 0, np.nan, 9.0),
    }


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(_TICK, min_size=1, max_size=60), batch_rows=st.integers(1, 30))
def test_whatever_comes_is_stored_once_as_it_first_came(
    server_dsn: str, rows: list[tuple[Any, ...]], batch_rows: int
) -> None:
    names = ("symbol", "timestamp", "seq", "price", "bid", "ask")
    expected: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        expected.setdefault(row[:3], row)
    with psycopg.connect(server_dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE security_ticks")

    async def write() -> int:
        # Each symbol a code, so that text travels as it does from tracking.
        symbols = sorted({row[0] for row in rows})
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        columns["symbol"] = [symbols.index(symbol) for symbol in columns["symbol"]]
        columns["timestamp"] = [START_US + ts * 1_000_000 for ts in columns["timestamp"]]
        async with writing(server_dsn, batch_rows=batch_rows) as writer:
            for _ in range(2):
                await writer.put(TICKS, columns, symbols=symbols)
            await writer.flush()
            return writer.counts[TICKS.name].inserted

    assert asyncio.run(write()) == len(expected)
    stored = rows_of(
        server_dsn,
        "SELECT symbol, (extract(epoch FROM timestamp) - %s)::int, seq, price, bid, ask"
        " FROM security_ticks",
        (START_US // 1_000_000,),
    )
    assert {row[:3]: row for row in stored} == expected
    assert len(stored) == len(expected)


@pytest.mark.asyncio
async def test_new_rows_are_copied_and_repeated_ones_inserted(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(NOTED)
    async with writing(dsn) as writer:
        for first in (0, 100, 100, 150, 250, 350):
            await writer.put(TICKS, ticks(first, 100), symbols=SYMBOLS)
            await writer.flush()
        assert writer.counts[TICKS.name].inserted == 450
        assert writer.retries == 0
    noted = [row[0] for row in rows_of(dsn, "SELECT statement FROM noted ORDER BY number")]
    # 100 comes again, 150 in half, and 250 shows that it is over.
    assert noted == ["COPY", "COPY", "INSERT", "INSERT", "INSERT", "COPY"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP TRIGGER noting ON security_ticks")
        connection.execute("DROP FUNCTION note")
        connection.execute("DROP TABLE noted")


@pytest.mark.asyncio
async def test_refused_rows_are_handed_on_and_the_rest_is_stored(dsn: str) -> None:
    refused: list[Any] = []

    async def on_rejected(relation: Relation, rows: list[dict[str, Any]], error: Exception) -> None:
        refused.extend(row["price"] for row in rows)

    rows = ticks(0, 500)
    rows["price"][100] = np.nan
    rows["timestamp"][200] = -(2**62)
    async with writing(dsn, on_rejected=on_rejected) as writer:
        await writer.put(TICKS, rows, symbols=SYMBOLS)
        await writer.flush()
        counts = writer.counts[TICKS.name]
        assert (counts.offered, counts.inserted, counts.rejected) == (500, 498, 2)
    assert refused == [None, 10 + 200 / 8]
    assert rows_of(dsn, "SELECT count(*) FROM security_ticks") == [(498,)]


@pytest.mark.asyncio
async def test_two_writers_of_the_same_rows_store_each_once(dsn: str) -> None:
    async def write() -> int:
        async with writing(dsn, batch_rows=200) as writer:
            for first in range(0, 6_000, 100):
                await writer.put(TICKS, ticks(first, 100), symbols=SYMBOLS)
            await writer.flush()
            return writer.counts[TICKS.name].inserted

    assert sum(await asyncio.gather(write(), write(), write())) == 6_000
    assert stored_prices(dsn) == list(10 + np.arange(6_000) / 8)


@pytest.mark.faults
@pytest.mark.asyncio
async def test_killed_and_restarted_every_row_is_there_once() -> None:
    programs = binaries()
    if programs is None:
        pytest.skip(NONE_HERE)
    with NativePostgres(programs) as server:
        make_ticks(server.dsn)
        writer = RowWriter(server.dsn, batch_rows=500)
        await writer.start()
        load = Load(writer)
        feeding = asyncio.create_task(load.run())
        await load.half.wait()
        server.kill()
        acknowledged = load.flushed
        async with asyncio.timeout(120):
            await first_retry(writer)
        await asyncio.to_thread(server.start)
        missing = set(1.0 + np.arange(acknowledged * PART)) - set(stored_prices(server.dsn))
        assert not missing, f"{len(missing)} acknowledged rows are lost"
        async with asyncio.timeout(240):
            await feeding
            # What came before the crash comes again, as it does from a topic.
            for number in range(PARTS):
                await writer.put(TICKS, part(number), symbols=SYMBOLS)
            await writer.flush()
        await writer.stop()
        assert stored_prices(server.dsn) == list(1.0 + np.arange(PARTS * PART))
