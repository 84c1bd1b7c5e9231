"""Real days of 2018: what moved is tracked within a quarter of an hour, and the desk says why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from agents.profile import exchange_time
from agents.scanning.desk import Update
from agents.scanning.history import described, scans_at
from benchmarks.scan_days import (
    BARS,
    DATA,
    EVENTS,
    SHOWN,
    events_of,
    first_scan_after,
    replayed,
)
from schemas.times import to_us

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(
        not (DATA / BARS).exists(), reason="the real market data of ../shared/data is absent"
    ),
]


@pytest.fixture(scope="module")
def updates() -> list[Update]:
    return replayed(DATA)[1]


def test_each_day_has_five_candidates_at_ten_and_half_past_three(updates: list[Update]) -> None:
    shown = [s for s in scans_at(updates, SHOWN) if s.timestamp.weekday() < 5]
    days = Counter(exchange_time(to_us(scan.timestamp)).date() for scan in shown)
    assert len(days) == 23
    assert set(days.values()) == {2}
    for scan in shown:
        assert len(scan.tracked_securities) == 100
        assert len(scan.trading_candidates) == 5
        assert len(described(scan)) == 6
        for candidate in scan.trading_candidates:
            assert sum(candidate.parts.values()) == pytest.approx(candidate.score)
            assert candidate.reason


def test_what_moved_is_tracked_within_a_quarter_of_an_hour(updates: list[Update]) -> None:
    scans = [update.scan for update in updates if update.scan]
    events = events_of(DATA / EVENTS, scans[0].timestamp, scans[-1].timestamp)
    assert len(events) >= 15
    missed, moved = [], 0
    for event in events:
        scan = first_scan_after(scans, event.start)
        assert scan.timestamp - event.start <= timedelta(minutes=15)
        reasons = {c.symbol: c.reason for c in scan.tracked_securities}
        moved += len(event.moves)
        missed += [(event.name, symbol) for symbol in event.moves if not reasons.get(symbol)]
    assert moved >= 30
    assert len(missed) <= 0.1 * moved, missed


def test_delisted_securities_leave(updates: list[Update]) -> None:
    last = next(u.scan for u in reversed(updates) if u.scan)
    assert not {"JUNO", "CPN"} & {c.symbol for c in last.tracked_securities}
    assert last.total_universe == 282


def test_a_security_changes_its_tier_once_at_a_time(updates: list[Update]) -> None:
    changes = [(c.symbol, c.timestamp) for u in updates for c in u.tier_changes]
    assert len(changes) == len(set(changes))
