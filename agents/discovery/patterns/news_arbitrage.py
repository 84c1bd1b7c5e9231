"""News arbitrage: material news that the price has not yet reacted to.

Definition. Material news of a security says clearly good or bad. A few minutes later the security
has moved no more than it does in any few minutes, far less than such news brings; nor had it moved
before, as if the news were known; nor had the same been told the day before. Of several securities
named in one news, those that have not reacted are flagged, though others have. What the price
learned at once is no pattern, and neither is a flat price after news that means nothing.

Statistic. With D the abnormal return (net of the market) since the news and s its usual deviation
over that time, the price is unreacted if |D| / s stays below 2.5 at the end of every minute and
below 2 at the last.
Precision rests on the estimated materiality, the probability that such news moves
its security by two deviations, and on how the headline tells it: an event makes its odds larger,
comment and routine smaller. Unreacted after some minutes, what is left of that probability p is

    p' = p q / (p q + 1 - p)

with q the part of material news that the market takes longer than that to read.

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
from agents.discovery.newslog import Item, material
from agents.discovery.panel import SESSION_MIN, Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.news.similarity import Headline
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE, US_PER_S

HORIZON_S = 4 * 3_600
# Programs read news within seconds, people within minutes: what has not moved by the sixth is
# overlooked; from the twelfth on another sight of it brings nothing new.
_SOONEST_MIN = 6
_LATEST_MIN = 11
# Ordinary noise stays within so many deviations at its end, and on its way.
_UNREACTED = 2.0
_UNREACTED_ON_THE_WAY = 2.5
# A move of so many deviations in some minutes of the hour before says that the news was known.
_KNOWN_BEFORE = 5.0
_BEFORE_MIN = 60
_BEFORE_SPANS = (5, 15)
_REACTED = 3.0

# News as likely as not to be nothing still is worth a look if it says clearly good or bad.
_MATERIAL = 0.27
_CLEAR = 0.1
# Such news of the same theme within the last day, or in the same words within the week,
# makes this one a reprint; within half an hour it is the same story breaking.
_STALE_US = 24 * 3_600 * US_PER_S
_REMEMBERED_US = 7 * 24 * 3_600 * US_PER_S
_SAME_WORDS = 0.6
_BREAKING_US = 30 * US_PER_MINUTE
_STALE_PART = 0.5
_MOST_SUBJECTS = 4
# The part of material news that takes longer than a few minutes to read.
_SLOW_PART = 0.5
_WARM_MIN = 60


class Told(NamedTuple):
    """What was told of a security before; ``ts`` is epoch microseconds."""

    ts: int
    theme: str
    material: float
    headline: str


class _State(NamedTuple):
    """One security after one news: its move over its usual one, at the end and at its extreme.

    ``before`` is its largest move of the hour before.
    """

    item: Item
    material: float
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
            and self.before <= _KNOWN_BEFORE
        )


class NewsArbitrage:
    """Detector of ``news_arbitrage``.

    It remembers what was told of each security within the week: time, theme, materiality, headline.
    """

    name: PatternType = "news_arbitrage"
    every = 1

    def __init__(self) -> None:
        self._read = 0
        self._told: dict[str, list[Told]] = {}

    def look(self, scene: Scene) -> list[Candidate]:
        """Material news of the last minutes with a price that does not know it."""
        panel = scene.panel
        self._remember(scene)
        since = panel.now - _LATEST_MIN * US_PER_MINUTE
        stories: dict[str, list[Item]] = {}
        for item in scene.news.since(since, panel.now - (_SOONEST_MIN - 1) * US_PER_MINUTE):
            stories.setdefault(item.news_id, []).append(item)
        found = [_candidate(panel, items, self._told) for items in stories.values()]
        return sorted((c for c in found if c is not None), key=lambda c: -c.strength)

    def _remember(self, scene: Scene) -> None:
        now = scene.now
        for item in scene.news.since(self._read, now):
            if material(item) >= _STALE_PART * _MATERIAL:
                told = self._told.setdefault(item.symbol, [])
                told[:] = [t for t in told if t.ts > now - _REMEMBERED_US]
                told.append(Told(item.ts, item.theme, material(item), item.headline))
        self._read = now

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"read": self._read, "told": {s: list(map(list, t)) for s, t in self._told.items()}}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self._read = state["read"]
        self._told = {s: [Told(*t) for t in told] for s, told in state["told"].items()}


def _candidate(panel: Panel, items: list[Item], told: dict[str, list[Told]]) -> Candidate | None:
    items = [item for item in items if item.role != "actor"]
    if len(items) > _MOST_SUBJECTS or not any(material(item) >= _MATERIAL for item in items):
        return None
    states = [s for s in (_state(panel, item, told) for item in items) if s is not None]
    silent = [s for s in states if s.unreacted and s.material >= _MATERIAL]
    # Buyer and bought, plaintiff and defendant: what is good for one is not for the other.
    if items[0].theme == "merger" and len(items) > 1:
        return None
    if items[0].theme == "legal" and any(abs(s.move) >= _REACTED for s in states):
        return None
    if not silent:
        return None
    sign = _direction(states)
    if not sign:
        return None
    silent.sort(key=lambda s: -s.material)
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


def _state(panel: Panel, item: Item, told: dict[str, list[Told]]) -> _State | None:
    row = panel.row.get(item.symbol)
    if row is None or panel.seen[row] < _WARM_MIN or not in_session(panel, item.ts):
        return None
    minutes = minutes_since(panel, item.ts)
    if minutes < _SOONEST_MIN:
        return None
    span = min(minutes + _BEFORE_MIN, panel.minute_of_session)
    own = panel.window.last("m", span)[:, row].astype(np.float64)
    usual = float(usual_move(panel, np.array([row]), minutes)[0]) / math.sqrt(minutes)
    after = np.cumsum(own[-minutes:]) / (usual * np.sqrt(np.arange(1, minutes + 1)))
    return _State(
        item,
        material(item),
        row,
        minutes,
        float(after[-1]),
        float(np.abs(after).max()),
        _largest(own[:-minutes], usual),
        is_reprint(item, told.get(item.symbol, [])),
        _could_have_moved(panel, row, minutes),
    )


def _could_have_moved(panel: Panel, row: int, minutes: int) -> bool:
    """Whether it trades just now, at a price that is not always the same."""
    trades = float(panel.window.last("traded", minutes)[:, row].mean()) > 0.5
    return trades and bool(panel.window.last("r", SESSION_MIN)[:, row].any())


def _largest(own: Floats, usual: float) -> float:
    """The largest move over any of some spans of ``own``, shape (minutes,), in deviations."""
    path = np.concatenate([[0.0], np.cumsum(own)])
    spans = [span for span in _BEFORE_SPANS if span < len(path)]
    return max(
        (float(np.abs(path[s:] - path[:-s]).max()) / (usual * math.sqrt(s)) for s in spans),
        default=0.0,
    )


def is_reprint(item: Item, told: Sequence[Told]) -> bool:
    """Whether the same was told of the security before, though not just now."""
    words, enough = Headline.of(item.headline).words, _STALE_PART * material(item)
    for earlier in told:
        age = item.ts - earlier.ts
        if not _BREAKING_US < age <= _REMEMBERED_US:
            continue
        same_kind = earlier.theme == item.theme and earlier.material >= enough
        before = Headline.of(earlier.headline).words
        shared = len(words & before) / max(len(words | before), 1)
        same_text = shared >= _SAME_WORDS and _figures(words) == _figures(before)
        if same_text or (same_kind and age <= _STALE_US):
            return True
    return False


def _figures(words: frozenset[str]) -> set[str]:
    """The words with a digit: another number is another event."""
    return {word for word in words if any(c.isdigit() for c in word)}


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
    left = remaining(first.material)
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
            "materiality_as_told": round(first.material, 3),
            "sentiment": round(first.item.sentiment, 3),
            "theme": first.item.theme,
            "minutes_since_news": first.minutes,
            "moves_deviations": {s.item.symbol: round(s.move, 2) for s in silent},
            "moves_before": {s.item.symbol: round(s.before, 2) for s in silent},
            "still_material": round(left, 3),
        },
        features={
            "materiality": first.item.materiality,
            "materiality_as_told": first.material,
            "sentiment": abs(first.item.sentiment),
            "reaction": sign * first.move / 2,
            "extreme": first.extreme / 2,
            "before": first.before / 3,
            "minutes": first.minutes / 10,
            "linked": float(len(silent) > 1),
            "subject": float(first.item.role == "subject"),
        },
        evidence=[first.item.news_id],
    )
