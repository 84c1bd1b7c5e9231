"""Headlines as tokens that compare equal however a source spells, accents or punctuates them."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import NamedTuple

_ENTITY_LEFTOVER = re.compile(r"&(\w{1,3});")
_INITIALS = r"(?:[A-Z]\.\s?){2,}"
_WORD = r"\$?[A-Za-z0-9]+(?:[.'&*][A-Za-z0-9]+)*"
_TOKEN = re.compile(rf"{_INITIALS}|{_WORD}|&")
_SHORTEST_BEFORE_COM = 3

# Some feeds drop the apostrophe: ``BofAs``, ``AT&Ts``.
_POSSESSIVE = re.compile(r"\w'[sS]$|[A-Z]s$")

# What an agency puts before a headline that it sends again or files under a rubric.
_RUBRIC = re.compile(
    r"^(?:\d{1,2}[:.]\d\d\s*)?(?:"
    r"(?:UPDATE|WRAPUP|RPT|REFILE|CORRECTED|CORRECTION|BRIEF|REG|EXCLUSIVE|RESEARCH ALERT|TEXT|"
    r"MOVES|TABLE|BUZZ|DEALTALK|INTERVIEW|ANALYSIS|INSIGHT|FACTBOX|TIMELINE|ADVISORY|PREVIEW|"
    r"BREAKINGVIEWS|FEATURE|COLUMN|SNAPSHOT|HIGHLIGHTS|INSTANT VIEW|STOCKS NEWS \w+|"
    r"UPDATED?|ALERT|BREAKING|WATCH|JUST IN)"
    r"(?:[ -]\d+)?(?:-|:)\s*)+",
    re.IGNORECASE,
)


class Token(NamedTuple):
    """A word of a headline: as written, normalised, and where it stands in the text.

    ``base`` is ``norm`` without a possessive ``'s``.
    """

    raw: str
    norm: str
    base: str
    start: int
    end: int

    @property
    def capitalised(self) -> bool:
        """Whether it begins with a capital or a digit."""
        first = self.raw[0]
        return first.isupper() or first.isdigit()


def fold(text: str) -> str:
    """``text`` in ASCII where it has an equivalent, with one kind of quote, dash and space."""
    if "&" in text:
        text = html.unescape(_ENTITY_LEFTOVER.sub(r"&\1", text))
    if not text.isascii():
        text = text.replace("’", "'").replace("‘", "'").replace("–", "-").replace("—", "-")
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(text.split())


def normalise(word: str) -> str:
    """A word as names and headlines are compared: ``Lowe's`` and ``lowes``, ``J.P.`` and ``jp``."""
    lower = word.lower().lstrip("$")
    if lower == "and":
        return "&"
    if lower.endswith(".com") and len(lower) - 4 >= _SHORTEST_BEFORE_COM:
        lower = lower[:-4]
    return lower.replace(".", "").replace("'", "").replace(" ", "")


def tokens(folded: str) -> list[Token]:
    """The tokens of a folded text."""
    found = []
    for match in _TOKEN.finditer(folded):
        raw = match.group().rstrip()
        norm = normalise(raw)
        base = norm[:-1] if _POSSESSIVE.search(raw) else norm
        found.append(Token(raw, norm, base, match.start(), match.start() + len(raw)))
    return found


def without_rubric(folded: str) -> str:
    """The headline without ``UPDATE 2-``, ``BRIEF-``, ``Correction:`` and the like."""
    return _RUBRIC.sub("", folded) or folded


def rubric_end(folded: str) -> int:
    """Where the headline begins behind its rubric."""
    match = _RUBRIC.match(folded)
    return match.end() if match else 0


def is_title_case(words: list[Token]) -> bool:
    """Whether Nearly Every Word Is Capitalised, so that a capital tells nothing."""
    long = [t for t in words[1:] if len(t.raw) > 3 and t.raw[0].isalpha()]
    if len(long) < 2:
        return True
    return sum(t.raw[0].isupper() for t in long) > 0.65 * len(long)
