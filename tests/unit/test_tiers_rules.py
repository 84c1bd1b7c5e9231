"""Promotion, demotion and archiving, each with its reason."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.collection.collector import CollectedRows, Collector
from agents.minutes import MarketMinute
from agents.scanning.book import ENTERED, RETURNED
from agents.scanning.desk import Desk, Update
from agents.scanning.scanner import ScanConfig
from agents.scanning.tiers import TIERS, Facts, TierIntervals, TierRules, judge
from agents.state import pack_state, unpack_state
from schemas.times import US_PER_MINUTE, US_PER_S, to_us
from schemas.tracking import Tier, TierChange
from tests.unit.scanning_markets import DAY, OPEN, bars, catalyst, random_days

HOUR = 3600 * US_PER_S
QUIET = Facts(
    score=30, volatility=0.004, relative_volume=1.0, mentions=0, newest=0, mover=False,
    breaking=False, flat=0,
)  # fmt: skip
UNKNOWN = replace(QUIET, score=0, volatility=math.nan, relative_volume=math.nan)


def verdict(
    tier: Tier, facts: Facts, held_s: int = 86_400, now: int = OPEN
) -> tuple[Tier, str] | None:
    return judge(tier, now - held_s * US_PER_S, now, facts, TierIntervals(), TierRules())


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("facts", [QUIET, UNKNOWN])
def test_without_a_reason_the_tier_stays(tier: Tier, facts: Facts) -> None:
    assert verdict(tier, facts) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"volatility": 0.031}, "15-minute volatility 3.1%"),
        ({"relative_volume": 2.4}, "relative volume 2.4"),
        ({"mentions": 5}, "5 news mentions"),
        ({"score": 81.0}, "score 81"),
    ],
)
def test_what_is_lively_rises_one_tier(change: dict[str, float], reason: str) -> None:
    facts = replace(QUIET, flat=9, **change)  # type: ignore[arg-type]
    assert verdict("low_freq", facts) == ("medium_freq", reason)
    assert verdict("medium_freq", facts) == ("high_freq", reason)
    assert verdict("high_freq", facts) is None, "it is where it belongs, and is not demoted"


def test_the_thresholds_themselves_do_not_promote() -> None:
    facts = replace(QUIET, volatility=0.02, relative_volume=2.0, mentions=4, score=80)
    assert verdict("medium_freq", facts) is None


@pytest.mark.parametrize("tier", TIERS[1:])
def test_what_is_urgent_goes_to_the_top_at_once(tier: Tier) -> None:
    assert verdict(tier, replace(QUIET, breaking=True), 0) == (TIERS[0], "breaking news")
    assert verdict(tier, replace(QUIET, mover=True), 0) == (TIERS[0], "one of the top movers")
    assert verdict(TIERS[0], replace(QUIET, mover=True, flat=4)) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flat": 4}, "4 flat periods in a row"),
        ({"relative_volume": 0.4}, "relative volume 0.4"),
        ({"newest": OPEN - 49 * HOUR}, "newest catalyst older than 48 hours"),
    ],
)
def test_what_has_gone_quiet_falls_one_tier(change: dict[str, float], reason: str) -> None:
    facts = replace(QUIET, **change)  # type: ignore[arg-type]
    for above, below in pairwise(TIERS):
        assert verdict(above, facts) == (below, reason)
    assert verdict("low_freq", facts) is None
    assert verdict("medium_freq", facts, 3599) is None, "a tier is held for one of its rows"


def test_an_old_catalyst_costs_one_tier_only() -> None:
    facts = replace(QUIET, newest=OPEN - 60 * HOUR)
    assert verdict("high_freq", facts, held_s=11 * 3600) is None
    assert verdict("high_freq", facts, held_s=13 * 3600) is not None
    assert verdict("high_freq", replace(QUIET, newest=OPEN - 40 * HOUR)) is None


def one_place(lively: str, minutes: int = 60, days_apart: int = 1) -> list[Update]:
    """One place for A and B; each letter of ``lively`` names who moves on that day."""
    mine, updates, rng = Desk(ScanConfig(track=1, trade=1, margin=2)), [], np.random.default_rng(0)
    price = {"A": 50.0, "B": 50.0}
    for day, mover in enumerate(lively):
        for minute in range(minutes):
            for symbol in price:
                price[symbol] *= 1 + rng.normal(0, 0.002) + 0.004 * (symbol == mover)
            close = np.array([price["A"], price["B"]])
            start = OPEN + day * days_apart * DAY + minute * US_PER_MINUTE
            updates += mine.take(MarketMinute(start, bars(["A", "B"], close, np.full(2, 1e5))))
    return updates + mine.advance(mine.time)


def test_who_leaves_and_comes_back_keeps_its_history() -> None:
    updates = one_place("ABA")
    changes = [c for u in updates for c in u.tier_changes if c.symbol == "A"]
    steps = [(c.from_tier is None, c.to_tier is None) for c in changes]
    entered = changes[steps.index((True, False))]
    left = changes[steps.index((False, True))]
    back = next(c for c in changes if c.reason.startswith(RETURNED))
    assert entered.reason.startswith(ENTERED)
    assert "place 2 of 2" in left.reason
    assert entered.timestamp < left.timestamp < back.timestamp
    states = [s for u in updates for s in u.universe if s.symbol == "A"]
    assert {s.first_seen for s in states} == {entered.timestamp}
    gone = [u for u in updates if "A" in u.left]
    assert gone
    assert all(u.scan is not None for u in gone)


def test_a_month_away_archives_once_and_a_return_opens_the_record_again() -> None:
    updates = one_place("ABBBA", days_apart=20)
    archived = [u.time for u in updates if "A" in u.archived]
    left = [u.time for u in updates if "A" in u.left]
    assert len(archived) == 1
    assert len(left) == 1
    assert 30 * DAY <= archived[0] - left[0] <= 41 * DAY
    assert not [u for u in updates if "B" in u.archived]
    states = [s for u in updates for s in u.universe if s.symbol == "A"]
    assert to_us(states[-1].last_updated) > archived[0]
    assert {s.first_seen for s in states} == {states[0].first_seen}


def test_four_flat_periods_demote() -> None:
    mine, updates = Desk(ScanConfig(track=2, trade=1)), []
    rng, price = np.random.default_rng(1), 20.0
    for minute in range(200):
        price *= 1 + rng.normal(0, 0.0015)
        jumps = (min(minute, 59) + 10) // 15  # one a period, up and down in turn, for an hour
        close = np.array([price, 30.0 * (1 + 0.01 * (jumps % 2))])
        start = OPEN + minute * US_PER_MINUTE
        updates += mine.take(MarketMinute(start, bars(["MOVES", "STILL"], close, np.full(2, 1e4))))
    demoted = [c for u in updates for c in u.tier_changes if c.to_tier == "medium_freq"]
    assert [c.symbol for c in demoted] == ["STILL"]
    assert demoted[0].reason == "4 flat periods in a row"
    assert demoted[0].details["flat_periods"] == 4
    assert to_us(demoted[0].timestamp) == OPEN + 120 * US_PER_MINUTE


def run(
    seed: int, crash_at: int
) -> tuple[list[TierChange], list[CollectedRows], list[MarketMinute]]:
    """Desk and collector in step, as the second stage runs them."""
    config = ScanConfig(track=8, trade=2, margin=1)
    mine, collector = Desk(config), Collector(900, everything=False)
    minutes = list(random_days(20, 2, 60, seed))
    changes: list[TierChange] = []
    rows: list[CollectedRows | None] = []

    def apply(updates: list[Update]) -> None:
        for update in updates:
            changes.extend(update.tier_changes)
            wanted = {
                c.symbol: None if c.to_tier is None else mine.book.intervals.of(c.to_tier)
                for c in update.tier_changes
            }
            rows.append(collector.follow(wanted, update.time))

    for i, minute in enumerate(minutes):
        if i == crash_at:
            mine = Desk.restore(unpack_state(pack_state(mine.snapshot())), config)
            collector = Collector.restore(900, unpack_state(pack_state(collector.snapshot())))
        if i % 7 == 3:
            mine.inform(catalyst(f"S{i % 20:05d}", minute.start, f"n{i}", 0.9))
        apply(mine.take(minute))
        rows.append(collector.take(minute))
    end = minutes[-1].start + US_PER_MINUTE
    apply(mine.advance(end))
    rows.append(collector.follow(dict.fromkeys(mine.book.tracked), end))
    return changes, [batch for batch in rows if batch is not None], minutes


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 119))
def test_rows_cover_exactly_the_time_in_which_a_security_was_tracked(
    seed: int, crash_at: int
) -> None:
    changes, batches, minutes = run(seed, crash_at)
    assert run(seed, -1)[0] == changes
    spans: dict[str, list[list[int]]] = {}
    for change in changes:
        at = to_us(change.timestamp)
        mine = spans.setdefault(change.symbol, [])
        if change.from_tier is None:
            mine.append([at, 2**62])
        elif change.to_tier is None:
            mine[-1][1] = at
    volume: dict[str, float] = {}
    for minute in minutes:
        for symbol, shares in zip(minute.bars.symbol, minute.bars.volume, strict=True):
            if any(a <= minute.start < b for a, b in spans.get(symbol, [])):
                volume[symbol] = volume.get(symbol, 0.0) + shares
    collected: dict[str, float] = {}
    taken: set[tuple[str, int]] = set()
    for batch in batches:
        for i, symbol in enumerate(batch.symbol):
            key = (symbol, int(batch.timestamp[i]))
            assert key not in taken
            taken.add(key)
            collected[symbol] = collected.get(symbol, 0.0) + float(batch.values["volume"][i])
    assert {s: v for s, v in collected.items() if v} == {s: v for s, v in volume.items() if v}
    keys = [(c.symbol, c.timestamp) for c in changes]
    assert len(keys) == len(set(keys)), "one change of a security at a time"
