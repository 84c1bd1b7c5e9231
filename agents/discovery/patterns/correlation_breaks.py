"""Correlation breaks: a stable high correlation that collapses or flips.

**Definition.** A pair of securities, or a security and its sector, moved together for days; now
they do not, or move oppositely. What two have in common only because their sector moves is the
sector's: pairs are taken net of market and sector, securities and the mean of their sector's other
members net of the market. A long correlation of four tenths counts: few reach it, for what hides
in stale quotes is missing in it.

**Statistic.** Returns are of three minutes, standardised and capped, for over one minute stale
quotes and ticks hide what two share (Epps 1979), and more so in quiet hours. They overlap, which
the errors allow for, and what the market has to do with them in the very window is taken out. The
slope of ``x`` on ``y`` over the last ``n`` minutes is held against the long one, which ends before
them: ``t = (B - b) / se`` with the error that allows for heteroskedasticity (White 1980), over
windows from an hour to a day, and the same for ``y`` on ``x``. The smaller of the two counts. This
is what Forbes and Rigobon 2002 ask for: when the common part of the two moves more or less than
usual, the correlation changes while both slopes change little; when one of the two is rough by
itself (news, a jump, a pump), the correlation falls, but the slope on the other stays. Only when
what they shared is gone do both fall. One at least must still move as it usually does: a lull of
what they share is no break. ``t`` is divided by its usual scale among all pairs under watch, and
must exceed a bound that grows with the number of pairs and looks, as in the fluctuation test of
Wied, Kraemer and Dehling 2012. The cumulated difference of the two beyond what is usual goes with
it.

A security that breaks from several partners is one break: it is named first.

**Prediction.** They stay apart: over the next two hours, the mean correlation of the first with the
partners named, or with its sector where none is, stays under half of what it was for long. Told
beside it is that the two go on apart, which says little of where prices go.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate, Direction
from agents.discovery.comovement import STEP_MIN, correlation, partial, standardised, summed
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.session import SESSION_MIN
from schemas.signals import Measure, PatternType, Persistence
from schemas.times import US_PER_MINUTE

LOOK_MIN = 5
# An hour, two, four, a day, in minutes.
WINDOWS = (60, 120, 240, 375)
# What is older than this belongs to the long correlation: the longest window comes after it.
_LAG_MIN = 375
_CHUNK_MIN = 12
# Products of sums over three minutes that overlap are worth fewer: one and, on both sides of it,
# the squares of two thirds and of one third.
_OVERLAP = 1 + 2 * (4 / 9 + 1 / 9)
# Half-life of the long correlation, and how much of it there must be, in minutes: days, for what
# moved together for one of them only is nothing stable.
_HALF_LIFE = 5 * SESSION_MIN
_KEEP = 0.5 ** (_CHUNK_MIN / _HALF_LIFE)
_ENOUGH = 3 * SESSION_MIN
_GATE = 0.38
# A break leaves about half of the correlation at most, and takes so much: else it only weakened.
_LEFT = 0.55
_FALL = 0.35
# At least one of the two moves about as usual, as against the other securities.
_LEAST_ACTIVITY = 0.6
# One false alarm in twenty days; windows and looks of a pair are worth some sixty independent ones.
_ALARMS_A_DAY = 0.05
_LOOKS_A_DAY = 60
# Median of the absolute value of a standard normal variable; memory of the usual scale of t.
_MEDIAN = 0.6745
_SCALE_RATE = 1 - 0.5 ** (LOOK_MIN / (3 * SESSION_MIN))
_MOST_PARTNERS = 2
_HORIZON_S = 2 * 3_600
# Of the long correlation, at most so much is left while they are apart.
_APART = 0.5


class _Pairs(NamedTuple):
    """Pairs under watch by number (see ``comovement``), their long correlation and slopes.

    Arrays of shape (pairs,).
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


