"""One episode gives one signal: what continues, what another pattern explains, what is new."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from agents.discovery.candidate import Candidate
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

_HOUR_US = 60 * US_PER_MINUTE
_CLEARLY = 1.1

# Event time after the last sight of an episode in which the same is not reported again.
_COOL_DOWN_US: dict[PatternType, int] = {
    "catalyst_sympathy": 6 * _HOUR_US,
    "news_arbitrage": 24 * _HOUR_US,
    "pump_and_dump": 24 * _HOUR_US,
    "accumulation_patterns": 72 * _HOUR_US,
    "sector_rotation": 24 * _HOUR_US,
    "correlation_breaks": 72 * _HOUR_US,
    "emergent_clusters": 72 * _HOUR_US,
}

# What explains a candidate of a type, if it is under way in half of the securities that lead it.
_EXPLAINED_BY: dict[PatternType, frozenset[PatternType]] = {
    "catalyst_sympathy": frozenset({"catalyst_sympathy", "pump_and_dump"}),
    "news_arbitrage": frozenset({"pump_and_dump", "catalyst_sympathy"}),
    "pump_and_dump": frozenset({"catalyst_sympathy", "news_arbitrage"}),
    "accumulation_patterns": frozenset({"catalyst_sympathy", "news_arbitrage", "pump_and_dump"}),
    "sector_rotation": frozenset(),
    "correlation_breaks": frozenset(
        {"catalyst_sympathy", "news_arbitrage", "pump_and_dump", "accumulation_patterns"}
    ),
    "emergent_clusters": frozenset(
        {"catalyst_sympathy", "sector_rotation", "correlation_breaks", "pump_and_dump"}
    ),
}


@dataclass(slots=True)
class Episode:
    """A pattern under way; times are epoch microseconds of event time.

    ``strength`` is the largest that it was seen with. One that is not ``told`` is only watched.
    """

    id: str
    pattern_type: PatternType
    lead: list[str]
    securities: list[str]
    started: int
    seen: int
    strength: float
    told: bool = True

    def goes_on_in(self, candidate: Candidate) -> bool:
        """Whether ``candidate`` is a further sight of this: one who leads it leads this too.

        A rotation has two sides, and early on one of them may be mistaken. The same side with
        another one is the same rotation, until that pair is clearly stronger.
        """
        if self.pattern_type != candidate.pattern_type:
            return False
        shared = set(candidate.lead) & set(self.lead)
        if self.pattern_type == "sector_rotation" and len(shared) == 1:
            return candidate.strength < _CLEARLY * self.strength
        return bool(shared)

    def see(self, candidate: Candidate, now: int) -> None:
        """Take note of a further sight."""
        self.seen = now
        if set(candidate.lead) == set(self.lead):
            self.strength = max(self.strength, candidate.strength)


class Episodes:
    """The episodes under way."""

    def __init__(self) -> None:
        self._open: list[Episode] = []

    def __len__(self) -> int:
        return len(self._open)

    def close(self, now: int) -> list[Episode]:
        """End the episodes that were not seen for their cool-down."""
        ended = [e for e in self._open if now - e.seen > _COOL_DOWN_US[e.pattern_type]]
        if ended:
            self._open = [e for e in self._open if now - e.seen <= _COOL_DOWN_US[e.pattern_type]]
        return ended

    def continued(self, candidate: Candidate) -> Episode | None:
        """The episode that ``candidate`` is a further sight of."""
        for episode in self._open:
            if episode.goes_on_in(candidate):
                return episode
        return None

    def explanation(self, candidate: Candidate) -> Episode | None:
        """An episode of another type that explains ``candidate``: half of those who lead it."""
        explained_by = _EXPLAINED_BY[candidate.pattern_type]
        for episode in self._open:
            if episode.told and episode.pattern_type in explained_by:
                explained = set(candidate.lead) & set(episode.securities)
                if 2 * len(explained) >= len(candidate.lead):
                    return episode
        return None

    def begin(self, candidate: Candidate, now: int) -> Episode:
        """Open an episode."""
        episode = Episode(
            pattern_id(candidate),
            candidate.pattern_type,
            list(candidate.lead),
            list(candidate.securities),
            now,
            now,
            candidate.strength,
        )
        self._open.append(episode)
        return episode

    def snapshot(self) -> list[dict[str, Any]]:
        """State for a checkpoint."""
        return [asdict(episode) for episode in self._open]

    @classmethod
    def restore(cls, state: list[dict[str, Any]]) -> Episodes:
        """The episodes of a snapshot."""
        episodes = cls()
        episodes._open = [Episode(**item) for item in state]
        return episodes


def pattern_id(candidate: Candidate) -> str:
    """The same for the same type, leading securities and start, wherever it is found."""
    text = "|".join((candidate.pattern_type, *candidate.lead, str(candidate.window_start)))
    return f"{candidate.pattern_type}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
