"""Who is tracked, in which tier and since when; what left is remembered."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from agents.scanning.factors.move import sizes
from agents.scanning.scanner import Ranking
from agents.scanning.tiers import (
    ENTRY,
    TIERS,
    Facts,
    TierIntervals,
    TierRules,
    judge,
    urgency,
)
from agents.scanning.view import MarketView
from schemas.times import from_us
from schemas.tracking import Candidate, Scan, Tier, TierChange, TrackingState

ENTERED = "entered the tracked securities"
RETURNED = "came back to the tracked securities"


@dataclass(slots=True)
class Entry:
    """A security that is or was tracked; times are epoch microseconds, ``left`` 0 while it is.

    ``since`` is when it came to its tier, ``flat`` how many periods in a row it has been flat.
    """

    symbol: str
    first_seen: int
    tier: Tier
    since: int
    updated: int
    reason: str
    tier_reason: str
    score: float
    flat: int = 0
    left: int = 0
    archived: bool = False

    @property
    def state(self) -> TrackingState:
        """The record of the ``universe`` topic."""
        return TrackingState(
            symbol=self.symbol,
            collection_frequency=self.tier,
            first_seen=from_us(self.first_seen),
            last_updated=from_us(self.updated),
            tracking_reason=self.reason,
            score=self.score,
            tier_reason=self.tier_reason,
        )


@dataclass(slots=True)
class BookChange:
    """What a scan changed: tiers, who left, and who has been away so long that it is archived."""

    tiers: list[TierChange] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)


class TrackingBook:
    """The tracked securities and those that were; a security has at most one entry."""

    def __init__(
        self, intervals: TierIntervals | None = None, rules: TierRules | None = None
    ) -> None:
        self.intervals = intervals or TierIntervals()
        self.rules = rules or TierRules()
        self.entries: dict[str, Entry] = {}

    @property
    def tracked(self) -> set[str]:
        """The symbols that are tracked now."""
        return {symbol for symbol, entry in self.entries.items() if not entry.left}

    def intervals_of_tracked(self) -> dict[str, int]:
        """Seconds a row covers, by tracked symbol."""
        return {s: self.intervals.of(self.entries[s].tier) for s in sorted(self.tracked)}

    def update(self, scan: Scan, view: MarketView, ranking: Ranking, *, period: bool) -> BookChange:
        """Take a scan's result over; ``period`` says that a period of trading has ended."""
        now, change = view.now, BookChange()
        chosen = {candidate.symbol for candidate in scan.tracked_securities}
        for symbol in sorted(self.tracked - chosen):
            change.tiers.append(self._leave(self.entries[symbol], view, ranking))
            change.left.append(symbol)
        rows = ranking.tracked.tolist()
        all_facts = self._facts(view, ranking, period=period)
        for candidate, row in zip(scan.tracked_securities, rows, strict=True):
            moved = self._keep(candidate, all_facts[row], now)
            if moved is not None:
                change.tiers.append(moved)
        change.tiers.sort(key=lambda moved: moved.symbol)
        change.archived = self._archive(now)
        return change

    def break_news(self, symbol: str, now: int) -> TierChange | None:
        """Breaking news about a tracked security between scans: the highest tier at once."""
        entry = self.entries.get(symbol)
        if entry is None or entry.left or entry.tier == TIERS[0]:
            return None
        entry.updated = now
        return self._move(entry, TIERS[0], now, "breaking news", {"score": entry.score})

    def _leave(self, entry: Entry, view: MarketView, ranking: Ranking) -> TierChange:
        row = view.symbols.index(entry.symbol)
        if view.eligible[row]:
            place = int(ranking.place[row]) + 1
            reason = f"score {ranking.score[row]:.1f}, place {place} of {view.eligible.sum()}"
        else:
            reason = "no longer traded"
        entry.left = entry.updated = view.now
        entry.tier_reason = reason
        entry.flat = 0
        return TierChange(entry.symbol, from_us(view.now), entry.tier, None, reason)

    def _keep(self, candidate: Candidate, facts: Facts, now: int) -> TierChange | None:
        entry = self.entries.get(candidate.symbol)
        if entry is None or entry.left:
            return self._enter(entry, candidate, facts, now)
        entry.updated, entry.score, entry.reason = now, candidate.score, candidate.reason
        entry.flat = facts.flat
        verdict = judge(entry.tier, entry.since, now, facts, self.intervals, self.rules)
        if verdict is None:
            return None
        tier, why = verdict
        return self._move(entry, tier, now, why, facts.details())

    def _enter(
        self, entry: Entry | None, candidate: Candidate, facts: Facts, now: int
    ) -> TierChange:
        why = urgency(facts)
        tier = TIERS[0] if why else ENTRY
        arrival = ENTERED if entry is None else RETURNED
        reason = f"{arrival}: {why}" if why else arrival
        first_seen = now if entry is None else entry.first_seen
        self.entries[candidate.symbol] = Entry(
            candidate.symbol, first_seen, tier, now, now, candidate.reason, reason, candidate.score
        )
        return TierChange(candidate.symbol, from_us(now), None, tier, reason, facts.details())

    def _move(
        self, entry: Entry, tier: Tier, now: int, why: str, details: dict[str, float]
    ) -> TierChange:
        before = entry.tier
        entry.tier, entry.since, entry.tier_reason, entry.flat = tier, now, why, 0
        return TierChange(entry.symbol, from_us(now), before, tier, why, details)

    def _archive(self, now: int) -> list[str]:
        due = [
            entry
            for entry in self.entries.values()
            if entry.left and not entry.archived and now - entry.left >= self.rules.archive_us
        ]
        for entry in due:
            entry.archived, entry.updated = True, now
        return sorted(entry.symbol for entry in due)

    def _facts(self, view: MarketView, ranking: Ranking, *, period: bool) -> dict[int, Facts]:
        rules, rows = self.rules, ranking.tracked
        with np.errstate(all="ignore"):
            moves = sizes(view)
            size = np.nan_to_num(np.fmax.reduce(moves))
        movers = rows[np.argsort(-size[rows], kind="stable")][: rules.movers]
        moving = set(movers[size[movers] >= rules.mover_deviations].tolist())
        news = view.news
        fresh = (news.ts > view.now - rules.breaking_us) & (
            news.materiality >= rules.breaking_materiality
        )
        breaking = set(news.row[fresh].tolist())
        facts = {}
        for i in rows.tolist():
            entry = self.entries.get(view.symbols[i])
            flat = 0 if entry is None or entry.left else entry.flat
            if period:
                flat = flat + 1 if self._is_flat(entry, view, i, float(moves[0, i])) else 0
            facts[i] = Facts(
                score=float(ranking.score[i]),
                volatility=float(view.realised[i]) if period else np.nan,
                relative_volume=float(view.relative_volume[i]) if period else np.nan,
                mentions=int(view.mentions[i]),
                newest=int(view.newest[i]),
                mover=i in moving,
                breaking=i in breaking,
                flat=flat,
            )
        return facts

    def _is_flat(self, entry: Entry | None, view: MarketView, i: int, size: float) -> bool:
        rules = self.rules
        ultra = entry is not None and entry.tier == TIERS[0]
        share = rules.flat_share_ultra if ultra else rules.flat_share
        return bool(abs(view.recent_return[i]) < rules.flat_return or size < share)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"entries": [asdict(entry) for entry in self.entries.values()]}

    @classmethod
    def restore(
        cls,
        state: dict[str, Any],
        intervals: TierIntervals | None = None,
        rules: TierRules | None = None,
    ) -> TrackingBook:
        """The book of a snapshot, with the intervals and rules of now."""
        book = cls(intervals, rules)
        book.entries = {raw["symbol"]: Entry(**raw) for raw in state["entries"]}
        return book
