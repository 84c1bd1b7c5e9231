"""What was told of a security before, so that the same told again is known for a reprint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from agents.discovery.newslog import Item, material
from agents.news.similarity import Headline
from schemas.times import US_PER_MINUTE, US_PER_S

# News of the same theme within the last day, or in the same words within the week, makes this one
# a reprint; within half an hour it is the same story breaking.
REMEMBERED_US = 7 * 24 * 3_600 * US_PER_S
_STALE_US = 24 * 3_600 * US_PER_S
_SAME_WORDS = 0.6
_BREAKING_US = 30 * US_PER_MINUTE
# What an agency sends for the third time is no longer new.
_SENT_AGAIN = re.compile(r"^(?:UPDATE|WRAPUP) [2-9]\b")
# Less material news than this part does not make other news stale.
STALE_PART = 0.5


class Told(NamedTuple):
    """What was told of a security before; ``ts`` is epoch microseconds."""

    ts: int
    theme: str
    material: float
    headline: str


def is_reprint(item: Item, told: Sequence[Told]) -> bool:
    """Whether the same was told of the security before, though not just now."""
    again = _SENT_AGAIN.match(item.headline) is not None
    words, enough = Headline.of(item.headline).words, STALE_PART * material(item)
    for earlier in told:
        age = item.ts - earlier.ts
        if not _BREAKING_US < age <= REMEMBERED_US:
            continue
        same_kind = earlier.theme == item.theme and earlier.material >= enough
        before = Headline.of(earlier.headline).words
        shared = len(words & before) / max(len(words | before), 1)
        same_text = shared >= _SAME_WORDS and _figures(words) == _figures(before)
        if same_text or ((same_kind or again) and age <= _STALE_US):
            return True
    return False


def _figures(words: frozenset[str]) -> set[str]:
    """The words with a digit: another number is another event."""
    return {word for word in words if any(c.isdigit() for c in word)}
