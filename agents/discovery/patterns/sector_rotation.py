"""Sector rotation: abnormal returns and volume shift persistently from one sector to another.

**Definition.** For hours to days the members of one sector lose and are sold and those of another
gain and are bought, net of the market, most members taking part, while volumes are unusual.

**Statistic.** Every five minutes three figures are taken of each sector, net of the median sector:

- ``D``, drift: the mean of its members' standardised, capped returns;
- ``F``, flow: the mean of their imbalances (bought less sold, sides by Lee and Ready 1991);
- ``V``, volume: the log of its median member's volume over what is usual at that time.

Each is summed over windows from one hour to a day and standardised by its own EW mean and deviation
over that window, sector by sector, which takes account of how long moves, flows and volumes
remember. Means and medians over members, capped, see to it that no single one makes a leg. The leg
into a sector is ``(D + F + V) / sqrt(3)``, that out of one ``(-D - F + |V|) / sqrt(3)``, for who
sells may do so loudly or quietly. The evidence is ``(L_in + L_out) / sqrt(2)``. Drift and flow of
either leg and the volume of the one into must point the right way by themselves, and most members
must have drifted with it. Where a feed has no quotes that tell the sides, drift and volume must do.

A rotation has two legs, and beside one sector that moves some other one always moves a little. So
beside the evidence stand the lesser of the two flows, which prices do not make by themselves, and
by how much each leg leads that of any other sector; :mod:`agents.discovery.odds` weighs them, and
they are taken where they are largest over the windows. Neither a move of the whole market, nor of a
single sector, nor one huge mover is a rotation.

**Literature.** Moskowitz and Grinblatt 1999, "Do industries explain momentum?": industries' returns
persist, beyond what single securities do; Froot and Teo 2008, "Style investing and institutional
investors": flows into and out of groups come in opposite pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.candidate import Candidate, Direction
from agents.discovery.habit import Habit
from agents.discovery.odds import Odds
from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.session import SESSION_MIN
from agents.discovery.window import Window
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

STEP_MIN = 5
# An hour, two, three and a quarter, a day: what "hours to days" shows first in.
WINDOWS = (12, 24, 39, 78)
# Half-life of what is usual, in steps: three sessions; so many looks are worth what is assumed.
_RATE = 1 - 0.5 ** (STEP_MIN / (3 * SESSION_MIN))
_LOOKS_PRIOR = 60.0
# Steps before anything is said: two sessions, for a deviation to mean something.
_ENOUGH = 2 * SESSION_MIN // STEP_MIN
# Beyond so many deviations a figure counts as this many only: one jump is no drift.
_CAP = 3.0
# No sum of steps varies less than independent ones, nor is a volume known better than this.
_LEAST_SUM = 0.8
_LEAST_VOLUME_DEVIATION = 0.05
_LEAST_RELATIVE = 0.05
# Evidence of less than a tail of 2e-4 is not looked at, nor legs and figures of less than these.
_THRESHOLD = 3.6
_LEAST_LEG = 3.0
_LEAST_FIGURE = 0.5
_ODDS = Odds(-12.5, {"evidence": 1.25, "weaker_flow": 1.15, "lead_into": 0.55, "lead_out_of": 0.65})
# A sector that leads by more moves alone.
_MOST_LEAD = 2.5
_TOLD = 0.5
_LEAST_BREADTH = 0.55
_LEAST_MEMBERS = 4
_MOST_SIDE = 10
_HORIZON_S = SESSION_MIN * 60


class _Figures(NamedTuple):
    """What each sector did over each window, in deviations; shape (windows, sectors).

    ``flow`` is NaN where quotes tell the sides of less than half of it.
    """

    drift: Floats
    flow: Floats
    volume: Floats


class _Leg(NamedTuple):
    """One side of a rotation; ``members`` are those who trade, the strongest drift first."""

    sector: int
    members: NDArray[np.intp]
    breadth: float
    drift: float
    flow: float
    volume: float


class SectorRotation:
    """Detector of sector rotation; see the module."""

    name: PatternType = "sector_rotation"
    every = STEP_MIN

    def __init__(self) -> None:
        self.steps = Window((*_Figures._fields, "told"), max(WINDOWS))
        self.usual = {name: _habit(1, 0.0) for name in ("drift", "flow")}
        self.sums = {
            "drift": _habit(len(WINDOWS), _LEAST_SUM),
            "flow": _habit(len(WINDOWS), _LEAST_SUM),
            "volume": _habit(len(WINDOWS), _LEAST_VOLUME_DEVIATION),
        }
        self.count = 0

    def look(self, scene: Scene) -> list[Candidate]:
        """The strongest rotation under way, if any."""
        panel = scene.panel
        if len(panel.sector_names) < 2:
            return []
        self._take(panel)
        figures = self._figures()
        if self.count <= _ENOUGH:
            return []
        return _rotation(panel, figures)

    def _take(self, panel: Panel) -> None:
        """Add the last five minutes of every sector."""
        self.steps.resize(len(panel.sector_names))
        drift, flow, volume = _net(_step(panel))
        self.steps.append(
            drift=np.nan_to_num(self.usual["drift"].take(drift[None])[0]),
            flow=np.nan_to_num(self.usual["flow"].take(flow[None])[0]),
            volume=np.nan_to_num(volume),
            told=np.isfinite(flow),
        )
        self.count += 1

    def _figures(self) -> _Figures:
        found = []
        for name, habit in self.sums.items():
            power = 1.0 if name == "volume" else 0.5
            sums = np.stack([self._total(name, steps, power) for steps in WINDOWS])
            found.append(np.clip(habit.take(sums), -_CAP, _CAP))
        told = np.stack([self._total("told", steps, 1.0) for steps in WINDOWS])
        drift, flow, volume = found
        return _Figures(drift, np.where(told >= _TOLD, flow, np.nan), volume)

    def _total(self, name: str, steps: int, power: float) -> Floats:
        return np.asarray(self.steps.total(name, steps) / min(steps, self.count) ** power)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "steps": self.steps.snapshot(),
            "usual": {name: habit.snapshot() for name, habit in self.usual.items()},
            "sums": {name: habit.snapshot() for name, habit in self.sums.items()},
            "count": self.count,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.steps.load(state["steps"])
        self.count = state["count"]
        for habits, saved in ((self.usual, state["usual"]), (self.sums, state["sums"])):
            for name, habit in habits.items():
                habit.load(saved[name])


def _habit(windows: int, least: float) -> Habit:
    return Habit(windows, rate=_RATE, least=max(least, 1e-9), prior=_LOOKS_PRIOR)


def _step(panel: Panel) -> tuple[Floats, Floats, Floats]:
    """Drift, flow and log volume of each sector in the last five minutes; NaN where unknown."""
    drift, flow, volume = (np.full(len(panel.sector_names), np.nan) for _ in range(3))
    moved = np.clip(panel.window.total("zm", STEP_MIN) / np.sqrt(STEP_MIN), -_CAP, _CAP)
    traded = panel.window.total("traded", STEP_MIN)
    sided = panel.window.total("sided", STEP_MIN)
    side = ratio(panel.window.total("side", STEP_MIN), sided)
    relative = ratio(
        panel.window.total("volume", STEP_MIN), panel.window.total("expected", STEP_MIN)
    )
    logs = np.log(np.maximum(relative, _LEAST_RELATIVE))
    for sector in range(len(drift)):
        rows = np.flatnonzero((panel.sector == sector) & (traded > 0) & np.isfinite(logs))
        if len(rows) >= _LEAST_MEMBERS:
            drift[sector], volume[sector] = moved[rows].mean(), np.median(logs[rows])
            rows = rows[sided[rows] > 0]
            if len(rows) >= _LEAST_MEMBERS:
                flow[sector] = side[rows].mean()
    return drift, flow, volume


def _net(figures: tuple[Floats, ...]) -> list[Floats]:
    """Figures of shape (sectors,) less the median sector's."""
    return [x - np.median(x[np.isfinite(x)]) if np.isfinite(x).any() else x for x in figures]


