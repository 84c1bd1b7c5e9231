"""What is said of many, in the same words, and moves none of them: the boilerplate of the wires.

Whoever has read a wire for some days knows its standing phrases: stakes of index funds, webcasts,
awards. Here that is learned from what prices did: of each phrase, whichever security it was about,
it is counted how often it came and how often the price moved.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.news.similarity import Headline
from agents.news.words import EXCHANGES, LEGAL_FORMS

# Two phrases are one if they share so much of their words (Jaccard): what is left differs by the
# trade that it speaks of.
_SAME = 0.4
_FEWEST_WORDS = 2
# So many looks at a phrase weigh as much as what its words say by themselves.
_PRIOR = 1.5
_MOST_PHRASES = 5_000


@dataclass(slots=True)
class _Phrase:
    words: frozenset[str]
    seen: float = 0.0
    moved: float = 0.0


class Phrases:
    """Phrases by how often they came and how often the price moved; the newest 5,000."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, _Phrase] = OrderedDict()
        self._with: defaultdict[str, set[int]] = defaultdict(set)
        self._next = 0

    def __len__(self) -> int:
        return len(self._known)

    def revise(self, words: frozenset[str], estimate: float) -> float:
        """``estimate`` that news in these words moves its price, in the light of such news before.

        >>> phrases, words = Phrases(), frozenset({"wins", "design", "award"})
        >>> for _ in range(3):
        ...     phrases.learn(words, moved=False)
        >>> round(phrases.revise(words, 0.3), 2)
        0.1
        """
        phrase = self._nearest(words)
        if phrase is None:
            return estimate
        return (_PRIOR * estimate + phrase.moved) / (_PRIOR + phrase.seen)

    def learn(self, words: frozenset[str], *, moved: bool, weight: float = 1.0) -> None:
        """Count news in these words; ``weight`` is how much of an observation it is, 0 to 1."""
        if len(words) < _FEWEST_WORDS:
            return
        phrase = self._nearest(words)
        if phrase is None:
            phrase = self._add(_Phrase(words))
        phrase.seen += weight
        phrase.moved += weight * moved

    def _nearest(self, words: frozenset[str]) -> _Phrase | None:
        shared: defaultdict[int, int] = defaultdict(int)
        for word in words:
            for at in self._with.get(word, ()):
                shared[at] += 1
        best, most = None, _SAME
        for at in sorted(shared):
            phrase = self._known[at]
            alike = shared[at] / (len(words) + len(phrase.words) - shared[at])
            if alike > most or (alike == most and best is None):
                best, most = phrase, alike
        return best

    def _add(self, phrase: _Phrase) -> _Phrase:
        self._known[self._next] = phrase
        for word in phrase.words:
            self._with[word].add(self._next)
        self._next += 1
        if len(self._known) > _MOST_PHRASES:
            at, oldest = self._known.popitem(last=False)
            for word in oldest.words:
                self._with[word].discard(at)
                if not self._with[word]:
                    del self._with[word]
        return phrase

    def snapshot(self) -> list[Any]:
        """State as plain values."""
        return [[sorted(p.words), p.seen, p.moved] for p in self._known.values()]

    @classmethod
    def restore(cls, state: list[Any]) -> Phrases:
        """The phrases of a snapshot."""
        phrases = cls()
        for words, seen, moved in state:
            phrases._add(_Phrase(frozenset(words), seen, moved))
        return phrases


def phrase_of(headline: Headline, names: Iterable[str]) -> frozenset[str]:
    """The words of a headline without figures and without what it calls its securities by.

    That are names and tickers; what goes with them, forms of companies and exchanges, is left too.
    """
    called = {word for name in names for word in Headline.of(name).words} | LEGAL_FORMS | EXCHANGES
    plain = {word for word in headline.words if not any(c.isdigit() for c in word)}
    return frozenset(plain - called)
