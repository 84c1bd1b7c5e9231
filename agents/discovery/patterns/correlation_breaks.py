"""Correlation breaks: a stable high correlation that collapses or flips.

**Definition.** A pair of securities, or a security and its sector, moved together for days (long
correlation of returns net of the market above the gate); now they do not, or move oppositely. The
sector is the mean of its other members, and is watched as a partner of each security.

**Statistic.** With ``x`` and ``y`` the standardised, capped returns of minutes, the slope of
``x`` on ``y`` over the last ``n`` of them is held against the long one, which ends before
them: ``t = (B - b) / se`` with the error that allows for heteroskedasticity (White 1980), over
windows from an hour to a day, and the same for ``y`` on ``x``. The smaller of the two counts. This
is what Forbes and Rigobon 2002 ask for: when the common part of the two moves more or less than
usual, the correlation changes while both slopes change little; when one of the two is rough by
itself (news, a jump, a pump), the correlation falls, but the slope on the other stays. Only when
what they shared is gone do both fall. Both must also still move as they usually do: a lull of what
they share is no break. ``t`` is divided by its usual scale among all pairs under watch, and must
exceed a bound that grows with the number of pairs and looks, as in the fluctuation test of Wied,
Kraemer and Dehling 2012. The cumulated difference of the two beyond what is usual goes with it.

A security that breaks from several partners is one break: it is named first.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate, Direction
from agents.discovery.panel import SESSION_MIN, Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

LOOK_MIN = 5
# An hour, two, four, a day, in minutes.
WINDOWS = (60, 120, 240, 380)
# What is older than this belongs to the long correlation: the longest window comes after it.
_LAG_MIN = 380
_CHUNK_MIN = 10
# Half-life of the long correlation, and how much of it there must be, in minutes: days, for what
# moved together for one of them only is nothing stable.
_HALF_LIFE = 5 * SESSION_MIN
_KEEP = 0.5 ** (_CHUNK_MIN / _HALF_LIFE)
_ENOUGH = 3 * SESSION_MIN
_LEAST_SECTOR = 5
# Beyond so many deviations a minute counts as this many only.
_CAP = 3.0
# Minutes lose a little of a correlation of 0.7 to stale quotes and ticks.
_GATE = 0.6
# A break leaves about a third of the correlation at most: else it only weakened.
_LEFT = 0.35
# At least one of the two moves about as usual, as against the other securities.
_LEAST_ACTIVITY = 0.6
# One false alarm in ten days; windows and looks of a pair are worth some thirty independent ones.
_ALARMS_A_DAY = 0.1
_LOOKS_A_DAY = 30
# Median of the absolute value of a standard normal variable; memory of the usual scale of t.
_MEDIAN = 0.6745
_SCALE_RATE = 1 - 0.5 ** (LOOK_MIN / (3 * SESSION_MIN))
_MOST_PARTNERS = 2
_HORIZON_S = SESSION_MIN * 60


class _Pairs(NamedTuple):
    """Pairs under watch, their long correlation and slopes; arrays of shape (pairs,).

    Of ``n`` securities the sector without security ``i`` is number ``n + i``.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    long: Floats
    slope: Floats
    back: Floats


class _Tested(NamedTuple):
    """The strongest evidence of each pair, over its bound; arrays of shape (pairs,)."""

    strength: Floats
    short: Floats
    window: NDArray[np.intp]
    spread: Floats


