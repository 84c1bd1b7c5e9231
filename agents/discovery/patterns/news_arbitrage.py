"""News arbitrage: material news that the price has not yet reacted to.

Definition. Material news of a security says clearly good or bad. Some minutes later the security
has moved no more than it does in any few minutes, nor has it begun to move as the news says; nor
had it moved before, as if the news were known, or gone that way today already or over the hours
just before; nor had the same been told the day before. News of the night is looked at after the
open, and the gap counts as a move. Where one of several named in one headline has jumped, the news
is material whatever its words, and those that have not are flagged; but of a deal or a suit, what
is good for one side says nothing of the other. What the price learned at once is no pattern, and
neither is a flat price after news that means nothing.

Statistic. With D the abnormal return (net of the market) since the news and s its usual deviation
over that time, the price is unreacted if |D| / s stays below 2.5 at the end of every minute and
below 2 at the last, and below 1.5 in the direction of the news, there and over the last minutes: a
price that follows its news slowly is on its way already. What came to rest again after no more than
0.4 of the usual deviation of a whole day is the beginning at most, however sudden it was: material
news makes twice that and more. Nights are measured in deviations of all securities' moves of that
night, and the gap must be nearer to none than to what news makes. Precision rests on the estimated
materiality, the probability that such news moves its security by two deviations, and on how the
headline tells it: an event makes its odds larger; what tells of none must be material more likely
than not, and comment and routine are not looked at.
Unreacted after some minutes, what is left of that probability p is

    p' = p q / (p q + 1 - p)

with q the part of material news that the market takes longer than that to read.

Literature. Bernard and Thomas (1989), "Post-Earnings-Announcement Drift: Delayed Price Response or
Risk Premium?". Hirshleifer, Lim and Teoh (2009), "Driven to Distraction": under-reaction where
attention is short. Tetlock (2007), "Giving Content to Investor Sentiment", and (2011), "All the
News That's Fit to Reprint: Do Investors React to Stale Information?". The drift takes hours of
trading, hence the horizon of four.
"""

from __future__ import annotations

import re
from typing import Any

from agents.discovery.candidate import Candidate, Direction
from agents.discovery.newslog import Item, material
from agents.discovery.panel import Panel
from agents.discovery.reaction import night_moves, reaction
from agents.discovery.reprints import REMEMBERED_US, STALE_PART, Told, is_reprint
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.unreacted import MATERIAL, State
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

HORIZON_S = 4 * 3_600
# Programs read news within seconds, people within minutes: what has not moved by the eighth is
# overlooked; from the twelfth on another sight of it brings nothing new.
_SOONEST_MIN = 8
_LATEST_MIN = 11

# News says clearly good or bad; where another has jumped on it, it is as likely as not to bear on
# this one too.
_CLEAR = 0.1
_MATERIAL_IF_JUMPED = 0.5
_MOST_SUBJECTS = 4
# The part of material news that takes longer than a few minutes to read.
_SLOW_PART = 0.5
_WARM_MIN = 60

# Two sides of one matter: what is good for one is not for the other.
_TWO_SIDES = re.compile(
    r"\b(?:acqui\w+|merge\w*|takeover|buyout|bids?|offers?|to buy (?!.* from\b)|buys|to sell|sells|"
    r"stake|sue[sd]?|suing|against|versus|vs|accus\w+|infring\w+)\b",
    re.IGNORECASE,
)


