"""How likely news moves its security: a rule at first, then what such news did before."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from agents import models
from agents.news.themes import OTHER, Theme

# News moved its security if the abnormal return reached this many of its own deviations.
MATERIAL_MOVE = 2.0
# Reactions of a theme until the learned part weighs as much as the rule.
_HALF_TRUST = 100
_LEARNING_RATE = 0.01

_TIER_WEIGHT = {1: 0.3, 2: 0.0, 3: -0.5, 4: -0.8}
_ROLE_WEIGHT = {"subject": 0.0, "mention": -1.0, "actor": -1.8}
_SENTIMENT_WEIGHT = 1.0
_USUAL_SENTIMENT = 0.3
_FIGURES_WEIGHT = 0.2
_BREADTH_WEIGHT = -0.4


@dataclass(frozen=True, slots=True)
class Item:
    """What the estimate is made from.

    ``securities`` is how many the news bears on, ``figures`` whether the headline has a number.
    """

    theme: str
    tier: int
    sentiment: float
    role: str
    figures: bool
    securities: int


def prior(item: Item, theme: Theme) -> float:
    """The rule: the theme's prior, moved by source, sentiment, figures, part played and breadth."""
    return _sigmoid(_prior_logit(item, theme))


def _prior_logit(item: Item, theme: Theme) -> float:
    return (
        math.log(theme.prior / (1 - theme.prior))
        + _TIER_WEIGHT.get(item.tier, _TIER_WEIGHT[4])
        + _ROLE_WEIGHT[item.role]
        + _SENTIMENT_WEIGHT * (abs(item.sentiment) - _USUAL_SENTIMENT)
        + _FIGURES_WEIGHT * item.figures
        + _BREADTH_WEIGHT * math.log(item.securities)
    )


@dataclass(slots=True)
class Materiality:
    """The estimate: the rule's and a logistic regression's log-odds, weighed by experience.

    With n reactions to a theme seen, the learned part weighs n / (n + 100).
    """

    _model: Any = field(default_factory=lambda: _new_model())
    _seen: dict[str, float] = field(default_factory=dict)

    def estimate(self, item: Item, theme: Theme) -> float:
        """The probability, 0 to 1, that the price moves by ``MATERIAL_MOVE`` deviations."""
        rule = _prior_logit(item, theme)
        seen = self._seen.get(theme.name, 0.0)
        if not seen:
            return _sigmoid(rule)
        learned = self._model.predict_proba_one(_features(item, rule))[True]
        trust = seen / (seen + _HALF_TRUST)
        return _sigmoid((1 - trust) * rule + trust * _logit(learned))

    def learn(self, item: Item, theme: Theme, move: float, weight: float = 1.0) -> None:
        """Learn from a reaction: ``move`` is the absolute abnormal return over own deviation.

        ``weight`` is how much of an observation it is, 0 to 1.
        """
        rule = _prior_logit(item, theme)
        self._model.learn_one(_features(item, rule), move >= MATERIAL_MOVE, w=weight)
        self._seen[theme.name] = self._seen.get(theme.name, 0.0) + weight

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"model": models.store(self._model), "seen": self._seen}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Materiality:
        """The estimator of a snapshot.

        Raises:
            ModelMismatch: another version of this model or of River stored it.
        """
        model = models.load(state["model"], type(_new_model()))
        return cls(model, dict(state["seen"]))


def _new_model() -> Any:
    # Here, as it takes a second: see agents.models.prepare.
    from river import linear_model, optim

    return linear_model.LogisticRegression(
        optimizer=optim.SGD(_LEARNING_RATE), intercept_lr=_LEARNING_RATE, l2=1e-4
    )


def _features(item: Item, rule: float) -> dict[str, float]:
    theme = item.theme or OTHER.name
    return {
        "rule": rule,
        f"theme={theme}": 1.0,
        f"tier={item.tier}": 1.0,
        f"role={item.role}": 1.0,
        "sentiment": abs(item.sentiment),
        "figures": float(item.figures),
        "breadth": math.log(item.securities),
    }


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))