class _Sums:
    """EW sums of products of returns, and what follows from them; ``n`` securities.

    ``cross`` is of returns net of the sector, shape (n, n); ``own``, ``joint`` and ``sector`` are
    of the squares of returns net of the market, their products with those of the sector, and the
    squares of the latter, shape (n,). ``steps`` is the number of returns in them.
    """

    def __init__(self) -> None:
        self.cross: Floats = np.zeros((0, 0))
        self.own: Floats = np.zeros(0)
        self.joint: Floats = np.zeros(0)
        self.sector: Floats = np.zeros(0)
        self.steps = 0.0

    def add(self, x: Floats) -> None:
        """Take in returns by number, shape (steps, 3 n)."""
        net, own, sector = np.hsplit(x, 3)
        self._resize(net.shape[1])
        self.cross = _KEEP * self.cross + net.T @ net
        self.own = _KEEP * self.own + (own * own).sum(axis=0)
        self.joint = _KEEP * self.joint + (own * sector).sum(axis=0)
        self.sector = _KEEP * self.sector + (sector * sector).sum(axis=0)
        self.steps = _KEEP * self.steps + len(x)

    def _resize(self, securities: int) -> None:
        grow = securities - len(self.cross)
        if grow > 0:
            self.cross = np.pad(self.cross, ((0, grow), (0, grow)))
            for name in ("own", "joint", "sector"):
                setattr(self, name, np.pad(getattr(self, name), (0, grow)))

    @property
    def squares(self) -> Floats:
        """Sums of squares of all that has a number, shape (3 n,)."""
        found = np.concatenate([np.diag(self.cross), self.own, self.sector])
        return np.asarray(np.maximum(found, 1e-9))

    def pairs(self) -> _Pairs:
        """The pairs that move together."""
        count, square = len(self.cross), self.squares
        root = np.sqrt(square)
        net, own, sector = np.split(root, 3)
        first, second = np.nonzero(np.triu(self.cross > _GATE * np.outer(net, net), 1))
        alone = np.flatnonzero(self.joint > _GATE * own * sector)
        both = np.concatenate([self.cross[first, second], self.joint[alone]])
        first = np.concatenate([first, count + alone])
        second = np.concatenate([second, 2 * count + alone])
        long = both / (root[first] * root[second])
        return _Pairs(first, second, long, both / square[second], both / square[first])


class CorrelationBreaks:
    """Detector of correlation breaks; see the module.

    ``long`` holds the sums of what is older than the windows, ``done`` is the newest minute in it.
    """

    name: PatternType = "correlation_breaks"
    every = LOOK_MIN

    def __init__(self) -> None:
        self.long = _Sums()
        self.done = 0
        self.scale: Floats = np.ones(len(WINDOWS))

    def look(self, scene: Scene) -> list[Candidate]:
        """Breaks under way, strongest first."""
        panel = scene.panel
        self._remember(panel)
        if self.long.steps * STEP_MIN < _ENOUGH:
            return []
        pairs = self.long.pairs()
        if not len(pairs.first):
            return []
        tested = self._test(panel, pairs)
        broken = np.flatnonzero(tested.strength >= 1)
        return _breaks(panel, pairs, tested, broken) if len(broken) else []

    def _remember(self, panel: Panel) -> None:
        """Add what has left the windows to the long sums."""
        self.done = max(self.done, panel.tick - panel.window.length)
        while panel.tick - self.done >= _LAG_MIN + _CHUNK_MIN:
            chunk = standardised(panel, panel.tick - self.done)[:_CHUNK_MIN]
            self.long.add(summed(chunk)[STEP_MIN - 1 :: STEP_MIN])
            self.done += _CHUNK_MIN

    def _test(self, panel: Panel, pairs: _Pairs) -> _Tested:
        """Hold the slopes of the last hours against the long ones."""
        x = summed(standardised(panel, max(WINDOWS)))
        market = summed(panel.factors.last("market", max(WINDOWS)).astype(np.float64))[:, 0]
        usual = self.long.squares / self.long.steps
        count = len(pairs.first)
        strength, short = np.zeros(count), np.ones(count)
        window, spread = np.zeros(count, np.intp), np.zeros(count)
        bound = -NormalDist().inv_cdf(_ALARMS_A_DAY / (_LOOKS_A_DAY * count))
        for w, steps in enumerate(WINDOWS):
            y = partial(x[-steps:], market[-steps:])
            p, q = y[:, pairs.first], y[:, pairs.second]
            t, found = _weaker_fall(p, q, pairs)
            self._learn_scale(w, t)
            activity = (y**2).mean(axis=0) / usual
            activity = activity / max(float(np.median(activity)), 1.0)
            livelier = np.maximum(activity[pairs.first], activity[pairs.second])
            sound = livelier >= _LEAST_ACTIVITY
            sound &= found < np.minimum(_LEFT * pairs.long, pairs.long - _FALL)
            evidence = np.where(sound, t / max(self.scale[w], 1.0) / bound, 0.0)
            better = evidence > strength
            run = x[-steps:].sum(axis=0) / np.sqrt(STEP_MIN * steps)
            apart = run[pairs.first] - pairs.slope * run[pairs.second]
            strength[better], short[better] = evidence[better], found[better]
            window[better], spread[better] = steps, apart[better]
        return _Tested(strength, short, window, spread)

    def _learn_scale(self, w: int, t: Floats) -> None:
        typical = float(np.median(np.abs(t))) / _MEDIAN
        self.scale[w] += _SCALE_RATE * (min(typical, 3.0) - self.scale[w])

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"long": vars(self.long), "done": self.done, "scale": self.scale}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        vars(self.long).update(state["long"])
        self.done, self.scale = state["done"], state["scale"]


