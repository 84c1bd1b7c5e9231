"""Where and when patterns are planted, without one standing in another's light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.times import US_PER_MINUTE, US_PER_MS, iso
from streams.sources.base import Floats
from streams.sources.planted.draft import Draft
from streams.sources.planted.newsroom import Newsroom
from streams.sources.planted.sessions import Sessions
from streams.sources.planted.truth import Episode, Strength
from streams.sources.planted.variant import Variant
from streams.sources.planted.world import World
from streams.sources.simulated import SESSION_MINUTES

_ATTEMPTS = 120
_BEFORE, _AFTER = 45, 90
_AROUND = 15

Range = dict[Strength, tuple[float, float]]


@dataclass(slots=True)
class Stage:
    """The market under construction.

    ``taken`` (minutes, securities) and ``shaken`` (minutes,) say where something is planted: on
    one security, on the whole market; ``sectors`` say so (minutes,) of each sector.
    ``broken`` rows lost a correlation once, so that nothing about them is stable any more.
    """

    rng: np.random.Generator
    world: World
    variant: Variant
    sessions: Sessions
    draft: Draft
    news: Newsroom
    first: int
    taken: NDArray[np.bool_]
    shaken: NDArray[np.bool_]
    sectors: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)

    def between(self, low: float, high: float) -> float:
        """A number at random."""
        return float(self.rng.uniform(low, high))

    def size(self, ranges: Range, strength: Strength) -> float:
        """How big, for this strength, in this world."""
        return self.between(*ranges[strength]) * self.variant.size

    def minutes(self, low: float, high: float) -> int:
        """How long, in this world."""
        return max(1, round(self.between(low, high) * self.variant.pace))

    def sign(self, up: float = 0.5) -> int:
        """1 with probability ``up``, else -1."""
        return 1 if self.rng.random() < up else -1

    def within_session(self, length: int, earliest: int = 10) -> int | None:
        """A first minute from which ``length`` minutes of one session are left."""
        latest = SESSION_MINUTES - length - 3
        days = range(self.first // SESSION_MINUTES, self.sessions.days)
        if latest <= earliest or not days:
            return None
        day = int(self.rng.integers(days.start, days.stop))
        return day * SESSION_MINUTES + int(self.rng.integers(earliest, latest))

    def anywhere(self, length: int) -> int | None:
        """A first minute from which ``length`` minutes of trading are left."""
        latest = self.sessions.minutes - length - 1
        if latest <= self.first + 5:
            return None
        return int(self.rng.integers(self.first + 5, latest))

    def settle(
        self, propose: Callable[[], tuple[int, int, list[int]] | None], *, calm: bool = True
    ) -> tuple[int, int, list[int]] | None:
        """The first proposal (first minute, length, rows) whose place is free; it is taken.

        With ``calm`` nothing may shake the whole market meanwhile.
        """
        for _ in range(_ATTEMPTS):
            proposed = propose()
            if proposed is None:
                continue
            first, length, rows = proposed
            span = slice(max(self.first, first - _BEFORE), first + length + _AFTER)
            around = slice(first - _AROUND, first + length + _AROUND)
            if self.taken[span][:, rows].any() or (calm and self.shaken[around].any()):
                continue
            self.taken[span, rows] = True
            return proposed
        return None

    def news_us(self, minute: int) -> int:
        """A moment within a minute of trading, epoch microseconds."""
        within = int(self.rng.integers(0, US_PER_MINUTE // US_PER_MS)) * US_PER_MS
        return self.sessions.start_us(minute) + within

    def deviation(self, row: int, first: int, length: int) -> float:
        """The usual deviation of a security's abnormal log return over ``length`` minutes."""
        share = self.world.abnormal[row] / self.world.own[row]
        own = np.square(self.draft.sigma[first : first + length, row]).sum()
        return float(share * np.sqrt(own))

    def push(self, row: int, first: int, path: Floats) -> None:
        """Move a security along ``path``, its log price from minute to minute, from 0 on."""
        steps = np.diff(path, prepend=0.0)[: self.sessions.minutes - first]
        self.draft.own[first : first + len(steps), row] += steps

    def lift_volume(self, rows: int | list[int], first: int, multiple: Floats | float) -> None:
        """Multiply volumes; an array (minutes,) tells the multiple of each minute."""
        if isinstance(rows, int):
            rows = [rows]
        factor = np.atleast_1d(np.asarray(multiple, dtype=float))
        factor = factor[: self.sessions.minutes - first]
        self.draft.volume[first : first + len(factor), rows] *= factor[:, None]

    def episode(
        self,
        kind: str,
        strength: Strength,
        rows: Sequence[int],
        span: tuple[int, int],
        *,
        planted: bool = True,
        leaders: Sequence[int] = (),
        deadline: int | None = None,
        start_us: int | None = None,
        **detail: Any,
    ) -> Episode:
        """What was planted in the minutes of ``span`` (first, one past the last)."""
        first, end = span
        over = self.sessions.iso_end(min(end, self.sessions.minutes) - 1)
        return Episode(
            kind,
            planted,
            strength,
            self.world.names(list(rows)),
            self.world.names(list(leaders)),
            self.sessions.iso(first) if start_us is None else iso(start_us),
            over if deadline is None else self.sessions.iso(deadline),
            over,
            detail,
        )


def eased(length: int) -> Floats:
    """A path (length,) from 0 to 1 that is fast at first."""
    path = 1 - np.exp(-3 * np.arange(1, length + 1) / length)
    return np.asarray(path / path[-1])


def steady(length: int) -> Floats:
    """A path (length,) from 0 to 1 at an even pace."""
    return np.arange(1, length + 1) / length


def steepening(length: int, power: float) -> Floats:
    """A path (length,) from 0 to 1 that gets ever faster."""
    return np.asarray(steady(length) ** power)


def fading(length: int, peak: float) -> Floats:
    """Multiples (length,) that start at ``peak`` and end near 1."""
    return np.asarray(1 + (peak - 1) * np.exp(-2.5 * np.arange(length) / length))
