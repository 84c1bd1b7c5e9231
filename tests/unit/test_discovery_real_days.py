"""The report on recorded days says of an event what the signals around it say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agents.profile import EXCHANGE_TZ
from benchmarks.discovery_days import SHOCK, Event, Signal, matched
from benchmarks.scan_days import start_of
from schemas.news import Catalyst
from schemas.signals import Pattern, PatternType, PredictedOutcome

START = datetime(2018, 3, 15, 11, 25, tzinfo=EXCHANGE_TZ)


def signal(
    minutes: int, *securities: str, kind: PatternType = "catalyst_sympathy", day: int = 0
) -> Signal:
    at = START + timedelta(days=day, minutes=minutes)
    outcome = PredictedOutcome(3600, dict.fromkeys(securities, 1))
    pattern = Pattern(f"p{at}", kind, list(securities), at, at, at, 0.5, {}, outcome, [], "1")
    return Signal("2018", pattern, list(securities))


def event(kind: str = "catalyst_sympathy") -> Event:
    return Event("E026", START, kind, "pipelines fall", ["WMB"], ["KMI", "OKE", "ET"])


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (signal(14, "WMB", "KMI"), "found"),
        (signal(-5, "WMB"), "found"),
        (signal(60, "KMI", "OKE", "XOM"), "found"),
        (signal(61, "WMB"), "late"),
        (signal(30, "KMI", "XOM"), "missed"),
        (signal(-11, "WMB"), "missed"),
        (signal(30, "WMB", day=1), "missed"),
    ],
)
def test_an_event_is_found_late_or_missed(told: Signal, verdict: str) -> None:
    about = event()
    matched(about, [told], [])
    assert about.verdict == verdict
    assert about.signals == ([] if verdict == "missed" else [told])


def test_a_shock_is_judged_by_what_was_taken_for_sympathy() -> None:
    shock = event(SHOCK)
    matched(shock, [signal(30, "A", "B", kind="sector_rotation"), signal(61, "A", "B")], [])
    assert shock.verdict == "no sympathy"
    matched(shock, [signal(30, "A", "B")], [])
    assert shock.verdict == "taken for sympathy"


@pytest.mark.parametrize("kind", ["pump_and_dump", "accumulation_patterns"])
def test_what_has_no_reason_is_no_finding_of_an_event(kind: PatternType) -> None:
    wrong = signal(14, "WMB", kind=kind)
    for others, verdict in (([], "mistaken"), ([signal(20, "WMB")], "found")):
        about = event()
        matched(about, [wrong, *others], [])
        assert about.verdict == verdict


def test_headlines_of_the_evening_before_count() -> None:
    about = event()
    read = [
        Catalyst(symbol, START + timedelta(hours=hours), f"n{hours}", 0.1, "other", 1, 0.5)
        for symbol, hours in (("WMB", -17), ("WMB", -19), ("WMB", 2), ("KMI", 1))
    ]
    matched(about, [], read)
    assert about.headlines == 2


@pytest.mark.parametrize(
    ("told", "begins", "during"),
    [
        ("11:25", "11:25", True),
        ("12:00-15:30", "12:00", True),
        ("16:05 prior day", "09:30", False),
        ("07:30", "09:30", False),
        ("", "09:30", False),
    ],
)
def test_trading_on_an_event_begins_with_the_session(told: str, begins: str, during: bool) -> None:
    start, within = start_of({"date": "2018-03-15", "time_et": told})
    assert (f"{start:%H:%M}", within) == (begins, during)