def _rotation(panel: Panel, figures: _Figures) -> list[Candidate]:
    into, out = _legs(figures)
    comes, goes = _pointing(figures)
    best: Candidate | None = None
    for w, steps in enumerate(WINDOWS):
        to = int(np.argmax(np.where(comes[w], into[w], -np.inf)))
        source = int(np.argmax(np.where(goes[w], out[w], -np.inf)))
        evidence = float((into[w, to] + out[w, source]) / np.sqrt(2))
        weaker = min(into[w, to], out[w, source])
        if not (comes[w, to] and goes[w, source]) or weaker < _LEAST_LEG or evidence < _THRESHOLD:
            continue
        legs = [_leg(panel, sector, steps, figures, w) for sector in (source, to)]
        told = {
            "evidence": evidence,
            "weaker_flow": _weaker_flow(*legs),
            "lead_into": _lead(into[w], to),
            "lead_out_of": _lead(out[w], source),
        }
        strength = _ODDS.strength(told)
        better = best is None or strength > best.strength
        if min(leg.breadth for leg in legs) >= _LEAST_BREADTH and strength >= 1 and better:
            best = _candidate(panel, strength, steps, legs[0], legs[1], told)
    return [] if best is None else [best]


def _legs(figures: _Figures) -> tuple[Floats, Floats]:
    """Evidence of flight into and out of each sector over each window."""
    drift, flow, volume = figures
    parts = np.where(np.isnan(flow), np.sqrt(2), np.sqrt(3))
    known = np.nan_to_num(flow)
    return (drift + known + volume) / parts, (np.abs(volume) - drift - known) / parts


