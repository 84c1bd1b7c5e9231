"""What a detector finds, before it competes with other explanations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from schemas.signals import PatternType, Persistence

if TYPE_CHECKING:
    from agents.discovery.scene import Scene

Direction = Literal[1, -1]


@dataclass(slots=True)
class Candidate:
    """A pattern as one detector sees it at one minute.

    ``lead`` names the episode (the security with the news, the pair, the sectors): an open episode
    of the same type and lead is continued, not begun again. ``securities`` are all that take part,
    the most telling first. ``strength`` is the joint statistic over the detector's own threshold,
    or what its odds are worth (:mod:`agents.discovery.odds`): one is just enough. ``window_start``
    is epoch microseconds. ``direction`` predicts the sign of each security's return net of the
    market within ``horizon_s`` seconds of event time; with ``gives_back`` it predicts that this
    part of ``moved`` (the log return net of the market so far, against the direction) and of what
    is still added will be lost by then, and with ``persistence`` that what was found goes on.
    ``conditions`` are the numbers at detection, for people; ``features`` are what the confidence
    model learns from, of about unit scale, ``evidence`` ids of news.
    """

    pattern_type: PatternType
    lead: tuple[str, ...]
    securities: list[str]
    window_start: int
    strength: float
    direction: dict[str, Direction]
    horizon_s: int
    conditions: dict[str, Any] = field(default_factory=dict)
    features: dict[str, float] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    gives_back: float | None = None
    moved: float = 0.0
    persistence: Persistence | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that another explanation covers, for those who ask why there is no signal.

    ``by`` is the id of the pattern that covers it.
    """

    candidate: Candidate
    reason: str
    by: str = ""


class Detector(Protocol):
    """One type of pattern.

    A detector is asked every ``every`` minutes of trading, after the minute was taken in by
    everything that it reads. It may keep state of its own, which a snapshot restores exactly.
    """

    name: PatternType
    every: int

    def look(self, scene: Scene) -> list[Candidate]:
        """What is there to see now, strongest first."""

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
