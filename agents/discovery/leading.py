"""Who leads: securities that moved on news of their own within the hour."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.discovery.aftermath import minutes_since, roughness
from agents.discovery.candidate import Direction
from agents.discovery.newslog import Item, material
from agents.discovery.panel import Panel
from agents.discovery.scene import Scene
from schemas.times import US_PER_MINUTE

# Followers follow within the hour; a little longer, for the last of them to be added.
_FOLLOW_MIN = 65
# Those who move the price know before a feed tells: minutes before the news, and how many more
# deviations are asked for, since more chance lies within them.
_KNOWN_BEFORE = ((2, 0.0), (10, 2.0))
# Who jumped more recently than this has no followers yet.
_SOONEST_MIN = 5

# What the leader must show: a move far beyond the ordinary in the best of a few spans. Returns have
# fat tails and there is news of someone every few minutes: six deviations meet news by chance about
# once a week, and ten do so though the news tells of no event. Half of it must be left.
_LEADER_SPANS = (3, 6, 12, 24)
_LEADER_MOVE = 6.0
_LEADER_MOVE_WITHOUT_EVENT = 10.0
_LEFT = 0.5
# News less likely to be material, as it is told, explains nothing.
_LEAST_MATERIAL = 0.10
# News about so many is news of none of them.
_MOST_SUBJECTS = 4
_WARM_MIN = 60


class Lead(NamedTuple):
    """A security that moved on its news, in the direction ``sign``.

    ``minutes`` is how long ago it began: with the news, or with a jump before that.
    """

    row: int
    item: Item
    minutes: int
    sign: Direction
    move: float


def leads(scene: Scene) -> list[Lead]:
    """Securities that moved on news of their own within the last hour, by time of the news."""
    panel = scene.panel
    since = panel.now - _FOLLOW_MIN * US_PER_MINUTE
    items = scene.news.since(since, panel.now)
    named: dict[str, int] = {}
    for item in items:
        named[item.news_id] = named.get(item.news_id, 0) + 1
    found: dict[int, Lead] = {}
    for item in items:
        row = panel.row.get(item.symbol)
        if row is None or item.role == "actor" or material(item) < _LEAST_MATERIAL:
            continue
        if named[item.news_id] > _MOST_SUBJECTS or panel.seen[row] < _WARM_MIN:
            continue
        lead = _lead(panel, row, item)
        if lead is not None and (row not in found or found[row].move < lead.move):
            found[row] = lead
    return list(found.values())


def _lead(panel: Panel, row: int, item: Item) -> Lead | None:
    since = minutes_since(panel, item.ts)
    if not since:
        return None
    event = item.wording.event
    least = _LEADER_MOVE if event else _LEADER_MOVE_WITHOUT_EVENT
    for before, more in _KNOWN_BEFORE:
        minutes = min(since + before, panel.minute_of_session)
        move, left = _move(panel, row, minutes)
        if abs(move) >= least + more and left >= _LEFT:
            began = max(since, _jumped(panel, row, minutes))
            sign: Direction = 1 if move > 0 else -1
            return Lead(row, item, began, sign, abs(move)) if began >= _SOONEST_MIN else None
    return None


def _jumped(panel: Panel, row: int, minutes: int) -> int:
    """How many minutes ago it had made half of the most that it made since ``minutes`` ago."""
    path = np.abs(np.cumsum(panel.window.last("m", minutes)[:, row], dtype=np.float64))
    return minutes - int(np.argmax(path >= path.max() / 2))


def _move(panel: Panel, row: int, minutes: int) -> tuple[float, float]:
    """The largest move over some spans from ``minutes`` ago on, in deviations; what is left."""
    path = np.cumsum(panel.window.last("m", minutes)[:, row], dtype=np.float64)
    usual = float(panel.deviation("m")[row]) * np.sqrt(np.cumsum(roughness(panel, minutes)))
    ends = [span - 1 for span in _LEADER_SPANS if span <= minutes] or [minutes - 1]
    end = max(ends, key=lambda e: abs(path[e] / usual[e]))
    left = path[-1] / path[end] if path[end] else 0.0
    return float(path[end] / usual[end]), float(left)
