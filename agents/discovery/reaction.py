"""What the price of a security did about a piece of news so far, and before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.discovery.aftermath import BETA_ERROR, in_session, minutes_since, roughness
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.session import NIGHT_MIN, SESSION_MIN

_BEFORE_MIN = 60
_BEFORE_SPANS = (5, 15)
# What is known too early seeps into the price over hours.
_DRIFT_SPANS = (60, 90, 120)
_LATELY_MIN = 4
# One minute may do anything; so many are something.
_SHORTEST_MIN = 3
# Of a normal variable: the deviation over the median of its absolute value.
_MAD_TO_DEVIATION = 1.4826
_LEAST_NIGHT = 0.25
_LEAST_MARKET = 5


class Reaction(NamedTuple):
    """Moves net of the market over the usual ones: up to now, at its extreme, in the hour before.

    ``of_day`` and ``extreme_of_day`` are the same up to now and at its extreme over what is usual
    of a whole session. ``lately`` are the moves over four minutes that ended in a minute from the
    first look on. After news of the night, ``gap`` is the move over the night and the rest begins
    at the open; ``minutes`` is how long it could trade since. ``earlier`` are the moves over the
    night and from the open on that were done when the news came, ``drift`` those of the hours just
    before it.
    """

    minutes: int
    move: float
    of_day: float
    lately: Floats
    extreme: float
    extreme_of_day: float
    before: float
    gap: float
    earlier: tuple[float, float]
    drift: Floats
    trades: bool


def reaction(panel: Panel, row: int, ts: int, nights: Floats, first_look: int) -> Reaction:
    """The reaction of a security to news at ``ts`` of this session or of the night before it.

    ``nights`` are the moves over the night as :func:`night_moves` gives them, ``first_look`` is the
    minute after the news at which it is first looked at.
    """
    inside = in_session(panel, ts)
    minutes = max(1, minutes_since(panel, ts) if inside else panel.minute_of_session)
    span = panel.minute_of_session
    own = panel.window.last("m", span)[:, row].astype(np.float64)
    variance = float(panel.deviation("m")[row]) ** 2 * roughness(panel, span)
    error = BETA_ERROR * panel.factors.last("market", span)[:, 0].astype(np.float64)
    told = span - minutes
    before = slice(max(0, told - _BEFORE_MIN), told)
    since_open = own[:told].sum() / _usual(variance[:told], error[:told])[-1] if told else 0.0
    path = np.cumsum(own[-minutes:])
    of_day = path / (float(panel.deviation("m")[row]) * np.sqrt(SESSION_MIN))
    path = path / _usual(variance[-minutes:], error[-minutes:])
    ends = range(max(0, minutes - first_look) + 1)
    lately = [_last_move(own, variance, error, len(own) - back) for back in ends]
    return Reaction(
        minutes,
        float(path[-1]),
        float(of_day[-1]),
        np.array(lately),
        float(np.abs(path[_SHORTEST_MIN - 1 :]).max(initial=0.0)),
        float(np.abs(of_day[_SHORTEST_MIN - 1 :]).max(initial=0.0)),
        _largest(own[before], variance[before]),
        0.0 if inside else float(nights[row]),
        (float(nights[row]), float(since_open)) if inside else (0.0, 0.0),
        _drift(own[:told], variance[:told], error[:told]),
        _could_have_moved(panel, row, minutes),
    )


def night_moves(panel: Panel) -> Floats:
    """Moves over the night net of the market's, in deviations of that night, shape (securities,).

    What is usual of a night is told by all securities together; 0 for those not yet open.
    """
    opened = panel.overnight != 0
    if opened.sum() < _LEAST_MARKET:
        return np.zeros(len(panel))
    market = float(np.median(panel.overnight[opened] / np.maximum(panel.beta[opened], 0.3)))
    usual = panel.deviation("m") * np.sqrt(NIGHT_MIN)
    moves = np.where(opened, (panel.overnight - panel.beta * market) / usual, 0.0)
    scale = _MAD_TO_DEVIATION * float(np.median(np.abs(moves[opened])))
    return np.asarray(moves / max(scale, _LEAST_NIGHT))


def _last_move(own: Floats, variance: Floats, error: Floats, end: int) -> float:
    """The move over some minutes before minute ``end``, in deviations."""
    part = slice(max(0, end - _LATELY_MIN), end)
    return float(own[part].sum() / _usual(variance[part], error[part])[-1])


def _drift(own: Floats, variance: Floats, error: Floats) -> Floats:
    """Moves over the last hours in deviations, as far as the session reaches back."""
    moves = [
        own[-span:].sum() / _usual(variance[-span:], error[-span:])[-1]
        for span in _DRIFT_SPANS
        if span <= len(own)
    ]
    return np.array(moves)


def _usual(variance: Floats, error: Floats) -> Floats:
    """The usual deviation of the sums of the first 1, 2, .. minutes."""
    return np.asarray(np.sqrt(np.cumsum(variance) + np.cumsum(error) ** 2))


def _largest(own: Floats, variance: Floats) -> float:
    """The largest move over any of some spans of ``own``, shape (minutes,), in deviations."""
    path = np.concatenate([[0.0], np.cumsum(own)])
    known = np.concatenate([[0.0], np.cumsum(variance)])
    spans = [span for span in _BEFORE_SPANS if span < len(path)]
    moves = [np.abs(path[s:] - path[:-s]) / np.sqrt(known[s:] - known[:-s]) for s in spans]
    return max((float(move.max()) for move in moves), default=0.0)


def _could_have_moved(panel: Panel, row: int, minutes: int) -> bool:
    """Whether it trades just now, at a price that is not always the same."""
    trades = float(panel.window.last("traded", minutes)[:, row].mean()) > 0.5
    return trades and bool(panel.window.last("r", SESSION_MIN)[:, row].any())
