"""A small language of phrases over lemmas, and a matcher that reads a headline once.

A phrase is a row of elements: a lemma (``dividend``), alternatives (``raise/lift``), a group or
kind of the vocabulary in capitals (``AUTHORITY``, ``HARM``), ``_`` for up to three words and ``__``
for up to six that neither part clauses nor turn the sense, ``*`` for up to ten of any, ``^`` for
the beginning and ``$`` for the end. The rows of a table give the sign (``+`` good, ``-`` bad, ``=``
neither), the weight in log-odds and the phrase.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.news.stems import Word
from agents.news.vocabulary import BOUNDARIES, GROUPS, NEGATIONS, OBJECTS, PREDICATES

_TURNING = ("STOP", "LOSE", "FAIL", "LIFT", "CUT", "HURT")
# What no gap reaches over: it would join what is not said together.
_BARRIERS = (
    BOUNDARIES | NEGATIONS | {lemma for lemma, (kind, _) in PREDICATES.items() if kind in _TURNING}
)
_GAPS = {"_": 3, "__": 6, "*": 10}
_LARGE = 100e6
# Worth about a dollar each, near enough to tell little from much.
_CURRENCIES = frozenset(
    {"dollar", "dollars", "euro", "euros", "pounds", "stg", "usd", "eur", "gbp"}
)
# By what a number before them is multiplied; per cent makes a share of it.
SCALES = {"%": 1, "million": 1e6, "billion": 1e9, "trillion": 1e12}


class Pattern(NamedTuple):
    """What a phrase says: sign +1 good, -1 bad, 0 neither; weight in log-odds."""

    sign: int
    weight: float
    text: str


_SIGNS = {"+": 1, "-": -1, "=": 0}


def patterns_of(*tables: str) -> list[Pattern]:
    """The phrases of tables of this package: rows of sign, weight, and text."""
    paths = [Path(__file__).parent / "tables" / f"{table}.txt" for table in tables]
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    rows = [line.split(" ", 1) for line in lines if line and not line.startswith("#")]
    return [Pattern(_SIGNS[weight[0]], float(weight[1:]), text) for weight, text in rows]


class Match(NamedTuple):
    """A phrase found at tokens ``start`` to ``end`` (exclusive)."""

    pattern: Pattern
    start: int
    end: int


Element = frozenset[str] | int | str
_Row = tuple[Pattern, tuple[Element, ...]]


class Patterns:
    """A table of phrases by what they begin with."""

    def __init__(self, phrases: Iterable[Pattern]) -> None:
        self._by_first: defaultdict[str, list[_Row]] = defaultdict(list)
        self.lemmas: set[str] = set()
        for phrase in phrases:
            row = tuple(_element(text) for text in phrase.text.split())
            for element in row:
                self.lemmas |= element if isinstance(element, frozenset) else set()
            first = row[0]
            for lemma in first if isinstance(first, frozenset) else ("^",):
                self._by_first[lemma].append((phrase, row))

    def find(self, words: Sequence[Word]) -> list[Match]:
        """All phrases in a headline, in order of where they begin."""
        found = [
            Match(phrase, 0, end)
            for phrase, row in self._by_first["^"]
            if (end := _end(words, 0, row, 1)) is not None
        ]
        for at, word in enumerate(words):
            for phrase, row in self._by_first.get(word.lemma, ()):
                if (end := _end(words, at + 1, row, 1)) is not None:
                    found.append(Match(phrase, at, end))
        return found


def numbered(words: Sequence[Word]) -> list[Word]:
    """The words with numbers as ``COUNT``, ``PERCENT``, ``MONEY`` or, from $100 million, ``LARGE``.

    Their ``value`` is in full: scale words are drawn in.
    """
    done: list[Word] = []
    for word in words:
        last = done[-1] if done else Word("")
        if word.lemma == "%" and last.lemma == "COUNT":
            done[-1] = Word("PERCENT", last.value)
        elif word.lemma in SCALES and last.lemma in ("COUNT", "MONEY"):
            done[-1] = _amount(last.lemma, last.value * SCALES[word.lemma])
        elif word.lemma in _CURRENCIES and last.lemma == "COUNT":
            done[-1] = _amount("MONEY", last.value)
        elif word.lemma == "#":
            done.append(_amount({"$": "MONEY", "%": "PERCENT"}.get(word.unit, "COUNT"), word.value))
        else:
            done.append(word)
    return done


def _amount(kind: str, value: float) -> Word:
    return Word("LARGE" if kind == "MONEY" and value >= _LARGE else kind, value)


def _element(text: str) -> Element:
    if text in _GAPS:
        return _GAPS[text]
    if text in "^$":
        return text
    lemmas: set[str] = set()
    for part in text.split("/"):
        lemmas |= _lemmas_of(part) if part.isupper() else {part}
    return frozenset(lemmas)


def _lemmas_of(name: str) -> set[str]:
    if name in ("COUNT", "PERCENT", "LARGE"):
        return {name}
    if name == "MONEY":
        return {"MONEY", "LARGE"}
    if name in GROUPS:
        return set(GROUPS[name])
    kinds = (OBJECTS, PREDICATES)
    found = {lemma for table in kinds for lemma, (kind, _) in table.items() if kind == name}
    if not found:
        raise ValueError(f"{name} is no group or kind of the vocabulary")
    return found


def _end(words: Sequence[Word], at: int, row: tuple[Element, ...], step: int) -> int | None:
    """Where the phrase ends whose elements before ``step`` end before ``at``; None if it fails."""
    if step == 1 and row[0] == "^":
        at = 0
    while step < len(row):
        element = row[step]
        if isinstance(element, frozenset):
            if at >= len(words) or words[at].lemma not in element:
                return None
            at, step = at + 1, step + 1
        elif element == "$":
            return at if at == len(words) else None
        else:
            return _across(words, at, row, step + 1, int(element))
    return at


def _across(
    words: Sequence[Word], at: int, row: tuple[Element, ...], step: int, most: int
) -> int | None:
    for gap in range(most + 1):
        end = _end(words, at + gap, row, step)
        if end is not None:
            return end
        if at + gap >= len(words):
            return None
        if most < _GAPS["*"] and words[at + gap].lemma in _BARRIERS:
            return None
    return None
