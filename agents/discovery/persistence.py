"""Whether what was found is still there: measured for predictions that a pattern goes on.

Where prices will go says little of some patterns: that two securities have parted, that a group
moves together, or that one is being bought, is true or not by itself. They predict that the same
figure, taken afresh from the minutes after the detection, stays on the near side of a bound.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.discovery.comovement import comoving, correlation
from agents.discovery.panel import MINUTES, Panel
from schemas.signals import Persistence

# Who traded in fewer minutes than this is not measured.
_LEAST_TRADED = 10


def holds(persistence: Persistence, figure: float) -> bool:
    """Whether a figure is on the predicted side of its bounds."""
    over, under = persistence.over, persistence.under
    return (over is None or figure > over) and (under is None or figure < under)


def measure(
    persistence: Persistence,
    panel: Panel,
    rows: NDArray[np.intp],
    traded: NDArray[np.int64],
    minutes: int,
) -> float | None:
    """The figure over the last ``minutes``, at most a session; None where too little traded.

    ``rows`` are the securities in the order of the prediction, ``traded`` the minutes in which
    each of them traded.
    """
    if not len(rows) or traded[0] < _LEAST_TRADED:
        return None
    minutes = min(minutes, MINUTES)
    if persistence.measure == "imbalance":
        side = panel.window.last("side", minutes).mean(axis=0, dtype=np.float64)
        return float(side[rows[0]] - np.median(side))
    x = comoving(panel, minutes)
    first, second = _pairs(persistence, rows[traded >= _LEAST_TRADED], len(panel))
    if not len(first) or not x[:, second].any():
        return None
    return float(correlation(x[:, first], x[:, second]).mean())


def _pairs(
    persistence: Persistence, rows: NDArray[np.intp], securities: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Who is held against whom, by number."""
    if persistence.measure == "correlation_with_sector":
        return rows[:1] + securities, rows[:1] + 2 * securities
    if persistence.measure == "correlation_with_partners":
        return np.full(len(rows) - 1, rows[0]), rows[1:]
    first, second = np.triu_indices(len(rows), 1)
    return rows[first], rows[second]
