"""The news desk: a news item in, what it means for each security out."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec

from agents.models import ModelMismatch
from agents.news.duplicates import Stories
from agents.news.materiality import MATERIAL_MOVE, Item, Materiality
from agents.news.phrases import Phrases, phrase_of
from agents.news.reactions import Reaction
from agents.news.sentiment import Sentiment, default_sentiment
from agents.news.similarity import Headline
from agents.news.sources import source_tier
from agents.news.text import fold
from agents.news.themes import theme, theme_of
from agents.news.tickers import Mention, TickerFinder
from agents.news.wording import shifted, wording
from schemas.news import Catalyst, News, Role, Security
from schemas.times import US_PER_S, to_us

# Whoever can be told apart in a summary beyond this is not what the news is about.
_SUMMARY_READ = 400
_ROLES_BY_WEIGHT: tuple[Role, ...] = ("subject", "mention", "actor")

# A shorter ticker in capitals may be a word or an initial.
_SHORTEST_TICKER = 3

# How long and how much of what was estimated is kept for the reaction to it.
_PENDING_US = 5 * 86_400 * US_PER_S
_MOST_PENDING = 50_000


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An item that tells the story ``of`` again; ``added`` bear on symbols that it had not."""

    of: str
    added: list[Catalyst]


@dataclass(slots=True)
class _Pending:
    item: Item
    words: frozenset[str]
    ts: int


