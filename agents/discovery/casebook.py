"""Patterns as they are stored: the newest message, what it explained away, what became of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import msgspec
import numpy as np

from agents.discovery.candidate import Rejected
from agents.discovery.discovery import Found
from schemas.signals import Outcome, Pattern
from schemas.times import US_PER_S, iso, to_us

# A case is remembered this long after its horizon: for later news of it, and for whoever asks.
_KEPT_US = 7 * 86_400 * US_PER_S
# Further explanations of one pattern say nothing new.
_MOST_REJECTED = 20


class Case(NamedTuple):
    """A pattern to be stored as of ``updated`` (epoch microseconds).

    ``outcome`` and ``backtest`` (what patterns of its type came to before it) are None where they
    are not known or were told before.
    """

    pattern: Pattern
    outcome: Outcome | None
    backtest: dict[str, Any] | None
    updated: int


class CaseBook:
    """The patterns of the last days.

    What another pattern explained is kept in the ``trigger_conditions`` of that one, under
    ``rejected``: it tells who asks why there was no second signal.
    """

    def __init__(self) -> None:
        self._open: dict[str, Pattern] = {}

    def take(self, found: Found, now: int) -> list[Case]:
        """Note what was found in the minute that ended at ``now``; the cases that have changed.

        The patterns of ``found`` get what they explain, so that their messages say it too, and an
        update keeps the time of the first detection.
        """
        for pattern in found.patterns:
            self._note(pattern)
        changed = [pattern.id for pattern in found.patterns]
        changed += [r.by for r in found.rejected if self._explained(r, now)]
        found.patterns = [self._open[pattern.id] for pattern in found.patterns]
        cases = {o.id: o for o in found.outcomes if o.id in self._open}
        stored = [
            Case(self._open[i], cases.get(i), found.backtests.get(i), now)
            for i in dict.fromkeys([*changed, *cases])
        ]
        if stored:
            self._forget(now)
        return stored

    def _note(self, pattern: Pattern) -> None:
        before = self._open.get(pattern.id)
        rejected = before.trigger_conditions.get("rejected", []) if before else []
        conditions = {**pattern.trigger_conditions, "rejected": list(rejected)}
        self._open[pattern.id] = msgspec.structs.replace(
            pattern,
            detected_at=before.detected_at if before else pattern.detected_at,
            trigger_conditions=plain(conditions),
        )

    def _explained(self, rejected: Rejected, now: int) -> bool:
        pattern = self._open.get(rejected.by)
        if pattern is None:
            return False
        conditions = pattern.trigger_conditions
        candidate = rejected.candidate
        same = (candidate.pattern_type, list(candidate.lead))
        told = [(item["pattern_type"], item["lead"]) for item in conditions["rejected"]]
        if same in told or len(told) >= _MOST_REJECTED:
            return False
        more = [*conditions["rejected"], _told(rejected, now)]
        self._open[rejected.by] = msgspec.structs.replace(
            pattern, trigger_conditions={**conditions, "rejected": more}
        )
        return True

    def _forget(self, now: int) -> None:
        old = [p.id for p in self._open.values() if now > _horizon(p) + _KEPT_US]
        for pattern_id in old:
            del self._open[pattern_id]

    def snapshot(self) -> list[bytes]:
        """State for a checkpoint."""
        return [msgspec.json.encode(pattern) for pattern in self._open.values()]

    @classmethod
    def restore(cls, state: list[bytes]) -> CaseBook:
        """The book of a snapshot."""
        book = cls()
        patterns = (msgspec.json.decode(item, type=Pattern) for item in state)
        book._open = {pattern.id: pattern for pattern in patterns}
        return book


def _told(rejected: Rejected, now: int) -> dict[str, Any]:
    candidate = rejected.candidate
    return {
        "pattern_type": candidate.pattern_type,
        "lead": list(candidate.lead),
        "securities": list(candidate.securities),
        "seen_at": iso(now),
        "strength": round(float(candidate.strength), 3),
        "conditions": plain(candidate.conditions),
        "reason": rejected.reason,
    }


def _horizon(pattern: Pattern) -> int:
    return to_us(pattern.detected_at) + pattern.predicted_outcome.horizon_s * US_PER_S


def plain(value: Any) -> Any:
    """Figures as JSON has them: no types of NumPy; null for what is no number."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
