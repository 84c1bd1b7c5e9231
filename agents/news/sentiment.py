"""How good or bad a headline is for the company that it is about, -1 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from agents.news.lexicon import NEUTRAL_WORDS, PHRASES, WORDS

_STEPS = 10


class Sentiment:
    """A general lexicon with negation and degree (VADER), corrected for the language of finance.

    Phrases of finance are read first and stand as one word each, so ``cuts loss`` is good news and
    ``no profit warning`` is not bad news.
    """

    def __init__(self) -> None:
        self._analyzer = SentimentIntensityAnalyzer()
        # Faces and the like have no place in headlines, and the look-up costs more than the rest.
        self._analyzer.emojis = {}
        lexicon = self._analyzer.lexicon
        for word in NEUTRAL_WORDS:
            lexicon.pop(word, None)
        lexicon.update(WORDS)
        self._phrases = []
        for pattern, valence in PHRASES:
            word = f"phrase{'good' if valence > 0 else 'bad'}{round(abs(valence) * _STEPS)}"
            lexicon[word] = valence
            self._phrases.append((re.compile(rf"\b(?:{pattern})(?!\w)"), f" {word} "))

    def score(self, folded: str, names: Iterable[str] = ()) -> float:
        """The sentiment of a folded headline; ``names`` in it (of companies) say nothing."""
        for name in names:
            folded = folded.replace(name, " it ")
        text = " ".join(folded.lower().split())
        for pattern, word in self._phrases:
            text = pattern.sub(word, text)
        score: float = self._analyzer.polarity_scores(text)["compound"]
        return score


@cache
def default_sentiment() -> Sentiment:
    """The one lexicon of a process; loading it takes some tens of milliseconds."""
    return Sentiment()
