"""The second stage as pure logic: bars and news in; catalysts, scans, tiers and rows out.

One object holds everything that looks across securities, because all of it must agree on what was
known when. Event time moves with the bars; news takes part from its own time on.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.collection.collector import CollectedRows, Collector
from agents.discovery.casebook import Case, CaseBook
from agents.discovery.consolidation import Consolidated
from agents.discovery.discovery import Discovery
from agents.discovery.members import Members
from agents.minutes import MarketClock, MarketMinute
from agents.news.desk import Duplicate, NewsDesk
from agents.news.reactions import Reactions
from agents.scanning.desk import Desk, Update
from agents.scanning.scanner import ScanConfig
from agents.scanning.tiers import ENTRY, TIERS, TierIntervals
from schemas.bars import PartitionBars
from schemas.news import Catalyst, News, Security
from schemas.signals import Outcome, Pattern
from schemas.times import EARLIEST_US, US_PER_MINUTE, US_PER_S, to_us
from schemas.tracking import ScanMode


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What is followed, how often it is collected, how many securities discovery compares.

    ``discovery_interval`` is seconds of event time between the runs that consolidate.
    """

    scan: ScanConfig = field(default_factory=ScanConfig)
    intervals: TierIntervals = field(default_factory=TierIntervals)
    compared: int = 500
    discovery_interval: int = 3600


@dataclass(slots=True)
class ReadNews:
    """An item as it was understood: the symbols it bears on, the story that it tells again."""

    news: News
    symbols: list[str]
    duplicate_of: str | None


@dataclass(slots=True)
class Outputs:
    """What came of one input, in the order in which it came.

    ``late`` says that the bars were of a minute already taken; ``minutes`` counts those taken now;
    ``request`` names the request that forced a scan. ``cases`` are the patterns to be stored, of
    which some are not told again: something else has become known of them. ``rejected`` counts what
    patterns explained, ``consolidated`` are the runs that were due, ``faults`` what discovery
    failed with: it must not hold up the rest.
    """

    rows: list[CollectedRows] = field(default_factory=list)
    news: list[ReadNews] = field(default_factory=list)
    catalysts: list[Catalyst] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    rejected: int = 0
    consolidated: list[Consolidated] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    minutes: int = 0
    late: bool = False
    request: str | None = None

    def __bool__(self) -> bool:
        return bool(self.rows or self.news or self.updates or self.cases or self.is_decided)

    @property
    def is_decided(self) -> bool:
        """Whether there is something to publish that must be durable before."""
        return bool(self.updates or self.patterns or self.outcomes)


