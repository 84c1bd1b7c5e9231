"""Pump and dump: price and volume rise ever faster without news, to be told before they collapse.

**Definition.** A security rises on growing volume, both steepening, and neither it nor its peers
have news that would explain it. What is driven up like this falls back once the buying stops.

**Statistic.** Over windows from ten minutes to an hour and a half, never from before the open:

- ``P``, the rise: the sum of the standardised returns net of market and sector over ``sqrt(n)``,
  less what the median peer did;
- ``A``, that it steepens: what the later half of the window brought more than the earlier, over
  ``sqrt(n)`` deviations; about half of ``P`` for a parabola, zero on the mean for an even rise;
- ``V``, the volume: log volume over what is usual at that time, net of the market's, in deviations
  from its own mean;
- ``G``, that it grows: the log of the later half's volume over the earlier half's, likewise;
- ``B``, that it is bought: what was bought less what was sold over all volume, likewise.

Returns are capped, so that many minutes make a rise and no jump does. Without a pattern each is
about standard normal, whatever the time of day, the security and how rough the market is. The
evidence is ``(P + 2 V + G + B) / sqrt(7)``, at its largest over the windows, over how rough the
sector is just now: volume counts double, for returns have fat tails, and a rise without a reason
is less of a surprise than its figure says. Each of the five must be there, so that an even rise,
heavy volume at a flat price, or what is sold is none; ``A`` is no further evidence, since it is
half of ``P`` wherever ``P`` is a parabola. What rises on news of its own, or after a peer that
moved on news, is left to the patterns that explain it.

Who is driven up is no accident: those who do it need little money for it and a price that moves.
So beside the evidence stand what a security is among the others (its turnover and its usual
deviation over the median's), for how long it has risen, whether it still does, and whether there is
any news at all; :mod:`agents.discovery.odds` weighs them.

**Literature.** Aggarwal and Wu 2006, "Stock market manipulations": volume and returns rise
together and revert, and it is small, illiquid, volatile stocks that are manipulated; Xu and
Livshits 2019, "The anatomy of a cryptocurrency pump-and-dump scheme": abnormal volume and an
accelerating price before the peak; Leuz et al. 2017 for the size of rises.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.candidate import Candidate
from agents.discovery.habit import Habit
from agents.discovery.odds import Odds
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.session import SESSION_MIN
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

WINDOWS = (10, 16, 24, 36, 60, 90)
_WHOLE, _LATE = list(WINDOWS), [steps // 2 for steps in WINDOWS]
# Evidence of less than a tail of 2e-4 is not looked at: there is so much of it every day.
_THRESHOLD = 3.6
_WEIGHTS = {"rise": 1.0, "volume": 2.0, "growth": 1.0, "bought": 1.0}
# What must be there by itself, in deviations.
_LEAST = {"rise": 1.5, "steeper": 1.2, "volume": 0.7, "growth": 0.0, "bought": 0.0}
_ODDS = Odds(
    -10.4,
    {"evidence": 0.65, "size": -0.4, "roughness": 2.2, "length": 0.8, "rising": 0.14, "news": -1.2},
)
_RISING_MIN = 10
# Beyond so many deviations a minute counts as this many only.
_CAP = 3.0
# The mean of the absolute value of a fat-tailed unit variable; so few say nothing of a sector.
_MEAN_MOVE = 0.75
_LEAST_SECTOR = 4
# What is no more than this is not worth driving up, nor falling back from.
_LEAST_RETURN = 0.01
# Log volume is not known better than this; its usual mean and deviation follow over three sessions.
_LEAST_DEVIATION = 0.15
_LOOKS_PRIOR = 60.0
_RATE = 1 - 0.5 ** (1 / (3 * SESSION_MIN))
_LEAST_RELATIVE = 0.05
_LEAST_MARKET = np.log(0.2)
_WARM_MIN = 2 * SESSION_MIN
# Material news explains a rise within a day; that of a peer if it rose within hours; so
# do the peers if they rise together.
_NEWS_US = 20 * 60 * US_PER_MINUTE
# A rise that sets out with news speaks for the news: less of it will do.
_WITH_NEWS_MIN = 15
_EXPLAINS_THEN = 0.03
_FOLLOW_MIN = 120
_LED = 2.0
_TOGETHER_MIN = 60
_MOST_PEER = 2.5
HORIZON_S = 4 * 3_600
# Nobody knows how far it is driven: what is predicted is that half of it, and more, is lost.
_GIVES_BACK = 0.5


class _Evidence(NamedTuple):
    """Of every window and security, shape (windows, securities), each about standard normal."""

    rise: Floats
    steeper: Floats
    volume: Floats
    growth: Floats
    bought: Floats

    @property
    def joint(self) -> Floats:
        """The weighted sum, of about unit variance too; none where one of them is not there."""
        total = sum(weight * getattr(self, name) for name, weight in _WEIGHTS.items())
        there = [getattr(self, name) >= least for name, least in _LEAST.items()]
        whole = total / np.hypot.reduce(list(_WEIGHTS.values()))
        return np.where(np.logical_and.reduce(there), whole, -np.inf)

    def at(self, window: int, row: int) -> dict[str, float]:
        """Those of one security."""
        return {name: float(getattr(self, name)[window, row]) for name in self._fields}


class PumpAndDump:
    """Detector of pumps; see the module."""

    name: PatternType = "pump_and_dump"
    every = 1

    def __init__(self) -> None:
        self.usual = Habit(3 * len(WINDOWS), rate=_RATE, least=_LEAST_DEVIATION, prior=_LOOKS_PRIOR)

    def look(self, scene: Scene) -> list[Candidate]:
        """Pumps under way, strongest first."""
        panel = scene.panel
        if not len(panel):
            return []
        evidence = self._weigh(panel)
        joint = evidence.joint
        joint[:, panel.seen < _WARM_MIN] = -np.inf
        joint[np.array(WINDOWS) > panel.minute_of_session] = -np.inf
        window = np.argmax(joint, axis=0)
        strongest = joint[window, np.arange(len(panel))]
        found = []
        for row in np.flatnonzero(strongest >= _THRESHOLD).tolist():
            steps = WINDOWS[window[row]]
            gain = float(panel.window.total("e", steps)[row])
            rough = _roughness(panel, row, steps)
            sure = float(strongest[row]) / rough
            if sure < _THRESHOLD or gain < _LEAST_RETURN:
                continue
            figures = _standing(scene, row, steps) | {"evidence": sure}
            figures["rising"] /= rough
            odds = _ODDS.strength(figures)
            if odds >= 1 and not self._is_explained(scene, row, steps):
                told = evidence.at(int(window[row]), row) | figures
                found.append(_candidate(panel, row, steps, odds, told))
        return sorted(found, key=lambda c: -c.strength)

    def _weigh(self, panel: Panel) -> _Evidence:
        z = _totals(np.clip(panel.window.last("z", max(WINDOWS)), -_CAP, _CAP))
        volume, expected, signed = (
            _totals(panel.window.last(name, max(WINDOWS)))
            for name in ("volume", "expected", "signed")
        )
        root = np.sqrt(np.array(WINDOWS, dtype=np.float64))[:, None]
        rise, late = z[_WHOLE] / root, z[_LATE] / root
        relative = _log_relative(volume[_WHOLE], expected[_WHOLE])
        growth = _log_relative(volume[_LATE], expected[_LATE]) - relative
        sides = np.nan_to_num(ratio(signed[_WHOLE], volume[_WHOLE]))
        found = self.usual.take(np.vstack([relative, growth, sides]))
        return _Evidence(rise, np.minimum(2 * late - rise, rise), *np.split(found, 3))

    def _is_explained(self, scene: Scene, row: int, steps: int) -> bool:
        """Whether news, or the peers, explain the rise."""
        panel = scene.panel
        told = scene.news.explained(panel.now - _NEWS_US, panel.now)
        began = panel.now - (steps + _WITH_NEWS_MIN) * US_PER_MINUTE
        if panel.symbols[row] in told | scene.news.explained(began, panel.now, _EXPLAINS_THEN):
            return True
        peers = scene.peers(row)
        if len(peers) < 2:
            return False
        moves = panel.window.total("zm", _FOLLOW_MIN)[peers] / np.sqrt(_FOLLOW_MIN)
        led = any(panel.symbols[peer] in told for peer in peers[moves > _LED])
        return led or _rise_together(panel, peers, steps)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return self.usual.snapshot()

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.usual.load(state)


def _rise_together(panel: Panel, peers: NDArray[np.intp], steps: int) -> bool:
    """Whether at least two peers rise too, in this time or the last hour."""
    for minutes in (steps, max(steps, _TOGETHER_MIN)):
        moves = panel.window.total("zm", minutes)[peers] / np.sqrt(minutes)
        if np.sort(moves)[-2] > _MOST_PEER:
            return True
    return False


def _totals(rows: NDArray[np.float32]) -> Floats:
    """Sums of the last 0, 1, 2, .. rows, shape (rows + 1, securities)."""
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows[::-1], axis=0, dtype=np.float64, out=sums[1:])
    return sums


def _log_relative(volume: Floats, expected: Floats) -> Floats:
    """Log volume over what is usual, net of the median security's; NaN unknown."""
    logs = np.log(np.maximum(ratio(volume, expected), _LEAST_RELATIVE))
    order = np.sort(logs, axis=1)
    known = np.isfinite(order).sum(axis=1, keepdims=True)
    market = np.take_along_axis(order, np.maximum(known - 1, 0) // 2, axis=1)
    return np.asarray(logs - np.maximum(np.nan_to_num(market), _LEAST_MARKET))


def _roughness(panel: Panel, row: int, steps: int) -> float:
    """How much more than usual the median security of the sector moves, at least one."""
    same = panel.sector == panel.sector[row]
    same &= panel.seen >= _WARM_MIN
    same[row] = False
    if same.sum() < _LEAST_SECTOR:
        return 1.0
    moves = np.abs(panel.window.last("z", steps)[:, same]).mean(axis=0)
    return max(1.0, float(np.median(moves)) / _MEAN_MOVE)


def _standing(scene: Scene, row: int, steps: int) -> dict[str, float]:
    """What a security is among the others, how long it has risen, whether it still does."""
    panel = scene.panel
    known = panel.seen >= _WARM_MIN
    turnover = np.maximum(panel.volumes.usual * panel.last, 1.0)
    deviation = panel.deviation("m")
    news = scene.news.since(panel.now - _NEWS_US, panel.now)
    return {
        "size": float(np.log(turnover[row] / np.median(turnover[known]))),
        "roughness": float(np.log(deviation[row] / np.median(deviation[known]))),
        "length": float(np.log2(steps / WINDOWS[0])),
        "rising": float(panel.window.total("z", _RISING_MIN)[row]),
        "news": float(any(item.symbol == panel.symbols[row] for item in news)),
    }


def _candidate(
    panel: Panel, row: int, steps: int, strength: float, told: dict[str, float]
) -> Candidate:
    symbol = panel.symbols[row]
    gain = float(panel.window.total("m", steps)[row])
    relative = float(panel.relative_volume(steps)[row])
    return Candidate(
        pattern_type="pump_and_dump",
        lead=(symbol,),
        securities=[symbol],
        window_start=panel.now - steps * US_PER_MINUTE,
        strength=strength,
        direction={symbol: -1},
        horizon_s=HORIZON_S,
        gives_back=_GIVES_BACK,
        moved=gain,
        conditions={
            "rise": round(float(np.expm1(gain)), 4),
            "relative_volume": round(relative, 2),
            "window_minutes": steps,
            "imbalance": round(float(panel.imbalance(steps)[row]), 2),
            **{f"{name}_deviations": round(told[name], 2) for name in _Evidence._fields},
            "turnover_over_median": round(float(np.exp(told["size"])), 3),
            "deviation_over_median": round(float(np.exp(told["roughness"])), 2),
            "rising_deviations": round(told["rising"] / float(np.sqrt(_RISING_MIN)), 2),
        },
        features={
            "strength": strength,
            "rise": told["rise"] / 5,
            "steeper": told["steeper"] / 3,
            "volume": told["volume"] / 3,
            "growth": told["growth"] / 3,
            "gain": gain * 20,
            "imbalance": float(panel.imbalance(steps)[row]),
            "size": told["size"] / 2,
            "roughness": told["roughness"],
            "rising": told["rising"] / 10,
            "window": told["length"] / 3,
            "burst": panel.burst - 1,
        },
    )
