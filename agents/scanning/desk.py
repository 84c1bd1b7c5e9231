"""The second stage's eye: market minutes and catalysts in; scans, tiers and candidates out."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import time as clock_time
from time import perf_counter
from typing import Any

from agents.minutes import MarketMinute
from agents.profile import exchange_time
from agents.scanning.book import TrackingBook
from agents.scanning.market import SESSION_OPEN, Market
from agents.scanning.scanner import Ranking, ScanConfig, Scanner, scan_id
from agents.scanning.tiers import TierIntervals, TierRules
from agents.scanning.view import MarketView
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, US_PER_S, from_us, to_us
from schemas.tracking import Scan, ScanMode, TierChange, TrackingState, TradingCandidates

_PREMARKET_FROM = clock_time(4)


@dataclass(slots=True)
class Update:
    """What happened at ``time`` (epoch microseconds).

    A ``scan`` or, between scans, a promotion for breaking news alone. ``candidates`` only when
    they changed; ``universe`` the states to publish, ``left`` the symbols to bury with a tombstone,
    ``archived`` those that have been away for so long that their record is closed.
    """

    time: int
    scan: Scan | None = None
    candidates: TradingCandidates | None = None
    tier_changes: list[TierChange] = field(default_factory=list)
    universe: list[TrackingState] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)


def scheduled_mode(time: int) -> ScanMode:
    """The mode of a scan on the grid: ``premarket`` from 04:00 to 09:30 of the exchange."""
    local = exchange_time(time).time()
    return "premarket" if _PREMARKET_FROM <= local < SESSION_OPEN else "normal"


class Desk:
    """Market, scanner and tracked securities, driven by event time alone.

    A scan is due at the first point of the grid (``ttl_s`` seconds from midnight UTC) at or after
    something happened, so that silence costs nothing and clock marks through a night change
    nothing. It sees the minutes that end, and the catalysts published, by then.
    """

    def __init__(
        self,
        config: ScanConfig | None = None,
        intervals: TierIntervals | None = None,
        rules: TierRules | None = None,
        stopwatch: Callable[[], float] = perf_counter,
    ) -> None:
        self.scanner = Scanner(config)
        self.market = Market()
        self.book = TrackingBook(intervals, rules)
        self.time = 0
        self._stopwatch = stopwatch
        self._due: list[int] = []
        self._breaking: list[tuple[int, str]] = []
        self._last_scan = ""
        self._last_time = 0
        self._candidates: list[str] = []
        self._period_ticks = 0

    def inform(self, catalyst: Catalyst) -> bool:
        """Take a catalyst in; it counts from its time on. False when it is known already."""
        if not self.market.inform(catalyst):
            return False
        at = max(to_us(catalyst.ts), self.time)
        self._schedule(max(at, self._last_time + 1))
        if catalyst.materiality >= self.book.rules.breaking_materiality:
            at += -at % US_PER_MINUTE
            heapq.heappush(self._breaking, (at, catalyst.symbol))
        return True

    def take(self, minute: MarketMinute) -> list[Update]:
        """Take a market minute in; what came due before it."""
        updates = self.advance(minute.start)
        self.market.take(minute)
        end = minute.start + US_PER_MINUTE
        self.time = max(self.time, end)
        if len(minute.bars):
            self._schedule(end)
        return updates

    def advance(self, time: int) -> list[Update]:
        """Event time has come to ``time`` and all before it is taken in: what came due."""
        updates: list[Update] = []
        while True:
            scan = self._due[0] if self._due else time + 1
            breaking = self._breaking[0][0] if self._breaking else time + 1
            if min(scan, breaking) > time:
                break
            if scan <= breaking:
                heapq.heappop(self._due)
                mode = scheduled_mode(scan)
                if scan_id(mode, scan) != self._last_scan:
                    updates.append(self._scan(mode, scan))
            else:
                updates += self._break_news(*heapq.heappop(self._breaking))
        self.time = max(self.time, time)
        return updates

    def force(self, mode: ScanMode) -> Update:
        """Scan now, in any mode; its result replaces that of the last scan."""
        return self._scan(mode, self.time)

    def _schedule(self, at: int) -> None:
        ttl = self.scanner.config.ttl_s * US_PER_S
        due = at + -at % ttl
        if due not in self._due:
            heapq.heappush(self._due, due)

    def _break_news(self, at: int, symbol: str) -> list[Update]:
        if at <= self._last_time:
            return []  # the scan at that time has seen it
        moved = self.book.break_news(symbol, at)
        if moved is None:
            return []
        state = self.book.entries[symbol].state
        return [Update(at, tier_changes=[moved], universe=[state])]

    def _scan(self, mode: ScanMode, time: int) -> Update:
        began = self._stopwatch()
        view = self.market.view(time)
        ranking = self.scanner.rank(view, mode, self.book.tracked)
        scan = self.scanner.result(self.market, view, ranking, mode)
        on_grid = time % (self.scanner.config.ttl_s * US_PER_S) == 0
        traded = self.market.ticks > self._period_ticks
        change = self.book.update(scan, view, ranking, period=on_grid and traded)
        if on_grid:
            self._period_ticks = self.market.ticks
        self._last_scan, self._last_time = scan.scan_id, time
        candidates = self._change_of_candidates(scan, view, ranking)
        scan.execution_time = self._stopwatch() - began
        return Update(
            time,
            scan,
            candidates,
            change.tiers,
            [self.book.entries[c.symbol].state for c in scan.tracked_securities],
            change.left,
            change.archived,
        )

    def _change_of_candidates(
        self, scan: Scan, view: MarketView, ranking: Ranking
    ) -> TradingCandidates | None:
        now = {candidate.symbol: candidate for candidate in scan.trading_candidates}
        before, self._candidates = self._candidates, list(now)
        left = [symbol for symbol in before if symbol not in now]
        entered = {s: candidate.reason for s, candidate in now.items() if s not in before}
        if not left and not entered:
            return None
        return TradingCandidates(
            scan.scan_id,
            from_us(view.now),
            scan.trading_candidates,
            entered,
            {symbol: _why_left(symbol, view, ranking) for symbol in left},
        )

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "market": self.market.snapshot(),
            "book": self.book.snapshot(),
            "time": self.time,
            "due": sorted(self._due),
            "breaking": [list(item) for item in sorted(self._breaking)],
            "last_scan": self._last_scan,
            "last_time": self._last_time,
            "candidates": self._candidates,
            "period_ticks": self._period_ticks,
        }

    @classmethod
    def restore(
        cls,
        state: dict[str, Any],
        config: ScanConfig | None = None,
        intervals: TierIntervals | None = None,
        rules: TierRules | None = None,
        stopwatch: Callable[[], float] = perf_counter,
    ) -> Desk:
        """The desk of a snapshot, with the configuration of now."""
        desk = cls(config, intervals, rules, stopwatch)
        desk.market = Market.restore(state["market"])
        desk.book = TrackingBook.restore(state["book"], intervals, rules)
        desk.time = state["time"]
        desk._due = list(state["due"])
        desk._breaking = [(at, symbol) for at, symbol in state["breaking"]]
        desk._last_scan, desk._last_time = state["last_scan"], state["last_time"]
        desk._candidates = list(state["candidates"])
        desk._period_ticks = state["period_ticks"]
        return desk


def _why_left(symbol: str, view: MarketView, ranking: Ranking) -> str:
    row = view.symbols.index(symbol)
    if not view.eligible[row]:
        return "no longer traded"
    return f"score fell to {ranking.score[row]:.1f}, place {int(ranking.place[row]) + 1}"
