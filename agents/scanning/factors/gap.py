"""The opening against the previous close, in the security's own daily volatility."""

from __future__ import annotations

import numpy as np

from agents.arrays import ratio
from agents.scanning.factor import Factor, Parameter, Values, saturating
from agents.scanning.view import Floats, MarketView


def value(view: MarketView, p: Values) -> Floats:
    """By variances, as a move; a split is no gap."""
    return saturating(ratio(np.abs(view.gap), view.usual_day) ** 2, p["half_deviations"] ** 2)


def explain(view: MarketView, i: int) -> str:
    """The gap in percent."""
    gap = float(view.gap[i])
    return "" if np.isnan(gap) else f"opened {np.expm1(gap):+.1%} from the previous close"


FACTOR = Factor(
    name="gap",
    description="Gap between the previous close and today's open in own daily standard deviations",
    weights={"normal": 10, "premarket": 30, "aggressive": 5},
    value=value,
    explain=explain,
    parameters=(
        Parameter("half_deviations", 1.5, 0.5, 10, "daily standard deviations that give half"),
    ),
)
