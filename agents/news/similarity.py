"""Whether two headlines tell the same story: shared words by their rarity, no fact in conflict."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from agents.news.text import fold, tokens, without_rubric
from agents.news.words import words_of

SAME_OF_ONE_SYMBOL = 0.72
SAME_WITH_ADDITIONS = 0.85
_FEWEST_WORDS = 4
_STEM = 4

_CREDIT = re.compile(
    r"(?:\s*[-:]\s*(?:sources?|source|report|reports|media|filing|memo|paper|minister|wsj|nyt|"
    r"ft|cnbc|bloomberg(?: news)?|reuters|dj|cnbc'?s? faber)|"
    r",? (?:bloomberg(?: news)?|wsj|ft|nyt|reuters|"
    r"sources?|report) (?:reports?|says?|say))\s*$",
    re.IGNORECASE,
)
_STOP_WORDS = words_of(
    """a an and & the of to in on for as at by with from after its it is are was be has have had
    will s that this than over amid into said says say report reports sources update updated
    exclusive correction more but about out up new"""
)
_UP = words_of(
    """rise rises rising rose gain gains jump jumps surge surges climb climbs rally rallies soar
    soars higher up beat beats top tops raise raises upgrade upgrades upgraded increase
    increases advance advances win wins approve approves buy outperforms"""
)
_DOWN = words_of(
    """fall falls falling fell drop drops slide slides sink sinks tumble tumbles plunge plunges
    slip slips decline declines lower down miss misses cut cuts downgrade downgrades
    downgraded decrease decreases retreat retreats lose loses reject rejects sell
    underperforms"""
)
_FLAT = words_of("steady steadies flat unchanged mixed little muted")
_OPEN = words_of(
    """near nears talks weighs considers considering explores mulls may could might plans eyes seeks
    due set looms likely possible"""
)
_SETTLED = words_of(
    "agree agrees agreed signs signed completes completed reaches reached seals approved wins"
)
_DENIALS = words_of(
    "not no never without deny denies denied scrap scraps cancels cancel halts ends withdraws "
    "won't doesn't isn't"
)
_APART = ((_UP, _DOWN), (_UP, _FLAT), (_DOWN, _FLAT), (_OPEN, _SETTLED))
_CALENDAR = words_of(
    """monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december morning afternoon premarket midday mid-day
    late first second third fourth one two three four five six seven eight nine ten"""
)


class Headline(NamedTuple):
    """A headline as stories are compared: its normalised text and the words that tell."""

    text: str
    words: frozenset[str]

    @classmethod
    def of(cls, headline: str) -> Headline:
        """Read a headline as published."""
        bare = _CREDIT.sub("", without_rubric(fold(headline)))
        norms = [
            token.raw.lower() if any(c.isdigit() for c in token.raw) else token.base
            for token in tokens(bare)
        ]
        return cls.from_text(" ".join(norms))

    @classmethod
    def from_text(cls, text: str) -> Headline:
        """Read back ``text``, normalised before."""
        return cls(text, frozenset(text.split()) - _STOP_WORDS)


def same_story(
    new: Headline, old: Headline, weight: Callable[[str], float], share_a_symbol: bool
) -> bool:
    """Whether two different texts tell the same. ``weight`` is how much a word tells. Without a
    shared symbol one text may only add to the other: else ``A drops despite gains`` equals
    ``B drops despite gains``."""
    shared = new.words & old.words
    if len(shared) < _FEWEST_WORDS - 1 or min(len(new.words), len(old.words)) < _FEWEST_WORDS:
        return False
    mine, theirs = _without_inflections(new.words - shared, old.words - shared)
    if _in_conflict(mine, theirs):
        return False
    common = sum(map(weight, shared))
    rest = sum(map(weight, mine)) + sum(map(weight, theirs))
    likeness = common / (common + rest)
    if share_a_symbol:
        return likeness >= SAME_OF_ONE_SYMBOL
    return not (mine and theirs) and likeness >= SAME_WITH_ADDITIONS


def _without_inflections(mine: Iterable[str], theirs: Iterable[str]) -> tuple[set[str], set[str]]:
    """Both sets without pairs such as ``rise`` and ``rises``, ``alumni`` and ``alum``."""
    left, right = set(mine), set(theirs)
    for word in sorted(left):
        for other in sorted(right):
            if word.isalpha() and other.isalpha() and _inflected(word, other):
                left.discard(word)
                right.discard(other)
                break
    return left, right


def _inflected(word: str, other: str) -> bool:
    short, long = sorted((word, other), key=len)
    stem = max(_STEM, len(short) - 1)
    return len(long) - len(short) <= 3 and long[:stem] == short[:stem] and len(short) >= _STEM


def _in_conflict(mine: set[str], theirs: set[str]) -> bool:
    """Whether each side has a number or date of its own, one denies, or the matter has moved on."""
    if (mine | theirs) & _DENIALS:
        return True
    if _figures(mine) and _figures(theirs):
        return True
    return any(
        (mine & one and theirs & other) or (mine & other and theirs & one) for one, other in _APART
    )


def _figures(words: set[str]) -> bool:
    return any(word in _CALENDAR or any(c.isdigit() for c in word) for word in words)
