"""What discovery makes of recorded days: documented events, and what it was surest of beside them.

``python -m benchmarks.discovery_days [--data DIR] [--period 2018 ..] [--json]`` replays three real
periods in process, with their news. Of each documented event it prints whether a signal named the
securities that it was about: found in the first hour, late on the same day, mistaken or missed, and
how many headlines there were to find it by; of a shock of the whole market, which needs no signal,
what was told of it. Of all other signals the most confident are printed with their numbers, for
somebody to judge. (The documented daily events lie outside the days of which there are minutes.)
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from agents.market.engine import EngineConfig, MarketEngine
from agents.profile import EXCHANGE_TZ
from benchmarks.scan_days import DATA, EVENTS, LATENESS_US, SECURITIES, start_of
from schemas.news import Catalyst
from schemas.signals import Outcome, Pattern
from streams.replaying import Input, Tally, bars_of, headlines_of, play, securities_of
from streams.sources.news import read_news, read_securities
from streams.sources.replay import open_replay

PERIODS = {
    "2016": ("prices_1min_2016.parquet", "news_2016_reuters.csv.gz"),
    "2018": ("bars_1min_2018.parquet", "news_2018.csv.gz"),
    "2025": ("bars_5min_2025.parquet", "news_2025_2026.csv.gz"),
}
SHOCK = "market_shock"
# What these say is that there is no reason to be known: an event has one.
UNEXPLAINED = ("pump_and_dump", "accumulation_patterns")
# A documented time is approximate; an event is told of in time within the hour.
EARLY = timedelta(minutes=10)
IN_TIME = timedelta(hours=1)
# Headlines of the evening before count for the open.
BEFORE = timedelta(hours=18)
OTHERS = 20


@dataclass(slots=True)
class Signal:
    """A pattern as it was first told, with all securities that joined it, and what became of it."""

    period: str
    first: Pattern
    securities: list[str]
    updates: int = 0
    outcome: Outcome | None = None

    @property
    def came_true(self) -> bool | None:
        """Whether the prediction came true; None before that is known."""
        return None if self.outcome is None else self.outcome.came_true

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        p = self.first
        return {
            "period": self.period,
            "id": p.id,
            "type": p.pattern_type,
            "at": f"{p.detected_at.astimezone(EXCHANGE_TZ):%Y-%m-%d %H:%M}",
            "securities": self.securities,
            "first_named": p.securities,
            "confidence": round(p.confidence, 3),
            "direction": p.predicted_outcome.direction,
            "conditions": p.trigger_conditions,
            "updates": self.updates,
            "came_true": self.came_true,
            "returns": {} if self.outcome is None else self.outcome.returns,
        }


@dataclass(slots=True)
class Event:
    """A documented event: when the market could first trade on it, and what it was about."""

    name: str
    start: datetime
    kind: str
    description: str
    primary: list[str]
    related: list[str]
    headlines: int = 0
    verdict: str = "missed"
    signals: list[Signal] = field(default_factory=list)


def replayed(data: Path, period: str) -> tuple[list[Signal], list[Catalyst], Tally]:
    """The signals of a period in order of time, and what was read of news."""
    bars, news = PERIODS[period]
    tally = Tally()
    inputs = chain[Input](
        securities_of(read_securities(data / SECURITIES), tally),
        headlines_of(read_news(data / news), tally),
        bars_of(open_replay([data / bars]), LATENESS_US, tally),
    )
    signals: dict[str, Signal] = {}
    read: list[Catalyst] = []
    for step in play(MarketEngine(EngineConfig()), inputs):
        tally.count(step)
        read += step.out.catalysts
        for pattern in step.out.patterns:
            known = signals.get(pattern.id)
            if known is None:
                signals[pattern.id] = Signal(period, pattern, pattern.securities)
            else:
                known.updates += 1
                known.securities = pattern.securities
        for outcome in step.out.outcomes:
            if outcome.id in signals:
                signals[outcome.id].outcome = outcome
    return list(signals.values()), read, tally


def events_of(path: Path, first: datetime, last: datetime) -> list[Event]:
    """The documented events between two times."""
    found = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            start, _ = start_of(row)
            if first <= start <= last:
                about = [
                    [symbol for symbol in row[name].split("|") if symbol]
                    for name in ("primary", "related")
                ]
                found.append(
                    Event(row["event_id"], start, row["pattern"], row["description"], *about)
                )
    return found


def matched(event: Event, signals: list[Signal], read: list[Catalyst]) -> None:
    """Attach the signals that are about an event, and say whether it was found, late or missed.

    About it is what names what it began with, or two of those related to it, until the session
    ends. It is mistaken if it was only told as something that has no reason.
    """
    end = event.start.replace(hour=16, minute=0) + timedelta(minutes=1)
    event.headlines = sum(
        item.symbol in event.primary and event.start - BEFORE <= item.ts <= end for item in read
    )
    for signal in signals:
        at = signal.first.detected_at
        if not event.start - EARLY <= at <= end:
            continue
        named = set(signal.securities)
        if event.kind == SHOCK:
            about = at <= event.start + IN_TIME
        else:
            about = bool(named & set(event.primary)) or len(named & set(event.related)) > 1
        if about:
            event.signals.append(signal)
    if event.kind == SHOCK:
        told = Counter(signal.first.pattern_type for signal in event.signals)
        event.verdict = "taken for sympathy" if told["catalyst_sympathy"] else "no sympathy"
    elif event.signals and all(s.first.pattern_type in UNEXPLAINED for s in event.signals):
        event.verdict = "mistaken"
    elif event.signals:
        delay = event.signals[0].first.detected_at - event.start
        event.verdict = "found" if delay <= IN_TIME else "late"


def _line(signal: Signal) -> str:
    told = signal.as_dict()
    came = {None: "open", True: "came true", False: "did not"}[signal.came_true]
    names = " ".join(told["first_named"][:6]) + (" .." if len(told["first_named"]) > 6 else "")
    return f"{told['at']} {told['type']} {names} {told['confidence']:.2f} {came}"


def _print(events: list[Event], others: list[Signal], signals: list[Signal]) -> None:
    for event in events:
        print(f"\n{event.name} {event.start:%Y-%m-%d %H:%M} {event.kind}: {event.verdict}")
        print(f"  {event.description}; {event.headlines} headlines")
        for signal in event.signals:
            print(f"  {_line(signal)}")
    verdicts = Counter(event.verdict for event in events)
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    print(f"\nthe {len(others)} most confident of the other signals")
    for number, signal in enumerate(others, 1):
        print(f"{number:2d}. {_line(signal)}")
        told = signal.as_dict()
        print(f"    {json.dumps(told['conditions'], default=str)}")
        if told["returns"]:
            moves = [f"{s} {100 * r:+.2f}%" for s, r in list(told["returns"].items())[:6]]
            print(
                f"    predicted {next(iter(told['direction'].values())):+d}, came {' '.join(moves)}"
            )
    print()
    for kind, count in Counter(s.first.pattern_type for s in signals).most_common():
        judged = [s.came_true for s in signals if s.first.pattern_type == kind]
        known = [came for came in judged if came is not None]
        print(f"{kind}: {count} signals, {sum(known)} of {len(known)} came true")


def main() -> None:
    """Replay, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--period", choices=list(PERIODS), action="append", help="default: all")
    parser.add_argument("--json", action="store_true", help="every signal and event, as JSON")
    chosen = parser.parse_args()
    signals: list[Signal] = []
    events: list[Event] = []
    for period in chosen.period or PERIODS:
        began = time.perf_counter()
        found, read, tally = replayed(chosen.data, period)
        first, last = (
            datetime.fromtimestamp(us / 1e6, EXCHANGE_TZ) for us in (tally.first, tally.last)
        )
        there = events_of(chosen.data / EVENTS, first, last)
        for event in there:
            matched(event, found, read)
        signals += found
        events += there
        print(
            f"{period}: {tally.minutes:,} minutes, {tally.news:,} news, {len(found)} signals, "
            f"{len(there)} events, {time.perf_counter() - began:.0f} s",
            file=sys.stderr,
        )
    of_events = {
        signal.first.id for event in events if event.kind != SHOCK for signal in event.signals
    }
    others = [signal for signal in signals if signal.first.id not in of_events]
    others.sort(key=lambda signal: (-signal.first.confidence, signal.first.id))
    if chosen.json:
        told = [
            {**asdict(event), "signals": [signal.first.id for signal in event.signals]}
            for event in events
        ]
        every = [signal.as_dict() for signal in signals]
        print(json.dumps({"events": told, "signals": every}, default=str))
    else:
        _print(events, others[:OTHERS], signals)


if __name__ == "__main__":
    main()
