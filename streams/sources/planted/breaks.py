"""Correlation breaks: what moved together for long does so no more."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.sources.planted.stage import Range, Stage
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SECTORS, SESSION_MINUTES

KIND = "correlation_breaks"

# What is left of the loading on everything shared: it flips, is gone, or is a shadow.
LEFT: Range = {"easy": (-0.6, -0.1), "medium": (-0.05, 0.15), "hard": (0.2, 0.4)}
_LENGTH = (300, 780)


def plant(stage: Stage, strength: Strength) -> Episode | None:
    """Plant one on a twin, or on a security that hardly has moves of its own."""
    of_pair = bool(stage.world.pairs) and stage.rng.random() < 0.6
    place = stage.settle(lambda: _propose(stage, of_pair), calm=False)
    if place is None:
        return None
    first, length, rows = place
    row, span = rows[0], slice(first, first + length)
    stage.broken.update(rows)
    left = stage.between(*LEFT[strength])
    loosen(stage, row, span, left)
    tie: dict[str, Any] = {}
    if not of_pair:
        tie["sector"] = SECTORS[int(stage.world.sector[row])][0]
    partners = stage.world.names([*rows[1:]] if of_pair else stage.world.peers(row))
    return stage.episode(
        KIND,
        strength,
        rows,
        (first, first + length),
        left=round(left, 3),
        broke=str(stage.world.symbols[row]),
        partners=partners,
        **tie,
    )


def loosen(stage: Stage, row: int, span: slice, left: float) -> None:
    """Leave ``left`` of what a security shares; moves of its own keep its volatility as it was."""
    common = stage.draft.common[span, row]
    minutes = np.arange(span.start, span.stop) % SESSION_MINUTES
    scale = np.std(stage.draft.common[:, row]) * np.sqrt(stage.draft.shape[minutes])
    tail = stage.variant.tail
    fresh = stage.rng.standard_t(tail, len(common)) / np.sqrt(tail / (tail - 2)) * scale
    common *= left
    common += np.sqrt(1 - left**2) * fresh


def _propose(stage: Stage, of_pair: bool) -> tuple[int, int, list[int]] | None:
    length = min(stage.minutes(*_LENGTH), 2 * SESSION_MINUTES)
    first = stage.anywhere(length)
    if first is None:
        return None
    if of_pair:
        pair = list(stage.world.pairs[int(stage.rng.integers(len(stage.world.pairs)))])
        rows = stage.rng.permutation(pair).tolist()
        return None if stage.broken & set(rows) else (first, length, rows)
    tight = [row for row in np.flatnonzero(stage.world.tight).tolist() if row not in stage.broken]
    return (first, length, [int(stage.rng.choice(tight))]) if tight else None
