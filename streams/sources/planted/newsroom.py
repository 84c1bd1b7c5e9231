"""Writes the headlines of a planted market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from schemas.news import News
from schemas.times import US_PER_MS, US_PER_S, from_us
from streams.sources.planted import wording
from streams.sources.planted.names import Company
from streams.sources.planted.variant import Variant
from streams.sources.planted.world import World
from streams.sources.simulated import SECTORS

_ECHO_US = (120 * US_PER_S, 3600 * US_PER_S)
_THEME_SHARE = 0.6


class Item(NamedTuple):
    """A headline before it has an id; ``ts`` is epoch microseconds."""

    ts: int
    headline: str
    symbols: list[str]
    source: str


@dataclass(slots=True)
class Newsroom:
    """Writes items into ``items``, in the words of this market's own part of the templates."""

    rng: np.random.Generator
    world: World
    variant: Variant
    items: list[Item] = field(default_factory=list)
    _words: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def material(self, row: int, ts: int, sign: int, topic: str | None = None) -> None:
        """News of one company that should move it up (``sign`` 1) or down (-1)."""
        book = wording.GOOD if sign > 0 else wording.BAD
        sector = SECTORS[int(self.world.sector[row])][0]
        themes = [name for name in book if wording.ONLY_IN.get(name, sector) == sector]
        template = self._choose(book[themes[int(self.rng.integers(len(themes)))]])
        self._publish([row], ts, template, wording.WIRES + wording.PRESS[:2], topic)

    def together(self, rows: tuple[int, int], ts: int, sign: int) -> None:
        """News that bears on two companies at once."""
        template = self._choose(wording.TOGETHER if sign > 0 else wording.APART)
        self._publish(list(rows), ts, template, wording.WIRES, None)

    def everyday(self, row: int, ts: int) -> None:
        """News of one company that should move nothing."""
        sources = wording.PRESS + wording.BLOGS + wording.WIRES[-2:]
        self._publish([row], ts, self._choose(wording.EVERYDAY), sources, None)

    def halted(self, row: int, ts: int) -> None:
        """Word that a company's shares do not trade."""
        self._publish([row], ts, self._choose(wording.HALTED), wording.WIRES[:3], None)

    def market(self, ts: int, sign: int) -> None:
        """News of the whole market; with ``sign`` 0 it says little."""
        book = {1: wording.MARKET_UP, -1: wording.MARKET_DOWN, 0: wording.MARKET_EVERYDAY}[sign]
        self.items.append(Item(ts, self._choose(book), [], self._pick(wording.WIRES[:3])))

    def published(self, prefix: str) -> list[News]:
        """Everything, with the echoes of other sources, in order of time."""
        ordered = sorted(self.items, key=lambda item: (item.ts, item.headline))
        return [
            News(f"{prefix}-{number:06}", from_us(ts), headline, symbols, source)
            for number, (ts, headline, symbols, source) in enumerate(ordered, 1)
        ]

    def _publish(
        self,
        rows: list[int],
        ts: int,
        template: str,
        sources: Sequence[str],
        topic: str | None,
    ) -> None:
        rng, companies = self.rng, [self.world.companies[row] for row in rows]
        named = [self._called(company) for company in companies]
        headline = template.format(
            n=named[0],
            b=named[-1],
            o=self._pick(wording.PRIVATE),
            t=topic or self._topic(rows[0]),
            p=int(rng.integers(8, 45)),
            m=self._amount(),
            q=int(rng.integers(1, 5)),
            c=self._pick(wording.PLACES),
        )
        tagged = rng.random() < self.variant.tagged
        symbols = [company.symbol for company in companies] if tagged else []
        ts -= ts % US_PER_MS
        self.items.append(Item(ts, headline, symbols, self._pick(sources)))
        if rng.random() < self.variant.echoes:
            later = ts + int(rng.integers(*_ECHO_US)) // US_PER_MS * US_PER_MS
            again = self._pick(wording.ECHOES).format(h=headline)
            self.items.append(Item(later, again, symbols, self._pick(wording.PRESS)))

    def _called(self, company: Company) -> str:
        draw = self.rng.random()
        if draw < 0.10:
            return f"{company.full} ({company.symbol})"
        if draw < 0.20 and company.brand is not None:
            return company.brand
        return company.full if draw < 0.5 else company.short

    def _topic(self, row: int) -> str:
        theme = self.world.theme_of(row)
        if theme is not None and self.rng.random() < _THEME_SHARE:
            return theme.topic
        return self._pick(self.world.topics(row))

    def _amount(self) -> str:
        if self.rng.random() < 0.5:
            return f"${int(self.rng.integers(40, 950))} mln"
        return f"${self.rng.uniform(1, 12):.1f} billion"

    def _choose(self, templates: tuple[str, ...]) -> str:
        """One of this market's part of the templates."""
        if templates not in self._words:
            kept = max(2, round(self.variant.wording * len(templates)))
            self._words[templates] = self.rng.permutation(templates)[:kept].tolist()
        return self._pick(self._words[templates])

    def _pick(self, values: Sequence[str]) -> str:
        return values[int(self.rng.integers(len(values)))]
