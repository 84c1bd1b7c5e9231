"""Kinship that no list of industries knows: who is spoken of together in everyday headlines.

A topic is two neighbouring words, in which each of several securities was spoken of more than once
and in different phrases, or which come in many phrases altogether: ``weight-loss drugs`` does,
where a broker or a standing phrase such as ``design award`` comes round to everybody in turn. The
names of securities are no topics; a word that several names have (``power``) may be part of one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from agents.news.similarity import Headline
from agents.news.words import words_of

Pair = tuple[str, str]

# A topic has so many members, each told in so many different phrases; two are different if they
# share less than this part of their other words (Jaccard).
_LEAST_MEMBERS, _MOST_MEMBERS = 3, 15
_LEAST_PHRASES = 2
_MANY_PHRASES = 3
# Of a single word beside the topic it is not known whether it is a name.
_WORDS_OF_A_PHRASE = 2
_DIFFERENT = 0.3
_MOST_PAIRS = 20_000
_LEGAL = words_of(
    "inc corp corporation co company holdings group ltd plc trust nyse nasdaq the & -"
)


@dataclass(slots=True)
class _Topic:
    """The phrases that each security was spoken of in, and the different ones among all."""

    told: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    phrases: list[frozenset[str]] = field(default_factory=list)

    def members(self) -> list[str]:
        known = sorted(s for s, phrases in self.told.items() if len(phrases) >= _LEAST_PHRASES)
        many = len(known) > 1 and len(self.phrases) >= _MANY_PHRASES
        return sorted(self.told) if many else known


class Topics:
    """What securities are spoken of with; the 20,000 pairs of words that came last."""

    def __init__(self) -> None:
        self._topics: OrderedDict[Pair, _Topic] = OrderedDict()
        self._of: dict[str, set[Pair]] = {}
        self._names: Counter[str] = Counter()
        self._in_names: set[Pair] = set()

    def reference(self, name: str) -> None:
        """Know the words of a security's name."""
        told = Headline.of(name)
        self._names.update(told.words - _LEGAL)
        self._in_names.update(pairwise(told.text.split()))

    def add(self, symbol: str, headline: str) -> None:
        """Read a headline about a security."""
        told = Headline.of(headline)
        for pair in self._pairs_of(told):
            topic = self._topics.setdefault(pair, _Topic())
            self._topics.move_to_end(pair)
            self._of.setdefault(symbol, set()).add(pair)
            others = frozenset(told.words - self._names.keys() - _LEGAL - set(pair))
            phrases = topic.told.setdefault(symbol, [])
            _keep(phrases, others, _LEAST_PHRASES)
            if len(others) >= _WORDS_OF_A_PHRASE:
                _keep(topic.phrases, others, _MANY_PHRASES)
        while len(self._topics) > _MOST_PAIRS:
            pair, topic = self._topics.popitem(last=False)
            for member in topic.told:
                self._of[member].discard(pair)

    def peers(self, symbol: str) -> dict[str, str]:
        """Who is spoken of with the same topic as ``symbol``, and with which."""
        found: dict[str, str] = {}
        for topic, members in self.groups(symbol).items():
            for member in members:
                found.setdefault(member, topic)
        return found

    def groups(self, symbol: str) -> dict[str, list[str]]:
        """The other members of each topic of ``symbol``."""
        found = {}
        for pair in sorted(self._of.get(symbol, ())):
            members = self._topics[pair].members()
            if symbol in members and _LEAST_MEMBERS <= len(members) <= _MOST_MEMBERS:
                found[" ".join(pair)] = [m for m in members if m != symbol]
        return found

    def _pairs_of(self, told: Headline) -> set[Pair]:
        return {
            (a, b)
            for a, b in pairwise(told.text.split())
            if a in told.words and b in told.words and _are_words(a, b) and self._is_no_name(a, b)
        }

    def _is_no_name(self, a: str, b: str) -> bool:
        if (a, b) in self._in_names or {a, b} & _LEGAL:
            return False
        return self._names[a] != 1 and self._names[b] != 1

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "names": sorted(self._names.items()),
            "in_names": sorted(self._in_names),
            "topics": [
                [
                    list(pair),
                    {s: [sorted(p) for p in phrases] for s, phrases in topic.told.items()},
                    [sorted(p) for p in topic.phrases],
                ]
                for pair, topic in self._topics.items()
            ],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Topics:
        """The topics of a snapshot."""
        topics = cls()
        topics._names = Counter(dict(state["names"]))
        topics._in_names = {(a, b) for a, b in state["in_names"]}
        for (a, b), told, phrases in state["topics"]:
            topics._topics[a, b] = _Topic(
                {s: [frozenset(p) for p in told[s]] for s in told}, [frozenset(p) for p in phrases]
            )
            for symbol in told:
                topics._of.setdefault(symbol, set()).add((a, b))
        return topics


def _are_words(*words: str) -> bool:
    return all(len(word) > 2 and not any(c.isdigit() for c in word) for word in words)


def _keep(phrases: list[frozenset[str]], new: frozenset[str], most: int) -> None:
    if len(phrases) < most and all(_differ(new, phrase) for phrase in phrases):
        phrases.append(new)


def _differ(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) < _DIFFERENT * max(len(one | other), 1)
