from collections.abc import Iterator

import pytest

from tests.integration.timescale_db import aggregated, assert_figures, empty, migrated_server, store
from tests.integration.timescale_rows import US, figures, make_rows, midnight

SYMBOLS = ["AA", "BB", "CC"]
HOUR_S, DAY_S = 3_600, 86_400


@pytest.fixture(scope="module")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("aggregates")) as server:
        yield server.dsn


@pytest.fixture
def dsn(server_dsn: str) -> str:
    empty(server_dsn)
    return server_dsn


@pytest.mark.parametrize("interval_s", [60, 900, 3600])
def test_hourly_and_daily_equal_numpy_at_once(dsn: str, interval_s: int) -> None:
    rows = make_rows(SYMBOLS, midnight("2024-03-04"), 2 if interval_s > 60 else 0.2, interval_s)
    store(dsn, rows)
    assert_figures(aggregated(dsn, "security_data_hourly"), figures(rows, HOUR_S))
    assert_figures(aggregated(dsn, "security_data_daily"), figures(rows, DAY_S))


def test_an_interval_without_a_trade_disturbs_nothing(dsn: str) -> None:
    rows = make_rows(["AA"], midnight("2024-03-04"), 1 / 24)
    nothing = rows.columns
    traded = nothing["bar_count"] > 0
    nothing["price"][~traded] = 1e6  # would be the high and the close, if it counted
    store(dsn, rows)
    assert_figures(aggregated(dsn, "security_data_hourly"), figures(rows, HOUR_S))
    high = next(iter(aggregated(dsn, "security_data_daily").values()))["high"]
    assert high is not None
    assert high < 1e6


def test_a_bucket_of_carried_rows_only_has_a_close_and_no_range(dsn: str) -> None:
    rows = make_rows(["AA"], midnight("2024-03-04"), 2 / 24)
    first_hour = rows.columns["timestamp"] < midnight("2024-03-04") + 3600 * US
    for name in ("open", "high", "low"):
        rows.columns[name][first_hour] = float("nan")
    for name in ("volume", "notional", "buy_volume", "bar_count"):
        rows.columns[name][first_hour] = 0
    store(dsn, rows)
    hours = aggregated(dsn, "security_data_hourly")
    assert_figures(hours, figures(rows, HOUR_S))
    empty_hour = hours[min(hours)]
    assert (empty_hour["open"], empty_hour["high"], empty_hour["vwap"]) == (None, None, None)
    assert empty_hour["close"] == rows.columns["price"][3]
    assert_figures(aggregated(dsn, "security_data_daily"), figures(rows, DAY_S))


def test_days_are_utc_days(dsn: str) -> None:
    rows = make_rows(["AA"], midnight("2024-03-04") + 20 * 3600 * US, 0.5)
    store(dsn, rows)
    days = aggregated(dsn, "security_data_daily")
    assert [moment.isoformat() for _, moment in sorted(days)] == [
        "2024-03-04T00:00:00+00:00",
        "2024-03-05T00:00:00+00:00",
    ]
