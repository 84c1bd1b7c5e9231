"""Discovery on one clock: minutes and news in, patterns and their outcomes out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from agents.discovery.candidate import Candidate, Rejected
from agents.discovery.confidence import Basis, Confidence
from agents.discovery.consolidation import Consolidated, Consolidation
from agents.discovery.episodes import Episode, Episodes
from agents.discovery.kinship import Kinship
from agents.discovery.newslog import NewsLog
from agents.discovery.outcomes import Outcomes
from agents.discovery.panel import Panel
from agents.discovery.patterns import detectors
from agents.discovery.scene import Scene
from agents.discovery.topics import Topics
from agents.minutes import MarketMinute
from schemas.news import Catalyst, Security
from schemas.signals import Outcome, Pattern, PredictedOutcome
from schemas.times import US_PER_MINUTE, from_us, iso


@dataclass(slots=True)
class Found:
    """What came of one minute.

    ``patterns`` are new, or updates of earlier ones under the same id; ``outcomes`` are of those
    whose horizon has passed; ``rejected`` were seen but are explained by something else.
    ``backtests`` says of each of ``patterns``, by id, what patterns of its type came to before it:
    plain values. ``consolidated`` is there when the minute ended with the hourly run.
    """

    patterns: list[Pattern] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    backtests: dict[str, dict[str, Any]] = field(default_factory=dict)
    consolidated: Consolidated | None = None

    def __bool__(self) -> bool:
        return bool(self.patterns or self.outcomes or self.consolidated)


# What is less likely to come true is no signal: of directions about so many do by chance alone.
CHANCE = 0.4


class Discovery:
    """Detectors on one scene; what they find competes, and becomes episodes with confidence.

    The prediction of an episode's first message is watched; its outcome teaches ``confidence``. An
    episode that is no more likely than chance to come true is not told, but its outcome teaches as
    well: what has become better is told again.
    """

    def __init__(self) -> None:
        self.scene = Scene()
        self.detectors = detectors()
        self.episodes = Episodes()
        self.outcomes = Outcomes()
        self.confidence = Confidence()
        self.consolidation = Consolidation()

    def take_security(self, security: Security) -> None:
        """Reference data: name, sector and industry."""
        self.scene.panel.reference(security.symbol, security.sector, security.industry)
        self.scene.topics.reference(security.name)

    def inform(self, catalyst: Catalyst) -> None:
        """News whose time has come."""
        self.scene.news.add(catalyst)
        self.scene.topics.add(catalyst.symbol, catalyst.headline)

    def take(self, minute: MarketMinute) -> Found:
        """Take in a market minute, after the news up to its end."""
        found = Found()
        panel = self.scene.panel
        if panel.take(minute):
            self._look(found)
        now = minute.start + US_PER_MINUTE
        if self.consolidation.is_due(now):
            found.consolidated = self.consolidation.run(
                now, panel, self.confidence, len(self.episodes), len(self.outcomes)
            )
        return found

    def _look(self, found: Found) -> None:
        panel = self.scene.panel
        self.scene.news.forget(panel.now)
        self.scene.kin.take(panel)
        self.consolidation.close(self.episodes.close(panel.now))
        self._learn(found)
        for detector in self.detectors:
            if panel.minute_of_session % detector.every == 0:
                for candidate in detector.look(self.scene):
                    self._compete(candidate, found)

    def _learn(self, found: Found) -> None:
        """Learn from the predictions whose time has come, before anything new is rated."""
        for measured in self.outcomes.take(self.scene.panel):
            outcome = measured.outcome
            told = measured.watched.told
            if told:
                found.outcomes.append(outcome)
            if not measured.void:
                self.confidence.learn(
                    outcome.id,
                    outcome.pattern_type,
                    Basis(**measured.watched.basis),
                    outcome.came_true,
                    measured.gain,
                    told=told,
                )

    def _compete(self, candidate: Candidate, found: Found) -> None:
        now = self.scene.now
        episode = self.episodes.continued(candidate)
        if episode is not None:
            episode.see(candidate, now)
            self._go_on(candidate, episode, found)
            return
        explanation = self.episodes.explanation(candidate)
        if explanation is not None:
            reason = f"explained by {explanation.pattern_type} {explanation.id}"
            found.rejected.append(Rejected(candidate, reason, explanation.id))
            return
        episode = self.episodes.begin(candidate, now)
        self._begin(candidate, episode, found)
        if not episode.told:
            found.rejected.append(Rejected(candidate, "no more likely than chance"))

    def _begin(self, candidate: Candidate, episode: Episode, found: Found) -> None:
        """Watch the prediction of a pattern, and tell it if it is better than chance."""
        basis = self.confidence.judge(candidate)
        episode.told = basis.confidence >= CHANCE
        episode.securities = list(candidate.securities)
        self.outcomes.watch(
            episode.id, candidate, self.scene.panel, asdict(basis), told=episode.told
        )
        if episode.told:
            self._tell(candidate, episode, basis, found)

    def _go_on(self, candidate: Candidate, episode: Episode, found: Found) -> None:
        """Tell an update if more securities have joined; one that was not told may be now."""
        if not episode.told:
            if self.confidence.judge(candidate).confidence >= CHANCE:
                self._begin(candidate, episode, found)
            return
        added = [s for s in candidate.securities if s not in episode.securities]
        if added and set(candidate.lead) <= {*episode.lead, *episode.securities}:
            episode.securities += added
            self._tell(candidate, episode, self.confidence.judge(candidate), found)

    def _tell(self, candidate: Candidate, episode: Episode, basis: Basis, found: Found) -> None:
        now = self.scene.now
        pattern = Pattern(
            id=episode.id,
            pattern_type=candidate.pattern_type,
            securities=list(episode.securities),
            detected_at=from_us(now),
            window_start=from_us(candidate.window_start),
            window_end=from_us(now),
            confidence=basis.confidence,
            trigger_conditions=candidate.conditions,
            predicted_outcome=PredictedOutcome(
                candidate.horizon_s,
                candidate.direction,
                candidate.gives_back,
                candidate.persistence,
            ),
            evidence=candidate.evidence,
            model_version=self.confidence.version,
        )
        found.patterns.append(pattern)
        found.backtests[pattern.id] = self.confidence.backtest(candidate.pattern_type)

    def figures(self) -> dict[str, Any]:
        """Plain numbers on how true confidence is, by type, and on the hourly run."""
        run = self.consolidation
        return {
            "types": self.confidence.figures(),
            "model_version": self.confidence.version,
            "learned": self.confidence.learned,
            "waiting": len(self.outcomes),
            "last_run": iso(run.last_run) if run.runs else None,
            "runs": run.runs,
        }

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "panel": self.scene.panel.snapshot(),
            "news": self.scene.news.snapshot(),
            "kin": self.scene.kin.snapshot(),
            "topics": self.scene.topics.snapshot(),
            "episodes": self.episodes.snapshot(),
            "outcomes": self.outcomes.snapshot(),
            "confidence": self.confidence.snapshot(),
            "consolidation": self.consolidation.snapshot(),
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
            Topics.restore(state["topics"]),
        )
        discovery.episodes = Episodes.restore(state["episodes"])
        discovery.outcomes = Outcomes.restore(state["outcomes"])
        discovery.confidence = Confidence.restore(state["confidence"])
        discovery.consolidation = Consolidation.restore(state["consolidation"])
        for detector in discovery.detectors:
            if detector.name in state["detectors"]:
                detector.load(state["detectors"][detector.name])
        return discovery