class NewsArbitrage:
    """Detector of ``news_arbitrage``.

    It remembers what was told of each security within the week, and when the last session ended.
    """

    name: PatternType = "news_arbitrage"
    every = 1

    def __init__(self) -> None:
        self._read = 0
        self._told: dict[str, list[Told]] = {}
        self._now = self._closed = 0

    def look(self, scene: Scene) -> list[Candidate]:
        """Material news of the last minutes, or of the night, with a price that ignores it."""
        panel = scene.panel
        if panel.minute_of_session == 1:
            self._closed = self._now
        self._now = panel.now
        self._remember(scene)
        stories: dict[str, list[Item]] = {}
        for item in self._fresh(scene):
            stories.setdefault(item.news_id, []).append(item)
        if not stories:
            return []
        nights = night_moves(panel)
        found = []
        for items in stories.values():
            if len(items) > _MOST_SUBJECTS:
                continue
            states = [self._state(panel, item, nights) for item in items]
            known = [s for s in states if s is not None]
            candidate = _of_story(known)
            if candidate is not None:
                found.append(candidate)
        return sorted(found, key=lambda c: -c.strength)

    def _fresh(self, scene: Scene) -> list[Item]:
        """News that has been out for some minutes of trading, and not for many."""
        panel = scene.panel
        since = panel.now - _LATEST_MIN * US_PER_MINUTE
        items = scene.news.since(since, panel.now - (_SOONEST_MIN - 1) * US_PER_MINUTE)
        if _SOONEST_MIN <= panel.minute_of_session <= _LATEST_MIN and self._closed:
            opened = panel.now - panel.minute_of_session * US_PER_MINUTE
            items = scene.news.since(self._closed, opened) + [i for i in items if i.ts > opened]
        return [item for item in items if item.role != "actor"]

    def _state(self, panel: Panel, item: Item, nights: Floats) -> State | None:
        row = panel.row.get(item.symbol)
        if row is None or panel.seen[row] < _WARM_MIN:
            return None
        seen = reaction(panel, row, item.ts, nights, _SOONEST_MIN)
        if seen.minutes < _SOONEST_MIN:
            return None
        stale = is_reprint(item, self._told.get(item.symbol, []))
        return State(item, material(item), row, seen, stale)

    def _remember(self, scene: Scene) -> None:
        now = scene.now
        for item in scene.news.since(self._read, now):
            if material(item) >= STALE_PART * MATERIAL:
                told = self._told.setdefault(item.symbol, [])
                told[:] = [t for t in told if t.ts > now - REMEMBERED_US]
                told.append(Told(item.ts, item.theme, material(item), item.headline))
        self._read = now

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "read": self._read,
            "told": {s: list(map(list, t)) for s, t in self._told.items()},
            "now": self._now,
            "closed": self._closed,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self._read = state["read"]
        self._told = {s: [Told(*t) for t in told] for s, told in state["told"].items()}
        self._now, self._closed = state["now"], state["closed"]


def _of_story(states: list[State]) -> Candidate | None:
    """Those that a news is about and that have not reacted, if it is material."""
    if len(states) > 1 and _TWO_SIDES.search(states[0].item.headline):
        states = [s for s in states if s.item.role == "subject"]
        if len(states) != 1:
            return None
    jumped = [s for s in states if s.jumped]
    silent = [s for s in states if s.silent]
    if jumped:
        sign = _sign(max((s.move for s in jumped), key=abs))
        silent = [s._replace(material=max(s.material, _MATERIAL_IF_JUMPED)) for s in silent]
    elif states and abs(states[0].item.sentiment) >= _CLEAR:
        sign = _sign(states[0].item.sentiment)
        silent = [s for s in silent if s.worth_a_look and not s.knows(sign)]
    else:
        return None
    return _found(silent, sign, jumped[0] if jumped else None) if silent else None


def _sign(value: float) -> Direction:
    return 1 if value > 0 else -1


def remaining(materiality: float) -> float:
    """The probability that the news is material though the price has not moved.

    >>> round(remaining(0.5), 3)
    0.333
    """
    slow = materiality * _SLOW_PART
    return slow / (slow + 1 - materiality)


def _found(silent: list[State], sign: Direction, leader: State | None) -> Candidate:
    """``leader`` is the one that has jumped, if any has."""
    silent = sorted(silent, key=lambda s: -s.material)
    first, seen = silent[0], silent[0].reaction
    names = [s.item.symbol for s in silent]
    left = remaining(first.material)
    gone_ahead = {leader.item.symbol: round(leader.move, 2)} if leader else {}
    return Candidate(
        pattern_type="news_arbitrage",
        lead=tuple(sorted(names)),
        securities=names,
        window_start=first.item.ts,
        strength=left / remaining(MATERIAL),
        direction=dict.fromkeys(names, sign),
        horizon_s=HORIZON_S,
        conditions={
            "headline": first.item.headline,
            "materiality": round(first.item.materiality, 3),
            "materiality_as_told": round(first.material, 3),
            "sentiment": round(first.item.sentiment, 3),
            "theme": first.item.theme,
            "minutes_since_news": seen.minutes,
            "moves_deviations": {s.item.symbol: round(s.move, 2) for s in silent},
            "moves_before": {s.item.symbol: round(s.reaction.before, 2) for s in silent},
            "gone_ahead": gone_ahead,
            "still_material": round(left, 3),
        },
        features={
            "materiality": first.item.materiality,
            "materiality_as_told": first.material,
            "sentiment": abs(first.item.sentiment),
            "reaction": sign * seen.move / 2,
            "extreme": seen.extreme / 2,
            "before": seen.before / 3,
            "minutes": seen.minutes / 10,
            "linked": float(leader is not None),
            "subject": float(first.item.role == "subject"),
        },
        evidence=[first.item.news_id],
    )
