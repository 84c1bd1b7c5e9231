"""What the scanner makes of recorded days: candidates, documented events, and how calm it is.

``python -m benchmarks.scan_days [--data DIR] [--quiet]`` replays the one-minute bars and the news
of February and March 2018 in process. For each day it prints the five candidates at 10:00 and
15:30 New York with the parts of their scores; for each documented event the place of the
securities that moved at the first scan after it began; and how the tracked securities compare with
the rest in what they did in the hour after a scan.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as clock_time
from itertools import chain
from pathlib import Path

import numpy as np

from agents.market.engine import EngineConfig, MarketEngine
from agents.profile import EXCHANGE_TZ
from agents.scanning.desk import Update
from agents.scanning.history import described, scans_at
from schemas.times import US_PER_MINUTE, US_PER_S
from schemas.tracking import Scan
from streams.replaying import Input, Tally, bars_of, headlines_of, play, securities_of
from streams.sources.bars import BAR_COLUMNS, BarQuotes
from streams.sources.news import read_news, read_securities
from streams.sources.tables import Table, read_table

DATA = Path(__file__).parents[1].parent / "shared" / "data"
BARS, NEWS = "bars_1min_2018.parquet", "news_2018.csv.gz"
SECURITIES, EVENTS = "sectors.csv", "real_events_shared.csv"
SHOWN = (clock_time(10), clock_time(15, 30))

# What counts as having moved: in a window of 45 minutes, and from close to close.
MOVED_IN_WINDOW_PCT, MOVED_IN_DAY_PCT = 1.5, 3.0
BIG_MOVE = 3.0
HOUR = 60
LATENESS_US = 5 * US_PER_S


def replayed(data: Path) -> tuple[Table, list[Update], Tally]:
    """The bars of the days, and what a replay of them with their news finds."""
    table, tally = read_table(data / BARS, BAR_COLUMNS), Tally()
    inputs = chain[Input](
        securities_of(read_securities(data / SECURITIES), tally),
        headlines_of(read_news(data / NEWS), tally),
        bars_of(BarQuotes(table), LATENESS_US, tally),
    )
    updates: list[Update] = []
    for step in play(MarketEngine(EngineConfig()), inputs):
        tally.count(step)
        updates += step.out.updates
    return table, updates, tally


@dataclass(slots=True)
class Event:
    """A documented event: when the market could first trade on it, and what moved (percent)."""

    name: str
    start: datetime
    description: str
    moves: dict[str, float]


def events_of(path: Path, first: datetime, last: datetime) -> list[Event]:
    """The events between two times, with the securities that moved enough to be seen."""
    found = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            begins, during = start_of(row)
            if not first <= begins <= last:
                continue
            if during:
                moves = _moves(row["window_-10m_+35m_max_move_pct"])
            else:
                moves = _moves(row["related_ret_pct"])
                if row["primary_ret_pct"]:
                    moves[row["primary"]] = float(row["primary_ret_pct"])
            least = MOVED_IN_WINDOW_PCT if during else MOVED_IN_DAY_PCT
            moved = {symbol: move for symbol, move in moves.items() if abs(move) >= least}
            if moved:
                found.append(Event(row["event_id"], begins, row["description"], moved))
    return found


def start_of(row: dict[str, str]) -> tuple[datetime, bool]:
    """When trading on the event could begin, and whether that was during a session."""
    day = datetime.fromisoformat(row["date"]).replace(tzinfo=EXCHANGE_TZ)
    told = re.fullmatch(r"(\d\d:\d\d)(-\d\d:\d\d)?", row["time_et"])
    during = told is not None and told[1] > "09:30"
    hour, minute = (int(part) for part in told[1].split(":")) if told and during else (9, 30)
    return day.replace(hour=hour, minute=minute), during


def _moves(text: str) -> dict[str, float]:
    return {symbol: float(move) for symbol, move in (item.split(":") for item in text.split())}


def first_scan_after(scans: list[Scan], start: datetime) -> Scan:
    """The first scan that could see what began at ``start``."""
    return next(scan for scan in scans if scan.timestamp > start)


@dataclass(slots=True)
class Hindsight:
    """What came in the hour after the scans, in own standard deviations."""

    big_moves: int
    big_moves_tracked: int
    tracked_share: float
    candidates: float
    everyone: float


def hindsight(table: Table, updates: list[Update]) -> Hindsight:
    """Compare the tracked and the candidates with the rest, an hour on, inside a session."""
    ends = np.unique(table.ts)
    prices = np.full((len(ends), len(table.names)), np.nan)
    prices[np.searchsorted(ends, table.ts), table.code] = np.log(table.columns["close"])
    for i in range(1, len(ends)):
        prices[i] = np.where(np.isnan(prices[i]), prices[i - 1], prices[i])
    usual = np.nanstd(np.diff(prices, axis=0), axis=0) * np.sqrt(HOUR)
    row = {symbol: i for i, symbol in enumerate(table.names.tolist())}
    big = tracked_big = 0
    ours: list[float] = []
    all_: list[float] = []
    share: list[float] = []
    for update in updates:
        at = int(np.searchsorted(ends, update.time))
        later = at + HOUR
        if not update.scan or later >= len(ends) or ends[at] != update.time:
            continue
        if ends[later] - ends[at] != HOUR * US_PER_MINUTE:
            continue
        size = np.abs(prices[later] - prices[at]) / usual
        tracked = [row[c.symbol] for c in update.scan.tracked_securities]
        big += int((size >= BIG_MOVE).sum())
        tracked_big += int((size[tracked] >= BIG_MOVE).sum())
        share.append(len(tracked) / int(np.isfinite(size).sum()))
        ours += [float(size[row[c.symbol]]) for c in update.scan.trading_candidates]
        all_.append(float(np.nanmean(size)))
    return Hindsight(
        big, tracked_big, float(np.mean(share)), float(np.nanmean(ours)), float(np.mean(all_))
    )


def _print_events(events: list[Event], scans: list[Scan]) -> None:
    seen = total = 0
    for event in events:
        scan = first_scan_after(scans, event.start)
        late = scan.timestamp - event.start
        places = {c.symbol: i for i, c in enumerate(scan.tracked_securities, 1)}
        print(f"\n{event.name} {event.start:%Y-%m-%d %H:%M}: {event.description}")
        for symbol, move in event.moves.items():
            place = places.get(symbol)
            total += 1
            seen += place is not None and late <= timedelta(minutes=15)
            why = scan.tracked_securities[place - 1] if place else None
            told = f"place {place}, score {why.score:.1f}: {why.reason}" if why else "not tracked"
            print(f"  {symbol:6s} {move:+6.1f} %  after {late.seconds // 60:2d} min  {told}")
    print(f"\n{seen} of {total} securities that moved were tracked within 15 minutes")


def main() -> None:
    """Replay, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quiet", action="store_true", help="only the figures at the end")
    chosen = parser.parse_args()
    began = time.perf_counter()
    table, updates, tally = replayed(chosen.data)
    seconds = time.perf_counter() - began
    scans = [update.scan for update in updates if update.scan]
    if not chosen.quiet:
        for scan in scans_at(updates, SHOWN):
            print("\n".join(described(scan)))
    _print_events(events_of(chosen.data / EVENTS, scans[0].timestamp, scans[-1].timestamp), scans)
    full = [u for u in updates if u.scan and u.scan.total_universe > len(u.scan.tracked_securities)]
    after = hindsight(table, updates)
    print(
        f"{tally.bars:,} bars and {tally.catalysts} catalysts in {seconds:.1f} s, "
        f"{len(scans)} scans, {np.mean([len(u.left) for u in full]):.1f} leave the hundred at one\n"
        f"moves of {BIG_MOVE:g} deviations in the hour after: {after.big_moves}, of which tracked "
        f"{after.big_moves_tracked / after.big_moves:.0%}; tracked are {after.tracked_share:.0%}\n"
        f"mean move in that hour: candidates {after.candidates:.2f}, all {after.everyone:.2f}"
    )


if __name__ == "__main__":
    main()
