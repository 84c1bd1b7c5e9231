"""Emergent clusters: securities of different sectors begin to move together."""

from __future__ import annotations

import numpy as np

from streams.sources.planted.stage import Range, Stage
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SESSION_MINUTES

KIND = "emergent_clusters"

# Correlation of what was each member's own.
CORRELATION: Range = {"easy": (0.75, 0.9), "medium": (0.55, 0.7), "hard": (0.35, 0.5)}
_LENGTH = (300, 900)
_MEMBERS = (5, 9)


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one, if there is room."""
    place = stage.settle(lambda: _propose(stage), calm=False)
    if place is None:
        return None
    first, length, rows = place
    span = slice(first, first + length)
    correlation = stage.between(*CORRELATION[strength])
    tail = stage.variant.tail
    shared = stage.rng.standard_t(tail, length) / np.sqrt(tail / (tail - 2))
    for row in rows:
        own, sigma = stage.draft.own[span, row], stage.draft.sigma[span, row]
        own *= np.sqrt(1 - correlation)
        own += np.sqrt(correlation) * sigma * shared * stage.between(0.9, 1.2)
    stage.lift_volume(rows, first, np.full(length, stage.between(1.0, 1.3)))
    return stage.episode(
        KIND, strength, rows, (first, first + length), correlation=round(correlation, 3)
    )


def _propose(stage: Stage) -> tuple[int, int, list[int]] | None:
    length = min(stage.minutes(*_LENGTH), 3 * SESSION_MINUTES)
    first = stage.anywhere(length)
    lively = np.flatnonzero(~stage.world.tight & (stage.world.twin == 0))
    many = int(stage.rng.integers(*_MEMBERS))
    if first is None or len(lively) < 3 * many:
        return None
    rows = stage.rng.choice(lively, many, replace=False).tolist()
    if len({int(stage.world.sector[row]) for row in rows}) < min(4, many):
        return None
    return first, length, sorted(rows)
