"""What securities did since a piece of news, net of the market, against what is usual for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.discovery.panel import MINUTES, Panel, slot_of
from agents.discovery.robust import Floats
from schemas.times import US_PER_MINUTE

Rows = NDArray[np.intp]

# How wrong an estimated beta may be: what of the market's move is left in an abnormal return.
_BETA_ERROR = 0.25


def minutes_since(panel: Panel, ts: int) -> int:
    """Minutes of this session that ended after ``ts``, at most those kept; 0 for the future."""
    passed = -(-(panel.now - ts) // US_PER_MINUTE)
    return max(0, min(passed, panel.minute_of_session, MINUTES))


def in_session(panel: Panel, ts: int) -> bool:
    """Whether ``ts`` lies in this session."""
    return panel.now - ts <= panel.minute_of_session * US_PER_MINUTE


def usual_move(panel: Panel, rows: Rows, minutes: int) -> Floats:
    """The usual deviation of the abnormal return of the last ``minutes``, shape (rows,).

    How rough the whole market was in them counts, and its own move in part, for betas are
    estimates.
    """
    deviation = panel.deviation("m", slot_of(panel.now - 1))[rows]
    rough = panel.factors.last("burst", minutes)[:, 0].astype(np.float64)
    market = float(panel.factors.total("market", minutes)[0])
    return np.asarray(np.hypot(deviation * np.sqrt(np.sum(rough**2)), _BETA_ERROR * market))
