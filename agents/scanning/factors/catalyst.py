"""News: how many, how material, how one-sided, from whom and how long ago."""

from __future__ import annotations

import numpy as np

from agents.scanning.factor import Factor, Parameter, Values, saturating
from agents.scanning.view import Floats, MarketView
from schemas.times import US_PER_S

_HOUR_US = 3600 * US_PER_S

_MOST_CERTAIN = 0.99


def value(view: MarketView, p: Values) -> Floats:
    """By the chance that any of the items moves the price, each faded and taken on its own."""
    news = view.news
    chance = (
        news.materiality
        * p["tier_discount"] ** (news.source_tier - 1)
        * (1 - p["sentiment_share"] * (1 - np.abs(news.sentiment)))
        * 0.5 ** ((view.now - news.ts) / (p["half_life_scale"] * news.half_life))
    )
    # Minus the logarithm of the chance that none does: what adds up over independent items.
    hazard = -np.log1p(-np.minimum(chance, _MOST_CERTAIN))
    total = np.bincount(news.row, weights=hazard, minlength=len(view)).astype(np.float64)
    return saturating(total, p["half_hazard"])


def explain(view: MarketView, i: int) -> str:
    """How many items, and the age of the newest."""
    if not view.newest[i]:
        return ""
    hours = (view.now - int(view.newest[i])) / _HOUR_US
    age = f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.0f} h"
    count = int(view.mentions[i])
    items = f"{count} news items" if count > 1 else "news"
    return f"{items}, the newest {age} old"


FACTOR = Factor(
    name="catalyst",
    description="News about the security: number, materiality, sentiment, source, and age",
    weights={"normal": 30, "premarket": 40, "aggressive": 15},
    value=value,
    explain=explain,
    parameters=(
        Parameter("half_life_scale", 1, 0.1, 10, "times the half-life that the news has"),
        Parameter("half_hazard", 0.5, 0.05, 5, "hazard that gives half (one item of 0.39)"),
        Parameter("tier_discount", 0.9, 0.1, 1, "what a source tier counts of the one above it"),
        Parameter("sentiment_share", 0.2, 0, 1, "share that an item of neutral tone lacks"),
    ),
)
