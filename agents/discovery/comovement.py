"""How securities move with each other: the returns that correlations are taken of.

Returns come "by number": of ``n`` securities ``i`` is number ``i`` net of market and sector,
``n + i`` net of the market only, and the mean of the others of its sector is number ``2 n + i``.
"""

from __future__ import annotations

import numpy as np

from agents.discovery.panel import Panel
from agents.discovery.robust import Floats

# Over so many minutes stale quotes and ticks no longer hide what two have in common (Epps 1979).
STEP_MIN = 3
_LEAST_SECTOR = 5
# Beyond so many deviations a return counts as this many only.
_CAP = 3.0


def standardised(panel: Panel, minutes: int) -> Floats:
    """Standardised, capped returns of the last minutes by number, shape (minutes, 3 n)."""
    net, own = (
        np.clip(panel.window.last(name, minutes), -_CAP, _CAP).astype(np.float64)
        for name in ("z", "zm")
    )
    return np.hstack([net, own, _sectors(panel, own)])


def summed(x: Floats) -> Floats:
    """Sums over the last three rows, of the scale of one; the first rows sum over fewer."""
    sums = np.cumsum(x, axis=0)
    sums[STEP_MIN:] -= sums[:-STEP_MIN].copy()
    return np.asarray(sums / np.sqrt(STEP_MIN))


def partial(x: Floats, market: Floats) -> Floats:
    """Returns less their drift and what the market has to do with them in these very minutes.

    ``x`` has shape (minutes, series), ``market`` (minutes,). A beta that is a little wrong makes
    securities part when the market is rough, and who runs away by itself parts from nobody.
    """
    x, market = x - x.mean(axis=0), market - market.mean()
    return x - np.outer(market, market @ x / max(float(market @ market), 1e-12))


def comoving(panel: Panel, minutes: int) -> Floats:
    """Returns by number over three minutes that overlap, as ``partial``, shape (minutes, 3 n)."""
    market = summed(panel.factors.last("market", minutes).astype(np.float64))[:, 0]
    return partial(summed(standardised(panel, minutes)), market)


def correlation(x: Floats, y: Floats) -> Floats:
    """Of the columns of two arrays of one shape, whose means are none; 0 where nothing moves."""
    squares = (x * x).sum(axis=0) * (y * y).sum(axis=0)
    return np.asarray((x * y).sum(axis=0) / np.sqrt(np.maximum(squares, 1e-12)))


def _sectors(panel: Panel, x: Floats) -> Floats:
    """The mean return of each security's sector without itself, shape (minutes, securities)."""
    found = np.zeros_like(x)
    for sector in range(len(panel.sector_names)):
        rows = np.flatnonzero(panel.sector == sector)
        if len(rows) >= _LEAST_SECTOR:
            found[:, rows] = (x[:, rows].sum(axis=1, keepdims=True) - x[:, rows]) / (len(rows) - 1)
    return found
