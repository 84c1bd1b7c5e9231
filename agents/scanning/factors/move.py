"""The move of the last minutes and of the day against the security's own volatility."""

from __future__ import annotations

import numpy as np

from agents.arrays import ratio
from agents.scanning.factor import Factor, Parameter, Values, saturating
from agents.scanning.view import HOUR_MIN, MOVE_MIN, Floats, MarketView

_PERIODS = ("in 15 minutes", "in an hour", "today")


def sizes(view: MarketView) -> Floats:
    """Moves of 15 minutes, an hour and the day in own standard deviations, shape (3, n)."""
    usual_hour = view.usual_move * np.sqrt(HOUR_MIN / MOVE_MIN)
    return np.stack(
        [
            ratio(np.abs(view.recent_return), view.usual_move),
            ratio(np.abs(view.hour_return), usual_hour),
            ratio(np.abs(view.day_return), view.usual_day),
        ]
    )


def value(view: MarketView, p: Values) -> Floats:
    """By variances, so that the noise of one standard deviation hardly counts.

    The hour keeps a security in sight after a sudden move, when the last minutes are quiet again.
    """
    most = np.fmax.reduce(sizes(view))
    return saturating(most**2, p["half_deviations"] ** 2)


def explain(view: MarketView, i: int) -> str:
    """The move that stands out most, with its size."""
    returns = (view.recent_return[i], view.hour_return[i], view.day_return[i])
    usual = view.usual_move[i]
    by = (usual, usual * np.sqrt(HOUR_MIN / MOVE_MIN), view.usual_day[i])
    told = [
        (abs(move) / scale, move, period)
        for move, scale, period in zip(returns, by, _PERIODS, strict=True)
        if abs(move) / scale >= 0
    ]
    if not told:
        return ""
    size, move, period = max(told)
    return f"{np.expm1(move):+.1%} {period}, {size:.1f} times its usual move"


FACTOR = Factor(
    name="move",
    description="Move of the last 15 minutes, hour or day in own standard deviations",
    weights={"normal": 30, "premarket": 10, "aggressive": 40},
    value=value,
    explain=explain,
    parameters=(Parameter("half_deviations", 3, 1, 10, "standard deviations that give half"),),
)
