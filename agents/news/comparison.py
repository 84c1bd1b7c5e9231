"""Two figures set against each other: what is expected or reported, and what was thought before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from agents.news.stems import Word
from agents.news.vocabulary import OBJECTS
from agents.news.words import words_of

_AGAINST = words_of(
    """vs v versus from against than guide expect forecast estimate consensus prior previous earlier
    outlook guidance view beat miss top above below est"""
)
_THOUGHT = words_of("consensus estimate est expect forecast view street")
# Words between the two figures, between a figure and what it is of, and behind the second.
_REACH, _REACH_OF_NAME, _REACH_BEHIND = 8, 4, 2
# Prices, and what analysts make of them, are no figures of the company's own.
_NO_FIGURES = words_of("share stock price target rating yield valuation")
_AMOUNTS = ("MONEY", "LARGE")
# So near to each other two figures are one; so far apart they are not of the same.
_SAME, _MOST = 0.02, 10.0


class Comparison(NamedTuple):
    """A figure over (+1) or under (-1) another, by ``part`` of it, at tokens ``start`` to ``end``.

    The sign is that of the news: a loss over another is bad.
    """

    sign: int
    part: float
    start: int
    end: int


class _Amount(NamedTuple):
    value: float
    start: int
    end: int


def compared(words: Sequence[Word]) -> list[Comparison]:
    """The figures of a company that are set against others, in order of the headline."""
    amounts = list(_amounts(words))
    found, done = [], 0
    for new, old in pairwise(amounts):
        sign = _sign_of(words, new) if new.start >= done and old.value > 0 else 0
        if sign and _are_compared(words, new, old):
            done = old.end
            part = new.value / old.value - 1
            if _SAME <= abs(part) < _MOST:
                side = sign if part > 0 else -sign
                found.append(Comparison(side, abs(part), new.start, old.end))
    return found


def _amounts(words: Sequence[Word]) -> Iterator[_Amount]:
    """Amounts of money; those side by side are a range, which its middle stands for."""
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and words[end].lemma in _AMOUNTS:
            end += 1
        if end > at:
            yield _Amount(sum(word.value for word in words[at:end]) / (end - at), at, end)
        at = end + 1


def _sign_of(words: Sequence[Word], amount: _Amount) -> int:
    """+1 if the amount is of what should be high, -1 if low, 0 if of neither."""
    for word in reversed(words[max(0, amount.start - _REACH_OF_NAME) : amount.start]):
        kind, _ = OBJECTS.get(word.lemma, ("", 0.0))
        if word.lemma not in _NO_FIGURES and kind in ("MEASURE", "COST"):
            return 1 if kind == "MEASURE" else -1
    return 0


def _are_compared(words: Sequence[Word], new: _Amount, old: _Amount) -> bool:
    between = words[new.end : old.start]
    behind = words[old.end : old.end + _REACH_BEHIND]
    return len(between) <= _REACH and (
        any(word.lemma in _AGAINST for word in between)
        or any(word.lemma in _THOUGHT for word in behind)
    )
