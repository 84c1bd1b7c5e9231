"""From log prices to quotes as a feed sends them: ticks, spreads, gaps, delays, repeats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.sources.base import Floats, symbol_list
from streams.sources.planted.draft import Draft
from streams.sources.planted.sessions import Sessions
from streams.sources.planted.variant import Variant
from streams.sources.planted.world import World
from streams.sources.simulated import SESSION_MINUTES

# Every fiftieth quote overtakes another within the allowed lateness.
_JITTERED = 0.02
_JITTER_US = 3 * US_PER_S
_LATE_US = (8 * US_PER_S, 150 * US_PER_S)
_REPEAT_US = 2 * US_PER_S
_QUIETEST = 0.5
# Spreads are widest at the open (McInish and Wood 1992).
_WIDER_WHEN_BUSY = 0.3


def log_prices(world: World, draft: Draft) -> Floats:
    """Fair log prices (minutes, securities) at the end of each minute."""
    moves = draft.common + draft.own
    return np.asarray(np.log(world.price) + np.cumsum(moves, axis=0))


def day_quotes(
    rng: np.random.Generator,
    day: int,
    world: World,
    draft: Draft,
    variant: Variant,
    sessions: Sessions,
    fair: Floats,
) -> Iterator[QuoteColumns]:
    """The quotes of one session, those that arrive within a minute at a time.

    ``fair`` (390, securities) are the session's log prices.
    """
    rows = slice(day * SESSION_MINUTES, (day + 1) * SESSION_MINUTES)
    volume = draft.volume[rows]
    active = 1 - (1 - world.active) ** np.maximum(volume, _QUIETEST)
    traded = (rng.random(volume.shape) < active) & ~draft.halted[rows]
    minute, code = np.nonzero(traded)
    opening = int(sessions.opening_us[day])
    moment = rng.integers(0, 59_900, len(minute)) * US_PER_MS
    ts = opening + minute * US_PER_MINUTE + moment
    shares = volume * draft.shape[:, None] * world.turnover
    price, bid, ask = _around(
        np.exp(fair[minute, code]),
        world.half_spread[code] * draft.shape[minute] ** _WIDER_WHEN_BUSY,
        rng.random(len(minute)) < (0.5 + draft.flow[rows][minute, code]).clip(0.03, 0.97),
    )
    columns = (ts, price, bid, ask, np.ceil(shares[minute, code]))
    arrival = ts + _delays(rng, variant, len(ts))
    again = np.flatnonzero(rng.random(len(ts)) < variant.repeated)
    source = np.concatenate([np.arange(len(ts)), again])
    arrival = np.concatenate(
        [arrival, arrival[again] + rng.integers(1, _REPEAT_US // US_PER_MS, len(again)) * US_PER_MS]
    )
    order = np.argsort(arrival, kind="stable")
    source, arrival = source[order], arrival[order]
    edges = np.searchsorted(arrival, opening + np.arange(SESSION_MINUTES + 4) * US_PER_MINUTE)
    edges[-1] = len(arrival)
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if last > first:
            take = source[first:last]
            symbols = symbol_list(world.symbols, code[take])
            yield QuoteColumns(symbols, *(column[take] for column in columns))


def _delays(
    rng: np.random.Generator, variant: Variant, count: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How long each quote is under way beyond the others, microseconds (n,)."""
    delays = np.zeros(count, np.int64)
    draw = rng.random(count)
    late = draw < variant.late
    jittered = ~late & (draw < variant.late + _JITTERED)
    delays[late] = rng.integers(*_LATE_US, int(late.sum()))
    delays[jittered] = rng.integers(0, _JITTER_US, int(jittered.sum()))
    return delays


def _around(
    fair: Floats, half_spread: Floats, buys: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Floats, Floats, Floats]:
    """Trades at the bid or at the ask, in cents, around fair prices (n,)."""
    middle, half = fair * 100, fair * half_spread * 100
    bid = np.maximum(np.floor(middle - half), 1)
    ask = np.maximum(np.ceil(middle + half), bid + 1)
    return np.where(buys, ask, bid) / 100, bid / 100, ask / 100
