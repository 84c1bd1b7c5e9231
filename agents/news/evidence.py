"""Whether a word that could be a company's name is meant as one."""

from __future__ import annotations

from typing import NamedTuple

from agents.news.explicit import Explicit
from agents.news.names import Alias
from agents.news.text import Token
from agents.news.words import (
    ACRONYMS,
    COMPANY_AFTER,
    COMPANY_BEFORE,
    FIRM_AFTER,
    GIVEN_NAMES,
    MARKET_NAMES,
    OTHER_BODY_AFTER,
    PERSON_BEFORE,
    TOO_GENERAL,
    common_words,
)

_SMALL_WORDS = frozenset({"of", "&", "the", "for", "in"})
_DETERMINERS = frozenset({"the", "a", "an", "this", "that", "my", "your", "our", "their", "no"})


class Context(NamedTuple):
    """A folded headline, its tokens, where it begins behind its rubric, and how it is written."""

    text: str
    words: list[Token]
    first: int
    title_case: bool
    explicit: Explicit


def is_named(alias: Alias, symbols: tuple[str, ...], context: Context, at: int) -> bool:
    """Whether the words at token ``at`` that spell ``alias`` name the company."""
    last = at + len(alias.words) - 1
    if any(0 <= start - context.words[last].end <= 2 for start in context.explicit.abroad):
        return False
    if _ticker_follows(symbols, context, last):
        return True
    if alias.words[0] in MARKET_NAMES and len(alias.words) == 1:
        return _next(context, at) in FIRM_AFTER
    if alias.exact is not None:
        return _is_exact(alias.exact, context, at)
    if not all(_is_capitalised(word) for word in context.words[at : last + 1]):
        return False
    if len(alias.words) > 1:
        return _is_many_words(alias, context, at)
    if _is_someone_else(context, at):
        return False
    return not alias.common or _is_word_as_name(context, at)


def _ticker_follows(symbols: tuple[str, ...], context: Context, last: int) -> bool:
    end = context.words[last].end
    return any(
        ticker.symbol in symbols and 0 < ticker.start - end <= 12
        for ticker in context.explicit.found
    )


def _is_exact(exact: str, context: Context, at: int) -> bool:
    word = context.words[at]
    raw = word.raw[: len(word.base)] if "." not in word.raw else word.raw
    if raw != exact or context.text.isupper():
        return False
    if exact not in ACRONYMS:
        return not _is_someone_else(context, at)
    return _next(context, at) in COMPANY_AFTER


def _is_capitalised(word: Token) -> bool:
    return word.norm in _SMALL_WORDS or word.capitalised or any(c.isupper() for c in word.raw)


def _is_many_words(alias: Alias, context: Context, at: int) -> bool:
    if not alias.common or not context.title_case:
        return True
    return _previous(context, at) not in _DETERMINERS


def _is_someone_else(context: Context, at: int) -> bool:
    """Whether a lone word belongs to the name of a person, a place or another body."""
    if _next(context, at) in OTHER_BODY_AFTER:
        return True
    before = _previous(context, at)
    if before in PERSON_BEFORE:
        return True
    return before in GIVEN_NAMES and context.words[at - 1].capitalised


def _is_word_as_name(context: Context, at: int) -> bool:
    """Whether a word of the language is used as a name here."""
    word, after, before = context.words[at], _next(context, at), _previous(context, at)
    # A headline's first word has its capital anyway: only a word of the language is no name.
    joined = before and context.words[at - 1].capitalised
    plain = before in common_words() and before not in TOO_GENERAL
    if joined and at - 1 == context.first and plain:
        joined = False
    if after in COMPANY_AFTER:
        return before not in _DETERMINERS and (context.title_case or not joined)
    if at == context.first and context.text[word.end : word.end + 2] == ": ":
        return True
    if context.title_case or at == context.first:
        return False
    if word.base != word.norm or before in COMPANY_BEFORE:
        return True
    return not joined and not (after and context.words[at + 1].capitalised)


def _next(context: Context, at: int) -> str:
    """The next word, normalised; empty if something other than a space stands between."""
    if at + 1 >= len(context.words):
        return ""
    here, following = context.words[at], context.words[at + 1]
    return following.norm if following.start - here.end == 1 else ""


def _previous(context: Context, at: int) -> str:
    """The word before, normalised; empty if something other than a space stands between."""
    if at == 0:
        return ""
    here, before = context.words[at], context.words[at - 1]
    return before.base if here.start - before.end == 1 else ""
