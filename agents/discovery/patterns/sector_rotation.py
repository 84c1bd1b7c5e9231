"""Sector rotation: abnormal returns and volume shift persistently from one sector to another.

**Definition.** For hours to days the members of one sector lose and those of another gain, net of
the market, most members taking part, while the volume of at least one of the two is unusual.

**Statistic.** The return of a sector net of the market is a robust mean of its members' returns
(`panel.sectors`). In steps of five minutes it is standardised by the time of the day, the market's
volatility and the sector's own EW variance, capped, and freed of what is left of its dependence on
the market. Over ``n`` steps the drift is ``T = sum / sqrt(n)``, standard normal without rotation;
it is divided by its own usual scale over that window, which takes account of clustered volatility.
The volume ``V`` of a sector is the median member's log volume over what is usual at that time, net
of the market's, standardised by its own EW mean and variance. A leg of a rotation is drift and
volume together, ``L = (+-T + V) / sqrt(2)``, and the evidence ``(L_in + L_out) / sqrt(2)`` at its
largest over windows from an hour to a day. Each leg must be significant by itself and in both its
parts point the right way, and most members must have drifted with it: neither a move of the whole
market, nor of a single sector, nor one huge mover is a rotation.

**Literature.** Moskowitz and Grinblatt 1999, "Do industries explain momentum?": industries' returns
persist, beyond what single securities do; Kakushadze and Yu 2016 for robust industry factors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate, Direction
from agents.discovery.panel import SESSION_MIN, Panel, slot_of
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.window import Window
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

STEP_MIN = 5
# An hour, two, four, a day: what "hours to days" shows first in.
WINDOWS = (12, 24, 48, 78)
# Half-life of variances and of the usual scale of drifts, in steps: three sessions.
_KEEP = 0.5 ** (STEP_MIN / (3 * SESSION_MIN))
# Steps before anything is said: two sessions, for a variance to mean something.
_ENOUGH = 2 * SESSION_MIN // STEP_MIN
# Beyond so many deviations a step, or a volume, counts as this many only: one jump is no drift.
_CAP = 3.0
_SQUARE_CAP = 16.0
# Log volume of a sector's median member is not known better than this.
_LEAST_VOLUME_DEVIATION = 0.08
_LEAST_VOLUME = 0.05
_VOLUME_SQUARE_CAP = 0.25
# One false alarm in ten days among ninety ordered pairs of sectors, each looked at about thirty
# times a day independently, is a tail of 4e-5, four deviations; half of one more for fat tails.
_THRESHOLD = 4.5
# Each leg alone: one in forty; its drift alone: one in ten.
_LEAST_LEG = 2.0
_LEAST_DRIFT = 1.3
_LEAST_BREADTH = 0.65
_LEAST_MEMBERS = 4
_MOST_SIDE = 10
_HORIZON_S = SESSION_MIN * 60


class _Leg(NamedTuple):
    """One side of a rotation; ``members`` are those who trade, the strongest drift first."""

    sector: int
    drift: float
    members: NDArray[np.intp]
    breadth: float
    volume: float


class SectorRotation:
    """Detector of sector rotation; see the module."""

    name: PatternType = "sector_rotation"
    every = STEP_MIN

    def __init__(self) -> None:
        self.steps = Window(("sector",), max(WINDOWS))
        self.market = Window(("market",), max(WINDOWS))
        self.market.resize(1)
        self.variance: Floats = np.zeros(0)
        self.market_variance = 0.0
        self.cross: Floats = np.zeros(0)
        self.scale: Floats = np.ones(len(WINDOWS))
        self.volume_mean: Floats = np.zeros((len(WINDOWS), 0))
        self.volume_square: Floats = np.zeros((len(WINDOWS), 0))
        self.count = 0

    def look(self, scene: Scene) -> list[Candidate]:
        """The strongest rotation under way, if any."""
        panel = scene.panel
        if len(panel.sector_names) < 2:
            return []
        self._take(panel)
        drift, volume = self._drifts(), self._volumes(panel)
        if self.count <= _ENOUGH:
            return []
        return self._rotation(panel, drift, volume)

    def _take(self, panel: Panel) -> None:
        grow = len(panel.sector_names) - len(self.variance)
        if grow > 0:
            self.steps.resize(len(panel.sector_names))
            for name in ("variance", "cross"):
                setattr(self, name, np.append(getattr(self, name), np.zeros(grow)))
            for name in ("volume_mean", "volume_square"):
                setattr(self, name, np.pad(getattr(self, name), ((0, 0), (0, grow))))
        usual = np.sqrt(panel.shape[slot_of(panel.now - US_PER_MINUTE)]) * panel.burst
        step = panel.sectors.total("return", STEP_MIN) / usual
        market = float(panel.factors.total("market", STEP_MIN)[0]) / usual
        rate = max(1 / (self.count + 1), 1 - _KEEP)
        first = self.variance <= 0
        limit = np.where(first, np.inf, _SQUARE_CAP * self.variance)
        self.variance += np.where(first, 1.0, rate) * (np.minimum(step**2, limit) - self.variance)
        self.market_variance += rate * (market**2 - self.market_variance)
        z = np.clip(step / np.sqrt(np.maximum(self.variance, 1e-14)), -_CAP, _CAP)
        pushed = float(np.clip(market / np.sqrt(self.market_variance + 1e-14), -_CAP, _CAP))
        self.cross += rate * (z * pushed - self.cross)
        self.steps.append(sector=z)
        self.market.append(market=np.array([pushed]))
        self.count += 1

    def _drifts(self) -> Floats:
        """Standardised drift of each sector over each window, shape (windows, sectors)."""
        drifts = np.zeros((len(WINDOWS), len(self.variance)))
        for w, steps in enumerate(WINDOWS):
            pushed = float(self.market.total("market", steps)[0])
            drift = (self.steps.total("sector", steps) - self.cross * pushed) / np.sqrt(steps)
            if self.count > steps:
                square = float(np.mean(np.minimum(drift**2, _CAP**2)))
                self.scale[w] += (1 - _KEEP) * (square - self.scale[w])
            drifts[w] = drift / np.sqrt(max(self.scale[w], 1.0))
        return drifts

    def _volumes(self, panel: Panel) -> Floats:
        """How unusual the volume of each sector's median member is, shape (windows, sectors)."""
        found = np.zeros((len(WINDOWS), len(self.variance)))
        for w, steps in enumerate(WINDOWS):
            logs = np.log(np.maximum(panel.relative_volume(steps * STEP_MIN), _LEAST_VOLUME))
            for sector in range(len(self.variance)):
                own = logs[(panel.sector == sector) & np.isfinite(logs)]
                found[w, sector] = np.median(own) if len(own) else 0.0
        rate = max(1 / (self.count + 1), 1 - _KEEP)
        away = found - self.volume_mean
        deviation = np.maximum(np.sqrt(self.volume_square), _LEAST_VOLUME_DEVIATION)
        self.volume_mean += rate * away
        self.volume_square += rate * (np.minimum(away**2, _VOLUME_SQUARE_CAP) - self.volume_square)
        return np.clip(away / deviation, -_CAP, _CAP)

    def _rotation(self, panel: Panel, drifts: Floats, volumes: Floats) -> list[Candidate]:
        best: Candidate | None = None
        for drift, volume, steps in zip(drifts, volumes, WINDOWS, strict=True):
            into, out = (_evidence(sign * drift, volume) for sign in (1, -1))
            to, source = int(np.argmax(into)), int(np.argmax(out))
            strength = (into[to] + out[source]) / np.sqrt(2) / _THRESHOLD
            if strength < 1 or (best is not None and strength <= best.strength):
                continue
            legs = [_leg(panel, s, drift[s], volume[s], steps) for s in (source, to)]
            if min(leg.breadth for leg in legs) >= _LEAST_BREADTH:
                best = _candidate(panel, float(strength), steps, legs[0], legs[1])
        return [] if best is None else [best]

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "steps": self.steps.snapshot(),
            "market": self.market.snapshot(),
            **{name: getattr(self, name) for name in _STATE},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.steps.load(state["steps"])
        self.market.load(state["market"])
        for name in _STATE:
            setattr(self, name, state[name])


