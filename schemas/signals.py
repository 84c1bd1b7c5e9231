"""What is found: the ``signals.*`` topics."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, to_builtins

from schemas.news import Unit
from schemas.quotes import Symbol

PatternType = Literal[
    "catalyst_sympathy",
    "sector_rotation",
    "accumulation_patterns",
    "news_arbitrage",
    "correlation_breaks",
    "pump_and_dump",
    "emergent_clusters",
]


Measure = Literal[
    "correlation", "correlation_with_partners", "correlation_with_sector", "imbalance"
]


class Persistence(Struct, frozen=True, omit_defaults=True):
    """That what was found goes on: a figure of the minutes since stays over or under a bound.

    ``correlation`` is the mean over all pairs of the securities, ``correlation_with_partners`` that
    of the first with each of the others, both of returns net of market and sector;
    ``correlation_with_sector`` is that of the first with the others of its sector, net of the
    market. ``imbalance`` is the first's mean over minutes of bought less sold over all volume, less
    the median of all securities.
    """

    measure: Measure
    over: float | None = None
    under: float | None = None


class PredictedOutcome(Struct, omit_defaults=True):
    """What is to be checked ``horizon_s`` seconds of event time after the detection.

    With ``gives_back`` it is that the securities turn and lose this part, or more, of what they
    moved since ``window_start``, counted at its largest: how far it still goes is left open.
    With ``persistence`` it is that what was found goes on, and ``direction`` only says where to.
    """

    horizon_s: Annotated[int, Meta(gt=0)]
    direction: dict[str, Literal[1, -1]]
    gives_back: Annotated[float, Meta(gt=0, le=1)] | None = None
    persistence: Persistence | None = None


class Pattern(Struct):
    """A discovered pattern; a later message with the same ``id`` updates it."""

    id: str
    pattern_type: PatternType
    securities: Annotated[list[Symbol], Meta(min_length=1)]
    detected_at: datetime
    window_start: datetime
    window_end: datetime
    confidence: Unit
    trigger_conditions: dict[str, Any]
    predicted_outcome: PredictedOutcome
    evidence: list[str]
    model_version: str

    @property
    def is_first(self) -> bool:
        """Whether this is the first message about the pattern, not an update."""
        return self.window_end <= self.detected_at


class Outcome(Struct, omit_defaults=True):
    """What became of a pattern when its horizon had passed, net of the market.

    ``measured`` is the figure of the prediction's ``persistence``.
    """

    id: str
    pattern_type: PatternType
    measured_at: datetime
    came_true: bool
    returns: dict[str, float]
    measured: float | None = None

    def actual(self) -> dict[str, Any]:
        """What is kept beside the pattern, as its ``actual_outcome``."""
        told: dict[str, Any] = to_builtins(self)
        return {name: told[name] for name in told if name not in ("id", "pattern_type")}


class Alert(Struct):
    """An operational alert."""

    id: str
    ts: datetime
    kind: str
    message: str
    severity: Literal["warning", "critical"] = "warning"