class MarketEngine:
    """News desk, scanner, tiers, collection and discovery on one clock.

    ``points`` counts the rows collected of each symbol. While fewer securities than
    ``config.scan.track`` are followed, a new one is followed from its first bar on; else it has to
    win its place in a scan. ``discovered_until`` is the end of the newest minute that discovery was
    given, epoch microseconds.
    """

    def __init__(self, config: EngineConfig, discovery: Discovery | None = None) -> None:
        self.config = config
        self.discovery = discovery or Discovery()
        self.discovery.consolidation.interval_us = config.discovery_interval * US_PER_S
        self.members = Members(config.compared)
        self.casebook = CaseBook()
        self.discovered_until = 0
        self.clock = MarketClock()
        self.news = NewsDesk()
        self.reactions = Reactions()
        self.desk = Desk(config.scan, config.intervals)
        self.collector = Collector(config.intervals.high_freq, everything=False)
        self.points: Counter[str] = Counter()
        self._followed: set[str] = set()
        self._waiting: list[tuple[int, str, bytes]] = []

    def take_security(self, security: Security) -> None:
        """Reference data: the names by which headlines call a security, its sector."""
        self.news.reference(security)
        self.discovery.take_security(security)

    def forget_security(self, symbol: str) -> None:
        """A tombstone in the reference data."""
        self.news.forget(symbol)

    def take_news(self, news: News) -> Outputs:
        """An item of the past is read at once; one of the future when its time has come."""
        out = Outputs()
        if to_us(news.ts) <= self.clock.time:
            self._read(news, out)
        else:
            item = (to_us(news.ts), news.id, msgspec.json.encode(news))
            heapq.heappush(self._waiting, item)
        return out

    def release_news(self) -> Outputs:
        """Read all news that waits: the market is silent, and its time will not come soon."""
        return self._read_until(None, Outputs())

    @property
    def is_silent(self) -> bool:
        """Whether the market, having traded, has fallen silent as its partitions say themselves.

        Before the first bars it is not: the market of the news that waits may be about to be
        replayed.
        """
        return self.clock.is_silent and self.clock.time >= EARLIEST_US

    @property
    def waiting_news(self) -> int:
        """Items whose time has not come."""
        return len(self._waiting)

    def tiers(self) -> dict[str, int]:
        """How many securities are tracked in each tier."""
        book = self.desk.book
        count = Counter(book.entries[symbol].tier for symbol in book.tracked)
        return {tier: count[tier] for tier in TIERS}

    def take_bars(self, message: PartitionBars, offset: int | None = None) -> Outputs:
        """One partition's minute; when it was the last to come, the whole market's."""
        minutes, in_time = self.clock.take(message, offset)
        out = Outputs(late=not in_time, minutes=len(minutes))
        for minute in minutes:
            self._take_minute(minute, out)
        self._read_until(self.clock.time, out)
        self._follow(self.desk.advance(self.clock.time), out)
        self._keep(self.collector.advance(self.clock.time), out)
        if self.clock.is_silent:
            self._keep(self.collector.settle(self.clock.time), out)
        return out

    def force_scan(self, mode: ScanMode) -> Outputs:
        """Scan now, in any mode."""
        out = Outputs()
        self._follow([self.desk.force(mode)], out)
        return out

    def _take_minute(self, minute: MarketMinute, out: Outputs) -> None:
        self._read_until(minute.start, out)
        self._follow(self.desk.advance(minute.start), out)
        self._make_room(minute, out)
        self._read_until(minute.start + US_PER_MINUTE, out)
        self._follow(self.desk.take(minute), out)
        self._keep(self.collector.take(minute), out)
        bars = minute.bars
        deviations = self.desk.market.deviations(bars.symbol)
        reactions = self.reactions.take(minute.start, bars.symbol, bars.close, deviations)
        self.news.learn_all(reactions)
        self._discover(minute, out)

    def _discover(self, minute: MarketMinute, out: Outputs) -> None:
        """After the news up to the end of the minute."""
        now = self.discovered_until = minute.start + US_PER_MINUTE
        try:
            found = self.discovery.take(self.members.of(minute, self._followed))
        except Exception as exc:
            out.faults.append(exc)
            return
        if found or found.rejected:
            out.cases += self.casebook.take(found, now)
            out.patterns += found.patterns
            out.outcomes += found.outcomes
            out.rejected += len(found.rejected)
        if found.consolidated is not None:
            out.consolidated.append(found.consolidated)

    def _make_room(self, minute: MarketMinute, out: Outputs) -> None:
        room = self.config.scan.track - len(self._followed)
        new = [symbol for symbol in minute.bars.symbol if symbol not in self._followed]
        if room > 0 and new:
            interval = self.config.intervals.of(ENTRY)
            wanted = dict.fromkeys(new[:room], interval)
            self._followed |= wanted.keys()
            self._keep(self.collector.follow(wanted, minute.start), out)

    def _read_until(self, until: int | None, out: Outputs) -> Outputs:
        while self._waiting and (until is None or self._waiting[0][0] <= until):
            _, _, item = heapq.heappop(self._waiting)
            self._read(msgspec.json.decode(item, type=News), out)
        return out

    def _read(self, news: News, out: Outputs) -> None:
        read = self.news.take(news, max(self.clock.time, to_us(news.ts)))
        told_before = None
        if isinstance(read, Duplicate):
            told_before, read = read.of, read.added
        out.news.append(ReadNews(news, [catalyst.symbol for catalyst in read], told_before))
        out.catalysts += read
        self.reactions.watch(read)
        for catalyst in read:
            self.desk.inform(catalyst)
            self.collector.mention(catalyst.symbol, to_us(catalyst.ts))
            self.discovery.inform(catalyst)

    def _follow(self, updates: Iterable[Update], out: Outputs) -> None:
        """Collection follows the tiers at once."""
        for update in updates:
            out.updates.append(update)
            wanted = {
                change.symbol: change.to_tier and self.config.intervals.of(change.to_tier)
                for change in update.tier_changes
            }
            if update.scan is not None:
                tracked = {candidate.symbol for candidate in update.scan.tracked_securities}
                wanted |= dict.fromkeys(self._followed - tracked)
                self._followed = tracked
            self._keep(self.collector.follow(wanted, update.time), out)

    def _keep(self, rows: CollectedRows | None, out: Outputs) -> None:
        if rows is not None:
            out.rows.append(rows)
            self.points.update(rows.symbol)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "clock": self.clock.snapshot(),
            "news": self.news.snapshot(),
            "reactions": self.reactions.snapshot(),
            "desk": self.desk.snapshot(),
            "collector": self.collector.snapshot(),
            "points": dict(self.points),
            "followed": sorted(self._followed),
            "waiting": [list(item) for item in sorted(self._waiting)],
            "discovery": self.discovery.snapshot(),
            "members": self.members.snapshot(),
            "casebook": self.casebook.snapshot(),
            "discovered_until": self.discovered_until,
        }

    @classmethod
    def restore(
        cls, state: dict[str, Any], config: EngineConfig, discovery: Discovery | None = None
    ) -> MarketEngine:
        """The engine of a snapshot, with the configuration of now.

        ``discovery`` is that of the snapshot, where it was stored in another way.
        """
        engine = cls(config, discovery or Discovery.restore(state["discovery"]))
        engine.members = Members.restore(state["members"], config.compared)
        engine.casebook = CaseBook.restore(state["casebook"])
        engine.discovered_until = state["discovered_until"]
        engine.clock = MarketClock.restore(state["clock"])
        engine.news = NewsDesk.restore(state["news"])
        engine.reactions = Reactions.restore(state["reactions"])
        engine.desk = Desk.restore(state["desk"], config.scan, config.intervals)
        engine.collector = Collector.restore(config.intervals.high_freq, state["collector"])
        engine.points = Counter(state["points"])
        engine._followed = set(state["followed"])
        engine._waiting = [(ts, item_id, item) for ts, item_id, item in state["waiting"]]
        return engine
