"""How good or bad a headline is for the company that it is about, -1 to 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from agents.news.lexicon import NEUTRAL_WORDS, WORDS
from agents.news.reading import read
from agents.news.stems import Word
from agents.news.vocabulary import NEGATIONS

# The valence of an event by its weight in log-odds; single words speak half as loud beside one.
_PER_LOG_ODDS = 1.6
_BESIDE_EVENTS = 0.5
# As in VADER: what turns a negated word, and what a sum of valences is set against.
_NEGATED, _REACH_OF_NEGATION = -0.74, 3
_ALPHA = 15.0


class Sentiment:
    """What a headline tells (see :mod:`agents.news.reading`), and a lexicon for the words left.

    The lexicon is VADER's (Hutto and Gilbert 2014), corrected for the language of finance; its
    way to bring a sum of valences to -1 to 1 is kept.
    """

    def __init__(self) -> None:
        self._valence: dict[str, float] = SentimentIntensityAnalyzer().lexicon
        for word in NEUTRAL_WORDS:
            self._valence.pop(word, None)
        self._valence |= WORDS

    def score(self, folded: str, names: Iterable[str] = ()) -> float:
        """The sentiment of a folded headline; ``names`` in it (of companies) say nothing."""
        for name in names:
            folded = folded.replace(name, " it ")
        words, facts, _ = read(folded)
        told = _PER_LOG_ODDS * sum(f.sign * f.told for f in facts)
        of_facts = {at for fact in facts for at in range(fact.start, fact.end)}
        single = sum(self._of_word(words, at) for at in range(len(words)) if at not in of_facts)
        total = told + (_BESIDE_EVENTS if told else 1.0) * single
        return total / math.sqrt(total * total + _ALPHA)

    def _of_word(self, words: Sequence[Word], at: int) -> float:
        valence = self._valence.get(words[at].lemma, 0.0)
        before = words[max(0, at - _REACH_OF_NEGATION) : at]
        return valence * _NEGATED if any(w.lemma in NEGATIONS for w in before) else valence


@cache
def default_sentiment() -> Sentiment:
    """The one lexicon of a process; loading it takes some tens of milliseconds."""
    return Sentiment()
