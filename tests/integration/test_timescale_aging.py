"""Aging: nothing is lost, whatever comes late, whatever fails in between."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.timescale_db import (
    aggregated,
    assert_figures,
    migrated_server,
    rows_of,
    store,
)
from tests.integration.timescale_rows import US, Figures, Rows, figures, make_rows, midnight
from timescale.aging import (
    AgingDriver,
    AgingReport,
    age,
    aging_policies,
    aging_report,
    schedule_aging,
    scheduled_aging_failure,
    set_ages,
)
from timescale.coordination import Coordination
from timescale.embedded import EmbeddedTimescale
from timescale.errors import TimescaleError
from timescale.migrate import MIGRATIONS, migrate

HOUR_S, DAY_S = 3_600, 86_400
DAY = timedelta(days=1)
_stage = count()


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("aging")) as server:
        yield server.dsn


@pytest.fixture
def market(dsn: str) -> Rows:
    """Nine days of two symbols of its own, later than those of every test before."""
    return stage(9)


def stage(days: float) -> Rows:
    number = next(_stage)
    start = midnight("2020-01-06") + number * 30 * DAY_S * US
    return make_rows([f"A{number}", f"B{number}"], start, days, seed=number)


def at(us: int) -> datetime:
    return datetime.fromtimestamp(us / US, UTC)


def start_of(rows: Rows) -> datetime:
    return at(int(rows.columns["timestamp"][0]))


def between(rows: Rows, first_day: float, last_day: float) -> Rows:
    since = rows.columns["timestamp"] - rows.columns["timestamp"].min()
    return rows.where((since >= first_day * DAY_S * US) & (since < last_day * DAY_S * US))


def of(rows: Rows, found: Figures) -> Figures:
    return {key: figure for key, figure in found.items() if key[0] in rows.symbols}


def assert_daily(dsn: str, rows: Rows) -> None:
    assert_figures(of(rows, aggregated(dsn, "security_data_daily")), figures(rows, DAY_S))


def aged(dsn: str, now: datetime | None = None) -> AgingReport:
    return asyncio.run(age(dsn, now))


def raw_count(dsn: str, rows: Rows) -> int:
    found = rows_of(
        dsn,
        "SELECT count(*) FROM security_data_high_freq WHERE symbol = ANY(%s)",
        (rows.symbols,),
    )
    return int(found[0][0])


def test_rows_become_hours_hours_become_days_and_nothing_is_lost(dsn: str, market: Rows) -> None:
    expected_hours = figures(market, HOUR_S)
    for day in range(9):
        store(dsn, between(market, day, day + 1))
        report = aged(dsn)
        assert_daily(dsn, between(market, 0, day + 1))
    start = start_of(market)
    assert report.high_freq_before == start + 7 * DAY
    assert report.hourly_before == start + 1 * DAY
    assert report.late_rows == rows_of(dsn, "SELECT count(*) FROM security_data_late")[0][0]
    assert raw_count(dsn, market) == len(between(market, 7, 9))
    kept = {key: hour for key, hour in expected_hours.items() if key[1] >= start + DAY}
    assert_figures(of(market, aggregated(dsn, "security_data_hourly")), kept)


def test_the_trap_is_real_and_a_late_row_does_not_spring_it(dsn: str, market: Rows) -> None:
    """A row 30 hours late, below what is dropped: kept apart, counted, in no figure."""
    store(dsn, between(market, 0, 3))
    before = aged(dsn, start_of(market) + 3 * DAY).late_rows
    late = between(market, 0, 1).where(np.arange(len(between(market, 0, 1))) == 30)
    late.columns["price"][:] = 1e6
    late.columns["high"][:] = 1e6
    store(dsn, late)
    report = aged(dsn, start_of(market) + 4 * DAY)
    assert report.late_rows == before + 1
    assert rows_of(
        dsn, "SELECT price FROM security_data_late WHERE symbol = ANY(%s)", (late.symbols,)
    ) == [(1e6,)]
    assert_daily(dsn, between(market, 0, 3))

    # What a refresh window over dropped rows does, without the mark: the control of this test.
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE aging_marks SET closed_before = dropped_before - INTERVAL '9 d'"
                           ", dropped_before = dropped_before - INTERVAL '9 d'"
                           " WHERE tier = 'high_freq'")  # fmt: skip
        store(dsn, late)
        connection.execute(
            "CALL refresh_continuous_aggregate('security_data_hourly_v1', %s, %s)",
            (start_of(market), start_of(market) + 2 * DAY),
        )
    hours = of(market, aggregated(dsn, "security_data_hourly"))
    assert len(hours) < len(figures(between(market, 0, 3), HOUR_S)) or any(
        hour["high"] == 1e6 for hour in hours.values()
    )


def test_forty_hours_of_outage_lose_nothing(dsn: str, market: Rows) -> None:
    store(dsn, between(market, 0, 2))
    aged(dsn)
    store(dsn, between(market, 2, 2 + 5 / 3))  # no aging for forty hours
    store(dsn, between(market, 2 + 5 / 3, 4))
    aged(dsn)
    assert_daily(dsn, between(market, 0, 4))
    aged(dsn, start_of(market) + 20 * DAY)  # and then for weeks
    assert_daily(dsn, between(market, 0, 4))
    assert raw_count(dsn, market) == 0


def test_ages_may_change_at_any_time(dsn: str, market: Rows) -> None:
    try:
        store(dsn, between(market, 0, 4))
        asyncio.run(set_ages(dsn, high_freq=3 * DAY))
        aged(dsn)
        assert raw_count(dsn, market) == len(between(market, 0, 4))
        asyncio.run(set_ages(dsn, high_freq=DAY / 2, hourly=DAY))
        aged(dsn)
        assert_daily(dsn, between(market, 0, 4))
        asyncio.run(set_ages(dsn, high_freq=5 * DAY, hourly=9 * DAY))
        store(dsn, between(market, 4, 9))
        aged(dsn)
        assert raw_count(dsn, market) == len(between(market, 3, 9))
        assert_daily(dsn, market)
        assert asyncio.run(aging_policies(dsn))["hourly"].keep == 9 * DAY
    finally:
        asyncio.run(set_ages(dsn, high_freq=DAY, hourly=7 * DAY))


def test_the_job_of_a_server_ages_as_the_setting_says(dsn: str, market: Rows) -> None:
    def run_job() -> AgingReport:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CALL aging_job(1, '{}')")
        return asyncio.run(aging_report(dsn))

    records = Coordination(dsn)
    store(dsn, market)
    records.set_configuration("storage.short", True)
    records.delete_configuration("storage.short")
    assert run_job().hourly_before == start_of(market) + 1 * DAY  # what is deleted does not hold
    try:
        records.set_configuration("storage.short", True)
        assert run_job().hourly_before == start_of(market) + 6 * DAY
    finally:
        records.delete_configuration("storage.short")
    assert_daily(dsn, market)


def test_an_age_must_be_positive(dsn: str) -> None:
    with pytest.raises(TimescaleError, match="must be positive"):
        asyncio.run(set_ages(dsn, ticks=timedelta(0)))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=10))
def test_any_rhythm_of_writing_and_aging_keeps_every_figure(
    dsn: str, steps: list[tuple[int, bool]]
) -> None:
    """Writes of some hours, aging after some of them."""
    rows = stage(sum(hours for hours, _ in steps) / 24)
    done = 0.0
    for hours, then_age in steps:
        store(dsn, between(rows, done, done + hours / 24))
        done += hours / 24
        if then_age:
            aged(dsn)
            assert_daily(dsn, between(rows, 0, done))
    aged(dsn)
    assert_daily(dsn, rows)


def test_a_repeat_of_rows_still_there_changes_nothing_even_compressed(
    dsn: str, market: Rows
) -> None:
    part = between(market, 0, 2)
    store(dsn, part)
    aged(dsn)
    compressed = rows_of(
        dsn,
        "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
        " AND hypertable_name = 'security_data_high_freq' AND range_start = %s",
        (start_of(market),),
    )
    assert compressed == [(1,)]
    late_but_open = part.where(np.arange(len(part)) == 50)
    late_but_open.columns["symbol"][:] = 0
    late_but_open.columns["timestamp"] += 60 * US
    store(dsn, part)
    store(dsn, late_but_open)
    assert raw_count(dsn, market) == len(part) + 1
    joined = Rows(
        part.symbols,
        {k: np.concatenate([part.columns[k], late_but_open.columns[k]]) for k in part.columns},
    )
    assert_daily(dsn, joined)
    aged(dsn, start_of(market) + 9 * DAY)
    assert_daily(dsn, joined)


def test_the_driver_runs_once_an_hour_of_event_time(dsn: str, market: Rows) -> None:
    async def drive() -> list[bool]:
        driver = AgingDriver(dsn)
        start = start_of(market)
        moments = [start, start + timedelta(minutes=59), start + timedelta(minutes=60)]
        return [await driver.advance(moment) is not None for moment in moments]

    assert asyncio.run(drive()) == [True, False, True]
    assert asyncio.run(schedule_aging(dsn)) is False  # the embedded engine has no scheduler
    assert asyncio.run(scheduled_aging_failure(dsn)) is None


def test_a_driver_without_a_database_says_so_and_goes_on() -> None:
    async def drive() -> str | None:
        driver = AgingDriver("postgresql://nobody@127.0.0.1:1/nothing")
        assert await driver.advance(datetime(2024, 1, 1, tzinfo=UTC)) is None
        return driver.failure

    failure = asyncio.run(drive())
    assert failure is not None
    assert "cannot connect" in failure


@pytest.mark.faults
@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.05, 0.1])
def test_killed_in_the_middle_it_goes_on_where_it_was(tmp_path: Path, delay_s: float) -> None:
    rows = make_rows([f"S{n}" for n in range(40)], midnight("2024-01-01"), 4)
    with migrated_server(tmp_path / "db") as server:
        store(server.dsn, rows)

        async def age_and_kill() -> None:
            aging = asyncio.create_task(age(server.dsn))
            await asyncio.sleep(delay_s)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.gather(aging, return_exceptions=True)

        asyncio.run(age_and_kill())
        server.stop()
        server.start()
        assert_daily(server.dsn, rows)
        report = aged(server.dsn)
        assert report.high_freq_before == at(midnight("2024-01-03"))
        assert_daily(server.dsn, rows)
        assert raw_count(server.dsn, rows) == len(between(rows, 2, 4))


def test_an_aggregate_is_replaced_without_losing_history(tmp_path: Path) -> None:
    """A _v2 with one more figure, while days are aged, half-aged and raw."""
    rows = make_rows(["AA", "BB"], midnight("2024-01-01"), 14)
    new_migration = tmp_path / "migrations"
    new_migration.mkdir()
    for path in MIGRATIONS.glob("*.sql"):
        (new_migration / path.name).write_bytes(path.read_bytes())
    (new_migration / "9000_aggregates_v2.sql").write_text(version_two())
    with EmbeddedTimescale(tmp_path / "db") as server:
        migrate(server.dsn)
        for day in range(11):
            store(server.dsn, between(rows, day, day + 1))
            aged(server.dsn)
        hours_before = aggregated(server.dsn, "security_data_hourly")
        assert migrate(server.dsn, directory=new_migration) == ["9000_aggregates_v2.sql"]
        assert aggregated(server.dsn, "security_data_hourly") == hours_before
        assert_daily(server.dsn, between(rows, 0, 11))
        for day in range(11, 14):
            store(server.dsn, between(rows, day, day + 1))
            aged(server.dsn)
            assert_daily(server.dsn, between(rows, 0, day + 1))
        cut = at(midnight("2024-01-10"))
        assert rows_of(
            server.dsn,
            "SELECT tier, valid_from FROM aggregate_versions WHERE version = 2 ORDER BY tier",
        ) == [("daily", cut), ("hourly", cut)]
        new_days = "SELECT count(*), count(top_price) FROM security_data_daily_v2"
        assert rows_of(server.dsn, new_days + " WHERE timestamp >= %s", (cut,)) == [(10, 10)]
        report = asyncio.run(aging_report(server.dsn))
        assert report.hourly_before == at(midnight("2024-01-07"))


def version_two() -> str:
    """Today's aggregates again, with one more column, beside the old ones."""
    text = (MIGRATIONS / "0004_aggregates.sql").read_text()
    aggregates = text[text.index("CREATE MATERIALIZED VIEW") : text.index("CREATE VIEW")]
    aggregates = aggregates.replace("_v1", "_v2")
    aggregates = aggregates.replace("sum(r.volume)", "max(r.price) AS top_price, sum(r.volume)")
    aggregates = aggregates.replace("sum(h.volume)", "max(h.top_price) AS top_price, sum(h.volume)")
    views = []
    for tier in ("hourly", "daily"):
        start = text.index("SELECT", text.index(f"CREATE VIEW security_data_{tier} AS"))
        select = text[start : text.index(";", start)]
        views.append(
            f"DO $$ DECLARE cut timestamptz :="
            f" adopt_aggregate('{tier}', 2, 'security_data_{tier}_v2'); BEGIN EXECUTE format($v$"
            f" CREATE OR REPLACE VIEW security_data_{tier} AS {select}"
            f' WHERE "timestamp" < %L UNION ALL {select.replace("_v1", "_v2")}'
            f' WHERE "timestamp" >= %L $v$, cut, cut); END $$;\n'
        )
    return aggregates + "".join(views)
