"""The stories of the last day, so that one that comes again, from whatever source, is known."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from agents.news.similarity import Headline, same_story
from schemas.times import US_PER_S

DAY_US = 86_400 * US_PER_S
CAPACITY = 50_000

# A story is filed under its rarest words and looked up by a few more of them.
_FILED = 5
_LOOKED_UP = 8
_LONGEST_FILE = 200
_CLOSEST = 12


@dataclass(slots=True)
class Story:
    """A story as first published; ``symbols`` are all that its items bore on."""

    id: str
    ts: int
    headline: Headline
    symbols: set[str]
    filed: tuple[str, ...] = ()


@dataclass(slots=True)
class Stories:
    """Stories of one window of event time (microseconds); at most ``capacity``, newest kept."""

    window_us: int = DAY_US
    capacity: int = CAPACITY
    _stories: deque[Story] = field(default_factory=deque)
    _ids: dict[str, Story] = field(default_factory=dict)
    _texts: dict[str, Story] = field(default_factory=dict)
    _files: dict[str, deque[Story]] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self._stories)

    def match(self, id: str, ts: int, headline: Headline, symbols: set[str]) -> Story | None:
        """The story that this item tells again, or None."""
        for known in (self._ids.get(id), self._texts.get(headline.text)):
            if known is not None and self._near(known, ts):
                return known
        return self._alike(ts, headline, symbols)

    def add(self, id: str, ts: int, headline: Headline, symbols: set[str]) -> None:
        """File a story that :meth:`match` did not know."""
        rare = sorted(headline.words, key=lambda word: (self._count[word], word))
        self._file(Story(id, ts, headline, set(symbols), tuple(rare[:_FILED])))
        if len(self._stories) > self.capacity:
            self._drop()

    def expire(self, now_us: int) -> None:
        """Forget what is older than the window."""
        while self._stories and self._stories[0].ts < now_us - self.window_us:
            self._drop()

    def _near(self, story: Story, ts: int) -> bool:
        return abs(ts - story.ts) <= self.window_us

    def _alike(self, ts: int, headline: Headline, symbols: set[str]) -> Story | None:
        rare = sorted(headline.words, key=lambda word: (self._count[word], word))
        hits: Counter[str] = Counter()
        for word in rare[:_LOOKED_UP]:
            hits.update(story.id for story in self._files.get(word, ()))
        for id, _ in hits.most_common(_CLOSEST):
            story = self._ids[id]
            if self._near(story, ts) and same_story(
                headline, story.headline, self._weight, bool(symbols & story.symbols)
            ):
                return story
        return None

    def _weight(self, word: str) -> float:
        return math.log(2 + len(self._stories) / (1 + self._count[word]))

    def _file(self, story: Story) -> None:
        self._stories.append(story)
        self._ids[story.id] = story
        self._texts[story.headline.text] = story
        self._count.update(story.headline.words)
        for word in story.filed:
            filed = self._files.setdefault(word, deque(maxlen=_LONGEST_FILE))
            filed.append(story)

    def _drop(self) -> None:
        story = self._stories.popleft()
        if self._ids.get(story.id) is story:
            del self._ids[story.id]
        if self._texts.get(story.headline.text) is story:
            del self._texts[story.headline.text]
        for word in story.headline.words:
            self._count[word] -= 1
            if not self._count[word]:
                del self._count[word]
        for word in story.filed:
            filed = self._files[word]
            if filed and filed[0] is story:
                filed.popleft()
            if not filed:
                del self._files[word]

    def snapshot(self) -> dict[str, Any]:
        """State as plain values."""
        return {
            "stories": [
                [s.id, s.ts, s.headline.text, sorted(s.symbols), list(s.filed)]
                for s in self._stories
            ]
        }

    @classmethod
    def restore(
        cls, state: dict[str, Any], window_us: int = DAY_US, capacity: int = CAPACITY
    ) -> Stories:
        """The stories of a snapshot."""
        stories = cls(window_us, capacity)
        for id, ts, text, symbols, filed in state["stories"]:
            stories._file(Story(id, ts, Headline.from_text(text), set(symbols), tuple(filed)))
        return stories
