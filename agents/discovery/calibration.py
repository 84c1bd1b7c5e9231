"""How true confidence is: what was said against what came, by type and in all."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents import models
from agents.models import ModelMismatch

# Outcomes that the figures rest on, the newest of a type.
KEPT = 200
BINS = 10
# Confidence stays this far from certainty, so that one surprise does not cost without bound.
LEAST = 0.02
# Outcomes are rare: drift is looked for at every one of them, not at every 32nd.
_DRIFT_CLOCK = 1


class Bin(NamedTuple):
    """Of the patterns given ``low`` to ``high``: how many, mean confidence, share come true."""

    low: float
    high: float
    patterns: int
    confidence: float
    came_true: float


def brier(confidences: Sequence[float], truths: Sequence[bool]) -> float:
    """Mean squared distance of confidence from 1 or 0 (Brier 1950); NaN of nothing."""
    if not confidences:
        return math.nan
    pairs = zip(confidences, truths, strict=True)
    return math.fsum((p - y) ** 2 for p, y in pairs) / len(confidences)


def log_loss(confidence: float, came_true: bool) -> float:
    """Minus the log of the probability that was given to what came."""
    bounded = min(max(confidence, LEAST), 1 - LEAST)
    return -math.log(bounded if came_true else 1 - bounded)


def reliability(
    confidences: Sequence[float], truths: Sequence[bool], bins: int = BINS
) -> list[Bin]:
    """The bins of equal width that hold something, lowest first."""
    held: dict[int, list[tuple[float, bool]]] = {}
    for p, y in zip(confidences, truths, strict=True):
        held.setdefault(min(int(p * bins), bins - 1), []).append((p, y))
    return [
        Bin(
            i / bins,
            (i + 1) / bins,
            len(pairs),
            math.fsum(p for p, _ in pairs) / len(pairs),
            sum(y for _, y in pairs) / len(pairs),
        )
        for i, pairs in sorted(held.items())
    ]


def calibration_error(
    confidences: Sequence[float], truths: Sequence[bool], bins: int = BINS
) -> float:
    """Expected calibration error (Naeini et al. 2015): the bins' mean distance of confidence from
    the share come true, weighed by their count; NaN of nothing.
    """
    if not confidences:
        return math.nan
    return math.fsum(
        b.patterns / len(confidences) * abs(b.confidence - b.came_true)
        for b in reliability(confidences, truths, bins)
    )


@dataclass(slots=True)
class Record:
    """What became of the patterns of a type: all of them in sums, the newest told one by one.

    ``gain`` is the sum of the mean returns in the predicted directions. Drift is watched by ADWIN
    (Bifet and Gavaldà 2007) on the log-loss of the confidence that was given.
    """

    outcomes: int = 0
    came_true: int = 0
    gain: float = 0.0
    drifts: int = 0
    newest: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=KEPT))
    _drift: Any = field(default_factory=lambda: _new_drift())

    def add(self, confidence: float, came_true: bool, gain: float, *, told: bool = True) -> bool:
        """Take in an outcome; whether confidence is now found to have drifted from what comes."""
        self.outcomes += 1
        self.came_true += came_true
        self.gain += gain
        if told:
            self.newest.append((confidence, came_true))
        self._drift.update(log_loss(confidence, came_true))
        drifted = bool(self._drift.drift_detected)
        self.drifts += drifted
        return drifted

    def backtest(self) -> dict[str, Any]:
        """What the rule did so far: outcomes, how many came true, the mean return as predicted."""
        known = self.outcomes > 0
        return {
            "outcomes": self.outcomes,
            "came_true": self.came_true,
            "rate": self.came_true / self.outcomes if known else None,
            "mean_return": self.gain / self.outcomes if known else None,
        }

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "sums": [self.outcomes, self.came_true, self.gain, self.drifts],
            "newest": [[p, y] for p, y in self.newest],
            "drift": models.store(self._drift),
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Record:
        """The record of a snapshot; a drift detector of another version begins anew."""
        outcomes, came_true, gain, drifts = state["sums"]
        record = cls(outcomes, came_true, gain, drifts)
        record.newest.extend((p, y) for p, y in state["newest"])
        try:
            record._drift = models.load(state["drift"], type(record._drift))
        except ModelMismatch:
            for p, y in record.newest:
                record._drift.update(log_loss(p, y))
        return record


def _new_drift() -> Any:
    # Here, as it takes a second: see agents.models.prepare.
    from river.drift import ADWIN

    make: Any = ADWIN
    return make(clock=_DRIFT_CLOCK)


def figures(records: Sequence[Record]) -> dict[str, Any]:
    """Plain numbers of one type or several together; None where nothing is known yet.

    ``precision`` is the share of the newest that came true; ``bins`` are rows of
    :class:`Bin`.
    """
    pairs = [pair for record in records for pair in record.newest]
    confidences, truths = [p for p, _ in pairs], [y for _, y in pairs]
    losses = [log_loss(p, y) for p, y in pairs]
    return {
        "outcomes": sum(r.outcomes for r in records),
        "came_true": sum(r.came_true for r in records),
        "judged_on": len(pairs),
        "precision": sum(truths) / len(pairs) if pairs else None,
        "confidence": math.fsum(confidences) / len(pairs) if pairs else None,
        "brier": brier(confidences, truths) if pairs else None,
        "calibration_error": calibration_error(confidences, truths) if pairs else None,
        "log_loss": math.fsum(losses) / len(pairs) if pairs else None,
        "drifts": sum(r.drifts for r in records),
        "bins": [b._asdict() for b in reliability(confidences, truths)],
    }
