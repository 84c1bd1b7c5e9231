"""How likely a pattern's prediction comes true: a rule at first, then what such patterns did."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from agents import models
from agents.discovery.calibration import LEAST, Record, figures
from agents.discovery.candidate import Candidate
from agents.discovery.robust import Floats
from agents.models import ModelMismatch
from schemas.signals import PatternType

TYPES: tuple[PatternType, ...] = get_args(PatternType)
# Changes when the rule, the features or the way of learning do.
MODEL = 3

# What is given before any outcome of the type is known: about what such patterns came to on
# simulated markets of several makers.
_BASE: dict[PatternType, float] = {
    "catalyst_sympathy": 0.75,
    "sector_rotation": 0.75,
    "accumulation_patterns": 0.75,
    "news_arbitrage": 0.6,
    "correlation_breaks": 0.72,
    "pump_and_dump": 0.82,
    "emergent_clusters": 0.75,
}
# Log-odds for each e-fold of the strength, up to a few thresholds.
_STRENGTH_WEIGHT = 0.5
_LEAST_STRENGTH, _MOST_STRENGTH = 0.5, 5.0

# Outcomes of a type until its features weigh half of what the model says.
_HALF_TRUST = 50
_LEARNING_RATE = 0.03
_RIDGE = 0.01
_FEATURE_CAP = 10.0

# Level and slope are learned around none and one with these deviations, the level of a type
# around that of all; a type's older outcomes count less, by half every hundred.
_LEVEL_SD, _TYPE_SD, _SLOPE_SD = 1.0, 0.7, 0.5
_KEEP = 0.5 ** (1 / 100)
_KEPT = 400
# Once drift is found, what was learned before it counts for so much.
_AFTER_DRIFT = 0.1
_NEWTON_STEPS = 25
_LONGEST_STEP = 2.0
_SCORE_CAP = 5.0


@dataclass(frozen=True, slots=True)
class Basis:
    """What a confidence was set from; it is kept until the outcome is known.

    ``score`` are the log-odds before calibration.
    """

    confidence: float
    score: float
    features: dict[str, float]


@dataclass(slots=True)
class _Kind:
    """What is known of one type: ``seen`` are outcomes, those before a drift counted less.

    ``scores`` holds score, outcome and weight of the newest.
    """

    model: Any = field(default_factory=lambda: _new_model())
    seen: float = 0.0
    scores: deque[tuple[float, bool, float]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    record: Record = field(default_factory=Record)

    def learn(self, basis: Basis, came_true: bool, gain: float, told: bool) -> None:
        self.model.learn_one(basis.features, came_true)
        self.seen += 1
        self._fade(_KEEP)
        self.scores.append((basis.score, came_true, 1.0))
        if self.record.add(basis.confidence, came_true, gain, told=told):
            self.seen *= _AFTER_DRIFT
            self._fade(_AFTER_DRIFT)

    def _fade(self, by: float) -> None:
        faded = [(x, y, w * by) for x, y, w in self.scores]
        self.scores.clear()
        self.scores.extend(faded)


class Confidence:
    """Predicts first and learns when the outcome is known, in three steps.

    1. A rule: log-odds of the type, and of how far the statistic is over its threshold.
    2. What tells the good of a type from the bad: River's logistic regression on the standardised
       features, without its intercept, weighed n / (n + 50) after n outcomes of the type.
    3. How often they come true: Platt's (1999) scaling of the log-odds, with a level for all, one
       for each type and a slope. They are the posterior mode with Gaussian priors around "as the
       rule says", so few outcomes move them little, and a type learns from the others too.
    """

    def __init__(self) -> None:
        self.learned = 0
        self._fingerprint = ""
        self._kinds: dict[PatternType, _Kind] = {name: _Kind() for name in TYPES}
        self._scaling = self._fit()

    @property
    def version(self) -> str:
        """Names what sets confidence now: the model, the outcomes learned and their digest."""
        told = f"-{self._fingerprint[:8]}" if self.learned else ""
        return f"{MODEL}.{self.learned}{told}"

    def judge(self, candidate: Candidate) -> Basis:
        """The confidence of a candidate, with all that learning from it takes."""
        features = _features(candidate)
        kind = self._kinds[candidate.pattern_type]
        score = _logit(_BASE[candidate.pattern_type]) + _STRENGTH_WEIGHT * features["strength"]
        if kind.seen:
            told = _logit(float(kind.model.predict_proba_one(features)[True]))
            regression = kind.model["LogisticRegression"]
            trust = kind.seen / (kind.seen + _HALF_TRUST)
            score += trust * (told - float(regression.intercept))
        score = max(-_SCORE_CAP, min(score, _SCORE_CAP))
        level, slope, *of_type = self._scaling.tolist()
        said = level + of_type[TYPES.index(candidate.pattern_type)] + (1 + slope) * score
        return Basis(min(max(_sigmoid(said), LEAST), 1 - LEAST), score, features)

    def learn(
        self,
        pattern_id: str,
        pattern_type: PatternType,
        basis: Basis,
        came_true: bool,
        gain: float,
        *,
        told: bool = True,
    ) -> None:
        """Learn from an outcome; ``gain`` is the mean return in the predicted directions."""
        self._kinds[pattern_type].learn(basis, came_true, gain, told)
        self.learned += 1
        chain = f"{self._fingerprint}|{pattern_id}|{came_true}"
        self._fingerprint = hashlib.sha256(chain.encode()).hexdigest()
        self._scaling = self._fit()

    def backtest(self, pattern_type: PatternType) -> dict[str, Any]:
        """What the rule of this type did over the history so far."""
        return self._kinds[pattern_type].record.backtest()

    def figures(self) -> dict[str, dict[str, Any]]:
        """Plain numbers of each type with outcomes and, under ``all``, of all together."""
        by_type: dict[str, dict[str, Any]] = {
            name: figures([kind.record]) for name, kind in self._kinds.items() if kind.record.newest
        }
        return {**by_type, "all": figures([kind.record for kind in self._kinds.values()])}

    def _fit(self) -> Floats:
        """Level, slope less one, and the types' levels, shape (2 + types,)."""
        precision = np.full(2 + len(TYPES), _TYPE_SD**-2)
        precision[:2] = _LEVEL_SD**-2, _SLOPE_SD**-2
        rows = [
            (i, x, y, w)
            for i, kind in enumerate(self._kinds.values())
            for x, y, w in kind.scores
        ]  # fmt: skip
        if not rows:
            return np.zeros(len(precision))
        of_type, score, truth, weight = (np.array(column) for column in zip(*rows, strict=True))
        design = np.zeros((len(rows), len(precision)))
        design[:, 0], design[:, 1] = 1.0, score
        design[np.arange(len(rows)), 2 + of_type] = 1.0
        return _posterior_mode(design, score, truth, weight, precision)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint, and for keeping as a model of its version."""
        return {
            "learned": self.learned,
            "fingerprint": self._fingerprint,
            "kinds": {
                name: {
                    "model": models.store(kind.model),
                    "seen": kind.seen,
                    "scores": [list(row) for row in kind.scores],
                    "record": kind.record.snapshot(),
                }
                for name, kind in self._kinds.items()
            },
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Confidence:
        """The confidence of a snapshot; a River model of another version is learned afresh."""
        confidence = cls()
        confidence.learned = state["learned"]
        confidence._fingerprint = state["fingerprint"]
        for name, saved in state["kinds"].items():
            kind = confidence._kinds[name]
            kind.scores.extend((x, y, w) for x, y, w in saved["scores"])
            kind.record = Record.restore(saved["record"])
            try:
                kind.model = models.load(saved["model"], type(kind.model))
                kind.seen = saved["seen"]
            except ModelMismatch:
                kind.seen = 0.0
        confidence._scaling = confidence._fit()
        return confidence


def _new_model() -> Any:
    # Here, as it takes a second: see agents.models.prepare.
    from river import linear_model, optim, preprocessing

    return preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optim.SGD(_LEARNING_RATE), l2=_RIDGE, intercept_lr=_LEARNING_RATE
    )


def _features(candidate: Candidate) -> dict[str, float]:
    strength = candidate.strength if math.isfinite(candidate.strength) else 1.0
    strength = max(_LEAST_STRENGTH, min(strength, _MOST_STRENGTH))
    features = {"strength": math.log(strength)}
    for name, value in sorted(candidate.features.items()):
        if math.isfinite(value):
            features[name] = max(-_FEATURE_CAP, min(float(value), _FEATURE_CAP))
    return features


def _posterior_mode(
    design: Floats, offset: Floats, truth: Any, weight: Floats, precision: Floats
) -> Floats:
    """Logistic regression with an offset and Gaussian priors around zero, by Newton's steps.

    ``design`` has shape (n, parameters); ``offset``, ``truth`` and ``weight`` shape (n,).
    """
    mode = np.zeros(len(precision))
    for _ in range(_NEWTON_STEPS):
        said = 1 / (1 + np.exp(-np.clip(offset + design @ mode, -30, 30)))
        gradient = design.T @ (weight * (truth - said)) - precision * mode
        curve = (design * (weight * said * (1 - said))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(curve, gradient)
        length = float(np.abs(step).max())
        mode = mode + step * min(1.0, _LONGEST_STEP / max(length, 1e-12))
        if length < 1e-10:
            break
    return np.asarray(mode)


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
