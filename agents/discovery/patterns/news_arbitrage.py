"""News arbitrage: material news that the price has not yet reacted to.

Definition. Material news of a security says clearly good or bad. A few minutes later the security
has moved no more than it does in any few minutes, far less than such news brings; nor had it moved
before, as if the news were known; nor had the same been told the day before. Of several securities
named in one news, those that have not reacted are flagged, though others have. What the price
learned at once is no pattern, and neither is a flat price after news that means nothing.

Statistic. With D the abnormal return (net of the market) since the news and s its usual deviation
over that time, the price is unreacted if |D| / s stays below 2 at the end of every minute and below
1.5 at the last. Precision rests on the estimated materiality, the probability that such news moves
its security by two deviations: unreacted after k minutes, what is left of that probability is

    p' = p q / (p q + 1 - p)

with q the part of material news that the market takes longer than k minutes to read.

Literature. Bernard and Thomas (1989), "Post-Earnings-Announcement Drift: Delayed Price Response or
Risk Premium?". Hirshleifer, Lim and Teoh (2009), "Driven to Distraction": under-reaction where
attention is short. Tetlock (2007), "Giving Content to Investor Sentiment", and (2011), "All the
News That's Fit to Reprint: Do Investors React to Stale Information?". The drift takes hours of
trading, hence the horizon of four.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.discovery.aftermath import in_session, minutes_since, usual_move
from agents.discovery.candidate import Candidate, Direction
from agents.discovery.newslog import Item
from agents.discovery.scene import Scene
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE, US_PER_S

HORIZON_S = 4 * 3_600
# Programs read news within seconds, people within minutes: what has not moved by the third is
# overlooked; from the ninth on another sight of it brings nothing new.
_SOONEST_MIN = 3
_LATEST_MIN = 8
# Ordinary noise stays within so many deviations at its end, and on its way.
_UNREACTED = 1.5
_UNREACTED_ON_THE_WAY = 2.0
# A move of so many deviations in the minutes before says that the news was known.
_KNOWN_BEFORE = 3.0
_BEFORE_MIN = 15
_REACTED = 3.0

_MATERIAL = 0.35
_CLEAR = 0.2
# Another such news of the same theme within the last day makes this one a reprint.
_STALE_US = 24 * 3_600 * US_PER_S
_STALE_PART = 0.5
_MOST_SUBJECTS = 4
# The part of material news that takes longer than a few minutes to read.
_SLOW_PART = 0.5
_WARM_MIN = 60


class _State(NamedTuple):
    """One security after one news: its move over its usual one, at the end and at its extreme."""

    item: Item
    row: int
    minutes: int
    move: float
    extreme: float
    before: float
    stale: bool
    trades: bool

    @property
    def unreacted(self) -> bool:
        """Whether the price is as if there had been no news, though it could have moved."""
        return (
            self.trades
            and not self.stale
            and abs(self.move) <= _UNREACTED
            and self.extreme <= _UNREACTED_ON_THE_WAY
            and abs(self.before) <= _KNOWN_BEFORE
        )


class NewsArbitrage:
    """Detector of ``news_arbitrage``."""

    name: PatternType = "news_arbitrage"
    every = 1

    def look(self, scene: Scene) -> list[Candidate]:
        """Material news of the last minutes with a price that does not know it."""
        panel = scene.panel
        since = panel.now - _LATEST_MIN * US_PER_MINUTE
        stories: dict[str, list[Item]] = {}
        for item in scene.news.since(since, panel.now - (_SOONEST_MIN - 1) * US_PER_MINUTE):
            stories.setdefault(item.news_id, []).append(item)
        found = [_candidate(scene, items) for items in stories.values()]
        return sorted((c for c in found if c is not None), key=lambda c: -c.strength)

    def snapshot(self) -> dict[str, Any]:
        """Nothing is kept from look to look."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Nothing is kept from look to look."""