def fall_of_slope(x: Floats, y: Floats, slope: Floats) -> Floats:
    """By how many errors the slope of ``x`` on ``y`` is below ``slope``.

    ``x`` and ``y`` have shape (minutes, pairs). The error is White's, which allows for rough and
    calm times; ``t`` with few minutes is brought to the scale of a normal variable.
    """
    steps = len(x)
    square = np.maximum((y * y).sum(axis=0), 1e-9)
    found = (x * y).sum(axis=0) / square
    residual = x - found * y
    free = steps / _OVERLAP
    rough = (y * y * residual * residual).sum(axis=0)
    error = np.sqrt(rough * _OVERLAP * free / (free - 2)) / square
    t = (slope - found) / np.maximum(error, 1e-6)
    return np.asarray(np.sign(t) * np.sqrt(free * np.log1p(t * t / free)))


def _weaker_fall(x: Floats, y: Floats, pairs: _Pairs) -> tuple[Floats, Floats]:
    """The lesser fall of the two slopes, and the correlation, of each pair."""
    falls = fall_of_slope(x, y, pairs.slope), fall_of_slope(y, x, pairs.back)
    return np.minimum(*falls), correlation(x, y)


def _breaks(
    panel: Panel, pairs: _Pairs, tested: _Tested, broken: NDArray[np.intp]
) -> list[Candidate]:
    """One break for each security that left its partners, or pair that came apart."""
    left = list(broken[np.argsort(-tested.strength[broken], kind="stable")])
    found, count = [], len(panel)
    while left:
        votes = np.bincount(np.concatenate([pairs.first[left], pairs.second[left]]) % count)
        pair = {int(pairs.first[left[0]]) % count, int(pairs.second[left[0]]) % count}
        first = max(sorted(pair), key=lambda row: int(votes[row]))
        mine = [k for k in left if first in (pairs.first[k] % count, pairs.second[k] % count)]
        found.append(_candidate(panel, pairs, tested, first, mine))
        left = [k for k in left if k not in mine]
    return found


def _candidate(
    panel: Panel, pairs: _Pairs, tested: _Tested, first: int, mine: list[np.intp]
) -> Candidate:
    count, best = len(panel), mine[0]
    of_sector = [bool(pairs.first[k] >= count) for k in mine]
    left = [
        int(pairs.second[k] if pairs.first[k] == first else pairs.first[k])
        for k, alone in zip(mine, of_sector, strict=True)
        if not alone
    ]
    side: Direction = 1 if tested.spread[best] > 0 else -1
    if pairs.first[best] % count != first:
        side = 1 if side < 0 else -1
    symbols = [panel.symbols[row] for row in (first, *left[:_MOST_PARTNERS])]
    direction: dict[str, Direction] = {symbols[0]: side}
    direction |= dict.fromkeys(symbols[1:], 1 if side < 0 else -1)
    steps = int(tested.window[best])
    kept = [k for k, alone in zip(mine, of_sector, strict=True) if not alone][:_MOST_PARTNERS]
    held: Measure = "correlation_with_partners" if kept else "correlation_with_sector"
    under = _APART * float(pairs.long[kept or mine].mean())
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
            "left_its_sector": any(of_sector),
            "pairs_watched": len(pairs.first),
        },
        features={
            "strength": float(tested.strength[best]),
            "long": float(pairs.long[best]),
            "fall": float(pairs.long[best] - tested.short[best]),
            "spread": abs(float(tested.spread[best])) / 3,
            "partners": min(len(mine), 5) / 5,
            "window": float(np.log2(steps / WINDOWS[0])) / 3,
            "burst": panel.burst - 1,
        },
        persistence=Persistence(held, under=round(under, 3)),
    )
