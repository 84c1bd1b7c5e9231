"""Whether a headline tells of an event or of the everyday life of a company.

The theme says what news is about; much of what is about results or contracts is still routine: a
date is set, a dividend is as ever, a commentator asks a question. Surprise, size and finality are
what moves prices. The headline is read by :mod:`agents.news.reading`; against the events that it
tells stand phrases of the everyday (``tables/everyday.txt``) and what makes little of things.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agents.news.reading import read
from agents.news.text import fold
from agents.news.vocabulary import (
    DOWNTONER_WEIGHT,
    DOWNTONERS,
    INTENSIFIER_WEIGHT,
    INTENSIFIERS,
)

# From here on the balance tells of an event, and phrases of the everyday count; no wording adds or
# takes off more than the most, and events weigh no more than that against the everyday.
_TELLS = 1.0
_MOST = 2.0
# A name that is no word.
_NAME = "Acme"
# What one more event or sign of the everyday adds, as part of its weight.
_MORE = 0.3


class Wording(NamedTuple):
    """What speaks for an event and what for the everyday, in log-odds of being material."""

    telling: float
    everyday: float

    @property
    def log_odds(self) -> float:
        """What it adds to the log-odds of being material, beside theme and source."""
        return max(min(self.telling, _MOST) - self.everyday, -_MOST)

    @property
    def event(self) -> bool:
        """Whether something happened that was not sure, the everyday in it set against it."""
        return self.log_odds >= _TELLS

    @property
    def routine(self) -> bool:
        """Whether it is comment, calendar, or as ever, and tells of no event."""
        return self.everyday >= _TELLS and not self.event


def wording(headline: str, *called: str) -> Wording:
    """How a headline tells its story, with what it calls its securities left out of the reading.

    >>> told = wording("Acme unexpectedly cuts full-year outlook")
    >>> told.event, told.routine
    (True, False)
    >>> told = wording("Is it time to buy Acme?")
    >>> told.event, told.routine
    (False, True)
    >>> wording("Summit Foods is to be acquired for cash", "Summit Foods").everyday
    0.0
    """
    headline = fold(headline)
    for name in filter(None, called):
        headline = headline.replace(name, _NAME, 1)
    words, facts, everyday = read(headline)
    telling = _sum([fact.weight for fact in facts])
    if any(word.lemma in INTENSIFIERS for word in words):
        telling += INTENSIFIER_WEIGHT
    little = DOWNTONER_WEIGHT * sum(word.lemma in DOWNTONERS for word in words)
    return Wording(telling, _sum([match.pattern.weight for match in everyday]) + little)


def _sum(weights: Sequence[float]) -> float:
    """The greatest weight, and a part of the others."""
    greatest = max(weights, default=0.0)
    return round(greatest + _MORE * (sum(weights) - greatest), 6)


def shifted(probability: float, log_odds: float) -> float:
    """A probability with its log-odds shifted.

    >>> round(shifted(0.5, 2.0), 3), round(shifted(shifted(0.3, 2.0), -2.0), 3)
    (0.881, 0.3)
    """
    odds = math.exp(log_odds) * probability / max(1 - probability, 1e-6)
    return odds / (1 + odds)
