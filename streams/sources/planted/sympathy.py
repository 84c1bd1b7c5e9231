"""Catalyst sympathy: one company has news and moves, its kin follow without news of their own."""

from __future__ import annotations

import numpy as np

from streams.sources.planted.stage import Range, Stage, eased, fading, steady
from streams.sources.planted.truth import Episode, Strength

KIND = "catalyst_sympathy"

# Moves of followers, in deviations of an abnormal half hour: beyond doubt, clear, 1 in 30.
FOLLOWERS: Range = {"easy": (4.5, 6.5), "medium": (3.2, 4.5), "hard": (2.2, 3.0)}
LAGS: Range = {"easy": (2, 10), "medium": (3, 20), "hard": (5, 35)}
LEADER = (6.0, 10.0)
_HALF_HOUR = 30
_LENGTH = 90
# Kin of the same trade, or less plainly of the same theme in other sectors.
_BY_THEME: dict[Strength, float] = {"easy": 0.0, "medium": 0.25, "hard": 0.4}


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there is room."""
    by_theme = stage.rng.random() < _BY_THEME[strength]
    place = stage.settle(lambda: _propose(stage, by_theme))
    if place is None:
        return None
    first, _, rows = place
    leader, *followers = rows
    news_us = stage.news_us(first)
    sign = stage.sign()
    theme = stage.world.theme_of(leader) if by_theme else None
    stage.news.material(leader, news_us, sign, None if theme is None else theme.topic)
    move_leader(stage, leader, first, sign)
    starts = {}
    for row in followers:
        begin = first + 1 + stage.minutes(*LAGS[strength])
        follow(stage, row, begin, sign * stage.size(FOLLOWERS, strength))
        starts[str(stage.world.symbols[row])] = stage.sessions.iso(begin)
    return stage.episode(
        KIND,
        strength,
        rows,
        (first, first + _LENGTH),
        leaders=[leader],
        start_us=news_us,
        direction=sign,
        followers=starts,
        tie="industry" if theme is None else theme.topic,
    )


def _propose(stage: Stage, by_theme: bool) -> tuple[int, int, list[int]] | None:
    first = stage.within_session(_LENGTH)
    leader = int(stage.rng.integers(len(stage.world)))
    theme = stage.world.theme_of(leader) if by_theme else None
    if by_theme and theme is None:
        return None
    kin = stage.world.peers(leader) if theme is None else theme.members[theme.members != leader]
    if first is None or len(kin) < 3:
        return None
    many = int(stage.rng.integers(3, min(len(kin), 6) + 1))
    chosen = stage.rng.choice(kin, many, replace=False).tolist()
    return first, _LENGTH, [leader, *chosen]


def move_leader(stage: Stage, row: int, first: int, sign: int) -> float:
    """Move the subject of news within minutes; by how much (log return)."""
    size = sign * stage.between(*LEADER) * stage.deviation(row, first, _HALF_HOUR)
    stage.push(row, first + 1, size * eased(stage.minutes(2, 7)))
    stage.lift_volume(row, first + 1, fading(_LENGTH - 1, stage.between(5, 10)))
    return size


def follow(stage: Stage, row: int, begin: int, deviations: float) -> None:
    """Move a follower from ``begin`` on, over some minutes to half an hour, with its volume."""
    length = stage.minutes(6, 22)
    size = deviations * stage.deviation(row, begin, _HALF_HOUR)
    path = eased(length) if stage.rng.random() < 0.6 else steady(length)
    stage.push(row, begin, size * path)
    stage.lift_volume(row, begin, fading(2 * length, stage.between(2.0, 4.0)))
    stage.draft.flow[begin : begin + length, row] += 0.15 * np.sign(size)
