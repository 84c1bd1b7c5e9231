import asyncio
from collections.abc import Iterator
from datetime import date

import pytest

from tests.integration.timescale_db import (
    aggregated,
    assert_figures,
    migrated_server,
    rows_of,
    store_async,
)
from tests.integration.timescale_rows import Figures, Rows, figures, make_rows, midnight
from timescale.aging import age
from timescale.backfill import backfill, finish_backfills
from timescale.errors import TimescaleError

DAY_S = 86_400


@pytest.fixture
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database whose market is in June 2024 and has been aged."""
    with migrated_server(tmp_path_factory.mktemp("backfill")) as server:

        async def june() -> None:
            await store_async(server.dsn, JUNE)
            await age(server.dsn)

        asyncio.run(june())
        yield server.dsn


JUNE = make_rows(["AA", "BB"], midnight("2024-06-03"), 4)
MARCH = make_rows(["AA", "CC"], midnight("2024-03-04"), 3, seed=5)


def daily(dsn: str, rows: Rows) -> Figures:
    wanted = figures(rows, DAY_S)
    return {k: v for k, v in aggregated(dsn, "security_data_daily").items() if k in wanted}


def late_count(dsn: str) -> int:
    return int(rows_of(dsn, "SELECT count(*) FROM security_data_late")[0][0])


def test_older_days_are_aggregated_and_newer_ones_untouched(dsn: str) -> None:
    async def load() -> None:
        async with backfill(dsn, date(2024, 3, 4), date(2024, 3, 6)):
            await store_async(dsn, MARCH)
            await age(dsn)  # meanwhile: must not drop what is not aggregated yet
            await store_async(dsn, JUNE.where(JUNE.columns["timestamp"] > 0))

    june_late = late_count(dsn)
    asyncio.run(load())
    assert_figures(daily(dsn, MARCH), figures(MARCH, DAY_S))
    assert_figures(daily(dsn, JUNE), figures(JUNE, DAY_S))
    assert late_count(dsn) - june_late == len(JUNE) - 2 * 2 * 96  # repeats of what is aged
    asyncio.run(age(dsn))
    assert_figures(daily(dsn, MARCH), figures(MARCH, DAY_S))
    march_raw = "SELECT count(*) FROM security_data_high_freq WHERE timestamp < '2024-04-01'"
    assert rows_of(dsn, march_raw) == [(0,)]


def test_days_with_figures_are_refused(dsn: str) -> None:
    async def again() -> None:
        async with backfill(dsn, date(2024, 6, 1), date(2024, 6, 3)):
            raise AssertionError("must not come here")

    with pytest.raises(TimescaleError, match="2024-06-03 has figures already"):
        asyncio.run(again())


def test_without_a_backfill_older_days_are_late(dsn: str) -> None:
    asyncio.run(store_async(dsn, MARCH))
    assert late_count(dsn) == len(MARCH)
    assert daily(dsn, MARCH) == {}


def test_days_above_the_mark_need_none(dsn: str) -> None:
    async def load() -> None:
        async with backfill(dsn, date(2024, 6, 7), date(2024, 6, 8)):
            pass

    asyncio.run(load())
    assert rows_of(dsn, "SELECT count(*) FROM backfill_ranges") == [(0,)]


def test_what_a_crash_left_open_is_finished(dsn: str) -> None:
    async def crash_and_finish() -> int:
        unfinished = backfill(dsn, date(2024, 3, 4), date(2024, 3, 6))
        await unfinished.__aenter__()
        await store_async(dsn, MARCH)
        return await finish_backfills(dsn)

    assert asyncio.run(crash_and_finish()) == 1
    assert_figures(daily(dsn, MARCH), figures(MARCH, DAY_S))


def test_days_in_the_wrong_order_are_refused(dsn: str) -> None:
    async def load() -> None:
        async with backfill(dsn, date(2024, 3, 6), date(2024, 3, 4)):
            pass

    with pytest.raises(TimescaleError, match="has no days"):
        asyncio.run(load())
