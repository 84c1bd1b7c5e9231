"""What differs from one planted market to another, so that no rule fits one world alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Variant:
    """Parameters of a world; volatilities are deviations of a day's log return.

    Ranges are those of large and middle US companies in calm and in nervous years. Where a
    parameter has a source beside that:

    - ``tail`` (degrees of freedom): minute returns have tail exponents of 3 to 5 (Cont 2001); the
      GARCH recursion thickens what is drawn here.
    - ``garch_news``, ``garch_memory``: high persistence, as estimated intraday once the U shape
      is taken out (Andersen and Bollerslev 1997).
    - ``overnight``: nights carry a sixth to a third of a day's variance.
    - ``volume_link``: elasticity of volume in the size of the return (Karpoff 1987).
    - ``flow_memory``: sides of trades follow themselves (Lillo and Farmer 2004).
    - ``late``, ``repeated``: shares of quotes that come beyond the allowed lateness, or twice.
    - ``pace`` and ``size`` stretch the time and the size of what is planted.
    - ``wording`` is the part of the templates in use; ``tagged`` the part of the headlines that
      carry symbols; ``news_rate`` everyday headlines a security and day.
    """

    market: float
    sector: float
    industry: float
    own: float
    twin: float
    tail: float
    garch_news: float
    garch_memory: float
    overnight: float
    volume_link: float
    volume_noise: float
    flow_memory: float
    flow_noise: float
    spread: float
    thin: float
    late: float
    repeated: float
    unknown_sector: float
    news_rate: float
    wording: float
    tagged: float
    echoes: float
    density: float
    pace: float
    size: float


def draw_variant(rng: np.random.Generator) -> Variant:
    """A world at random."""

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Variant(
        market=between(0.006, 0.012),
        sector=between(0.004, 0.008),
        industry=between(0.003, 0.006),
        own=between(0.010, 0.016),
        twin=between(0.007, 0.012),
        tail=between(4.0, 7.0),
        garch_news=between(0.02, 0.05),
        garch_memory=between(0.92, 0.945),
        overnight=between(0.40, 0.60),
        volume_link=between(0.25, 0.45),
        volume_noise=between(0.25, 0.45),
        flow_memory=between(0.3, 0.8),
        flow_noise=between(0.04, 0.10),
        spread=between(0.7, 1.5),
        thin=between(0.05, 0.25),
        late=between(0.0005, 0.003),
        repeated=between(0.0005, 0.003),
        unknown_sector=between(0.0, 0.08),
        news_rate=between(0.2, 0.5),
        wording=between(0.5, 0.8),
        tagged=between(0.5, 0.8),
        echoes=between(0.05, 0.2),
        density=between(0.85, 1.15),
        pace=between(0.75, 1.35),
        size=between(0.9, 1.15),
    )
