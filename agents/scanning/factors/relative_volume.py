"""Volume against what the security usually trades by this time of the day."""

from __future__ import annotations

import numpy as np

from agents.scanning.factor import Factor, Parameter, Values, saturating
from agents.scanning.view import Floats, MarketView


def value(view: MarketView, p: Values) -> Floats:
    """Doublings over the usual, of the day or of the last minutes, whichever is more."""
    most = np.fmax(view.relative_volume, view.pace)
    return saturating(np.log2(np.fmax(most, 1.0)), p["half_doublings"])


def explain(view: MarketView, i: int) -> str:
    """The larger of the two ratios."""
    most = np.fmax(view.relative_volume[i], view.pace[i])
    if np.isnan(most):
        return ""
    period = "today" if most == view.relative_volume[i] else "in the last minutes"
    return f"{most:.1f} times its usual volume {period}"


FACTOR = Factor(
    name="relative_volume",
    description="Volume of the day and of the last minutes over what is usual at this time",
    weights={"normal": 20, "premarket": 10, "aggressive": 30},
    value=value,
    explain=explain,
    parameters=(
        Parameter("half_doublings", 1.5, 0.25, 6, "doublings of the usual volume that give half"),
    ),
)
