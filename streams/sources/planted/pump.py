"""Pump and dump: a small price is driven up without news, ever faster, and then let fall."""

from __future__ import annotations

import numpy as np

from streams.sources.planted.stage import Range, Stage, eased, steepening
from streams.sources.planted.truth import Episode, Strength

KIND = "pump_and_dump"

# The rise as a log return; manipulated stocks rise by a tenth to a half within a day.
RISE: Range = {"easy": (0.22, 0.36), "medium": (0.13, 0.20), "hard": (0.07, 0.11)}
VOLUME: Range = {"easy": (10, 20), "medium": (6, 10), "hard": (3.5, 6)}
_LENGTH = (25, 80)
_SMALLEST = 0.4


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there is room."""
    place = stage.settle(lambda: propose(stage))
    if place is None:
        return None
    first, length, rows = place
    row, rise = rows[0], stage.size(RISE, strength)
    run_up(stage, row, first, length, rise, stage.size(VOLUME, strength))
    peak = first + length
    fall, given_back = stage.minutes(4, 14), stage.between(0.65, 0.95)
    stage.push(row, peak, -given_back * rise * eased(fall))
    stage.lift_volume(row, peak, np.linspace(stage.size(VOLUME, strength), 2.0, 2 * fall))
    stage.draft.flow[peak : peak + fall, row] -= 0.3
    return stage.episode(
        KIND,
        strength,
        rows,
        (first, peak + fall),
        deadline=peak,
        collapse=stage.sessions.iso(peak),
        rise=round(rise, 4),
        given_back=round(given_back, 3),
    )


def run_up(stage: Stage, row: int, first: int, length: int, rise: float, volume: float) -> None:
    """A rise that gets ever faster, on volume that does so too."""
    stage.push(row, first, rise * steepening(length, stage.between(1.6, 2.6)))
    stage.lift_volume(row, first, 1 + (volume - 1) * steepening(length, 0.8))
    stage.draft.flow[first : first + length, row] += 0.22


def propose(stage: Stage) -> tuple[int, int, list[int]] | None:
    """A time within a session, and one of the less traded securities."""
    length = stage.minutes(*_LENGTH)
    first = stage.within_session(length + 40)
    count = len(stage.world)
    small = np.argsort(stage.world.turnover)[: max(1, round(_SMALLEST * count))]
    row = int(stage.rng.choice(small))
    return None if first is None else (first, length, [row])
