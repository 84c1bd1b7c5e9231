"""Kinship that no list of industries knows: who is spoken of together in everyday headlines.

A topic is two neighbouring words, in which each of several securities was spoken of more than once
and in different phrases: ``weight-loss drugs`` does, where a broker or a standing phrase such as
``design award`` comes round to everybody in turn. The names of securities are no topics.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Any

from agents.news.similarity import Headline
from agents.news.words import words_of

Pair = tuple[str, str]

# A topic has so many members, each told in so many different phrases; two are different if they
# share less than this part of their other words (Jaccard).
_LEAST_MEMBERS, _MOST_MEMBERS = 3, 15
_LEAST_PHRASES = 2
_DIFFERENT = 0.3
_MOST_PAIRS = 20_000
_LEGAL = words_of(
    "inc corp corporation co company holdings group ltd plc trust nyse nasdaq the & -"
)


class Topics:
    """What securities are spoken of with; the 20,000 pairs of words that came last."""

    def __init__(self) -> None:
        self._told: OrderedDict[Pair, dict[str, list[frozenset[str]]]] = OrderedDict()
        self._of: dict[str, set[Pair]] = {}
        self._names: set[str] = set(_LEGAL)

    def reference(self, name: str) -> None:
        """Know the words of a security's name."""
        self._names |= Headline.of(name).words

    def add(self, symbol: str, headline: str) -> None:
        """Read a headline about a security."""
        told = Headline.of(headline)
        for pair in self._pairs_of(told):
            phrases = self._told.setdefault(pair, {}).setdefault(symbol, [])
            self._told.move_to_end(pair)
            others = frozenset(told.words - self._names - set(pair))
            if len(phrases) < _LEAST_PHRASES and all(_differ(others, p) for p in phrases):
                phrases.append(others)
            if len(phrases) >= _LEAST_PHRASES:
                self._of.setdefault(symbol, set()).add(pair)
        while len(self._told) > _MOST_PAIRS:
            pair, members = self._told.popitem(last=False)
            for member in members:
                self._of.get(member, set()).discard(pair)

    def peers(self, symbol: str) -> dict[str, str]:
        """Who is spoken of with the same topic as ``symbol``, and with which."""
        found: dict[str, str] = {}
        for pair in sorted(self._of.get(symbol, ())):
            members = self._members(pair)
            if _LEAST_MEMBERS <= len(members) <= _MOST_MEMBERS:
                for member in members:
                    found.setdefault(member, " ".join(pair))
        found.pop(symbol, None)
        return found

    def _members(self, pair: Pair) -> list[str]:
        told = self._told.get(pair, {})
        return sorted(s for s, phrases in told.items() if len(phrases) >= _LEAST_PHRASES)

    def _pairs_of(self, told: Headline) -> set[Pair]:
        return {
            (a, b)
            for a, b in pairwise(told.text.split())
            if a in told.words and b in told.words and not {a, b} & self._names and _are_words(a, b)
        }

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "names": sorted(self._names),
            "told": [
                [list(pair), {s: [sorted(p) for p in phrases] for s, phrases in told.items()}]
                for pair, told in self._told.items()
            ],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Topics:
        """The topics of a snapshot."""
        topics = cls()
        topics._names = set(state["names"])
        for (a, b), told in state["told"]:
            topics._told[a, b] = {s: [frozenset(p) for p in told[s]] for s in told}
            for symbol, phrases in told.items():
                if len(phrases) >= _LEAST_PHRASES:
                    topics._of.setdefault(symbol, set()).add((a, b))
        return topics


def _are_words(*words: str) -> bool:
    return all(len(word) > 2 and not any(c.isdigit() for c in word) for word in words)


def _differ(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) < _DIFFERENT * max(len(one | other), 1)
