"""A headline read as who does what to what.

Phrases first (``tables``), then each predicate with the object beside it, then
objects that speak for themselves (:mod:`agents.news.vocabulary`). No word is read twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from agents.news.comparison import Comparison, compared
from agents.news.patterns import SCALES, Match, Patterns, numbered, patterns_of
from agents.news.stems import Stems, Word
from agents.news.text import fold, without_rubric
from agents.news.vocabulary import (
    AUTHORITY_WEIGHT,
    BOUNDARIES,
    DOWNTONER_WEIGHT,
    DOWNTONERS,
    EFFECT,
    GROUPS,
    INTENSIFIERS,
    LARGE_WEIGHT,
    NEGATIONS,
    OBJECTS,
    PREDICATES,
    STANDING,
    STANDING_STOP,
    TONE,
)

# Words between a predicate and its object, behind and before it; between a denial or an authority
# and what it denies or does.
_REACH, _REACH_BACK, _REACH_OF_NEGATION, _REACH_OF_AUTHORITY = 5, 3, 3, 4
_REACH_OF_FIGURES = 4
_REACH_OF_COMPLEMENT = 3
_AUXILIARIES = frozenset({"is", "are", "was", "were", "be", "been", "being", "has", "have"})
_ARTICLES = frozenset({"a", "an", "the", "its", "his", "their", "new", "to", "in", "of"})
# What turns something bad to good, and good to bad.
_ENDS_BAD, _ENDS_GOOD, _LESSENS = ("STOP", "LIFT"), ("STOP", "LOSE", "FAIL"), ("CUT",)
_DENIED_PART = 0.7
# What comes behind these is no object but a reason.
_BEFORE_REASONS = BOUNDARIES | {"on", "due", "with", "from", "by"}
# A longer phrase is the more exact.
_WEIGHT_OF_A_WORD = 0.1
# So few units are no matter, nor is so little money for a listed company; less yet is a price.
_FEW_UNITS, _LITTLE_MONEY, _LEAST_MONEY = 1_000, 20e6, 1_000
_SMALL_PER_CENT, _NO_PER_CENT = 3.0, 1.0
# What a figure says that is so much, or clearly, over or under the other.
_CLEARLY, _BY_FIGURES, _BY_CLEAR_FIGURES = 0.05, 1.0, 1.6


class Fact(NamedTuple):
    """Something told: good or bad (+1, -1, 0 for one side only) by ``told``, at which tokens.

    Both are in log-odds of being material; ``weight`` is less than ``told`` if figures make little
    of it.
    """

    sign: int
    told: float
    start: int
    end: int
    kind: str
    is_small: bool = False

    @property
    def weight(self) -> float:
        """In log-odds of being material."""
        return max(self.told - DOWNTONER_WEIGHT * self.is_small, 0.0)


class Reading(NamedTuple):
    """The words of a headline, what it tells, and the phrases of the everyday in it."""

    words: list[Word]
    facts: list[Fact]
    everyday: list[Match]


EVENT_TABLES = ("results", "deals", "law", "operations")
_EVENTS, _EVERYDAY = Patterns(patterns_of(*EVENT_TABLES)), Patterns(patterns_of("everyday"))
_STEMS = Stems(
    frozenset[str]()
    .union(
        _EVENTS.lemmas, _EVERYDAY.lemmas, OBJECTS, PREDICATES, DOWNTONERS, INTENSIFIERS, NEGATIONS,
        SCALES, *GROUPS.values(),
    )
    .__contains__
)  # fmt: skip


@lru_cache(maxsize=8192)
def read(headline: str) -> Reading:
    """Read a headline as published, or with names of companies put aside.

    >>> [(f.sign, f.kind) for f in read("Acme wins exemption, loses customer").facts]
    [(1, 'PHRASE'), (-1, 'PHRASE')]
    """
    words = numbered(_STEMS.words(without_rubric(fold(headline))))
    facts = [_modified(fact, words) for fact in _facts(words)]
    everyday = [m for m in _EVERYDAY.find(words) if not any(_takes(f, m) for f in facts)]
    return Reading(words, facts, everyday)


def _takes(fact: Fact, match: Match) -> bool:
    """Whether words of the everyday are part of a larger phrase that tells of an event."""
    within = fact.start <= match.start and match.end <= fact.end
    return fact.kind == "PHRASE" and within and match.end - match.start < fact.end - fact.start


def _facts(words: Sequence[Word]) -> list[Fact]:
    used = [False] * len(words)
    facts = _phrases(words, used)
    for at, word in enumerate(words):
        if not used[at] and word.lemma in PREDICATES:
            fact = _of_predicate(words, at, used)
            if fact is not None:
                facts.append(fact)
    for at, word in enumerate(words):
        if not used[at] and word.lemma in OBJECTS:
            kind, weight = OBJECTS[word.lemma]
            sign, less = STANDING.get(kind, (0, weight))
            if weight > less:
                sign *= not _is_complement(words, at, facts)
                facts.append(Fact(sign, weight - less, at, at + 1, kind))
    return facts + [_of_figures(comparison) for comparison in compared(words)]


def _of_figures(comparison: Comparison) -> Fact:
    told = _BY_CLEAR_FIGURES if comparison.part >= _CLEARLY else _BY_FIGURES
    return Fact(comparison.sign, told, comparison.start, comparison.end, "FIGURES")


def _is_complement(words: Sequence[Word], at: int, facts: Sequence[Fact]) -> bool:
    """Whether the object at ``at`` only says more of what was told before it: of what, in what."""
    before = max((fact.end for fact in facts if fact.end <= at), default=0)
    within = words[before:at]
    return (
        before > 0
        and len(within) <= _REACH_OF_COMPLEMENT
        and not any(word.lemma in BOUNDARIES for word in within)
    )


def _phrases(words: Sequence[Word], used: list[bool]) -> list[Fact]:
    facts = []
    for match in sorted(_EVENTS.find(words), key=_by_exactness):
        if not any(used[match.start : match.end]):
            used[match.start : match.end] = [True] * (match.end - match.start)
            pattern = match.pattern
            facts.append(Fact(pattern.sign, pattern.weight, match.start, match.end, "PHRASE"))
    return [_turned(fact, words, used) for fact in facts]


def _turned(fact: Fact, words: Sequence[Word], used: list[bool]) -> Fact:
    """The fact of a phrase, turned by what is done to it: ``escapes windfall tax``."""
    before = [i for i in range(fact.start) if words[i].lemma not in _ARTICLES][-1:]
    behind = [i for i in range(fact.end, len(words)) if words[i].lemma not in _AUXILIARIES][:1]
    for at in before + behind:
        verb = PREDICATES.get(words[at].lemma, ("",))[0]
        turns = _ENDS_BAD if fact.sign < 0 else _ENDS_GOOD
        if not used[at] and (verb in turns or (verb in _LESSENS and at < fact.start)):
            used[at] = True
            return fact._replace(
                sign=-fact.sign, start=min(fact.start, at), end=max(fact.end, at + 1)
            )
    return fact


def _by_exactness(match: Match) -> tuple[float, int]:
    return (-match.pattern.weight - _WEIGHT_OF_A_WORD * (match.end - match.start), match.start)


def _of_predicate(words: Sequence[Word], at: int, used: list[bool]) -> Fact | None:
    """The predicate at ``at`` with the head of what follows, else with what stands before it."""
    verb, weight = PREDICATES[words[at].lemma]
    if verb == "FAIL" and (turned := _predicate_behind(words, at)) is not None:
        return _of_failure(words, at, turned, used)
    other = _object_behind(words, at, used)
    if other is None:
        other = _object_before(words, at, used)
    if other is None:
        if verb != "STOP":
            return None
        used[at] = True
        return Fact(-1, min(weight, STANDING_STOP), at, at + 1, "STOP")
    kind, value = OBJECTS[words[other].lemma]
    sign = EFFECT[verb].get(kind, 0)
    if not sign:
        return None
    used[at] = used[other] = True
    return Fact(sign, max(weight + value, 0.0), min(at, other), max(at, other) + 1, kind)


def _of_failure(words: Sequence[Word], at: int, turned: int, used: list[bool]) -> Fact:
    """What the predicate at ``turned`` says, turned by the one at ``at``."""
    verb, _ = PREDICATES[words[turned].lemma]
    sign, told, end = TONE[verb], PREDICATES[words[at].lemma][1], turned + 1
    other = _object_behind(words, turned, used)
    if other is not None:
        kind, value = OBJECTS[words[other].lemma]
        sign, told, end = EFFECT[verb].get(kind, sign), told + value, other + 1
    used[at:end] = [True] * (end - at)
    return Fact(-sign, told, at, end, "FAILURE")


def _predicate_behind(words: Sequence[Word], at: int) -> int | None:
    """The predicate right behind, with or without ``to``."""
    for i in range(at + 1, min(at + 3, len(words))):
        if PREDICATES.get(words[i].lemma, ("",))[0] in TONE:
            return i
        if words[i].lemma != "to":
            return None
    return None


def _object_behind(words: Sequence[Word], at: int, used: list[bool]) -> int | None:
    for i in range(at + 1, min(at + 1 + _REACH, len(words))):
        if words[i].lemma in _BEFORE_REASONS or used[i]:
            return None
        if words[i].lemma in OBJECTS:
            while i + 1 < len(words) and words[i + 1].lemma in OBJECTS and not used[i + 1]:
                i += 1
            return i
    return None


def _object_before(words: Sequence[Word], at: int, used: list[bool]) -> int | None:
    for i in range(at - 1, max(at - 1 - _REACH_BACK, -1), -1):
        if words[i].lemma in BOUNDARIES or used[i]:
            return None
        if words[i].lemma in OBJECTS:
            return i
    return None


def _modified(fact: Fact, words: Sequence[Word]) -> Fact:
    """The fact as denied, as done by an authority, or as small as its figures make it."""
    sign, told = fact.sign, fact.told
    if _is_any(words, fact.start - _REACH_OF_NEGATION, fact.start, NEGATIONS):
        sign, told = -sign, told * _DENIED_PART
    if _is_any(words, fact.start - _REACH_OF_AUTHORITY, fact.start, GROUPS["AUTHORITY"]):
        told += AUTHORITY_WEIGHT
    if _is_any(words, fact.start, fact.end + _REACH_OF_FIGURES, frozenset({"LARGE"})):
        told += LARGE_WEIGHT
    return fact._replace(sign=sign, told=told, is_small=_is_small(words, fact))


def _is_any(words: Sequence[Word], start: int, end: int, lemmas: frozenset[str]) -> bool:
    return any(word.lemma in lemmas for word in words[max(start, 0) : end])


def _is_small(words: Sequence[Word], fact: Fact) -> bool:
    for at in range(fact.start, min(fact.end + _REACH_OF_FIGURES, len(words))):
        lemma, value, _ = words[at]
        if lemma == "MONEY" and _LEAST_MONEY <= value < _LITTLE_MONEY:
            return True
        small = _SMALL_PER_CENT if fact.kind == "MEASURE" else _NO_PER_CENT
        if lemma == "PERCENT" and value < small:
            return True
        units = at + 1 < len(words) and words[at + 1].lemma in GROUPS["UNITS"]
        if lemma == "COUNT" and units and value < _FEW_UNITS:
            return True
    return False