class CorrelationBreaks:
    """Detector of correlation breaks; see the module.

    ``cross`` holds EW sums of products of minutes' returns, shape (securities, securities),
    ``with_sector`` those with the sector's return and ``of_sector`` those of its squares, shape
    (securities,), ``weight`` of their number; ``done`` is the newest minute in them.
    """

    name: PatternType = "correlation_breaks"
    every = LOOK_MIN

    def __init__(self) -> None:
        self.cross: Floats = np.zeros((0, 0))
        self.with_sector: Floats = np.zeros(0)
        self.of_sector: Floats = np.zeros(0)
        self.weight = 0.0
        self.done = 0
        self.scale: Floats = np.ones(len(WINDOWS))

    def look(self, scene: Scene) -> list[Candidate]:
        """Breaks under way, strongest first."""
        panel = scene.panel
        self._remember(panel)
        if self.weight < _ENOUGH:
            return []
        pairs = self._watched()
        if not len(pairs.first):
            return []
        tested = self._test(panel, pairs)
        broken = np.flatnonzero(tested.strength >= 1)
        return _breaks(panel, pairs, tested, broken) if len(broken) else []

    def _remember(self, panel: Panel) -> None:
        """Add what has left the windows to the long sums."""
        grow = len(panel) - len(self.cross)
        if grow > 0:
            self.cross = np.pad(self.cross, ((0, grow), (0, grow)))
            self.with_sector = np.pad(self.with_sector, (0, grow))
            self.of_sector = np.pad(self.of_sector, (0, grow))
        self.done = max(self.done, panel.tick - panel.window.length)
        while panel.tick - self.done >= _LAG_MIN + _CHUNK_MIN:
            x = _returns(panel, panel.tick - self.done)[:_CHUNK_MIN]
            y = _sectors(panel, x)
            self.cross = _KEEP * self.cross + x.T @ x
            self.with_sector = _KEEP * self.with_sector + (x * y).sum(axis=0)
            self.of_sector = _KEEP * self.of_sector + (y * y).sum(axis=0)
            self.weight = _KEEP * self.weight + _CHUNK_MIN
            self.done += _CHUNK_MIN

    def _watched(self) -> _Pairs:
        """Pairs whose long correlation is above the gate."""
        square = self._squares()
        count = len(self.cross)
        root = np.sqrt(square)
        first, second = np.nonzero(
            np.triu(self.cross > _GATE * np.outer(root[:count], root[:count]), 1)
        )
        alone = np.flatnonzero(self.with_sector > _GATE * root[:count] * root[count:])
        both = np.concatenate([self.cross[first, second], self.with_sector[alone]])
        first, second = np.concatenate([first, alone]), np.concatenate([second, count + alone])
        long = both / (root[first] * root[second])
        return _Pairs(first, second, long, both / square[second], both / square[first])

    def _squares(self) -> Floats:
        """EW sums of squares of the securities and, behind them, of their sectors."""
        return np.asarray(np.maximum(np.concatenate([np.diag(self.cross), self.of_sector]), 1e-9))

    def _test(self, panel: Panel, pairs: _Pairs) -> _Tested:
        """Hold the slopes of the last hours against the long ones."""
        x = _returns(panel, max(WINDOWS))
        x = np.hstack([x, _sectors(panel, x)])
        usual = self._squares() / self.weight
        count = len(pairs.first)
        strength, short = np.zeros(count), np.ones(count)
        window, spread = np.zeros(count, np.intp), np.zeros(count)
        bound = -NormalDist().inv_cdf(_ALARMS_A_DAY / (_LOOKS_A_DAY * count))
        for w, steps in enumerate(WINDOWS):
            p, q = x[-steps:, pairs.first], x[-steps:, pairs.second]
            t, found = _weaker_fall(p, q, pairs)
            self._learn_scale(w, t)
            activity = (x[-steps:] ** 2).mean(axis=0) / usual
            activity = activity / max(float(np.median(activity)), 1.0)
            livelier = np.maximum(activity[pairs.first], activity[pairs.second])
            sound = livelier >= _LEAST_ACTIVITY
            sound &= found < _LEFT * pairs.long
            evidence = np.where(sound, t / max(self.scale[w], 1.0) / bound, 0.0)
            better = evidence > strength
            apart = (p - pairs.slope * q).sum(axis=0)
            strength[better], short[better] = evidence[better], found[better]
            window[better], spread[better] = steps, (apart / np.sqrt(steps))[better]
        return _Tested(strength, short, window, spread)

    def _learn_scale(self, w: int, t: Floats) -> None:
        typical = float(np.median(np.abs(t))) / _MEDIAN
        self.scale[w] += _SCALE_RATE * (min(typical, 3.0) - self.scale[w])

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {name: getattr(self, name) for name in _STATE}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        for name in _STATE:
            setattr(self, name, state[name])


_STATE = ("cross", "with_sector", "of_sector", "weight", "done", "scale")


def _returns(panel: Panel, minutes: int) -> Floats:
    """Standardised, capped returns net of the market, shape (minutes, securities)."""
    return np.clip(panel.window.last("zm", minutes), -_CAP, _CAP).astype(np.float64)


