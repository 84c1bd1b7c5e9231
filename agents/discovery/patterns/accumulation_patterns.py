"""Accumulation: someone buys for hours to days, and the price hardly moves.

**Definition.** A security trades persistently more than usual, what is traded is bought rather than
sold, its price stays where it is, and there is no news of it. Who absorbs what others offer at a
flat price has a reason that is not public.

**Statistic.** In quarters of an hour of trading, over windows from an hour to two days:

- ``V``, the mean log of a quarter's volume over what is usual at that time, a quarter counting as
  four times the usual at most;
- ``B``, the mean imbalance of its minutes: bought less sold over all volume, by Lee and Ready; a
  minute without a trade says nothing.

Both are net of the market's median, so that they are means of quarters and minutes and a single
block trade is no persistence. They are taken in deviations from their own EW mean, window by window
and security by security, which takes account of how long volumes and flows remember. What the
others of the sector have in common is then taken off, as far as it is more than chance (positive
part of James and Stein). Without a pattern each is standard normal over every window.

The evidence is the log likelihood ratio of *twice the usual volume, two of three bought* against
*nothing*, in deviations: ``(b B + v V) / hypot(b, v)``, where ``b`` and ``v`` are what those would
be in deviations of this security over this window. So what is noisy counts less: the sides of a
thinly traded security, and volume the more so the longer the window, for it remembers longer than
flows do. It is taken at its largest over the windows in which accumulation is more likely than
nothing: what is unusual but tiny is none. Volume must be there by itself; so must the evidence of
the last hour, or it is over; the return net of the market must be within what is usual for that
time, as must that since the last close: a gap has a reason.

Where that evidence is there, how like accumulation it is depends on how much is bought and traded,
for how long, how flat the price is, and on how much is told of the security, be it ever so
immaterial: what is talked about is traded; :mod:`agents.discovery.odds` weighs them.

**Prediction.** Who buys goes on buying: over the next three hours the imbalance net of the market
stays over half of what it was. Told beside it is that the price goes up in the end, which may take
longer.

**Literature.** Lee and Ready 1991 for the sides; Easley, Lopez de Prado and O'Hara 2012, "Flow
toxicity and liquidity" (VPIN): imbalance of volume as the trace of informed trading; Kyle 1985 and
Barclay and Warner 1993, "Stealth trading": informed traders split what they buy; Llorente et al.
2002 for volume without a return as a sign of what is to come; Lorden 1971 and Siegmund and
Venkatraman 1995 for the largest likelihood ratio over windows as the way to see a change of unknown
beginning; James and Stein 1961 for the sector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.candidate import Candidate
from agents.discovery.habit import Habit
from agents.discovery.odds import Odds
from agents.discovery.panel import BLOCK_MIN, Panel
from agents.discovery.robust import Floats
from agents.discovery.scene import Scene
from agents.discovery.session import NIGHT_MIN, SESSION_MIN
from schemas.signals import PatternType, Persistence
from schemas.times import US_PER_MINUTE

# Quarters of an hour: from an hour to a day (26 of them) and two.
WINDOWS = (4, 6, 8, 10, 13, 16, 20, 26, 36, 52)
# Evidence of less than a tail of a thousandth is not looked at: there is so much of it every day.
_THRESHOLD = 3.0
_ODDS = Odds(
    -10.1,
    {
        "volume_deviations": 0.8,
        "bought_deviations": 0.75,
        "away_deviations": -1.15,
        "log_volume": 1.85,
        "imbalance": 8.0,
        "length": 1.2,
        "news": -1.0,
    },
)
_MOST_NEWS = 3
# What is looked for, as mean log volume and as imbalance: twice the usual, two of three bought.
_LIKELY_VOLUME, _LIKELY_BOUGHT = np.log(2.0), 1 / 3
# Volume must be this many deviations over the usual, and more of them than the most says no more.
_LEAST_VOLUME, _MOST_VOLUME = 0.3, 3.0
# The evidence of the last hour, in deviations.
_STILL = 0.5
# No more than usual, in deviations.
_FLAT = 2.5
_FLAT_SINCE_CLOSE = 2.0
# A quarter's log volume is not more, nor less, than this.
_MOST_QUARTER = np.log(4.0)
_LEAST_RELATIVE = 0.05
# What is usual is learned over a month; what is assumed weighs as much as so many windows of their
# own, overlaps not counted twice.
_LEAST_DEVIATION = 0.02
_RATE = 1 - 0.5 ** (BLOCK_MIN / (20 * SESSION_MIN))
_WINDOWS_PRIOR = 20.0
# A sector's mean is beyond chance if its square is more than so many times its variance.
_LEAST_SECTOR = 4
_SECTOR_SQUARE = 2.0
_SECTOR_CAP = 3.0
_WARM_MIN = 3 * SESSION_MIN
# Material news explains who buys, for a day.
_NEWS_US = 24 * 60 * US_PER_MINUTE
HORIZON_S = 3 * 3_600
# Who goes on buying buys at least so much of what was bought.
_GOES_ON = 0.5


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
        if not len(panel):
            return []
        logs, sides = _quarters(panel)
        volume = _net_of_sector(self.volume.take(_means(logs, panel.seen)), panel)
        bought = _net_of_sector(self.bought.take(_means(sides, panel.seen)), panel)
        joint, expected = self._weigh(volume, bought)
        moves = np.stack([_move(panel, quarters) for quarters in WINDOWS])
        # Less than half of what is expected of accumulation is more likely to be nothing.
        sound = (joint >= expected / 2) & (joint[0] >= _STILL)
        sound &= (volume >= _LEAST_VOLUME) & (np.abs(moves) <= _FLAT)
        sound &= np.abs(_since_close(panel)) <= _FLAT_SINCE_CLOSE
        sound &= panel.seen >= _WARM_MIN
        joint = np.where(sound, joint, -np.inf)
        window = np.argmax(joint, axis=0)
        strongest = joint[window, np.arange(len(panel))]
        told = scene.news.explained(scene.now - _NEWS_US, scene.now)
        items = Counter(i.symbol for i in scene.news.since(scene.now - _NEWS_US, scene.now))
        found = []
        for row in np.flatnonzero(strongest >= _THRESHOLD).tolist():
            if panel.symbols[row] not in told:
                w, quarters = int(window[row]), WINDOWS[window[row]]
                log, side = logs[-quarters:, row], sides[-quarters:, row]
                figures = {
                    "volume_deviations": float(volume[w, row]),
                    "bought_deviations": float(bought[w, row]),
                    "move_deviations": float(moves[w, row]),
                    "breadth": float(((log > self.volume.mean[w, row]) & (side > 0)).mean()),
                    "relative_volume": float(np.exp(log.mean())),
                    "imbalance": float(side.mean()),
                }
                figures |= {
                    "log_volume": float(log.mean()),
                    "away_deviations": abs(figures["move_deviations"]),
                    "length": float(np.log2(quarters / WINDOWS[0])),
                    "news": float(min(items[panel.symbols[row]], _MOST_NEWS)),
                }
                odds = _ODDS.strength(figures)
                if odds >= 1:
                    found.append(_candidate(panel, row, quarters, odds, figures))
        return sorted(found, key=lambda c: -c.strength)

    def _weigh(self, volume: Floats, bought: Floats) -> tuple[Floats, Floats]:
        """The evidence from both, and what accumulation is expected to give, in deviations.

        All of shape (windows, securities).
        """
        by_volume = _LIKELY_VOLUME / self.volume.deviation()
        by_bought = _LIKELY_BOUGHT / self.bought.deviation()
        expected = np.hypot(by_volume, by_bought)
        both = by_volume * np.minimum(volume, _MOST_VOLUME) + by_bought * bought
        return both / expected, expected

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"volume": self.volume.snapshot(), "bought": self.bought.snapshot()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.volume.load(state["volume"])
        self.bought.load(state["bought"])


def _habit() -> Habit:
    prior = _WINDOWS_PRIOR * np.array(WINDOWS, np.float64)[:, None]
    return Habit(len(WINDOWS), rate=_RATE, least=_LEAST_DEVIATION, prior=prior)


def _quarters(panel: Panel) -> tuple[Floats, Floats]:
    """Log relative volume and imbalance, net of the market, of each quarter and security.

    Shapes (quarters, securities); 0 where nothing is known.
    """
    count = max(WINDOWS)
    volume, expected, side = (
        panel.blocks.last(name, count).astype(np.float64) for name in ("volume", "expected", "side")
    )
    logs = np.nan_to_num(np.log(np.maximum(ratio(volume, expected), _LEAST_RELATIVE)))
    sides = side / BLOCK_MIN
    logs -= np.median(logs, axis=1, keepdims=True)
    sides -= np.median(sides, axis=1, keepdims=True)
    return np.clip(logs, -_MOST_QUARTER, _MOST_QUARTER), sides


def _means(quarters: Floats, seen: NDArray[np.int64]) -> Floats:
    """The mean of the last quarters of each window, shape (windows, securities).

    NaN where a security was not ``seen`` for so many minutes: the rest is not known to be usual.
    """
    means = np.stack([quarters[-count:].mean(axis=0) for count in WINDOWS])
    known = seen >= BLOCK_MIN * np.array(WINDOWS)[:, None]
    return np.where(known, means, np.nan)


def _net_of_sector(away: Floats, panel: Panel) -> Floats:
    """Deviations less what the others of the sector have in common beyond chance, same shape."""
    net = away.copy()
    for rows in _sectors(panel):
        capped = np.clip(away[:, rows], -_SECTOR_CAP, _SECTOR_CAP)
        others = len(rows) - 1
        mean = (capped.sum(axis=1, keepdims=True) - capped) / others
        chance = _SECTOR_SQUARE / np.maximum(others * mean**2, _SECTOR_SQUARE)
        net[:, rows] -= mean * (1 - chance)
    return net


def _sectors(panel: Panel) -> Iterator[NDArray[np.intp]]:
    """The securities of each sector that is large enough."""
    for sector in range(len(panel.sector_names)):
        rows = np.flatnonzero(panel.sector == sector)
        if len(rows) >= _LEAST_SECTOR:
            yield rows


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
        persistence=Persistence("imbalance", over=round(_GOES_ON * told["imbalance"], 3)),
    )
