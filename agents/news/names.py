"""From a security's registered name to what headlines call it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.news.brands import BRANDS
from agents.news.text import Token, fold, tokens
from agents.news.words import (
    GIVEN_NAMES,
    LEGAL_FORMS,
    SHARE_CLASS,
    TOO_GENERAL,
    TRADES,
    common_words,
)

_CUT = re.compile(rf"[\s,]+(?:{SHARE_CLASS})\b.*$", re.IGNORECASE)
_PARENTHESES = re.compile(r"\(([^)]*)\)?")
_SHORTEST_FIRST_WORD = 4
_SHORTEST_ACRONYM = 3


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to name a security.

    ``words`` are normalised tokens. With ``exact`` the text must be written just so. ``common``
    words name other things too. ``partial`` leaves out words of the name that tell it apart.
    """

    words: tuple[str, ...]
    exact: str | None = None
    common: bool = False
    partial: bool = False


def aliases(symbol: str, name: str, extra: list[str]) -> list[Alias]:
    """The aliases of a security, longest first; none if the name is empty."""
    found: dict[tuple[str, ...], Alias] = {}
    for own in (_clean(name), *extra):
        words = _core(tokens(fold(own)))
        if words:
            _add_name(found, words)
            _add_initials(found, symbol, words)
    for key, brands in BRANDS.items():
        if any(words == key or (key[1:] and words[: len(key)] == key) for words in list(found)):
            for brand in brands:
                _add_brand(found, brand)
    return sorted(found.values(), key=lambda alias: -len(alias.words))


def _clean(name: str) -> str:
    """The name without what the listing adds; ``Lilly (Eli) & Co.`` is ``Eli Lilly & Co.``."""
    folded = _CUT.sub("", fold(name.strip().strip('"')))
    inside = _PARENTHESES.search(folded)
    outside = _PARENTHESES.sub("", folded)
    if inside and inside.group(1).lower() not in {"the", ""} and "&" in outside:
        return f"{inside.group(1)} {outside}"
    return outside


def _core(words: list[Token]) -> list[Token]:
    """The words without ``The`` and the legal form."""
    while words and words[0].norm == "the":
        words = words[1:]
    while len(words) > 1 and words[-1].norm in LEGAL_FORMS:
        words = words[:-1]
    return words


def _is_common(word: Token) -> bool:
    """Whether the word is one of the language; a capital inside it makes it a name."""
    if any(c.isupper() for c in word.raw[1:]) or any(c.isdigit() for c in word.raw):
        return False
    return word.norm in common_words() or word.norm in TOO_GENERAL or word.norm in GIVEN_NAMES


def _add(found: dict[tuple[str, ...], Alias], words: list[Token], partial: bool = False) -> None:
    key = tuple(word.norm for word in words)
    if not key or key in found:
        return
    exact = None
    if len(words) == 1:
        raw = words[0].raw
        if len(key[0]) < 2 or (len(key[0]) < _SHORTEST_ACRONYM and not raw.isupper()):
            return
        if raw.isupper() and len(raw) <= 4:
            exact = raw
    if len(words) == 1:
        common = _is_common(words[0])
    else:
        common = all(word.norm in common_words() or word.norm in TRADES for word in words)
    found[key] = Alias(key, exact, common, partial)


def _add_name(found: dict[tuple[str, ...], Alias], words: list[Token]) -> None:
    _add(found, words)
    short = words
    while len(short) > 1 and (short[-1].norm in TRADES or short[-1].norm in LEGAL_FORMS):
        short = short[:-1]
        if len(short) > 1 or not _says_little(short[0]):
            _add(found, short, partial=True)
    if len(words) > 1 and not _says_little(words[0]) and not _is_common(words[0]):
        _add(found, words[:1], partial=True)


def _add_brand(found: dict[tuple[str, ...], Alias], brand: str) -> None:
    words = tokens(fold(brand))
    key = tuple(word.norm for word in words)
    exact = brand if brand.isupper() and len(words) == 1 and len(brand) <= 4 else None
    found[key] = Alias(key, exact)


def _says_little(word: Token) -> bool:
    """Whether the word alone, taken from a longer name, could be anyone."""
    if word.raw.isupper() and "." not in word.raw and len(word.raw) >= _SHORTEST_ACRONYM:
        return False
    too_short = len(word.norm) < _SHORTEST_FIRST_WORD and not word.raw[:1].isdigit()
    return too_short or word.norm in TOO_GENERAL or word.norm in GIVEN_NAMES or _is_common(word)


def _add_initials(found: dict[tuple[str, ...], Alias], symbol: str, words: list[Token]) -> None:
    """``IBM`` for International Business Machines: a ticker made of the name's initials."""
    if not (3 <= len(symbol) <= 5 and symbol.isalpha()):
        return
    initials = "".join(word.norm[0].upper() for word in words if word.norm != "&")
    if initials.startswith(symbol) or (len(initials) >= 3 and symbol.startswith(initials)):
        found.setdefault((symbol.lower(),), Alias((symbol.lower(),), symbol))
