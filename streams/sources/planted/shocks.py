"""What moves the whole market or a whole sector and is no pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from streams.sources.planted.stage import Stage, eased, fading
from streams.sources.planted.truth import Episode, Strength
from streams.sources.simulated import SECTORS, SESSION_MINUTES

_AROUND = 10


def market_wide_move(stage: Stage, strength: Strength) -> Episode | None:
    """Everything falls or rises by its beta within minutes, on volume, mostly on macro news."""
    place = _place(stage, lambda: stage.minutes(15, 60))
    if place is None:
        return None
    first, length = place
    sign = stage.sign(0.35)
    size = sign * stage.between(1.5, 3.5) * stage.variant.market
    step = np.diff(eased(length), prepend=0.0)[:, None]
    stage.draft.common[first : first + length] += size * step * stage.world.beta
    rows = list(range(len(stage.world)))
    stage.lift_volume(rows, first, fading(2 * length, stage.between(1.5, 3.0)))
    stage.draft.flow[first : first + length] += 0.12 * sign
    if stage.rng.random() < 0.7:
        stage.news.market(stage.news_us(first), sign)
    return stage.episode(
        "market_wide_move", strength, [], (first, first + 2 * length), planted=False,
        move=round(size, 4),
    )  # fmt: skip


def volatility_burst(stage: Stage, strength: Strength) -> Episode | None:
    """All moves of the market, or of one sector, grow alike; correlations stay as they are."""
    place = _place(stage, lambda: stage.minutes(45, 150))
    if place is None:
        return None
    first, length = place
    rows = np.arange(len(stage.world))
    detail: dict[str, Any] = {}
    if stage.rng.random() < 0.5:
        sector = int(stage.rng.choice(stage.world.sector))
        rows = np.flatnonzero(stage.world.sector == sector)
        detail = {"sector": SECTORS[sector][0]}
    factor = stage.between(1.8, 3.0)
    for moves in (stage.draft.common, stage.draft.own):
        moves[first : first + length, rows] *= factor
    stage.lift_volume(rows.tolist(), first, np.full(length, factor**stage.variant.volume_link))
    named = [] if len(rows) == len(stage.world) else rows.tolist()
    return stage.episode(
        "volatility_burst", strength, named, (first, first + length), planted=False,
        factor=round(factor, 3), **detail,
    )  # fmt: skip


def quiet_market(stage: Stage, strength: Strength) -> Episode | None:
    """A holiday mood: hardly a move, little volume."""
    place = _place(stage, lambda: stage.minutes(120, 280))
    if place is None:
        return None
    first, length = place
    for moves in (stage.draft.common, stage.draft.own):
        moves[first : first + length] *= stage.between(0.3, 0.5)
    stage.draft.volume[first : first + length] *= stage.between(0.35, 0.6)
    return stage.episode("quiet_market", strength, [], (first, first + length), planted=False)


def sector_wide_move(stage: Stage, strength: Strength) -> Episode | None:
    """A whole sector moves at once and that was it: nobody led, nothing persists."""
    place = _place(stage, lambda: stage.minutes(5, 20))
    if place is None:
        return None
    first, length = place
    sector = int(stage.rng.choice(stage.world.sector))
    rows = np.flatnonzero(stage.world.sector == sector)
    size = stage.sign() * stage.between(1.2, 2.5) * stage.variant.sector
    step = np.diff(eased(length), prepend=0.0)[:, None]
    stage.draft.common[first : first + length, rows] += size * step * stage.world.sector_beta[rows]
    stage.lift_volume(rows.tolist(), first, fading(3 * length, stage.between(1.5, 2.5)))
    return stage.episode(
        "sector_wide_move", strength, rows.tolist(), (first, first + 3 * length), planted=False,
        sector=SECTORS[sector][0], move=round(size, 4),
    )  # fmt: skip


def _place(stage: Stage, draw_length: Callable[[], int]) -> tuple[int, int] | None:
    for _ in range(60):
        length = min(draw_length(), SESSION_MINUTES - 60)
        first = stage.within_session(3 * length if length < 60 else length, 20)
        if first is None:
            continue
        span = slice(first - _AROUND, first + length + length // 2 + _AROUND)
        if not stage.shaken[span].any():
            stage.shaken[span] = True
            return first, length
    return None
