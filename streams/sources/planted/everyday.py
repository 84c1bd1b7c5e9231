"""The news of every day: mostly of no weight, now and then with a move at once."""

from __future__ import annotations

import numpy as np

from schemas.times import US_PER_MINUTE, US_PER_MS
from streams.sources.planted.stage import Stage, eased, fading
from streams.sources.simulated import SESSION_MINUTES

_MATERIAL = 0.12
# What is worded so strongly and moves nothing would be news that waits for its drift.
_LEAST_MOVE = 2.5
_OVERNIGHT = 0.4
_CLEAR = 60
_MARKET_A_DAY = 8
_NIGHT_MINUTES = (30, 800)


def write_everyday(stage: Stage) -> None:
    """Fill every day, warm-up included, but leave alone what is planted."""
    for day in range(stage.sessions.days):
        for row in range(len(stage.world)):
            for _ in range(int(stage.rng.poisson(stage.variant.news_rate))):
                _one(stage, day, row)
        for _ in range(int(stage.rng.poisson(_MARKET_A_DAY))):
            minute = day * SESSION_MINUTES + int(stage.rng.integers(SESSION_MINUTES))
            stage.news.market(stage.news_us(minute), 0)


def _one(stage: Stage, day: int, row: int) -> None:
    opening = day * SESSION_MINUTES
    overnight = stage.rng.random() < _OVERNIGHT
    minute = opening if overnight else opening + int(stage.rng.integers(SESSION_MINUTES - 5))
    if stage.taken[max(0, minute - _CLEAR) : minute + _CLEAR, row].any():
        return
    if overnight:
        before = int(stage.rng.integers(*_NIGHT_MINUTES)) * US_PER_MINUTE
        ts = stage.sessions.start_us(opening) - before + int(stage.rng.integers(60_000)) * US_PER_MS
    else:
        ts = stage.news_us(minute)
    if stage.rng.random() >= _MATERIAL:
        stage.news.everyday(row, ts)
        return
    sign = stage.sign()
    stage.news.material(row, ts, sign)
    _react(stage, row, minute if overnight else minute + 1, sign, overnight)


def _react(stage: Stage, row: int, first: int, sign: int, overnight: bool) -> None:
    """The price takes material news at once: a gap at the open, or some minutes."""
    length = min(60, stage.sessions.minutes - first)
    deviations = _LEAST_MOVE + float(stage.rng.gamma(2.0, 1.0))
    size = sign * deviations * stage.deviation(row, first, min(length, 30))
    quick = 1 if overnight else min(length, int(stage.rng.integers(2, 6)))
    stage.push(row, first, size * eased(quick) if quick > 1 else np.array([size]))
    stage.lift_volume(row, first, fading(length, stage.between(1.5, 4.0)))
