"""Which securities a headline names: a trie of names, explicit tickers, and evidence for words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agents.news.actors import role_of
from agents.news.evidence import Context, is_named
from agents.news.explicit import explicit_tickers
from agents.news.names import Alias, aliases
from agents.news.text import Token, fold, is_title_case, rubric_end, tokens
from agents.news.words import ACRONYMS, TICKER_AFTER
from schemas.news import Role, Security

_SHORTEST_LISTED_TICKER = 3


class Mention(NamedTuple):
    """A security in a text: how it takes part, and what it was called (``start`` in the text)."""

    symbol: str
    role: Role
    text: str
    start: int


class _Entry(NamedTuple):
    alias: Alias
    symbols: tuple[str, ...]


class TickerFinder:
    """Finds securities in headlines; knows those that :meth:`add` was given.

    Results depend on the set of securities, not on the order in which they came.
    """

    def __init__(self, securities: Iterable[Security] = ()) -> None:
        self._securities: dict[str, Security] = {}
        self._index: dict[str, list[_Entry]] | None = None
        for security in securities:
            self.add(security)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._securities

    @property
    def securities(self) -> list[Security]:
        """The securities known, in order of symbol."""
        return [self._securities[symbol] for symbol in sorted(self._securities)]

    def add(self, security: Security) -> None:
        """Know a security, or replace what was known of it."""
        if self._securities.get(security.symbol) != security:
            self._securities[security.symbol] = security
            self._index = None

    def remove(self, symbol: str) -> None:
        """Forget a security."""
        if self._securities.pop(symbol, None) is not None:
            self._index = None

    def find(self, text: str) -> list[Mention]:
        """The securities that ``text`` names, in order of appearance, each once.

        A share class is not told from the other: both are found.
        """
        folded = fold(text)
        words = tokens(folded)
        if not words:
            return []
        explicit = explicit_tickers(folded, self._securities)
        begin = rubric_end(folded)
        first = next((i for i, word in enumerate(words) if word.start >= begin), 0)
        context = Context(folded, words, first, is_title_case(words[first:]), explicit)
        found = self._names(context)
        found += self._bare(context)
        found += [Mention(e.symbol, "subject", e.symbol, e.start) for e in explicit.found]
        return _each_once(found, folded)

    def _names(self, context: Context) -> list[Mention]:
        index = self._index if self._index is not None else self._build()
        words = context.words
        found: list[Mention] = []
        at = 0
        while at < len(words):
            taken = 1
            for entry in _spelled(index, words, at):
                if is_named(entry.alias, entry.symbols, context, at):
                    taken = len(entry.alias.words)
                    start = words[at].start
                    name = context.text[start : words[at + taken - 1].end]
                    found += [Mention(symbol, "subject", name, start) for symbol in entry.symbols]
                    break
            at += taken
        return found

    def _bare(self, context: Context) -> list[Mention]:
        """Tickers as plain words, if the next word says so or other tickers stand beside them."""
        if context.text.isupper():
            return []
        words = context.words[context.first :]
        found = []
        for at, word in enumerate(words):
            if not self._looks_like_ticker(word):
                continue
            after = words[at + 1].norm if at + 1 < len(words) else ""
            if after in TICKER_AFTER or any(
                self._is_listed_beside(context, word, words[k])
                for k in (at - 1, at + 1)
                if 0 <= k < len(words)
            ):
                found.append(Mention(word.raw.removesuffix("'s"), "subject", word.raw, word.start))
        return found

    def _is_listed_beside(self, context: Context, word: Token, other: Token) -> bool:
        """Whether two tickers stand in a list: ``AMD, NVDA``."""
        between = context.text[min(word.end, other.end) : max(word.start, other.start)]
        long = min(len(word.raw), len(other.raw)) >= _SHORTEST_LISTED_TICKER
        return long and between.strip() in {",", "/", "&"} and self._looks_like_ticker(other)

    def _looks_like_ticker(self, word: Token) -> bool:
        raw = word.raw.removesuffix("'s")
        return len(raw) > 1 and raw in self._securities and raw not in ACRONYMS

    def _build(self) -> dict[str, list[_Entry]]:
        named: dict[tuple[str, ...], list[tuple[Alias, str]]] = {}
        for security in self.securities:
            for alias in aliases(security.symbol, security.name, security.aliases):
                named.setdefault(alias.words, []).append((alias, security.symbol))
        index: dict[str, list[_Entry]] = {}
        for words, claims in named.items():
            whole = [(alias, symbol) for alias, symbol in claims if not alias.partial]
            if not whole and self._names_of(claims) > 1:
                continue
            kept = whole or claims
            entry = _Entry(kept[0][0], tuple(symbol for _, symbol in kept))
            index.setdefault(words[0], []).append(entry)
        for entries in index.values():
            entries.sort(key=lambda entry: (-len(entry.alias.words), entry.alias.words))
        self._index = index
        return index

    def _names_of(self, claims: list[tuple[Alias, str]]) -> int:
        """How many different companies claim an alias; share classes are one company."""
        full = set()
        for _, symbol in claims:
            security = self._securities[symbol]
            own = aliases(symbol, security.name, security.aliases)
            full.add(own[0].words)
        return len(full)


def _spelled(index: dict[str, list[_Entry]], words: list[Token], at: int) -> Iterator[_Entry]:
    """The aliases that the words from ``at`` on spell, longest first; a possessive may end them."""
    word = words[at]
    for key in (word.norm, word.base) if word.base != word.norm else (word.norm,):
        for entry in index.get(key, ()):
            wanted = entry.alias.words
            last = at + len(wanted) - 1
            if last >= len(words):
                continue
            if all(words[at + k].norm == wanted[k] for k in range(1, len(wanted) - 1)) and (
                len(wanted) == 1 or wanted[-1] in (words[last].norm, words[last].base)
            ):
                yield entry


def _each_once(found: list[Mention], folded: str) -> list[Mention]:
    found.sort(key=lambda mention: (mention.start, mention.symbol))
    by_symbol: dict[str, Mention] = {}
    for mention in found:
        by_symbol.setdefault(mention.symbol, mention)
    lowered = folded.lower()
    return [
        mention._replace(role=role_of(mention.text, mention.start, lowered, len(by_symbol)))
        for mention in by_symbol.values()
    ]
