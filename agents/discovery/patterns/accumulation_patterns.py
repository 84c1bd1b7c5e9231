"""Accumulation: someone buys for hours to days, and the price hardly moves.

**Definition.** A security trades persistently more than usual, what is traded is bought rather than
sold, its price stays where it is, and there is no news of it. Who absorbs what others offer at a
flat price has a reason that is not public.

**Statistic.** In quarters of an hour of trading, over windows from one hour to two days:

- ``V``, the mean log of a quarter's volume over what is usual at that time;
- ``B``, the mean imbalance of its minutes: bought less sold over all volume, by Lee and Ready.

Both are net of the median of the sector: what all of it does is no secret of one. They are means
of quarters and minutes, so that a single block trade is no persistence, and are taken in deviations
from their own EW mean, security by security, which takes account of how long volumes and flows
remember. The evidence is ``(V + B) / sqrt(2)`` at its largest over the windows; both must be
significant by themselves, most quarters must have taken part, and the return net of the market must
be within what is usual for that time, as must that since the last close: a gap has a reason.

**Literature.** Lee and Ready 1991 for the sides; Easley, Lopez de Prado and O'Hara 2012, "Flow
toxicity and liquidity" (VPIN): imbalance of volume as the trace of informed trading; Kyle 1985 and
Barclay and Warner 1993, "Stealth trading": informed traders split what they buy; Llorente et al.
2002 for volume without a return as a sign of what is to come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.candidate import Candidate
from agents.discovery.habit import Habit
from agents.discovery.panel import BLOCK_MIN, NIGHT_MIN, SESSION_MIN, Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE

# Quarters of an hour: one hour, two, three and a quarter, five, a day, two.
WINDOWS = (4, 8, 13, 20, 26, 52)
# One false alarm in ten days: some ten independent windows a day of each of 150 securities.
_THRESHOLD = 4.15
_LEAST_VOLUME = 0.8
_LEAST_BOUGHT = 1.8
# No more than usual, in deviations; a part of the quarters that takes part in both.
_FLAT = 2.0
_FLAT_SINCE_CLOSE = 1.5
_LEAST_BREADTH, _LEAST_BREADTH_OF_FEW, _FEW = 0.5, 0.75, 4
_LEAST_DEVIATION = 0.06
_LOOKS_PRIOR = 60.0
_RATE = 1 - 0.5 ** (BLOCK_MIN / (5 * SESSION_MIN))
_LEAST_RELATIVE = 0.05
_LEAST_SECTOR = 4
_WARM_MIN = 3 * SESSION_MIN
# Material news explains who buys, for a day.
_NEWS_US = 24 * 60 * US_PER_MINUTE
HORIZON_S = 2 * 86_400


class AccumulationPatterns:
    """Detector of accumulation; see the module."""

    name: PatternType = "accumulation_patterns"
    every = BLOCK_MIN

    def __init__(self) -> None:
        self.volume = _habit()
        self.bought = _habit()

    def look(self, scene: Scene) -> list[Candidate]:
        """Accumulation under way, strongest first."""
        panel = scene.panel
        logs, sides = _quarters(panel)
        volume = self.volume.take(_means(logs))
        bought = self.bought.take(_means(sides))
        joint = (volume + bought) / np.sqrt(2)
        moves = np.stack([_move(panel, quarters) for quarters in WINDOWS])
        sound = (volume >= _LEAST_VOLUME) & (bought >= _LEAST_BOUGHT) & (np.abs(moves) <= _FLAT)
        sound &= np.abs(_since_close(panel)) <= _FLAT_SINCE_CLOSE
        sound &= panel.seen >= _WARM_MIN
        joint = np.where(sound, joint, -np.inf)
        window = np.argmax(joint, axis=0)
        strength = joint[window, np.arange(len(panel))] / _THRESHOLD
        told = scene.news.explained(scene.now - _NEWS_US, scene.now)
        found = []
        for row in np.argsort(-strength, kind="stable").tolist():
            if strength[row] < 1:
                break
            w, quarters = int(window[row]), WINDOWS[window[row]]
            both = (logs[-quarters:, row] > self.volume.mean[w, row]) & (sides[-quarters:, row] > 0)
            least = _LEAST_BREADTH_OF_FEW if quarters <= _FEW else _LEAST_BREADTH
            if both.mean() >= least and panel.symbols[row] not in told:
                figures = {
                    "volume_deviations": float(volume[w, row]),
                    "bought_deviations": float(bought[w, row]),
                    "move_deviations": float(moves[w, row]),
                    "breadth": float(both.mean()),
                    "relative_volume": float(np.exp(logs[-quarters:, row].mean())),
                    "imbalance": float(sides[-quarters:, row].mean()),
                }
                found.append(_candidate(panel, row, quarters, float(strength[row]), figures))
        return found

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"volume": self.volume.snapshot(), "bought": self.bought.snapshot()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.volume.load(state["volume"])
        self.bought.load(state["bought"])


def _habit() -> Habit:
    return Habit(
        len(WINDOWS),
        rate=_RATE,
        least=_LEAST_DEVIATION,
        prior=_LOOKS_PRIOR,
    )


def _quarters(panel: Panel) -> tuple[Floats, Floats]:
    """Log relative volume and imbalance, both net of the sector, of each quarter and security.

    Shapes (quarters, securities); 0 where nothing is known.
    """
    count = max(WINDOWS)
    volume, expected, side, traded = (
        panel.blocks.last(name, count).astype(np.float64)
        for name in ("volume", "expected", "side", "traded")
    )
    logs = np.log(np.maximum(ratio(volume, expected), _LEAST_RELATIVE))
    logs, sides = np.nan_to_num(logs), np.nan_to_num(ratio(side, traded))
    for rows in _groups(panel):
        for figures in (logs, sides):
            figures[:, rows] -= np.median(figures[:, rows], axis=1, keepdims=True)
    return logs, sides


def _groups(panel: Panel) -> Iterator[NDArray[np.intp]]:
    """The securities of each sector that is large enough, then all others together."""
    rest = np.ones(len(panel), bool)
    for sector in range(len(panel.sector_names)):
        rows = np.flatnonzero(panel.sector == sector)
        if len(rows) >= _LEAST_SECTOR:
            rest[rows] = False
            yield rows
    if rest.any():
        yield np.flatnonzero(rest)


def _means(quarters: Floats) -> Floats:
    """The mean of the last quarters of each window, shape (windows, securities)."""
    return np.stack([quarters[-count:].mean(axis=0) for count in WINDOWS])


def _move(panel: Panel, quarters: int) -> Floats:
    """The return net of the market in its usual deviations, shape (securities,)."""
    return np.asarray(panel.blocks.total("zm", quarters) / np.sqrt(quarters * BLOCK_MIN))


def _since_close(panel: Panel) -> Floats:
    """The return since the last session's close in deviations of a day, shape (securities,).

    A price that has found another level overnight is not flat, whatever it does from then on.
    """
    today = panel.window.total("m", min(panel.minute_of_session, SESSION_MIN))
    usual = panel.deviation("m") * np.sqrt(SESSION_MIN + NIGHT_MIN)
    return np.asarray((panel.overnight + today) / usual)


def _candidate(
    panel: Panel, row: int, quarters: int, strength: float, told: dict[str, float]
) -> Candidate:
    symbol = panel.symbols[row]
    return Candidate(
        pattern_type="accumulation_patterns",
        lead=(symbol,),
        securities=[symbol],
        window_start=panel.now - quarters * BLOCK_MIN * US_PER_MINUTE,
        strength=strength,
        direction={symbol: 1},
        horizon_s=HORIZON_S,
        conditions={
            "window_minutes": quarters * BLOCK_MIN,
            **{name: round(value, 2) for name, value in told.items()},
        },
        features={
            "strength": strength,
            "volume": told["volume_deviations"] / 3,
            "bought": told["bought_deviations"] / 3,
            "move": told["move_deviations"] / 2,
            "breadth": told["breadth"],
            "imbalance": told["imbalance"],
            "window": float(np.log2(quarters / WINDOWS[0])) / 4,
            "burst": panel.burst - 1,
        },
    )
