from datetime import date, timedelta

import pytest

from timescale.storage import (
    GB,
    RelationStorage,
    StorageReport,
    StorageUse,
    forecast,
    growth_per_day,
)

DAY = date(2024, 1, 1)


def days(*sizes: int) -> list[tuple[date, int]]:
    return [(DAY + timedelta(days=number), size) for number, size in enumerate(sizes)]


def test_growth_needs_two_days() -> None:
    assert growth_per_day([]) is None
    assert growth_per_day(days(100)) is None
    assert growth_per_day(days(100, 130, 160)) == 30
    gap = [(DAY, 100), (DAY + timedelta(days=4), 500)]
    assert growth_per_day(gap) == 100


def test_what_is_kept_for_good_grows_all_year() -> None:
    assert forecast(160, 30, days(100, 130, 160), None) == 160 + 30 * 365
    assert forecast(160, -5, days(165, 160), None) == 160


def test_a_tier_stops_growing_at_its_age() -> None:
    samples = days(0, 100)
    assert forecast(100, 100, samples, keep_days=7) == 100 + 100 * 7
    full = days(*range(0, 1_000, 100))
    assert forecast(900, 100, full, keep_days=7) == 900
    assert forecast(300, 0, days(900, 300), keep_days=1) == 900


def test_the_budget() -> None:
    relation = RelationStorage("r", "daily", 10 * GB // 100, 0, 1, 0, 1000.0, 2e8)
    report = StorageReport(12 * GB // 100, GB // 10, (relation,), 2)
    assert report.share == pytest.approx(1.2)
    assert report.is_short
    assert report.by_tier == {"daily": 10 * GB // 100, "system": 2 * GB // 100}
    assert report.growth_per_day == 1000
    assert report.in_a_year == pytest.approx(2.2e8)
    assert not StorageUse(7, 10).is_short
    assert StorageUse(8, 10).is_short