def _sectors(panel: Panel, x: Floats) -> Floats:
    """The mean return of each security's sector without itself, shape (minutes, securities)."""
    found = np.zeros_like(x)
    for sector in range(len(panel.sector_names)):
        rows = np.flatnonzero(panel.sector == sector)
        if len(rows) >= _LEAST_SECTOR:
            found[:, rows] = (x[:, rows].sum(axis=1, keepdims=True) - x[:, rows]) / (len(rows) - 1)
    return found


def fall_of_slope(x: Floats, y: Floats, slope: Floats) -> Floats:
    """By how many errors the slope of ``x`` on ``y`` is below ``slope``.

    ``x`` and ``y`` have shape (minutes, pairs). The error is White's, which allows for rough and
    calm times; ``t`` with few minutes is brought to the scale of a normal variable.
    """
    steps = len(x)
    square = np.maximum((y * y).sum(axis=0), 1e-9)
    found = (x * y).sum(axis=0) / square
    residual = x - found * y
    error = np.sqrt((y * y * residual * residual).sum(axis=0) * steps / (steps - 1)) / square
    t = (slope - found) / np.maximum(error, 1e-6)
    return np.asarray(np.sign(t) * np.sqrt(steps * np.log1p(t * t / steps)))


def _weaker_fall(x: Floats, y: Floats, pairs: _Pairs) -> tuple[Floats, Floats]:
    """The lesser fall of the two slopes, and the correlation, of each pair."""
    squares = (x * x).sum(axis=0) * (y * y).sum(axis=0)
    found = (x * y).sum(axis=0) / np.sqrt(np.maximum(squares, 1e-12))
    falls = fall_of_slope(x, y, pairs.slope), fall_of_slope(y, x, pairs.back)
    return np.minimum(*falls), found


def _breaks(
    panel: Panel, pairs: _Pairs, tested: _Tested, broken: NDArray[np.intp]
) -> list[Candidate]:
    """One break for each security that left its partners, or pair that came apart."""
    left = list(broken[np.argsort(-tested.strength[broken], kind="stable")])
    found = []
    while left:
        votes = np.bincount(np.concatenate([pairs.first[left], pairs.second[left]]))
        pair = (int(pairs.first[left[0]]), int(pairs.second[left[0]]))
        first = max((row for row in pair if row < len(panel)), key=lambda row: int(votes[row]))
        mine = [k for k in left if first in (pairs.first[k], pairs.second[k])]
        found.append(_candidate(panel, pairs, tested, first, mine))
        left = [k for k in left if k not in mine]
    return found


def _candidate(
    panel: Panel, pairs: _Pairs, tested: _Tested, first: int, mine: list[np.intp]
) -> Candidate:
    partners = [int(pairs.second[k] if pairs.first[k] == first else pairs.first[k]) for k in mine]
    best = mine[0]
    side: Direction = 1 if tested.spread[best] > 0 else -1
    if pairs.first[best] != first:
        side = 1 if side < 0 else -1
    left = [row for row in partners if row < len(panel)]
    symbols = [panel.symbols[row] for row in (first, *left[:_MOST_PARTNERS])]
    direction: dict[str, Direction] = {symbols[0]: side}
    direction |= dict.fromkeys(symbols[1:], 1 if side < 0 else -1)
    steps = int(tested.window[best])
    return Candidate(
        pattern_type="correlation_breaks",
        lead=tuple(symbols) if len(mine) == 1 == len(left) else (symbols[0],),
        securities=symbols,
        window_start=panel.now - steps * US_PER_MINUTE,
        strength=float(tested.strength[best]),
        direction=direction,
        horizon_s=_HORIZON_S,
        conditions={
            "long_correlation": round(float(pairs.long[best]), 2),
            "correlation": round(float(tested.short[best]), 2),
            "window_minutes": steps,
            "spread": round(float(tested.spread[best]), 2),
            "partners": len(left),
            "left_its_sector": len(left) < len(partners),
            "pairs_watched": len(pairs.first),
        },
        features={
            "strength": float(tested.strength[best]),
            "long": float(pairs.long[best]),
            "fall": float(pairs.long[best] - tested.short[best]),
            "spread": abs(float(tested.spread[best])) / 3,
            "partners": min(len(partners), 5) / 5,
            "window": float(np.log2(steps / WINDOWS[0])) / 3,
            "burst": panel.burst - 1,
        },
    )