def _pointing(figures: _Figures) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether every figure points into, or out of, each sector over each window."""
    drift, flow, volume = figures
    comes = np.fmin(np.minimum(drift, volume), flow) >= _LEAST_FIGURE
    return comes, np.fmax(drift, flow) <= -_LEAST_FIGURE


def _weaker_flow(out: _Leg, into: _Leg) -> float:
    """The lesser flow of the two; the lesser drift where the sides are not told."""
    if np.isfinite(out.flow) and np.isfinite(into.flow):
        return min(-out.flow, into.flow)
    return min(-out.drift, into.drift)


def _lead(legs: Floats, sector: int) -> float:
    """By how much a sector's leg is beyond that of any other, or beyond none; so much at most."""
    return min(float(legs[sector] - max(np.delete(legs, sector).max(), 0.0)), _MOST_LEAD)


def _leg(panel: Panel, sector: int, steps: int, figures: _Figures, w: int) -> _Leg:
    drift, flow, volume = (float(figure[w, sector]) for figure in figures)
    members = np.flatnonzero(panel.sector == sector)
    moved = panel.window.total("zm", steps * STEP_MIN)[members] * np.sign(drift)
    active = panel.window.total("traded", steps * STEP_MIN)[members] > 0
    members, moved = members[active], moved[active]
    breadth = float(np.mean(moved > 0)) if len(members) >= _LEAST_MEMBERS else 0.0
    order = np.argsort(-moved, kind="stable")
    return _Leg(sector, members[order], breadth, drift, flow, volume)


def _candidate(
    panel: Panel, strength: float, steps: int, out: _Leg, into: _Leg, told: dict[str, float]
) -> Candidate:
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
            "flow_out": round(out.flow, 2) if np.isfinite(out.flow) else None,
            "flow_in": round(into.flow, 2) if np.isfinite(into.flow) else None,
            "volume_out": round(out.volume, 2),
            "volume_in": round(into.volume, 2),
            **{name: round(value, 2) for name, value in told.items()},
        },
        features={
            "strength": strength,
            "weaker_drift": min(-out.drift, into.drift) / 3,
            "weaker_flow": told["weaker_flow"] / 3,
            "lead": min(told["lead_into"], told["lead_out_of"]) / 2,
            "volume_in": into.volume / 3,
            "breadth": min(out.breadth, into.breadth),
            "window": float(np.log2(steps / WINDOWS[0])) / 3,
            "burst": panel.burst - 1,
        },
    )
