"""What is planted in a market, how often, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from streams.errors import UserError
from streams.sources.planted import (
    accumulation,
    arbitrage,
    breaks,
    clusters,
    lookalikes,
    pump,
    rotation,
    shocks,
    sympathy,
)
from streams.sources.planted.stage import Stage
from streams.sources.planted.truth import KINDS, STRENGTHS, Episode, PatternKind, Strength
from streams.sources.simulated import SESSION_MINUTES

Planter = Callable[[Stage, Strength], Episode | None]

# How many a day in 150 securities. What concerns all goes first and keeps a space of its own;
# rotations come last, since what is planted on one security may happen within them.
_SHOCKS: tuple[tuple[float, Planter], ...] = (
    (0.25, shocks.market_wide_move),
    (0.30, shocks.volatility_burst),
    (0.12, shocks.quiet_market),
    (0.25, shocks.sector_wide_move),
)
_PATTERNS: tuple[tuple[PatternKind, float, Planter], ...] = (
    ("emergent_clusters", 0.30, clusters.plant),
    ("correlation_breaks", 0.45, breaks.plant),
    ("accumulation_patterns", 0.45, accumulation.plant),
    ("catalyst_sympathy", 0.50, sympathy.plant),
    ("news_arbitrage", 0.50, arbitrage.plant),
    ("pump_and_dump", 0.45, pump.plant),
    ("sector_rotation", 0.38, rotation.plant),
)
_LOOKALIKES: tuple[tuple[float, Planter], ...] = (
    (0.30, lookalikes.heavy_balanced_volume),
    (0.30, lookalikes.heavy_volume_news_day),
    (0.40, lookalikes.lone_leader),
    (0.40, lookalikes.immaterial_news),
    (0.15, lookalikes.huge_mover_in_sector),
    (0.30, lookalikes.runup_that_sticks),
    (0.30, lookalikes.halt),
    (0.20, lookalikes.jump_in_pair),
)
_USUAL_SECURITIES = 150


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which patterns are planted, in which strengths."""

    kinds: tuple[PatternKind, ...]
    strengths: tuple[Strength, ...]


def parse_plant(text: str) -> Wanted:
    """Read ``mixed``, ``none``, strengths and types, separated by commas.

    >>> parse_plant("hard,pump_and_dump")
    Wanted(kinds=('pump_and_dump',), strengths=('hard',))

    Raises:
        UserError: a word is neither.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    known = {"mixed", "none", *KINDS, *STRENGTHS}
    unknown = next((word for word in words or [text] if word not in known), None)
    if unknown is not None:
        raise UserError(
            f"cannot plant {unknown!r}: say mixed, none, {', '.join(STRENGTHS)}, or types, "
            f"separated by commas: {', '.join(KINDS)}"
        )
    if "none" in words:
        if len(words) > 1:
            raise UserError("plant none, or something: not both")
        return Wanted((), STRENGTHS)
    kinds = tuple(kind for kind in KINDS if kind in words)
    strengths = tuple(strength for strength in STRENGTHS if strength in words)
    return Wanted(kinds or KINDS, strengths or STRENGTHS)


def carry_out(stage: Stage, wanted: Wanted) -> list[Episode]:
    """Plant all that is wanted and the look-alikes; the truth in order of time.

    Where there is no room (few securities, few days), less is planted.
    """
    truth: list[Episode] = []
    for rate, plant in _SHOCKS:
        truth += _repeat(stage, plant, rate, STRENGTHS)
    for kind, rate, plant in _PATTERNS[:-1]:
        if kind in wanted.kinds:
            truth += _repeat(stage, plant, rate, wanted.strengths)
    for rate, plant in _LOOKALIKES:
        truth += _repeat(stage, plant, rate, STRENGTHS)
    kind, rate, plant = _PATTERNS[-1]
    if kind in wanted.kinds:
        truth += _repeat(stage, plant, rate, wanted.strengths)
    return sorted(truth, key=lambda episode: (episode.start, episode.kind, episode.securities))


def _repeat(
    stage: Stage, plant: Planter, rate: float, strengths: tuple[Strength, ...]
) -> list[Episode]:
    days = stage.sessions.days - stage.first / SESSION_MINUTES
    room = min(1.5, np.sqrt(len(stage.world) / _USUAL_SECURITIES))
    many = max(1, round(days * rate * stage.variant.density * room)) if days > 0 else 0
    order = cycle(stage.rng.permutation(strengths).tolist())
    planted = [plant(stage, strength) for strength, _ in zip(order, range(many), strict=False)]
    return [episode for episode in planted if episode is not None]
