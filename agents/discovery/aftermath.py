"""What securities did since a piece of news, net of the market, against what is usual for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.discovery.panel import MINUTES, Panel
from agents.discovery.robust import Floats
from agents.profile import slot_of
from schemas.times import US_PER_MINUTE

Rows = NDArray[np.intp]

# The time of the day is looked up every so many minutes: a quarter of an hour is one slot.
SLOT_STEP = 5

# How wrong an estimated beta may be: what of the market's move is left in an abnormal return.
BETA_ERROR = 0.25


def minutes_since(panel: Panel, ts: int) -> int:
    """Minutes of this session that ended after ``ts``, at most those kept; 0 for the future."""
    passed = -(-(panel.now - ts) // US_PER_MINUTE)
    return max(0, min(passed, panel.minute_of_session, MINUTES))


def in_session(panel: Panel, ts: int) -> bool:
    """Whether ``ts`` lies in this session."""
    return panel.now - ts <= panel.minute_of_session * US_PER_MINUTE


def roughness(panel: Panel, minutes: int) -> Floats:
    """The variance of each of the last ``minutes`` over an ordinary one's, shape (minutes,).

    It follows the time of the day and how rough the whole market was.
    """
    first = panel.now - minutes * US_PER_MINUTE
    slots = [slot_of(first + k * US_PER_MINUTE) for k in range(0, minutes, SLOT_STEP)]
    shape = panel.model.volatility.shape[slots]
    rough = panel.factors.last("burst", minutes)[:, 0].astype(np.float64)
    return np.asarray(rough**2 * np.repeat(shape, SLOT_STEP)[:minutes])


def usual_move(panel: Panel, rows: Rows, minutes: int) -> Floats:
    """The usual deviation of the abnormal return of the last ``minutes``, shape (rows,).

    The market's own move counts in part, for betas are estimates.
    """
    variance = panel.deviation("m")[rows] ** 2 * roughness(panel, minutes).sum()
    market = float(panel.factors.total("market", minutes)[0])
    return np.asarray(np.sqrt(variance + (BETA_ERROR * market) ** 2))
