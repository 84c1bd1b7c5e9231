"""How well patterns are found: signals against a market of which the answers are known.

A signal finds an episode of its type if it comes between five minutes before its start and its
deadline and names who leads it or, where nobody does, mostly securities that take part (a rotation:
the two sectors). The first to find an episode counts, those after it neither way; all others are
false alarms. Signals of the warm-up are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.discovery import calibration
from schemas.signals import Outcome, Pattern
from schemas.times import US_PER_MINUTE, to_us
from streams.sources.planted import KINDS, Episode

EARLY_US = 5 * US_PER_MINUTE
# A false alarm this soon after something fell on it.
_AFTER_US = 60 * US_PER_MINUTE
# A false alarm on the whole market says little about it, unless nothing smaller was there.
_WHOLE_MARKET = 100
UNLABELLED = "emergent_clusters"


class Told(NamedTuple):
    """The first message about a pattern; ``came_true`` is None before its horizon has passed."""

    id: str
    kind: str
    at: int
    securities: list[str]
    confidence: float
    conditions: Mapping[str, Any]
    came_true: bool | None


@dataclass(slots=True)
class Tally:
    """One type: episodes ``planted`` and ``found``, signals that were ``false`` or repeats.

    ``delays`` are trading minutes from start to detection of those found.
    """

    planted: int = 0
    found: int = 0
    false: int = 0
    repeats: int = 0
    delays: list[int] = field(default_factory=list)

    @property
    def precision(self) -> float | None:
        """The share of signals that found something; None of none."""
        told = self.found + self.false
        return self.found / told if told else None

    @property
    def recall(self) -> float | None:
        """The share of episodes that were found; None of none."""
        return self.found / self.planted if self.planted else None

    @property
    def f1(self) -> float | None:
        """Their harmonic mean; None where there was neither an episode nor a signal."""
        told = self.planted + self.found + self.false
        return 2 * self.found / told if told else None

    @property
    def delay(self) -> float | None:
        """The median delay."""
        return median(self.delays) if self.delays else None


@dataclass(slots=True)
class Score:
    """Of one market, or of several by :meth:`add`.

    ``days`` are sessions after the warm-up, each counted as its securities over 150. ``matched``
    and ``judged`` are pairs of confidence and whether the signal found an episode, or came true
    by its own prediction.
    """

    types: dict[str, Tally] = field(default_factory=lambda: {kind: Tally() for kind in KINDS})
    fell_on: Counter[tuple[str, str]] = field(default_factory=Counter)
    days: float = 0.0
    matched: list[tuple[float, bool]] = field(default_factory=list)
    judged: list[tuple[float, bool]] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Take in the score of another market."""
        for kind, more in other.types.items():
            tally = self.types[kind]
            for name in ("planted", "found", "false", "repeats"):
                setattr(tally, name, getattr(tally, name) + getattr(more, name))
            tally.delays += more.delays
        self.fell_on += other.fell_on
        self.days += other.days
        self.matched += other.matched
        self.judged += other.judged

    @property
    def labelled(self) -> dict[str, Tally]:
        """The types that are labelled by what they are, with an episode or a signal."""
        return {
            kind: tally
            for kind, tally in self.types.items()
            if kind != UNLABELLED and tally.f1 is not None
        }

    @property
    def macro_f1(self) -> float | None:
        """The mean F1 of the labelled types."""
        scores = [tally.f1 or 0.0 for tally in self.labelled.values()]
        return sum(scores) / len(scores) if scores else None

    @property
    def false_alarms(self) -> float | None:
        """False alarms of the labelled types a day per 150 securities."""
        false = sum(tally.false for tally in self.labelled.values())
        return false / self.days if self.days else None

    def as_dict(self) -> dict[str, Any]:
        """All figures as plain values."""
        return {
            "types": {
                kind: {
                    "planted": tally.planted,
                    "found": tally.found,
                    "false": tally.false,
                    "repeats": tally.repeats,
                    "precision": tally.precision,
                    "recall": tally.recall,
                    "f1": tally.f1,
                    "delay_min": tally.delay,
                }
                for kind, tally in self.types.items()
            },
            "macro_f1": self.macro_f1,
            "false_alarms_a_day": self.false_alarms,
            "days": self.days,
            "fell_on": [
                {"pattern_type": kind, "on": what, "count": count}
                for (kind, what), count in self.fell_on.most_common()
            ],
            "calibration_error": calibration_error(self.matched),
            "calibration_error_of_outcomes": calibration_error(self.judged),
        }


