"""What the figures of a candidate say together: the log-odds that it is what it looks like.

A statistic says how far something is from nothing, and not how like the pattern it is: how much
there is of it, for how long, and whether it comes where such things are done. Logistic regression
weighs these (Berkson 1944). The weights were fitted to candidates on simulated markets of three
makers who had not seen the detectors, and each market was left out in turn to see whether they
carry over; they are rounded, and there is one set for all markets. The levels were then set by hand
on some of the same markets, so what a detector reaches there is no measure of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

# An e-fold of the odds is as much as a deviation or so of evidence, a fifth over most thresholds.
_PER_STRENGTH = 4.0
_MOST = 8.0


@dataclass(frozen=True, slots=True)
class Odds:
    """Weights of figures, in log-odds for each unit, and the log-odds where all are zero."""

    level: float
    weights: Mapping[str, float]

    def log_odds(self, figures: Mapping[str, float]) -> float:
        """The log-odds of a candidate, 0 where a pattern begins to be likely enough to tell.

        >>> Odds(-2.0, {"rise": 0.5}).log_odds({"rise": 6.0})
        1.0
        """
        return self.level + sum(weight * figures[name] for name, weight in self.weights.items())

    def strength(self, figures: Mapping[str, float]) -> float:
        """The same as a multiple of a threshold, as :class:`Candidate` has it.

        >>> Odds(-2.0, {"rise": 0.5}).strength({"rise": 4.0})
        1.0
        """
        return math.exp(max(-_MOST, min(self.log_odds(figures), _MOST)) / _PER_STRENGTH)
