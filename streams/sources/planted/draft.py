"""The market before anything is planted: returns, volumes and order flow of every minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.sources.base import Floats
from streams.sources.planted.sessions import Sessions, day_shape
from streams.sources.planted.variant import Variant
from streams.sources.planted.world import World
from streams.sources.simulated import SESSION_MINUTES

_CALM, _WILD = 0.25, 12.0
_VOLUME_MEMORY = 0.97
_DAY_VOLATILITY = 0.25
_DAY_VOLUME = 0.25


@dataclass(slots=True)
class Draft:
    """What is planted into; every array is (minutes, securities) but ``shape``.

    ``common`` and ``own`` are log returns, ``volume`` is a multiple of a usual minute at this time
    of day, ``flow`` is the chance less a half that a trade is a purchase, ``halted`` minutes have
    no quotes. ``sigma`` is the usual deviation of ``own`` in that minute, ``shape`` (390,) the
    activity at each minute of a session. The first minute of a session holds the night.
    """

    common: Floats
    own: Floats
    volume: Floats
    flow: Floats
    halted: NDArray[np.bool_]
    sigma: Floats
    shape: Floats


def draw_draft(
    rng: np.random.Generator, world: World, variant: Variant, sessions: Sessions
) -> Draft:
    """The returns of market, sectors, industries, twins and each security, and what follows."""
    count, pairs = len(world), len(world.pairs)
    sectors = int(world.sector.max()) + 1
    industries = int(world.industry.max()) + 1
    daily = np.concatenate(
        [
            [variant.market],
            np.full(sectors, variant.sector),
            np.full(industries, variant.industry),
            np.ones(pairs),
            world.own,
        ]
    )
    shape = day_shape()
    moves = _moves(rng, variant, sessions, daily, shape)
    cuts = np.cumsum([1, sectors, industries, pairs])
    market, sector, industry, twin, own = np.split(moves, cuts, axis=1)
    common = market * world.beta
    common += sector[:, world.sector] * world.sector_beta
    common += industry[:, world.industry] * world.industry_beta
    for index, pair in enumerate(world.pairs):
        common[:, list(pair)] += twin[:, [index]] * world.twin[list(pair)]
    own = own.copy()
    per_minute = np.sqrt(np.tile(shape, sessions.days) / SESSION_MINUTES)
    sigma = per_minute[:, None] * world.own
    usual = np.hypot(sigma, per_minute[:, None] * common.std() * np.sqrt(SESSION_MINUTES))
    surprise = np.abs(common + own) / usual
    surprise[::SESSION_MINUTES] = 1.0
    return Draft(
        common,
        own,
        _volumes(rng, variant, sessions, count) * surprise.clip(0.2, 6) ** variant.volume_link,
        _flow(rng, variant, common + own, usual),
        np.zeros((sessions.minutes, count), np.bool_),
        sigma,
        shape,
    )


def _moves(
    rng: np.random.Generator, variant: Variant, sessions: Sessions, daily: Floats, shape: Floats
) -> Floats:
    """Returns (minutes, series): GARCH(1,1) with Student-t shocks under the shape of the day."""
    series = len(daily)
    shocks = rng.standard_t(variant.tail, (sessions.minutes, series))
    shocks /= np.sqrt(variant.tail / (variant.tail - 2))
    news, memory = variant.garch_news, variant.garch_memory
    variance = np.ones(series)
    for minute in range(sessions.minutes):
        row = shocks[minute]
        row *= np.sqrt(variance)
        variance = (1 - news - memory) + news * row * row + memory * variance
        np.clip(variance, _CALM, _WILD, out=variance)
    level = np.exp(_DAY_VOLATILITY * _slow(rng, sessions.days, series) - _DAY_VOLATILITY**2)
    moves = shocks.reshape(sessions.days, SESSION_MINUTES, series)
    moves *= (daily * level)[:, None, :] * np.sqrt(shape / SESSION_MINUTES)[None, :, None]
    night = rng.standard_t(variant.tail, (sessions.days, series)) * daily * variant.overnight
    night[0] = 0.0
    moves[:, 0] += night
    return moves.reshape(sessions.minutes, series)


def _slow(rng: np.random.Generator, days: int, series: int) -> Floats:
    """A level of each day (days, series), alike for all by half, that remembers yesterday."""
    level = (rng.standard_normal((days, 1)) + rng.standard_normal((days, series))) / np.sqrt(2)
    for day in range(1, days):
        level[day] = 0.6 * level[day - 1] + 0.8 * level[day]
    return np.asarray(level)


def _volumes(rng: np.random.Generator, variant: Variant, sessions: Sessions, count: int) -> Floats:
    noise = _remembered(rng, (sessions.minutes, count), _VOLUME_MEMORY)
    noise *= variant.volume_noise
    noise += 0.35 * rng.standard_normal((sessions.minutes, count))
    noise += np.repeat(_DAY_VOLUME * _slow(rng, sessions.days, count), SESSION_MINUTES, axis=0)
    return np.asarray(np.exp(noise))


def _flow(rng: np.random.Generator, variant: Variant, moves: Floats, usual: Floats) -> Floats:
    flow = variant.flow_noise * _remembered(rng, moves.shape, variant.flow_memory)
    return np.asarray(flow + 0.2 * np.tanh(moves / usual))


def _remembered(rng: np.random.Generator, shape: tuple[int, ...], memory: float) -> Floats:
    """Unit noise along the first axis in which each value remembers ``memory`` of the last."""
    noise = rng.standard_normal(shape)
    fresh = np.sqrt(1 - memory**2)
    for row in range(1, shape[0]):
        noise[row] *= fresh
        noise[row] += memory * noise[row - 1]
    return noise
