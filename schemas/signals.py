"""What is found: the ``signals.*`` topics."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

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


class PredictedOutcome(Struct, omit_defaults=True):
    """What is to be checked ``horizon_s`` seconds of event time after the detection.

    With ``gives_back`` it is that the securities turn and lose this part, or more, of what they
    moved since ``window_start``, counted at its largest: how far it still goes is left open.
    """

    horizon_s: Annotated[int, Meta(gt=0)]
    direction: dict[str, Literal[1, -1]]
    gives_back: Annotated[float, Meta(gt=0, le=1)] | None = None


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


class Outcome(Struct):
    """What became of a pattern when its horizon had passed, net of the market."""

    id: str
    pattern_type: PatternType
    measured_at: datetime
    came_true: bool
    returns: dict[str, float]


class Alert(Struct):
    """An operational alert."""

    id: str
    ts: datetime
    kind: str
    message: str
    severity: Literal["warning", "critical"] = "warning"