def _candidate(scene: Scene, items: list[Item]) -> Candidate | None:
    if not any(item.materiality >= _MATERIAL for item in items) or len(items) > _MOST_SUBJECTS:
        return None
    states = [s for s in (_state(scene, item) for item in items) if s is not None]
    states = [s for s in states if s.item.role != "actor"]
    silent = [s for s in states if s.unreacted and s.item.materiality >= _MATERIAL]
    if not silent:
        return None
    sign = _direction(states)
    if not sign:
        return None
    silent.sort(key=lambda s: -s.item.materiality)
    return _found(silent, sign)


def _direction(states: Sequence[_State]) -> Direction | None:
    """Where the price will go: as the text says, or as one of the named has gone already."""
    reacted = [s for s in states if abs(s.move) >= _REACTED]
    if reacted:
        return 1 if max(reacted, key=lambda s: abs(s.move)).move > 0 else -1
    sentiment = states[0].item.sentiment
    if abs(sentiment) < _CLEAR:
        return None
    return 1 if sentiment > 0 else -1


def _state(scene: Scene, item: Item) -> _State | None:
    panel = scene.panel
    row = panel.row.get(item.symbol)
    if row is None or panel.seen[row] < _WARM_MIN or not in_session(panel, item.ts):
        return None
    minutes = minutes_since(panel, item.ts)
    if minutes < _SOONEST_MIN:
        return None
    span = min(minutes + _BEFORE_MIN, panel.minute_of_session)
    own = panel.window.last("m", span)[:, row].astype(np.float64)
    usual = float(usual_move(panel, np.array([row]), 1)[0])
    after = np.cumsum(own[-minutes:]) / (usual * np.sqrt(np.arange(1, minutes + 1)))
    before = own[:-minutes]
    return _State(
        item,
        row,
        minutes,
        float(after[-1]),
        float(np.abs(after).max()),
        float(before.sum() / (usual * math.sqrt(max(len(before), 1)))),
        _is_reprint(scene, item),
        float(panel.window.last("traded", minutes)[:, row].mean()) > 0.5,
    )


def _is_reprint(scene: Scene, item: Item) -> bool:
    return any(
        earlier.symbol == item.symbol
        and earlier.theme == item.theme
        and earlier.news_id != item.news_id
        and earlier.materiality >= _STALE_PART * item.materiality
        for earlier in scene.news.since(item.ts - _STALE_US, item.ts - US_PER_S)
    )


def remaining(materiality: float) -> float:
    """The probability that the news is material though the price has not moved.

    >>> round(remaining(0.5), 3)
    0.333
    """
    slow = materiality * _SLOW_PART
    return slow / (slow + 1 - materiality)


def _found(silent: list[_State], sign: Direction) -> Candidate:
    first = silent[0]
    names = [s.item.symbol for s in silent]
    left = remaining(first.item.materiality)
    return Candidate(
        pattern_type="news_arbitrage",
        lead=tuple(sorted(names)),
        securities=names,
        window_start=first.item.ts,
        strength=left / remaining(_MATERIAL),
        direction=dict.fromkeys(names, sign),
        horizon_s=HORIZON_S,
        conditions={
            "headline": first.item.headline,
            "materiality": round(first.item.materiality, 3),
            "sentiment": round(first.item.sentiment, 3),
            "theme": first.item.theme,
            "minutes_since_news": first.minutes,
            "moves_deviations": {s.item.symbol: round(s.move, 2) for s in silent},
            "moves_before": {s.item.symbol: round(s.before, 2) for s in silent},
            "still_material": round(left, 3),
        },
        features={
            "materiality": first.item.materiality,
            "sentiment": abs(first.item.sentiment),
            "reaction": sign * first.move / 2,
            "extreme": first.extreme / 2,
            "before": sign * first.before / 3,
            "minutes": first.minutes / 10,
            "linked": float(len(silent) > 1),
            "subject": float(first.item.role == "subject"),
        },
        evidence=[first.item.news_id],
    )
