"""The securities of a planted market and what ties them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.errors import UserError
from streams.sources.base import Floats
from streams.sources.planted.names import (
    INDUSTRIES,
    MOST_COMPANIES,
    THEMES,
    Company,
    draw_companies,
)
from streams.sources.planted.variant import Variant
from streams.sources.simulated import SECTORS

Rows = NDArray[np.intp]

# An industry has about this many members at least, or there is nobody to follow a leader.
_INDUSTRY_SIZE = 6
_INDUSTRIES = 3
_THEME_SIZE = (4, 7)
_A_THEME_PER = 25
_A_PAIR_PER = 14
_TIGHT = 0.12


@dataclass(frozen=True, slots=True)
class Theme:
    """Companies of several sectors that depend on one thing; ``members`` are rows."""

    topic: str
    members: Rows


@dataclass(frozen=True, slots=True)
class World:
    """The securities, rows in order of symbol; arrays are (n,).

    ``industry`` counts through all sectors. ``own`` is the deviation of a day's own log return,
    ``abnormal`` that of all beyond market and sector (with industry and twin),
    ``pairs`` are rows of twins, which share a factor with loading ``twin``. ``turnover`` is the
    shares of a usual minute, ``active`` the chance that a usual minute has a quote, ``half_spread``
    a part of the price. ``tight`` securities hardly move on their own.
    """

    companies: list[Company]
    symbols: NDArray[np.object_]
    sector: Rows
    industry: Rows
    sector_known: NDArray[np.bool_]
    beta: Floats
    sector_beta: Floats
    industry_beta: Floats
    own: Floats
    abnormal: Floats
    twin: Floats
    pairs: list[tuple[int, int]]
    tight: NDArray[np.bool_]
    turnover: Floats
    active: Floats
    half_spread: Floats
    price: Floats
    themes: list[Theme]

    def __len__(self) -> int:
        return len(self.companies)

    def names(self, rows: Rows | list[int]) -> list[str]:
        """The symbols of these rows."""
        return [str(self.symbols[row]) for row in rows]

    def peers(self, row: int) -> Rows:
        """The others of its industry."""
        same = self.industry == self.industry[row]
        same[row] = False
        return np.flatnonzero(same)

    def twin_of(self, row: int) -> int | None:
        """Its twin, if it has one."""
        return next((a + b - row for a, b in self.pairs if row in (a, b)), None)

    def theme_of(self, row: int) -> Theme | None:
        """The theme that it belongs to, if any."""
        return next((theme for theme in self.themes if row in theme.members), None)

    def topics(self, row: int) -> tuple[str, ...]:
        """What the everyday news of its trade speaks of."""
        sector, which = divmod(int(self.industry[row]), _INDUSTRIES)
        return INDUSTRIES[sector][which].topics

    def industry_name(self, row: int) -> str:
        """The name of its industry."""
        sector, which = divmod(int(self.industry[row]), _INDUSTRIES)
        return INDUSTRIES[sector][which].name


def make_world(rng: np.random.Generator, count: int, variant: Variant) -> World:
    """``count`` securities at random.

    Raises:
        UserError: fewer than one, or more than there are names for.
    """
    if not 1 <= count <= MOST_COMPANIES:
        raise UserError(f"plant patterns in 1 to {MOST_COMPANIES} securities")
    sector = np.arange(count) % len(SECTORS)
    a_sector = -(-count // len(SECTORS))
    industries = min(_INDUSTRIES, max(1, a_sector // _INDUSTRY_SIZE))
    which = np.arange(count) // len(SECTORS) % industries
    kinds = [INDUSTRIES[s][w] for s, w in zip(sector.tolist(), which.tolist(), strict=True)]
    companies = draw_companies(rng, kinds)
    order = sorted(range(count), key=lambda row: companies[row].symbol)
    companies = [companies[row] for row in order]
    industry = (sector * _INDUSTRIES + which)[order]
    # Size rules price, liquidity and volatility: the small are cheap, thin, wild and wide.
    size = rng.standard_normal(count)
    tight = rng.random(count) < _TIGHT
    pairs = _pairs(rng, industry)
    own = variant.own * np.exp(0.25 * rng.standard_normal(count) - 0.2 * size)
    twin = np.zeros(count)
    for pair in pairs:
        twin[list(pair)] = variant.twin
        own[list(pair)] = variant.own * rng.uniform(0.25, 0.4)
        tight[list(pair)] = False
    own[tight] = variant.own * rng.uniform(0.25, 0.4, int(tight.sum()))
    turnover = np.exp(np.log(2500) + 0.9 * size + 0.3 * rng.standard_normal(count))
    ranks = np.argsort(np.argsort(turnover)) / max(1, count - 1)
    industry_beta = rng.normal(1.0, 0.2, count).clip(0.4, 1.6)
    abnormal = np.sqrt(own**2 + (variant.industry * industry_beta) ** 2 + twin**2)
    return World(
        companies,
        np.array([company.symbol for company in companies], dtype=object),
        sector[order],
        industry,
        rng.random(count) >= variant.unknown_sector,
        rng.normal(1.0, 0.25, count).clip(0.3, 1.9),
        rng.normal(1.0, 0.2, count).clip(0.4, 1.6),
        industry_beta,
        own,
        abnormal,
        twin,
        pairs,
        tight,
        turnover,
        _activity(rng, ranks, variant.thin),
        variant.spread * np.exp(np.log(0.0002) - 0.35 * size).clip(0.00005, 0.002),
        np.exp(np.log(55) + 0.5 * size + 0.5 * rng.standard_normal(count)).clip(4, 800),
        _themes(rng, count),
    )


def _activity(rng: np.random.Generator, ranks: Floats, thin: float) -> Floats:
    """Nearly every minute has a quote but for the thinnest, which may have every other."""
    depth = np.clip((thin - ranks) / thin, 0, 1)
    return np.asarray(0.997 - depth * rng.uniform(0.15, 0.5, len(ranks)))


def _pairs(rng: np.random.Generator, industry: Rows) -> list[tuple[int, int]]:
    wanted = len(industry) // _A_PAIR_PER
    pairs: list[tuple[int, int]] = []
    for kind in rng.permutation(np.unique(industry)).tolist():
        members = np.flatnonzero(industry == kind)
        if len(members) >= 4 and len(pairs) < wanted:
            a, b = sorted(rng.choice(members, 2, replace=False).tolist())
            pairs.append((a, b))
    return pairs


def _themes(rng: np.random.Generator, count: int) -> list[Theme]:
    topics = rng.permutation(THEMES)
    free = rng.permutation(count)
    themes, at = [], 0
    for topic in topics[: count // _A_THEME_PER].tolist():
        size = int(rng.integers(_THEME_SIZE[0], _THEME_SIZE[1] + 1))
        themes.append(Theme(topic, np.sort(free[at : at + size])))
        at += size
    return themes
