"""How much of a security can be traded, and at what spread."""

from __future__ import annotations

import numpy as np

from agents.scanning.factor import Factor, Parameter, Values
from agents.scanning.view import Floats, MarketView


def value(view: MarketView, p: Values) -> Floats:
    """Turnover on a logarithmic scale, less for a wide spread."""
    floor, ceiling = np.log10(p["least_dollars"]), np.log10(p["ample_dollars"])
    dollars = np.log10(np.fmax(view.dollars, 1.0))
    turnover = np.clip((dollars - floor) / max(ceiling - floor, 1e-9), 0, 1)
    cost = np.nan_to_num(view.spread) * 1e4 / p["wide_spread_bp"]
    return np.asarray(np.nan_to_num(turnover) / (1 + cost))


def explain(view: MarketView, i: int) -> str:
    """The usual turnover of a day."""
    dollars = float(view.dollars[i])
    return f"{dollars / 1e6:,.0f} million a day traded" if dollars >= 1e6 else ""


FACTOR = Factor(
    name="liquidity",
    description="Usual turnover of a day in money, less for a wide spread",
    weights={"normal": 10, "premarket": 10, "aggressive": 10},
    value=value,
    explain=explain,
    background=True,
    parameters=(
        Parameter("least_dollars", 1e6, 1e3, 1e8, "daily turnover that gives nothing"),
        Parameter("ample_dollars", 1e9, 1e7, 1e11, "daily turnover that gives all"),
        Parameter("wide_spread_bp", 50, 1, 1000, "spread in basis points that halves it"),
    ),
)
