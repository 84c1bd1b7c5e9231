"""The patterns of a replay as a report: counts by type, each pattern, outcomes, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec

from agents.market.engine import Outputs
from schemas.signals import Outcome, Pattern, PatternType
from streams.telling import outcome_line, pattern_line

_TYPES: tuple[str, ...] = get_args(PatternType)


@dataclass(slots=True)
class Signals:
    """What was told of patterns, in order; of each pattern the newest case is kept."""

    told: list[Pattern | Outcome] = field(default_factory=list)
    newest: dict[str, Pattern] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def take(self, out: Outputs) -> None:
        """Add what came of one input."""
        self.told += [*out.patterns, *out.outcomes]
        self.newest.update((case.pattern.id, case.pattern) for case in out.cases)
        self.outcomes.update((outcome.id, outcome) for outcome in out.outcomes)

    def as_dict(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        """For programs: counts and figures by type, every pattern with its outcome."""
        patterns = [
            {
                **msgspec.to_builtins(pattern),
                "actual_outcome": msgspec.to_builtins(self.outcomes.get(pattern.id)),
            }
            for pattern in self.newest.values()
        ]
        return {
            "patterns_by_type": {name: len(self._of(name)) for name in _TYPES if self._of(name)},
            "found": patterns,
            "confidence": dict(figures),
        }

    def _of(self, pattern_type: str) -> list[Pattern]:
        return [p for p in self.newest.values() if p.pattern_type == pattern_type]

    def lines(self, figures: Mapping[str, Any]) -> Iterator[str]:
        """For people."""
        if not self.newest:
            yield "no patterns"
            return
        yield f"{'pattern':<23}{'found':>7}{'confidence':>12}{'judged':>8}{'came true':>11}"
        for name in _TYPES:
            if found := self._of(name):
                yield self._counts(name, found)
        yield ""
        for item in self.told:
            if isinstance(item, Pattern):
                yield pattern_line(item)
        if self.outcomes:
            yield ""
            yield "outcomes"
            for item in self.told:
                if isinstance(item, Outcome):
                    yield outcome_line(item)
        yield from calibration_lines(figures)

    def _counts(self, name: str, found: list[Pattern]) -> str:
        judged = [self.outcomes[p.id] for p in found if p.id in self.outcomes]
        mean = sum(p.confidence for p in found) / len(found)
        true = f"{sum(o.came_true for o in judged)}" if judged else "-"
        return f"{name:<23}{len(found):>7}{mean:>12.2f}{len(judged):>8}{true:>11}"


def calibration_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """How true confidence was, by type and in all; nothing before an outcome is known."""
    types = {name: told for name, told in figures["types"].items() if told["judged_on"]}
    if not types:
        return
    yield ""
    yield f"{'confidence':<23}{'judged':>7}{'said':>8}{'came':>8}{'ECE':>8}{'Brier':>8}"
    for name, told in types.items():
        numbers = (told["confidence"], told["precision"], told["calibration_error"], told["brier"])
        shown = "".join(f"{number:>8.2f}" for number in numbers)
        yield f"{name:<23}{told['judged_on']:>7}{shown}"
