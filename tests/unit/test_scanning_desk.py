"""The desk follows event time alone: no look-ahead, no wall clock, nothing lost in a crash."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.minutes import MarketMinute
from agents.scanning.desk import Desk, Update, scheduled_mode
from agents.scanning.history import scan_history
from agents.scanning.scanner import ScanConfig
from agents.state import pack_state, unpack_state
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, US_PER_S, to_us
from tests.unit.scanning_markets import DAY, OPEN, bars, catalyst, catalysts, random_days

SYMBOLS, DAYS, MINUTES = 30, 2, 50
MARKET = list(random_days(SYMBOLS, DAYS, MINUTES))
END = MARKET[-1].start + US_PER_MINUTE
SMALL = ScanConfig(track=10, trade=3, margin=4)
QUARTER = 900 * US_PER_S


def desk() -> Desk:
    return Desk(SMALL, stopwatch=lambda: 0.0)


def plain(updates: list[Update]) -> list[Any]:
    return [msgspec.to_builtins(asdict(update)) for update in updates]


def feed(minutes: list[MarketMinute], news: list[Catalyst], *, crash_at: int = -1) -> list[Update]:
    """Catalysts arrive with the minute of their time; a crash restores from a snapshot."""
    mine, out = desk(), []
    waiting = sorted(news, key=lambda c: (to_us(c.ts), c.symbol, c.news_id))
    for i, minute in enumerate(minutes):
        if i == crash_at:
            mine = Desk.restore(
                unpack_state(pack_state(mine.snapshot())), SMALL, stopwatch=lambda: 0.0
            )
        while waiting and to_us(waiting[0].ts) <= minute.start + US_PER_MINUTE:
            mine.inform(waiting.pop(0))
        out += mine.take(minute)
    return out + mine.advance(minutes[-1].start + US_PER_MINUTE)


@settings(max_examples=25, deadline=None)
@given(catalysts(SYMBOLS, OPEN - DAY, END), st.integers(1, len(MARKET) - 1))
def test_nothing_after_a_scan_changes_it(news: list[Catalyst], cut: int) -> None:
    full = plain(feed(MARKET, news))
    until = MARKET[cut - 1].start + US_PER_MINUTE
    known = [item for item in news if to_us(item.ts) <= until]
    prefix = plain(feed(MARKET[:cut], known))
    assert prefix == [update for update in full if update["time"] <= until]
    assert plain(list(scan_history(MARKET, news, desk()))) == full


FLASH = [
    catalyst(f"S{i:05d}", MARKET[20].start + 30 * US_PER_S, f"n{i}", 0.9) for i in range(SYMBOLS)
]


@settings(max_examples=15, deadline=None)
@given(catalysts(SYMBOLS, OPEN, END), st.integers(0, len(MARKET) - 1))
@example([], MINUTES)  # with a scan that is due
@example(FLASH, 21)  # with a promotion that is due
def test_a_crash_changes_nothing(news: list[Catalyst], crash_at: int) -> None:
    assert plain(feed(MARKET, news, crash_at=crash_at)) == plain(feed(MARKET, news))


@settings(max_examples=15, deadline=None)
@given(catalysts(SYMBOLS, OPEN, END), st.randoms())
def test_the_order_in_which_news_arrives_ahead_changes_nothing(
    news: list[Catalyst], rng: Any
) -> None:
    def run(items: list[Catalyst]) -> list[Any]:
        mine, out = desk(), []
        for item in items:
            mine.inform(item)
            assert not mine.inform(item), "a repeat is known"
        for minute in MARKET:
            out += mine.take(minute)
        return plain(out + mine.advance(END))

    shuffled = list(news)
    rng.shuffle(shuffled)
    assert run(shuffled) == run(news)


def test_scans_lie_on_the_grid_and_silence_costs_none() -> None:
    updates = feed(MARKET, [])
    times = [update.time for update in updates]
    first = OPEN + QUARTER
    day = [first + k * QUARTER for k in range(4)]
    assert times == day + [t + DAY for t in day[:3]], "none between the days, none doubled"
    assert [u.scan.scan_id for u in updates if u.scan][:1] == ["normal-2018-02-16T14:45:00Z"]


def test_clock_marks_through_a_night_change_nothing() -> None:
    mine, out = desk(), []
    for minute in MARKET:
        if minute.start >= OPEN + DAY and mine.time < OPEN + DAY:
            for hour in range(1, 23):
                out += mine.advance(OPEN + hour * 3600 * US_PER_S)
        out += mine.take(minute)
    out += mine.advance(END)
    assert plain(out) == plain(feed(MARKET, []))


@pytest.mark.parametrize(
    ("minutes_from_open", "mode"),
    [(-400, "normal"), (-330, "premarket"), (-1, "premarket"), (0, "normal")],
)
def test_the_mode_follows_the_exchange(minutes_from_open: int, mode: str) -> None:
    assert scheduled_mode(OPEN + minutes_from_open * US_PER_MINUTE) == mode


def test_a_forced_scan_takes_over_in_any_mode() -> None:
    mine = desk()
    for minute in MARKET[:40]:
        mine.take(minute)
    update = mine.force("aggressive")
    assert update.scan is not None
    assert update.scan.scan_id == "aggressive-2018-02-16T15:10:00Z"
    assert {c.symbol for c in update.scan.tracked_securities} == mine.book.tracked
    again = mine.force("aggressive")
    assert plain([again])[0]["scan"] == plain([update])[0]["scan"]
    assert again.candidates is None
    assert again.tier_changes == []


def test_candidates_say_who_came_and_who_went_and_why() -> None:
    mine, updates = desk(), []
    for i, minute in enumerate(MARKET[:MINUTES]):
        if i == 20:
            before = [c.symbol for c in mine.force("normal").scan.trading_candidates]  # type: ignore[union-attr]
            quiet = next(s for s in mine.market.symbols if s not in before)
            for k in range(4):
                mine.inform(catalyst(quiet, minute.start, f"n{k}", 0.9, 1.0))
        updates += mine.take(minute)
    changed = [u.candidates for u in updates if u.candidates and quiet in u.candidates.entered]
    assert len(changed) == 1
    assert "4 news items" in changed[0].entered[quiet]
    assert len(changed[0].candidates) == 3
    assert changed[0].left
    assert all("place" in why for why in changed[0].left.values())


def test_breaking_news_promotes_at_once() -> None:
    mine = desk()
    for minute in MARKET[:20]:
        mine.take(minute)
    symbol = min(s for s, e in mine.book.entries.items() if e.tier != "ultra_high_freq")
    at = MARKET[20].start + 30 * US_PER_S
    mine.inform(catalyst(symbol, at, "flash", 0.95))
    assert mine.take(MARKET[20]) == []
    (update,) = mine.take(MARKET[21])
    (moved,) = update.tier_changes
    assert update.scan is None
    assert update.time == at + 30 * US_PER_S, "from the next whole minute on"
    assert (moved.symbol, moved.to_tier, moved.reason) == (
        symbol,
        "ultra_high_freq",
        "breaking news",
    )
    assert update.universe[0].collection_frequency == "ultra_high_freq"


def test_late_news_counts_from_the_next_scan_on() -> None:
    mine = desk()
    updates = [u for minute in MARKET[:40] for u in mine.take(minute)]
    assert len(updates) == 2
    mine.inform(catalyst("S00003", OPEN + US_PER_MINUTE, "late"))
    later = [u for minute in MARKET[40:MINUTES] for u in mine.take(minute)]
    (scan,) = [u.scan for u in later if u.scan]
    (mine_now,) = [c for c in scan.tracked_securities if c.symbol == "S00003"] or [None]
    assert mine_now is not None
    assert mine_now.news == ["late"]


def test_a_security_known_from_news_alone_is_no_candidate() -> None:
    mine = desk()
    mine.inform(catalyst("NOPRICE", OPEN, "n", 1.0))
    mine.take(MarketMinute(OPEN, bars(["A"], np.array([1.0]), np.array([5.0]))))
    (update,) = mine.advance(OPEN + QUARTER)
    assert update.scan is not None
    assert [c.symbol for c in update.scan.tracked_securities] == ["A"]
