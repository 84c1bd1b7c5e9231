"""Accumulation: someone buys for hours to days, and the price hardly moves."""

from __future__ import annotations

import numpy as np

from streams.sources.planted.stage import Range, Stage
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SESSION_MINUTES

KIND = "accumulation_patterns"

VOLUME: Range = {"easy": (2.2, 3.0), "medium": (1.7, 2.2), "hard": (1.35, 1.7)}
# How much likelier than a half a purchase is; meta-orders of 10 to 30 % of the volume or more.
IMBALANCE: Range = {"easy": (0.25, 0.32), "medium": (0.17, 0.24), "hard": (0.11, 0.16)}
_LENGTH = (200, 780)
# A hidden buyer absorbs what others sell, so the price moves less than usual.
_CALM = 0.6


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there is room."""
    place = stage.settle(lambda: _propose(stage), calm=False)
    if place is None:
        return None
    first, length, rows = place
    row, span = rows[0], slice(first, first + length)
    lift, imbalance = stage.size(VOLUME, strength), stage.size(IMBALANCE, strength)
    waves = 1 + 0.3 * np.sin(np.arange(length) / stage.between(15, 45) + stage.between(0, 6))
    stage.lift_volume(row, first, 1 + (lift - 1) * waves)
    stage.draft.flow[span, row] += imbalance * waves
    flatten(stage, row, span)
    return stage.episode(
        KIND,
        strength,
        rows,
        (first, first + length),
        volume=round(lift, 3),
        imbalance=round(2 * imbalance, 3),
        direction=1,
    )


def flatten(stage: Stage, row: int, span: slice) -> None:
    """Calm a security's own return and let it come back to where it began."""
    own = stage.draft.own[span, row]
    own *= _CALM
    own -= own.mean()


def _propose(stage: Stage) -> tuple[int, int, list[int]] | None:
    length = min(stage.minutes(*_LENGTH), 3 * SESSION_MINUTES)
    first = stage.anywhere(length)
    row = int(stage.rng.integers(len(stage.world)))
    if first is None or stage.world.active[row] < 0.8:
        return None
    return first, length, [row]
