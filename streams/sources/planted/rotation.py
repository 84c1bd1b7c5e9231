"""Sector rotation: money moves from one sector to another, for hours to days."""

from __future__ import annotations

import numpy as np

from streams.sources.base import Floats
from streams.sources.planted.stage import Range, Stage
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SECTORS, SESSION_MINUTES

KIND = "sector_rotation"

# The drift of each side, in deviations of a sector's own return over the same time.
DRIFT: Range = {"easy": (3.0, 4.0), "medium": (2.2, 3.0), "hard": (1.5, 2.1)}
VOLUME: Range = {"easy": (1.6, 2.0), "medium": (1.35, 1.6), "hard": (1.2, 1.35)}
_LENGTH = (180, 700)
_FEWEST = 4


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there are two sectors free."""
    place = _place(stage)
    if place is None:
        return None
    first, length, source, target = place
    if _gain(stage, source, first, length) > _gain(stage, target, first, length):
        source, target = target, source
    _drift(stage, source, first, length, -stage.size(DRIFT, strength))
    _drift(stage, target, first, length, stage.size(DRIFT, strength))
    members = {sector: _members(stage, sector) for sector in (source, target)}
    stage.lift_volume(
        members[target].tolist(), first, np.full(length, stage.size(VOLUME, strength))
    )
    # Who sells does so quietly or loudly; either way volume leaves the one for the other.
    stage.lift_volume(members[source].tolist(), first, np.full(length, stage.between(0.7, 1.05)))
    return stage.episode(
        KIND,
        strength,
        [*members[source].tolist(), *members[target].tolist()],
        (first, first + length),
        from_sector=SECTORS[source][0],
        to_sector=SECTORS[target][0],
    )


def _members(stage: Stage, sector: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.flatnonzero(stage.world.sector == sector)


def _gain(stage: Stage, sector: int, first: int, length: int) -> float:
    """What a sector would have gained anyway: a rotation that this undoes could not be seen."""
    span, members = slice(first, first + length), _members(stage, sector)
    moves = stage.draft.common[span][:, members] + stage.draft.own[span][:, members]
    return float(moves.sum(axis=0).mean())


def _place(stage: Stage) -> tuple[int, int, int, int] | None:
    for _ in range(60):
        length = min(stage.minutes(*_LENGTH), 2 * SESSION_MINUTES)
        first = stage.anywhere(length)
        if first is None or stage.world.sector.max() < 1:
            continue
        source, target = stage.rng.choice(stage.world.sector.max() + 1, 2, replace=False).tolist()
        if min(len(_members(stage, source)), len(_members(stage, target))) < _FEWEST:
            continue
        spans = [_sector_span(stage, sector) for sector in (source, target)]
        span = slice(max(0, first - SESSION_MINUTES // 2), first + length + SESSION_MINUTES // 2)
        if any(taken[span].any() for taken in spans):
            continue
        for taken in spans:
            taken[span] = True
        return first, length, source, target
    return None


def _sector_span(stage: Stage, sector: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return stage.sectors.setdefault(sector, np.zeros(stage.sessions.minutes, np.bool_))


def _drift(stage: Stage, sector: int, first: int, length: int, deviations: float) -> None:
    """An uneven drift of a whole sector: tranches of buying or selling with pauses."""
    size = deviations * stage.variant.sector * np.sqrt(length / SESSION_MINUTES)
    pace: Floats = stage.rng.gamma(2.0, 1.0, -(-length // 15)).repeat(15)[:length]
    for row in _members(stage, sector).tolist():
        step = size * pace / pace.sum() * stage.world.sector_beta[row] * stage.between(0.7, 1.3)
        stage.draft.own[first : first + length, row] += step
        stage.draft.flow[first : first + length, row] += 0.05 * np.sign(size)
