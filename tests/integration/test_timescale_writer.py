import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.timescale_db import empty, migrated_server, rows_of
from timescale.errors import TimescaleError
from timescale.relation import Field, Relation
from timescale.relations import DISCOVERIES, NEWS, TICKS, TRACKING_STATE
from timescale.writer import RowWriter

START_US = 1_700_000_000_000_000
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture(scope="module")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("writer")) as server:
        yield server.dsn


@pytest.fixture
def dsn(server_dsn: str) -> str:
    empty(server_dsn)
    return server_dsn


@asynccontextmanager
async def writing(dsn: str, **options: Any) -> AsyncIterator[RowWriter]:
    writer = RowWriter(dsn, **options)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop(timeout_s=30)


def ticks(first: int, n: int) -> dict[str, Any]:
    index = np.arange(first, first + n)
    return {
        "symbol": index % 3,
        "timestamp": START_US + index // 3 * 1_000_000,
        "price": 10 + index / 8,
        "bid": np.where(index % 5 == 0, np.nan, 9.0),
    }


SYMBOLS = ["AA", "B", "C\u00e9"]


@pytest.mark.asyncio
async def test_rows_arrive_as_they_were_given(dsn: str) -> None:
    moment = datetime(2024, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
    async with writing(dsn) as writer:
        await writer.put(
            TICKS,
            {
                "symbol": ["A", "A"],
                "timestamp": [moment, moment],
                "seq": [0, 1],
                "price": [1.25, 1e-9],
                "volume": [3, 0],
                "bid": [None, math.nan],
                "ask": [2.0, None],
            },
        )
        await writer.put(
            NEWS,
            {
                "id": ["n"],
                "timestamp": [moment],
                "headline": ['"quoted", {braced} \\ \u00e9\u4e2d'],
                "source": ["wire"],
                "symbols": [["A", 'B"x\\y']],
                "metadata": [{"a": [1, None]}],
            },
        )
        await writer.flush()
        stored = rows_of(dsn, "SELECT * FROM security_ticks ORDER BY seq")
        assert stored == [
            ("A", moment, 0, 1.25, 3.0, None, 2.0),
            ("A", moment, 1, 1e-9, 0.0, None, None),
        ]
        assert rows_of(dsn, "SELECT headline, url, symbols, metadata FROM news") == [
            ('"quoted", {braced} \\ \u00e9\u4e2d', None, ["A", 'B"x\\y'], {"a": [1, None]})
        ]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=1, max_size=6),
    st.integers(1, 50),
)
def test_any_split_and_any_repetition_give_the_same_rows(
    server_dsn: str, slices: list[tuple[int, int]], batch_rows: int
) -> None:
    empty(server_dsn)

    async def write() -> int:
        async with writing(server_dsn, batch_rows=batch_rows) as writer:
            for first, n in [*slices, (0, 120)]:
                await writer.put(TICKS, ticks(first, n), symbols=SYMBOLS)
            await writer.flush()
            return writer.counts[TICKS.name].inserted

    assert asyncio.run(write()) == 120
    stored = rows_of(
        server_dsn, "SELECT symbol, timestamp, price, bid FROM security_ticks ORDER BY price"
    )
    index = np.arange(120)
    assert [row[2] for row in stored] == list(10 + index / 8)
    assert [row[0] for row in stored] == [SYMBOLS[i % 3] for i in index]
    start = datetime.fromtimestamp(START_US / 1e6, UTC)
    assert [row[1] for row in stored] == [start + timedelta(seconds=int(i) // 3) for i in index]
    assert [row[3] for row in stored] == [None if i % 5 == 0 else 9.0 for i in index]


@pytest.mark.asyncio
async def test_refused_rows_are_handed_on_and_the_rest_is_stored(dsn: str) -> None:
    refused: list[tuple[str, dict[str, Any], str]] = []

    async def on_rejected(relation: Relation, rows: list[dict[str, Any]], error: Exception) -> None:
        refused.extend((relation.name, row, str(error)) for row in rows)

    rows = ticks(0, 500)
    rows["symbol"] = [SYMBOLS[code] for code in rows["symbol"]]
    rows["symbol"][7] = "A\0"
    rows["price"][100] = np.nan
    rows["timestamp"][200] = -(2**62)
    async with writing(dsn, on_rejected=on_rejected) as writer:
        await writer.put(TICKS, rows)
        await writer.flush()
        counts = writer.counts[TICKS.name]
        assert (counts.offered, counts.inserted, counts.rejected) == (500, 497, 3)
        assert writer.state == "ok"
    assert rows_of(dsn, "SELECT count(*) FROM security_ticks") == [(497,)]
    assert [row["price"] for _, row, _ in refused] == [10 + 7 / 8, None, 10 + 200 / 8]
    assert "not-null" in refused[1][2]


@pytest.mark.asyncio
async def test_a_relation_that_is_not_there_rejects_whole_batches(dsn: str) -> None:
    sizes: list[int] = []

    async def on_rejected(relation: Relation, rows: list[dict[str, Any]], error: Exception) -> None:
        sizes.append(len(rows))

    absent = Relation("absent", (Field("a", "int4", required=True),), conflict=("a",))
    async with writing(dsn, on_rejected=on_rejected) as writer:
        await writer.put(absent, {"a": np.arange(1000)})
        await writer.flush()
    assert sum(sizes) == 1000
    assert len(sizes) < 5


@pytest.mark.asyncio
async def test_a_dead_letter_topic_that_is_down_loses_no_refused_row(dsn: str) -> None:
    calls = 0

    async def on_rejected(relation: Relation, rows: list[dict[str, Any]], error: Exception) -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise OSError("the broker is away")

    async with writing(dsn, on_rejected=on_rejected) as writer:
        await writer.put(TICKS, {"symbol": ["A"], "timestamp": [0], "price": [None]})
        await writer.flush()
        assert calls == 3
        assert writer.counts[TICKS.name].rejected == 1


@pytest.mark.asyncio
async def test_wrong_columns_are_refused_at_once(dsn: str) -> None:
    good: dict[str, Any] = {"symbol": ["A"], "timestamp": [0], "price": [1.0]}
    async with writing(dsn) as writer:
        for wrong, message in [
            ({"symbol": ["A"], "timestamp": [0]}, "needs price"),
            (good | {"colour": [1]}, "no column colour"),
            (good | {"price": [1.0, 2.0]}, "differ in length"),
            (good | {"price": ["x"]}, "price"),
        ]:
            with pytest.raises(ValueError, match=message):
                await writer.put(TICKS, wrong)
        assert writer.pending_rows == 0


@pytest.mark.asyncio
async def test_without_a_database_put_waits_and_memory_is_bounded() -> None:
    third_retry = asyncio.Event()
    retries: list[str] = []

    class Observer:
        def batch_stored(self, relation: str, rows: int, inserted: int, seconds: float) -> None:
            raise AssertionError(relation)

        def rows_rejected(self, relation: str, rows: int) -> None:
            raise AssertionError(relation)

        def retrying(self, reason: str) -> None:
            retries.append(reason)
            if len(retries) == 3:
                third_retry.set()

    writer = RowWriter(NOWHERE, batch_rows=100, max_pending_rows=1_000, observer=Observer())
    await writer.start()
    taken = 0

    async def feed() -> None:
        nonlocal taken
        for part in range(50):
            await writer.put(TICKS, ticks(part * 100, 100), symbols=SYMBOLS)
            taken += 100

    feeding = asyncio.create_task(feed())
    async with asyncio.timeout(120):
        await third_retry.wait()
    assert taken == writer.pending_rows == 1_000
    assert writer.state.startswith("retrying: cannot connect")
    assert not feeding.done()
    with pytest.raises(TimescaleError, match="1000 rows could not be stored"):
        await writer.stop(timeout_s=0.1)
    with pytest.raises(TimescaleError, match="not running"):
        await feeding


@pytest.mark.asyncio
async def test_a_stopped_writer_takes_nothing() -> None:
    writer = RowWriter(NOWHERE)
    assert writer.state == "stopped"
    with pytest.raises(TimescaleError, match=r"start\(\)"):
        await writer.put(TICKS, ticks(0, 1), symbols=SYMBOLS)
    with pytest.raises(TimescaleError, match=r"start\(\)"):
        await writer.flush()


@pytest.mark.asyncio
async def test_a_flush_covers_every_relation_put_before_it(dsn: str) -> None:
    async with writing(dsn, batch_rows=10, linger_s=60) as writer:
        for part in range(20):
            await writer.put(TICKS, ticks(part * 7, 7), symbols=SYMBOLS)
            await writer.put(TRACKING_STATE, tracking("A", part))
        await writer.flush()
        assert rows_of(dsn, "SELECT count(*) FROM security_ticks") == [(140,)]
        assert rows_of(dsn, "SELECT data_points_collected FROM security_tracking_state") == [(19,)]


@pytest.mark.asyncio
async def test_rows_of_many_relations_go_together_and_a_refused_one_holds_none_back(
    dsn: str,
) -> None:
    refused: list[str] = []

    async def on_rejected(relation: Relation, rows: list[dict[str, Any]], error: Exception) -> None:
        refused.extend(relation.name for _ in rows)

    async with writing(dsn, linger_s=60, on_rejected=on_rejected) as writer:
        await writer.put(TICKS, ticks(0, 7), symbols=SYMBOLS)
        await writer.put(TRACKING_STATE, tracking("A", 1))
        await writer.flush()
        assert writer.counts[TICKS.name].inserted == 7
        # What is stored together is stored in one transaction.
        (together,) = rows_of(
            dsn,
            "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM security_ticks"
            " UNION ALL SELECT xmin FROM security_tracking_state) AS stored",
        )
        assert together == (1,)
        await writer.put(TICKS, ticks(7, 3) | {"price": [1.0, np.nan, 1.0]}, symbols=SYMBOLS)
        await writer.put(TRACKING_STATE, tracking("B", 1))
        await writer.flush()
        assert writer.state == "ok"
    assert refused == [TICKS.name]
    assert rows_of(dsn, "SELECT count(*) FROM security_ticks") == [(9,)]
    assert rows_of(dsn, "SELECT count(*) FROM security_tracking_state") == [(2,)]


def tracking(symbol: str, second: int) -> dict[str, Any]:
    us = START_US + second * 1_000_000
    return {
        "symbol": [symbol],
        "first_seen": [us],
        "last_updated": [us],
        "collection_frequency": ["high_freq"],
        "data_points_collected": [second],
    }


@pytest.mark.asyncio
async def test_updates_keep_the_newest_and_the_first_seen(dsn: str) -> None:
    async with writing(dsn) as writer:
        for second in (5, 9, 7, 9):
            await writer.put(TRACKING_STATE, tracking("A", second))
        await writer.flush()
    first, last, points = rows_of(
        dsn,
        "SELECT first_seen, last_updated, data_points_collected FROM security_tracking_state",
    )[0]
    assert points == 9
    assert (last - first).total_seconds() == 4


@pytest.mark.asyncio
async def test_a_later_message_does_not_wipe_an_outcome(dsn: str) -> None:
    def pattern(second: int, outcome: Any, confidence: float) -> dict[str, Any]:
        us = START_US + second
        return {
            "id": ["p"],
            "discovery_date": [us],
            "pattern_type": ["pump_and_dump"],
            "securities_involved": [["A", "B"]],
            "pattern_confidence": [confidence],
            "trigger_conditions": [{}],
            "predicted_outcome": [{"horizon_s": 60}],
            "actual_outcome": [outcome],
            "updated_at": [us],
        }

    async with writing(dsn) as writer:
        await writer.put(DISCOVERIES, pattern(0, None, 0.5))
        await writer.put(DISCOVERIES, pattern(1, {"hit": True}, 0.5))
        await writer.put(DISCOVERIES, pattern(2, None, 0.75))
        await writer.flush()
    assert rows_of(
        dsn, "SELECT pattern_confidence, actual_outcome FROM ml_pattern_discoveries"
    ) == [(0.75, {"hit": True})]


@pytest.mark.asyncio
async def test_an_observer_hears_of_batches_rejections_and_retries(dsn: str) -> None:
    heard: dict[str, int] = {"stored": 0, "rejected": 0}

    class Observer:
        def batch_stored(self, relation: str, rows: int, inserted: int, seconds: float) -> None:
            heard["stored"] += inserted

        def rows_rejected(self, relation: str, rows: int) -> None:
            heard["rejected"] += rows

        def retrying(self, reason: str) -> None:
            raise AssertionError(reason)

    async with writing(dsn, observer=Observer()) as writer:
        rows = ticks(0, 9)
        rows["price"][0] = np.nan
        await writer.put(TICKS, rows, symbols=SYMBOLS)
        await writer.flush()
    assert heard == {"stored": 8, "rejected": 1}
