"""The move of the last 15 minutes and of the day against the security's own volatility."""

from __future__ import annotations

import numpy as np

from agents.arrays import ratio
from agents.scanning.factor import Factor, Parameter, Values, saturating
from agents.scanning.view import Floats, MarketView


def sizes(view: MarketView) -> tuple[Floats, Floats]:
    """The moves of the last 15 minutes and of the day in own standard deviations."""
    return (
        ratio(np.abs(view.recent_return), view.usual_move),
        ratio(np.abs(view.day_return), view.usual_day),
    )


def value(view: MarketView, p: Values) -> Floats:
    """By variances, so that the noise of one standard deviation hardly counts."""
    most = np.fmax(*sizes(view))
    return saturating(most**2, p["half_deviations"] ** 2)


def explain(view: MarketView, i: int) -> str:
    """The move that stands out more, with its size."""
    recent, day = (float(size[i]) for size in sizes(view))
    if np.isnan(recent) and np.isnan(day):
        return ""
    by_day = np.isnan(recent) or day > recent
    change = np.expm1((view.day_return if by_day else view.recent_return)[i])
    period = "today" if by_day else "in 15 minutes"
    return f"{change:+.1%} {period}, {np.fmax(recent, day):.1f} times its usual move"


FACTOR = Factor(
    name="move",
    description="Move of the last 15 minutes or of the day in own standard deviations",
    weights={"normal": 30, "premarket": 10, "aggressive": 40},
    value=value,
    explain=explain,
    parameters=(Parameter("half_deviations", 3, 1, 10, "standard deviations that give half"),),
)