@dataclass(slots=True)
class NewsDesk:
    """State and rules of ``news``, in event time: the same items give the same catalysts.

    ``model_discarded`` says why a restored desk learns afresh; None if it does not.
    """

    finder: TickerFinder = field(default_factory=TickerFinder)
    stories: Stories = field(default_factory=Stories)
    materiality: Materiality = field(default_factory=Materiality)
    phrases: Phrases = field(default_factory=Phrases)
    sentiment: Sentiment = field(default_factory=default_sentiment)
    model_discarded: str | None = None
    clock: int = 0
    _pending: OrderedDict[tuple[str, str], _Pending] = field(default_factory=OrderedDict)

    def reference(self, security: Security) -> None:
        """Know a security by its names from now on."""
        self.finder.add(security)

    def forget(self, symbol: str) -> None:
        """Know a security no longer (a tombstone in the reference data)."""
        self.finder.remove(symbol)

    def take(self, news: News, now_us: int) -> list[Catalyst] | Duplicate:
        """Read one item at ``now_us`` (event time, microseconds).

        The catalysts are in order of the item's symbols, or of appearance where it has none; the
        list is empty if no known security is named. A symbol that the item gives is believed
        though it be unknown here.
        """
        self.clock = max(self.clock, now_us)
        self.stories.expire(self.clock)
        ts = to_us(news.ts)
        mentions = self.finder.find(news.headline)
        roles = self._roles(news, mentions)
        headline = Headline.of(news.headline)
        story = self.stories.match(news.id, ts, headline, set(roles))
        if story is None:
            self.stories.add(news.id, ts, headline, set(roles))
            return self._catalysts(news, ts, headline, mentions, roles)
        fresh = {symbol: role for symbol, role in roles.items() if symbol not in story.symbols}
        story.symbols |= fresh.keys()
        return Duplicate(story.id, self._catalysts(news, ts, headline, mentions, fresh))

    def learn(self, reaction: Reaction) -> bool:
        """Learn from how a price reacted; False if its news is unknown or long gone."""
        pending = self._pending.pop((reaction.news_id, reaction.symbol), None)
        if pending is None:
            return False
        item = pending.item
        self.materiality.learn(item, theme(item.theme), reaction.move, reaction.weight)
        moved = reaction.move >= MATERIAL_MOVE
        self.phrases.learn(pending.words, moved=moved, weight=reaction.weight)
        return True

    def learn_all(self, reactions: Iterable[Reaction]) -> int:
        """Learn from reactions in their order; how many were of use."""
        return sum(self.learn(reaction) for reaction in reactions)

    def _roles(self, news: News, mentions: list[Mention]) -> dict[str, Role]:
        """Each symbol and its part: as tagged, or as found in the headline, or in the summary.

        Who is named beside the tagged is mentioned: feeds tag whom a story is filed under.
        """
        found: dict[str, Role] = {mention.symbol: mention.role for mention in mentions}
        if news.symbols:
            tagged: dict[str, Role] = {
                symbol: found.get(symbol) or _written(symbol, news.headline)
                for symbol in news.symbols
            }
            return tagged | {s: _beside(role) for s, role in found.items() if s not in tagged}
        if not found and news.summary:
            begin = self.finder.find(news.summary[:_SUMMARY_READ])
            return {mention.symbol: "mention" for mention in begin}
        return found

    def _catalysts(
        self,
        news: News,
        ts: int,
        headline: Headline,
        mentions: list[Mention],
        roles: dict[str, Role],
    ) -> list[Catalyst]:
        if not roles:
            return []
        folded = fold(news.headline)
        called = {mention.symbol: mention.text for mention in mentions}
        words = phrase_of(headline, chain(called.values(), roles))
        kind = theme_of(folded)
        tier = source_tier(news.source, news.url)
        score = self.sentiment.score(folded, called.values())
        figures = any(c.isdigit() for c in folded)
        catalysts = []
        for symbol, role in roles.items():
            item = Item(kind.name, tier, score, role, figures, len(roles))
            self._expect(news.id, symbol, _Pending(item, words, ts))
            told = wording(news.headline, called.get(symbol, "")).log_odds
            estimate = self.materiality.estimate(item, kind)
            # What a phrase did before says more than how it is worded, so it is revised as told.
            revised = self.phrases.revise(words, shifted(estimate, told))
            estimate = shifted(revised, -told)
            catalysts.append(
                Catalyst(
                    symbol,
                    news.ts,
                    news.id,
                    round(score, 4),
                    kind.name,
                    tier,
                    round(estimate, 6),
                    role,
                    float(kind.half_life_s),
                    news.headline,
                    news.source,
                    called.get(symbol, ""),
                )
            )
        return catalysts

    def _expect(self, news_id: str, symbol: str, pending: _Pending) -> None:
        self._pending[news_id, symbol] = pending
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if len(self._pending) <= _MOST_PENDING and oldest.ts >= self.clock - _PENDING_US:
                break
            self._pending.popitem(last=False)

    def snapshot(self) -> dict[str, Any]:
        """State for :func:`agents.state.pack_state`."""
        return {
            "clock": self.clock,
            "securities": [msgspec.to_builtins(s) for s in self.finder.securities],
            "stories": self.stories.snapshot(),
            "materiality": self.materiality.snapshot(),
            "phrases": self.phrases.snapshot(),
            "pending": [
                [*key, p.ts, sorted(p.words), msgspec.to_builtins(p.item)]
                for key, p in self._pending.items()
            ],
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> NewsDesk:
        """The desk of a snapshot; a model of another version is left behind, all else is kept."""
        desk = cls(
            TickerFinder(msgspec.convert(state["securities"], list[Security])),
            Stories.restore(state["stories"]),
        )
        desk.clock = state["clock"]
        desk.phrases = Phrases.restore(state["phrases"])
        for news_id, symbol, ts, words, item in state["pending"]:
            desk._pending[news_id, symbol] = _Pending(Item(**item), frozenset(words), ts)
        try:
            desk.materiality = Materiality.restore(state["materiality"])
        except ModelMismatch as exc:
            desk.model_discarded = str(exc)
        return desk


def _beside(role: Role) -> Role:
    """The part of a security that the headline names and the feed did not tag."""
    return "mention" if role == "subject" else role


def _written(symbol: str, headline: str) -> Role:
    """The part of a tagged security by whether its ticker stands in the headline."""
    told = len(symbol) >= _SHORTEST_TICKER and re.search(
        rf"(?<![\w.-]){re.escape(symbol)}(?![\w-])", headline
    )
    return "subject" if told else "mention"
