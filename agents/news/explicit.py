"""Tickers that a text marks as such: ``$ABC``, ``(NYSE: ABC)``, ``ABC.N``, ``Some Name (ABC)``."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from agents.news.words import ACRONYMS

_CASHTAG = re.compile(r"(?<![\w$])\$([A-Z]{1,5}(?:\.[A-Z])?)(?![\w$])")
_US_EXCHANGE = (
    r"NYSE(?:\s?(?:MKT|ARCA|AMERICAN))?|NASDAQ(?:\s?(?:GS|GM|CM))?|NasdaqG[SM]|NasdaqCM|Nasdaq|"
    r"AMEX|CBOE|BATS|ARCA"
)
_QUALIFIED = re.compile(rf"\b(?:{_US_EXCHANGE})\s?:\s?([A-Z]{{1,5}}(?:[.-][A-Z])?)\b")
_ALSO = re.compile(r"\s?(?:,|/|;|and|&)\s?([A-Z]{1,5}(?:[.-][A-Z])?)\b")
_REUTERS_CODE = re.compile(r"[<(]([A-Z]{1,5})\.(?:N|O|OQ|A|K|P)[>)]")
_PARENTHESES = re.compile(r"\(([A-Z]{1,5}(?:[.-][A-Z])?)(?:,\s?([A-Z]{1,5}))?\)")
_FOREIGN = re.compile(r"\((?!NYSE|NASDAQ|Nasdaq|AMEX|CBOE|BATS)[A-Za-z]{2,8}\s?:\s?[A-Z0-9.]+\)")


class Marked(NamedTuple):
    """A ticker that is marked as one, with its place in the text."""

    symbol: str
    start: int


class Explicit(NamedTuple):
    """The tickers found, and where the text names a listing on an exchange abroad."""

    found: list[Marked]
    abroad: list[int]


def explicit_tickers(text: str, known: Container[str]) -> Explicit:
    """The marked tickers of a folded text that are ``known``."""
    if "(" not in text and "$" not in text and ":" not in text and "<" not in text:
        return Explicit([], [])
    found = [Marked(m.group(1), m.start(1)) for m in _CASHTAG.finditer(text)]
    found += [Marked(m.group(1), m.start(1)) for m in _REUTERS_CODE.finditer(text)]
    for match in _QUALIFIED.finditer(text):
        found.append(Marked(match.group(1), match.start(1)))
        also = _ALSO.match(text, match.end())
        while also:
            found.append(Marked(also.group(1), also.start(1)))
            also = _ALSO.match(text, also.end())
    for match in _PARENTHESES.finditer(text):
        if not _is_abbreviation(text[: match.start()], match.group(1)):
            found += [
                Marked(symbol, match.start(k))
                for k, symbol in enumerate(match.groups(), 1)
                if symbol
            ]
    marked = [ticker for ticker in found if ticker.symbol in known]
    return Explicit(marked, [match.start() for match in _FOREIGN.finditer(text)])


def _is_abbreviation(before: str, letters: str) -> bool:
    """Whether ``letters`` in parentheses only abbreviate the words before them."""
    if letters in ACRONYMS and len(letters) > 1:
        return True
    words = re.findall(r"[A-Za-z]+", before)
    if not words or not words[-1][0].isupper():
        return True
    capitals = [word[0] for word in words if word[0].isupper()]
    return len(letters) > 1 and "".join(capitals[-len(letters) :]) == letters
