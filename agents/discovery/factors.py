"""A factor model: what of a minute's return is the market's, the sector's, the security's own.

A return is the market's times the security's beta, plus its sector's times its gamma, plus its own
(the market model, MacKinlay 1997, with sectors). Factors are robust means of the securities'
returns, so that no single one makes a factor; exposures and deviations are estimated online.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.arrays import no_values
from agents.discovery.exposures import Exposures
from agents.discovery.robust import Floats, group_means, weighted_mean
from agents.discovery.securities import Codes
from agents.discovery.volatility import Volatility
from agents.state import fields_of, of_fields

RETURNS = ("r", "m", "e", "z", "zm")

# So few securities are no market, and so few no sector.
LEAST_MARKET = 5
_LEAST_SECTOR = 4
# Nothing moves by more than so many deviations in a minute: beyond lie bad prints and jumps.
_Z_CAP = 6.0


class Moves(NamedTuple):
    """Log returns of securities ``ids``, each over the last ``gap`` minutes; shapes (ids,)."""

    ids: NDArray[np.intp]
    change: Floats
    gap: NDArray[np.int64]


class Split(NamedTuple):
    """Returns of one minute: the market's, those of sectors net of it, those of securities.

    ``row`` has arrays of shape (securities,), 0 where there is no return: ``r`` as it was, ``m``
    net of the market, ``e`` net of market and sector; ``zm`` and ``z`` are these two over their
    usual deviation at that time of the day, in a burst too, capped.
    """

    market: float
    sectors: Floats
    row: dict[str, Floats]


@dataclass(slots=True, eq=False)
class Levels:
    """Sums of the factors' returns, closed markets left out.

    ``level`` is the market's, ``sector_level`` the sectors'; ``level_at`` and ``sector_level_at``
    what the market's and the own sector's was when each security last traded. So a return over
    several minutes is held against what the factors did in all of them.
    """

    level: float = 0.0
    level_at: Floats = field(default_factory=no_values)
    sector_level: Floats = field(default_factory=no_values)
    sector_level_at: Floats = field(default_factory=no_values)

    def resize(self, securities: int, sectors: int) -> None:
        """Make room for so many securities and sectors."""
        grow = (0, securities - len(self.level_at))
        self.level_at = np.pad(self.level_at, grow)
        self.sector_level_at = np.pad(self.sector_level_at, grow)
        self.sector_level = np.pad(self.sector_level, (0, sectors - len(self.sector_level)))

    def missed_market(self, ids: NDArray[np.intp]) -> Floats:
        """What the market did since each of ``ids`` last traded."""
        return self.level - self.level_at[ids]

    def missed_sector(self, ids: NDArray[np.intp], sector: Codes) -> Floats:
        """What each one's own sector did since it last traded; 0 without a sector."""
        if not len(self.sector_level):
            return np.zeros(len(ids))
        group = sector[ids]
        return np.where(group >= 0, self.sector_level[group] - self.sector_level_at[ids], 0.0)

    def add(self, market: float, sectors: Floats) -> None:
        """Add the factors' returns of a minute."""
        self.level += market
        self.sector_level = self.sector_level + sectors

    def mark(self, ids: NDArray[np.intp], sector: Codes) -> None:
        """Note that ``ids`` traded now."""
        self.level_at[ids] = self.level
        self.mark_sector(ids, sector)

    def mark_sector(self, ids: NDArray[np.intp], sector: Codes) -> None:
        """Note that ``ids`` have gone with their sector up to now."""
        grouped = ids[sector[ids] >= 0]
        self.sector_level_at[grouped] = self.sector_level[sector[grouped]]


class FactorModel:
    """The exposures and deviations of securities, and the levels of the factors.

    ``seen`` counts the returns that were learned from, shape (securities,).
    """

    def __init__(self) -> None:
        self.exposures = Exposures()
        self.volatility = Volatility()
        self.levels = Levels()
        self.seen: NDArray[np.int64] = np.zeros(0, np.int64)

    def resize(self, securities: int, sectors: int) -> None:
        """Make room for so many securities and sectors."""
        self.exposures.resize(securities, sectors)
        self.volatility.resize(securities)
        self.levels.resize(securities, sectors)
        self.seen = np.pad(self.seen, (0, securities - len(self.seen)))

    def take(self, moves: Moves, sector: Codes, slot: int, tick: int) -> Split:
        """Split the returns of a minute, and learn from them.

        ``sector`` are the codes of all securities, ``slot`` is the time of the day, ``tick`` the
        number of minutes of trading with this one.
        """
        row = {name: np.zeros(len(self.seen)) for name in RETURNS}
        market, sectors = 0.0, np.zeros(len(self.levels.sector_level))
        if len(moves.ids):
            market, sectors = self._split(moves, sector, slot, tick, row)
        self.levels.add(market, sectors)
        return Split(market, sectors, row)

    def _split(
        self, moves: Moves, sector: Codes, slot: int, tick: int, row: dict[str, Floats]
    ) -> tuple[float, Floats]:
        """The factors' returns; those of securities are put into ``row``."""
        ids, change, gap = moves
        volatility = self.volatility
        usual = np.sqrt(gap)
        sd_m, sd_e = (volatility.deviation(name, slot)[ids] * usual for name in ("m", "e"))
        beta, gamma = self.exposures.beta[ids], self.exposures.gamma[ids]
        rest = change - beta * self.levels.missed_market(ids)
        market = weighted_mean(rest, sd_m) if len(ids) >= LEAST_MARKET else 0.0
        m = rest - beta * market
        sectors, own = _sector_means(m, sd_m, sector[ids], len(self.levels.sector_level))
        e = m - gamma * (self.levels.missed_sector(ids, sector) + own)
        volatility.stir_up(np.abs(m) / sd_m, tick)
        row["r"][ids], row["m"][ids], row["e"][ids] = change, m, e
        row["zm"][ids] = np.clip(m / (sd_m * volatility.burst), -_Z_CAP, _Z_CAP)
        row["z"][ids] = np.clip(e / (sd_e * volatility.burst), -_Z_CAP, _Z_CAP)
        self.exposures.learn(ids, m, sd_m, market, own, sectors)
        volatility.learn(ids, m, e, usual, slot, self.seen[ids])
        self.seen[ids] += 1
        return market, sectors

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            **fields_of(self.exposures),
            **fields_of(self.volatility),
            **fields_of(self.levels),
            "seen": self.seen,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> FactorModel:
        """The model of a snapshot, which may hold more."""
        model = cls()
        model.exposures = of_fields(Exposures, state)
        model.volatility = of_fields(Volatility, state)
        model.levels = of_fields(Levels, state)
        model.seen = state["seen"]
        return model


def _sector_means(m: Floats, sd: Floats, group: Codes, groups: int) -> tuple[Floats, Floats]:
    """Returns of the sectors, and of each security's own sector without itself.

    ``m`` are returns of securities, ``sd`` their deviations, ``group`` their sectors, each of shape
    (ids,); 0 where a sector is too small.
    """
    means, own = np.zeros(groups), np.zeros(len(m))
    grouped = np.flatnonzero(group >= 0)
    if len(grouped):
        found, without = group_means(m[grouped], sd[grouped], group[grouped], groups)
        size = np.bincount(group[grouped], minlength=groups)
        means = np.where(size >= _LEAST_SECTOR, np.nan_to_num(found), 0.0)
        large = size[group[grouped]] >= _LEAST_SECTOR
        own[grouped] = np.where(large, np.nan_to_num(without), 0.0)
    return means, own
