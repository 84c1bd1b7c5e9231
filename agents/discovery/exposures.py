"""How much of the market's and of its sector's return each security takes part in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from agents.arrays import no_values
from agents.discovery.robust import Floats
from agents.discovery.session import SESSION_MIN

# Half-life in minutes of trading, and what of a sum over minutes is left after one more.
_HALF_LIFE = 3 * SESSION_MIN
_KEEP = 0.5 ** (1 / _HALF_LIFE)
# Own minutes until an estimate weighs as much as its prior, an exposure of one.
_PRIOR = 60.0

# A minute counts for no more than so many deviations, and a sector's for so much (log return).
_CAP = 4
_SECTOR_CAP = 0.01


@dataclass(slots=True, eq=False)
class Exposures:
    """EW sums of squares and products of returns; entry ``i`` belongs to security ``i``.

    ``minutes``: ones; ``factor_square``: the market's return squared. Of the minutes in which a
    security has a return, ``beta_ff``: the market's squared; ``beta_fr``: times the security's;
    ``gamma_gg``: the return of the own sector without the security, squared; ``gamma_gm``: times
    ``m``, the security's net of the market. ``pull``, shape (securities, sectors): ``m`` in its
    usual deviations, times each sector's return; ``pull_square``, ``sector_square``: these squared.

    Betas are drawn to one by as much as they are uncertain (Vasicek 1973).
    """

    minutes: float = 0.0
    factor_square: float = 0.0
    beta_ff: Floats = field(default_factory=no_values)
    beta_fr: Floats = field(default_factory=no_values)
    gamma_gm: Floats = field(default_factory=no_values)
    gamma_gg: Floats = field(default_factory=no_values)
    pull: Floats = field(default_factory=partial(np.zeros, (0, 0)))
    pull_square: Floats = field(default_factory=no_values)
    sector_square: Floats = field(default_factory=no_values)

    def resize(self, securities: int, sectors: int) -> None:
        """Make room for so many securities and sectors."""
        grow = (0, securities - len(self.beta_fr))
        more = (0, sectors - len(self.sector_square))
        self.beta_ff = np.pad(self.beta_ff, grow)
        self.beta_fr = np.pad(self.beta_fr, grow)
        self.gamma_gm = np.pad(self.gamma_gm, grow)
        self.gamma_gg = np.pad(self.gamma_gg, grow)
        self.pull_square = np.pad(self.pull_square, grow)
        self.sector_square = np.pad(self.sector_square, more)
        self.pull = np.pad(self.pull, (grow, more))

    @property
    def beta(self) -> Floats:
        """Return of each security for a return of the market, shape (securities,)."""
        if self.factor_square <= 0:
            return np.ones(len(self.beta_fr))
        prior = _PRIOR * self.factor_square / self.minutes
        return np.asarray((self.beta_fr + prior) / (self.beta_ff + prior))

    @property
    def gamma(self) -> Floats:
        """Return net of the market for a return of the own sector, shape (securities,)."""
        moved = self.gamma_gg > 0
        if not moved.any():
            return np.ones(len(self.gamma_gg))
        prior = _PRIOR * float(self.gamma_gg[moved].mean()) / self.minutes
        return np.asarray((self.gamma_gm + prior) / (self.gamma_gg + prior))

    def sector_correlation(self) -> Floats:
        """Correlation of ``m`` with the sectors' returns, shape (securities, sectors)."""
        scale = np.sqrt(np.outer(self.pull_square, self.sector_square))
        return np.divide(self.pull, scale, out=np.zeros_like(self.pull), where=scale > 0)

    def learn(
        self,
        ids: NDArray[np.intp],
        m: Floats,
        deviation: Floats,
        market: float,
        own_sector: Floats,
        sectors: Floats,
    ) -> None:
        """Learn from a minute.

        ``m`` are the returns net of the market of securities ``ids``, ``deviation`` the usual ones
        of it, ``own_sector`` the returns of their sectors without them, each of shape (ids,);
        ``sectors`` those of all sectors, net of the market too.
        """
        cap = _CAP * deviation
        pulled = np.clip(m, -cap, cap)
        beta = self.beta[ids]
        self.minutes = _KEEP * self.minutes + 1
        self.factor_square = _KEEP * self.factor_square + market**2
        self.beta_ff *= _KEEP
        self.beta_ff[ids] += market**2
        self.beta_fr *= _KEEP
        self.beta_fr[ids] += (pulled + beta * market) * market
        self.gamma_gm *= _KEEP
        self.gamma_gg *= _KEEP
        self.gamma_gm[ids] += pulled * own_sector
        self.gamma_gg[ids] += own_sector**2
        self.pull *= _KEEP
        self.pull_square *= _KEEP
        self.pull_square[ids] += (pulled / cap) ** 2
        if len(sectors):
            sectors = np.clip(sectors, -_SECTOR_CAP, _SECTOR_CAP)
            self.sector_square = _KEEP * self.sector_square + sectors**2
            self.pull[ids] += np.outer(pulled / cap, sectors)
