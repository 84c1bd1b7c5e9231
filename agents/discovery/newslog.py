"""The news of the last days in columns, as detectors read it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.news.wording import Wording, shifted, wording
from schemas.news import Catalyst
from schemas.times import US_PER_S, to_us

# A long weekend lies between the news of its first evening and the next open.
KEPT_US = 4 * 86_400 * US_PER_S

# News as likely as this to be material explains what its security does.
EXPLAINS = 0.15


class Item(NamedTuple):
    """One catalyst; ``ts`` is epoch microseconds."""

    ts: int
    symbol: str
    materiality: float
    sentiment: float
    theme: str
    role: str
    news_id: str
    headline: str
    called: str = ""

    @property
    def wording(self) -> Wording:
        """How its headline tells the story."""
        return wording(self.headline, self.called)


class NewsLog:
    """Catalysts in order of event time; equal times keep the order in which they came."""

    def __init__(self) -> None:
        self._items: list[Item] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, catalyst: Catalyst) -> None:
        """Take in a catalyst whose time has come."""
        item = Item(
            to_us(catalyst.ts), catalyst.symbol, catalyst.materiality, catalyst.sentiment,
            catalyst.theme, catalyst.role, catalyst.news_id, catalyst.headline, catalyst.called,
        )  # fmt: skip
        at = len(self._items)
        while at and self._items[at - 1].ts > item.ts:
            at -= 1
        self._items.insert(at, item)

    def forget(self, now: int) -> None:
        """Drop what is too old to matter at ``now``."""
        old = 0
        while old < len(self._items) and self._items[old].ts < now - KEPT_US:
            old += 1
        del self._items[:old]

    def since(self, start: int, until: int) -> list[Item]:
        """Items with ``start`` < ts <= ``until``, oldest first."""
        found = []
        for item in reversed(self._items):
            if item.ts <= start:
                break
            if item.ts <= until:
                found.append(item)
        return found[::-1]

    def loudest(self, row: dict[str, int], count: int, start: int, until: int) -> Any:
        """How material the news of each security in that time is, shape (count,); 0 none."""
        loudest: NDArray[np.float64] = np.zeros(count)
        for item in self.since(start, until):
            at = row.get(item.symbol)
            if at is not None:
                loudest[at] = max(loudest[at], material(item))
        return loudest

    def explained(self, start: int, until: int, least: float = EXPLAINS) -> set[str]:
        """Securities with news in that time that explains what they do, by how material it is."""
        return {item.symbol for item in self.since(start, until) if material(item) >= least}

    def snapshot(self) -> list[Any]:
        """State for a checkpoint."""
        return [list(item) for item in self._items]

    @classmethod
    def restore(cls, state: list[Any]) -> NewsLog:
        """The log of a snapshot."""
        log = cls()
        log._items = [Item(*msgspec.convert(item, list[Any])) for item in state]
        return log


def material(item: Item) -> float:
    """The probability that an item is material, by its estimate and how its headline tells it."""
    return shifted(item.materiality, item.wording.log_odds)
