"""Discovery on one clock: minutes and news in, patterns and their outcomes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from agents.discovery.candidate import Candidate, Rejected
from agents.discovery.episodes import Episode, Episodes
from agents.discovery.kinship import Kinship
from agents.discovery.newslog import NewsLog
from agents.discovery.panel import Panel
from agents.discovery.patterns import detectors
from agents.discovery.scene import Scene
from agents.minutes import MarketMinute
from schemas.news import Catalyst, Security
from schemas.signals import Outcome, Pattern, PredictedOutcome
from schemas.times import from_us

MODEL_VERSION = "1"


@dataclass(slots=True)
class Found:
    """What came of one minute.

    ``patterns`` are new, or updates of earlier ones under the same id; ``outcomes`` are of those
    whose horizon has passed; ``rejected`` were seen but are explained by something else.
    """

    patterns: list[Pattern] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.patterns or self.outcomes)


class Discovery:
    """Detectors on one scene; what they find competes, and becomes episodes with confidence."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.detectors = detectors()
        self.episodes = Episodes()

    def take_security(self, security: Security) -> None:
        """Reference data: sector and industry."""
        self.scene.panel.reference(security.symbol, security.sector, security.industry)

    def inform(self, catalyst: Catalyst) -> None:
        """News whose time has come."""
        self.scene.news.add(catalyst)

    def take(self, minute: MarketMinute) -> Found:
        """Take in a market minute, after the news up to its end."""
        found = Found()
        panel = self.scene.panel
        if not panel.take(minute):
            return found
        self.scene.news.forget(panel.now)
        self.scene.kin.take(panel)
        self.episodes.close(panel.now)
        for detector in self.detectors:
            if panel.minute_of_session % detector.every == 0:
                for candidate in detector.look(self.scene):
                    self._compete(candidate, found)
        return found

    def _compete(self, candidate: Candidate, found: Found) -> None:
        now = self.scene.now
        episode = self.episodes.continued(candidate)
        if episode is not None:
            episode.seen = now
            added = [s for s in candidate.securities if s not in episode.securities]
            if added:
                episode.securities += added
                found.patterns.append(self._pattern(candidate, episode))
            return
        explanation = self.episodes.explanation(candidate)
        if explanation is not None:
            reason = f"explained by {explanation.pattern_type} {explanation.id}"
            found.rejected.append(Rejected(candidate, reason, explanation.id))
            return
        episode = self.episodes.begin(candidate, now)
        found.patterns.append(self._pattern(candidate, episode))

    def _pattern(self, candidate: Candidate, episode: Episode) -> Pattern:
        now = self.scene.now
        return Pattern(
            id=episode.id,
            pattern_type=candidate.pattern_type,
            securities=list(episode.securities),
            detected_at=from_us(now),
            window_start=from_us(candidate.window_start),
            window_end=from_us(now),
            confidence=self._confidence(candidate),
            trigger_conditions=candidate.conditions,
            predicted_outcome=PredictedOutcome(candidate.horizon_s, candidate.direction),
            evidence=candidate.evidence,
            model_version=MODEL_VERSION,
        )

    def _confidence(self, candidate: Candidate) -> float:
        return candidate.strength / (1.0 + candidate.strength)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "panel": self.scene.panel.snapshot(),
            "news": self.scene.news.snapshot(),
            "kin": self.scene.kin.snapshot(),
            "episodes": self.episodes.snapshot(),
            "detectors": {d.name: d.snapshot() for d in self.detectors},
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Self:
        """The discovery of a snapshot."""
        discovery = cls()
        discovery.scene = Scene(
            Panel.restore(state["panel"]),
            NewsLog.restore(state["news"]),
            Kinship.restore(state["kin"]),
        )
        discovery.episodes = Episodes.restore(state["episodes"])
        for detector in discovery.detectors:
            if detector.name in state["detectors"]:
                detector.load(state["detectors"][detector.name])
        return discovery
