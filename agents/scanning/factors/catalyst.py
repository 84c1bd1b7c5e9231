"""News: how many, how material, how one-sided, from whom and how long ago."""

from __future__ import annotations

import numpy as np

from agents.scanning.factor import Factor, Parameter, Values
from agents.scanning.view import Floats, MarketView
from schemas.times import US_PER_S

_HOUR_US = 3600 * US_PER_S


def value(view: MarketView, p: Values) -> Floats:
    """As of independent reasons to move: each item leaves less room for the next to matter."""
    news = view.news
    strength = (
        news.materiality
        * p["tier_discount"] ** (news.source_tier - 1)
        * (1 - p["sentiment_share"] * (1 - np.abs(news.sentiment)))
        * 0.5 ** ((view.now - news.ts) / (p["half_life_h"] * _HOUR_US))
    )
    room = np.log1p(-np.minimum(strength, 0.99))
    left: Floats = np.exp(np.bincount(news.row, weights=room, minlength=len(view)))
    return 1 - left


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
        Parameter("half_life_h", 12, 1, 96, "hours after which an item counts half"),
        Parameter("tier_discount", 0.8, 0.1, 1, "what a source tier counts of the one above it"),
        Parameter("sentiment_share", 0.3, 0, 1, "share that an item of neutral tone lacks"),
    ),
)
