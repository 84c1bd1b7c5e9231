"""How far a minute usually moves a price: by security, by time of the day, and in a burst."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.arrays import no_values
from agents.discovery.robust import Floats
from agents.discovery.session import SESSION_MIN
from agents.profile import SLOTS

# Weight of a new minute; half-lives are a session of trading, of a burst eight minutes.
_RATE = 1 - 0.5 ** (1 / SESSION_MIN)
_BURST_RATE = 1 - 0.5 ** (1 / 8)
_SHAPE_RATE = 0.02

# Own minutes until an estimate weighs as much as its prior, the usual deviation.
_PRIOR = 5.0
_DEVIATION_PRIOR = 8e-4
_LEAST_DEVIATION = 5e-5

# A minute teaches no more than so many variances, a time of the day no more than so many.
_SQUARE_CAP = 16.0
_SHAPE_CAP = 9.0
# The median of the absolute value of a standard normal variable.
_MEDIAN_MOVE = 0.6745


@dataclass(slots=True, eq=False)
class Volatility:
    """EW variances of log returns of a minute; entry ``i`` belongs to security ``i``.

    ``var_m`` is that of returns net of the market, ``var_e`` that of those net of the sector too,
    both of an ordinary minute. ``shape`` is the variance at a time of the day over that (a slot a
    quarter of an hour, exchange time; Andersen and Bollerslev 1997), from ``shape_seen`` minutes.
    ``burst`` is how much rougher than usual the whole market is now, at least one: the median
    deviation over the last minutes, ``stir``, over its own long mean, ``calm``.
    """

    var_m: Floats = field(default_factory=no_values)
    var_e: Floats = field(default_factory=no_values)
    shape: Floats = field(default_factory=partial(np.ones, SLOTS))
    shape_seen: Floats = field(default_factory=partial(np.zeros, SLOTS))
    calm: float = 0.0
    stir: float = 0.0
    burst: float = 1.0

    def resize(self, securities: int) -> None:
        """Make room for so many securities."""
        grow = (0, securities - len(self.var_m))
        self.var_m = np.pad(self.var_m, grow, constant_values=_DEVIATION_PRIOR**2)
        self.var_e = np.pad(self.var_e, grow, constant_values=_DEVIATION_PRIOR**2)

    def deviation(self, name: str, slot: int | None = None) -> Floats:
        """The usual deviation of a minute's ``m`` or ``e`` (at a time of the day)."""
        variance = self.var_m if name == "m" else self.var_e
        scale = 1.0 if slot is None else self.shape[slot]
        return np.maximum(np.sqrt(variance * scale), _LEAST_DEVIATION)

    def stir_up(self, moves: Floats, tick: int) -> None:
        """Take in how far securities moved, in deviations, in minute ``tick`` of trading."""
        middle = float(np.median(moves))
        self.stir += _BURST_RATE * (middle - self.stir)
        self.calm += max(1 / (tick + 1), _RATE) * (middle - self.calm)
        self.burst = max(1.0, self.stir / self.calm) if self.calm > 0 else 1.0

    def learn(
        self,
        ids: NDArray[np.intp],
        m: Floats,
        e: Floats,
        usual: Floats,
        slot: int,
        seen: NDArray[np.int64],
    ) -> None:
        """Learn from the returns of securities ``ids``, each of shape (ids,).

        ``usual`` are the roots of the minutes that they are over, ``seen`` the numbers of returns
        learned from before.
        """
        scale = self.shape[slot]
        rate = np.maximum(1 / (seen + _PRIOR), _RATE)
        for variance, value in ((self.var_m, m), (self.var_e, e)):
            square = (value / usual) ** 2 / (scale * self.burst**2)
            limit = np.where(seen < _PRIOR, np.inf, _SQUARE_CAP * variance[ids])
            variance[ids] += rate * (np.minimum(square, limit) - variance[ids])
        typical = float(np.median(np.abs(m) / usual / np.sqrt(self.var_m[ids]))) / _MEDIAN_MOVE
        self.shape_seen[slot] += 1
        step = max(1 / (self.shape_seen[slot] + 10), _SHAPE_RATE)
        self.shape[slot] += step * (min(typical**2, _SHAPE_CAP) - self.shape[slot])