def _evidence(drift: Floats, volume: Floats) -> Floats:
    """Drift and volume of each sector as one deviation; -inf for what is no leg of a rotation."""
    joint = (drift + volume) / np.sqrt(2)
    leg = (drift >= _LEAST_DRIFT) & (volume >= 0) & (joint >= _LEAST_LEG)
    return np.where(leg, joint, -np.inf)


def _leg(panel: Panel, sector: int, drift: float, volume: float, steps: int) -> _Leg:
    members = np.flatnonzero(panel.sector == sector)
    moved = panel.window.total("zm", steps * STEP_MIN)[members] * np.sign(drift)
    active = panel.window.total("traded", steps * STEP_MIN)[members] > 0
    members, moved = members[active], moved[active]
    breadth = float(np.mean(moved > 0)) if len(members) >= _LEAST_MEMBERS else 0.0
    order = np.argsort(-moved, kind="stable")
    return _Leg(sector, float(drift), members[order], breadth, float(volume))


def _candidate(panel: Panel, strength: float, steps: int, out: _Leg, into: _Leg) -> Candidate:
    names = [panel.sector_names[leg.sector] for leg in (out, into)]
    direction: dict[str, Direction] = {panel.symbols[i]: -1 for i in out.members[:_MOST_SIDE]}
    direction |= {panel.symbols[i]: 1 for i in into.members[:_MOST_SIDE]}
    return Candidate(
        pattern_type="sector_rotation",
        lead=(f"sector:{names[0]}", f"sector:{names[1]}"),
        securities=list(direction),
        window_start=panel.now - steps * STEP_MIN * US_PER_MINUTE,
        strength=strength,
        direction=direction,
        horizon_s=_HORIZON_S,
        conditions={
            "from_sector": names[0],
            "to_sector": names[1],
            "window_minutes": steps * STEP_MIN,
            "drift_out": round(out.drift, 2),
            "drift_in": round(into.drift, 2),
            "breadth_out": round(out.breadth, 2),
            "breadth_in": round(into.breadth, 2),
            "volume_out": round(out.volume, 2),
            "volume_in": round(into.volume, 2),
        },
        features={
            "strength": strength,
            "weaker_drift": min(-out.drift, into.drift) / 3,
            "weaker_volume": min(out.volume, into.volume) / 3,
            "breadth": min(out.breadth, into.breadth),
            "window": float(np.log2(steps / WINDOWS[0])) / 3,
            "burst": panel.burst - 1,
        },
    )


_STATE = (
    "variance", "market_variance", "cross", "scale", "volume_mean", "volume_square", "count",
)  # fmt: skip