def calibration_error(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """Expected calibration error of pairs of confidence and truth; None of nothing."""
    confidences, truths = [p for p, _ in pairs], [y for _, y in pairs]
    return calibration.calibration_error(confidences, truths) if pairs else None


def told_of(patterns: Iterable[Pattern], outcomes: Iterable[Outcome]) -> list[Told]:
    """The first message of each pattern in order of time, with what became of it."""
    came = {outcome.id: outcome.came_true for outcome in outcomes}
    first: dict[str, Told] = {}
    for p in patterns:
        at = to_us(p.detected_at)
        first.setdefault(
            p.id,
            Told(
                p.id, p.pattern_type, at, p.securities, p.confidence, p.trigger_conditions,
                came.get(p.id),
            ),
        )  # fmt: skip
    return sorted(first.values(), key=lambda told: (told.at, told.id))


def score(
    signals: Iterable[Told],
    truth: Sequence[Episode],
    minutes: NDArray[np.int64],
    *,
    warm_until: int,
    days: float,
) -> Score:
    """Score signals in order of time.

    ``minutes`` are the ends of the minutes of trading, in order, shape (n,); times are epoch
    microseconds.
    """
    result = Score(days=days)
    episodes = [_Timed.of(episode) for episode in truth]
    for kind, tally in result.types.items():
        tally.planted = sum(e.planted and e.kind == kind for e in truth)
    found: set[int] = set()
    for told in signals:
        if told.at <= warm_until:
            continue
        fitting = [i for i, timed in enumerate(episodes) if _fits(told, timed)]
        fresh = [i for i in fitting if i not in found]
        tally = result.types[told.kind]
        if fresh:
            best = max(fresh, key=lambda i: len(_shared(told, episodes[i])))
            found.add(best)
            tally.found += 1
            passed = np.searchsorted(minutes, [episodes[best].start, told.at], side="right")
            tally.delays.append(int(passed[1] - passed[0]))
        elif fitting:
            tally.repeats += 1
            continue
        else:
            tally.false += 1
            result.fell_on[told.kind, _fell_on(told, episodes)] += 1
        if told.kind != UNLABELLED:
            result.matched.append((told.confidence, bool(fresh)))
            if told.came_true is not None:
                result.judged.append((told.confidence, told.came_true))
    return result


class _Timed(NamedTuple):
    episode: Episode
    start: int
    deadline: int
    end: int

    @classmethod
    def of(cls, episode: Episode) -> _Timed:
        times = (episode.start, episode.deadline, episode.end)
        return cls(episode, *(to_us(datetime.fromisoformat(time)) for time in times))


def _shared(told: Told, timed: _Timed) -> set[str]:
    return set(told.securities) & set(timed.episode.securities)


def _fits(told: Told, timed: _Timed) -> bool:
    episode = timed.episode
    in_time = timed.start - EARLY_US <= told.at <= timed.deadline
    return episode.planted and episode.kind == told.kind and in_time and _names(told, timed)


def _names(told: Told, timed: _Timed) -> bool:
    """Whether the signal is about the securities of the episode."""
    episode = timed.episode
    if episode.leaders:
        return not set(told.securities).isdisjoint(episode.leaders)
    shared = len(_shared(told, timed))
    if shared and 3 * shared >= len(told.securities):
        return True
    sectors = {episode.detail.get("from_sector"), episode.detail.get("to_sector")} - {None}
    named = {value for value in told.conditions.values() if isinstance(value, str)}
    return episode.kind == "sector_rotation" and bool(sectors) and sectors <= named


def _fell_on(told: Told, episodes: list[_Timed]) -> str:
    """What was there when and where a false alarm was told."""
    there = sorted(_there(told, episodes), key=lambda e: len(e.securities) or 10**6)
    for episode in there:
        if episode.planted and episode.kind == told.kind:
            return "its episode, too late or other securities"
    for episode in there:
        if not episode.planted and 0 < len(episode.securities) < _WHOLE_MARKET:
            return episode.kind
    for episode in there:
        if episode.planted:
            return f"an episode of {episode.kind}"
    return there[0].kind if there else "nothing"


def _there(told: Told, episodes: list[_Timed]) -> Iterator[Episode]:
    for timed in episodes:
        whole = not timed.episode.securities
        near = timed.start - EARLY_US <= told.at <= timed.end + _AFTER_US
        if near and (whole or _shared(told, timed)):
            yield timed.episode
