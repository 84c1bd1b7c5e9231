import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.integration.timescale_db import migrated_server, rows_of, store
from tests.integration.timescale_rows import make_rows, midnight
from timescale.aging import age
from timescale.relations import TICKS
from timescale.storage import storage_report
from timescale.writer import RowWriter

START = datetime(2024, 3, 4, tzinfo=UTC)
SECONDS = 6 * 3_600
SYMBOLS = [f"S{number}" for number in range(5)]


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("storage")) as server:
        yield server.dsn


def ticks() -> dict[str, Any]:
    """Six hours, one tick a second of each symbol, prices in cents."""
    rng = np.random.default_rng(1)
    n = SECONDS * len(SYMBOLS)
    price = (10_000 + np.cumsum(rng.integers(-2, 3, n))) / 100
    return {
        "symbol": np.tile(np.arange(len(SYMBOLS)), SECONDS),
        "timestamp": midnight("2024-03-04") + np.repeat(np.arange(SECONDS), len(SYMBOLS)) * 10**6,
        "price": price,
        "volume": rng.integers(1, 500, n) * 1.0,
        "bid": price - 0.01,
        "ask": price + 0.01,
    }


async def write_ticks(dsn: str) -> RowWriter:
    writer = RowWriter(dsn)
    await writer.start()
    await writer.put(TICKS, ticks(), symbols=SYMBOLS)
    await writer.stop()
    return writer


def tick_count(dsn: str) -> int:
    return int(rows_of(dsn, "SELECT count(*) FROM security_ticks")[0][0])


def test_cold_ticks_are_compressed_stay_unique_and_go_first_when_short(dsn: str) -> None:
    asyncio.run(write_ticks(dsn))
    before = next(r for r in report(dsn).relations if r.tier == "ticks")
    asyncio.run(age(dsn, START + timedelta(seconds=SECONDS)))
    after = next(r for r in report(dsn).relations if r.tier == "ticks")
    assert after.compressed_chunks == 4  # of six hours, all but the last two
    assert after.bytes < before.bytes / 2
    assert after.uncompressed_bytes > after.bytes
    assert tick_count(dsn) == SECONDS * len(SYMBOLS)

    again = asyncio.run(write_ticks(dsn))
    assert again.counts[TICKS.name].inserted == 0
    assert tick_count(dsn) == SECONDS * len(SYMBOLS)

    asyncio.run(age(dsn, START + timedelta(seconds=SECONDS), short=True))
    assert tick_count(dsn) == 2 * 3_600 * len(SYMBOLS)
    asyncio.run(age(dsn, START + timedelta(days=2)))
    assert tick_count(dsn) == 0


def report(dsn: str, budget_gb: float = 2.5) -> Any:
    return asyncio.run(storage_report(dsn, budget_gb))


def test_the_report_adds_up_and_grows_with_the_days(dsn: str) -> None:
    for day in range(3):
        moment = START + timedelta(days=day)
        store(dsn, make_rows(SYMBOLS, midnight("2024-03-04") + day * 86_400 * 10**6, 1, seed=day))
        asyncio.run(age(dsn, moment + timedelta(days=1)))
    found = report(dsn)
    assert found.days_observed >= 3
    assert sum(found.by_tier.values()) == pytest.approx(found.database_bytes)
    assert {"ticks", "high_freq", "hourly", "daily", "records"} <= found.by_tier.keys()
    assert found.in_a_year > found.database_bytes / 2
    assert not found.is_short
    assert report(dsn, found.database_bytes / 0.8 / 1e9).is_short
    assert {r.relation for r in found.relations} >= {
        "security_ticks",
        "security_data_high_freq",
        "security_data_hourly_v1",
        "security_data_daily_v1",
        "checkpoints",
    }
