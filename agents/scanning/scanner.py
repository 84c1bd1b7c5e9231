"""One scan: the universe scored, the best of it chosen, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.scanning.factor import Factor, Values, all_factors, shares
from agents.scanning.market import Market
from agents.scanning.view import Floats, MarketView
from schemas.times import from_us, iso
from schemas.tracking import Candidate, Scan, ScanMode

# Parts are cut, not rounded, to this: then they never add up to more than 100.
_STEPS_A_POINT = 100
_NEWS_SHOWN = 5
_REASONS = 3

# A part below this share of its factor's points is no reason.
_REASON_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """What a scan gives: at most ``track`` securities, ``trade`` of them to trade.

    ``margin`` is by how many points an incumbent must be beaten before it leaves; ``parameters``
    overrides defaults of factors, by factor and parameter name.

    Raises:
        ValueError: a number is out of its range, or a factor or parameter is unknown.
    """

    track: int = 100
    trade: int = 5
    ttl_s: int = 900
    margin: float = 8.0
    parameters: Mapping[str, Values] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.track < 1 or not 0 <= self.trade <= self.track:
            raise ValueError("track at least one security, and trade no more than are tracked")
        if self.ttl_s < 60 or self.ttl_s % 60:
            raise ValueError("scans are whole minutes apart: set the interval to a multiple of 60")
        factors = {factor.name: factor for factor in all_factors()}
        for name, values in self.parameters.items():
            if name not in factors:
                raise ValueError(f"no factor {name}: there are {', '.join(factors)}")
            factors[name].with_defaults(values)


@dataclass(slots=True)
class Ranking:
    """A scored universe: ``parts`` (factors, n) in points, ``score`` (n,), both in hundredths.

    ``tracked`` and ``candidates`` are rows of the view, best first; ``place`` (n,) is the rank of
    every eligible security, from 0.
    """

    parts: Floats
    score: Floats
    place: NDArray[np.intp]
    tracked: NDArray[np.intp]
    candidates: NDArray[np.intp]


def scan_id(mode: ScanMode, time: int) -> str:
    """The id of a scan in ``mode`` at ``time``; a repeat has the same one."""
    return f"{mode}-{iso(time)}"


def choose(
    score: Floats,
    tie: NDArray[np.intp],
    eligible: NDArray[np.bool_],
    incumbent: NDArray[np.bool_],
    count: int,
    margin: float,
) -> NDArray[np.intp]:
    """The ``count`` best rows, by score; an incumbent counts as ``margin`` points better.

    Ties go to the lower ``tie``. Choosing again with the result as incumbents changes nothing.
    """
    order = np.lexsort((tie, -(score + margin * incumbent)))
    chosen = order[eligible[order]][:count]
    return chosen[np.lexsort((tie[chosen], -score[chosen]))]


class Scanner:
    """Scores and chooses: a pure function of the view, the mode and who was tracked before."""

    def __init__(self, config: ScanConfig | None = None) -> None:
        self.config = config or ScanConfig()
        self.factors: tuple[Factor, ...] = all_factors()
        self._values = [
            factor.with_defaults(self.config.parameters.get(factor.name, {}))
            for factor in self.factors
        ]
        self._tie = np.zeros(0, np.intp)

    def rank(self, view: MarketView, mode: ScanMode, tracked: set[str]) -> Ranking:
        """Score every security and choose those to track and to trade."""
        points = shares(self.factors, mode)
        parts = np.empty((len(self.factors), len(view)))
        with np.errstate(all="ignore"):
            for i, (factor, values) in enumerate(zip(self.factors, self._values, strict=True)):
                parts[i] = points[i] * np.clip(np.nan_to_num(factor.value(view, values)), 0, 1)
        hundredths = np.floor(parts * _STEPS_A_POINT + 1e-9)
        score = hundredths.sum(axis=0) / _STEPS_A_POINT
        tie = self._order_of_symbols(view.symbols)
        incumbent = np.zeros(len(view), np.bool_)
        incumbent[[i for i, symbol in enumerate(view.symbols) if symbol in tracked]] = True
        chosen = choose(score, tie, view.eligible, incumbent, self.config.track, self.config.margin)
        order = np.lexsort((tie, -score))
        place = np.full(len(view), len(view), np.intp)
        ranked = order[view.eligible[order]]
        place[ranked] = np.arange(len(ranked))
        return Ranking(
            hundredths / _STEPS_A_POINT, score, place, chosen, chosen[: self.config.trade]
        )

    def _order_of_symbols(self, symbols: list[str]) -> NDArray[np.intp]:
        if len(self._tie) != len(symbols):
            self._tie = np.empty(len(symbols), np.intp)
            self._tie[sorted(range(len(symbols)), key=symbols.__getitem__)] = np.arange(
                len(symbols)
            )
        return self._tie

    def result(self, market: Market, view: MarketView, ranking: Ranking, mode: ScanMode) -> Scan:
        """The scan as a message; ``execution_time`` is left at 0 for who has a clock."""
        rows = ranking.tracked.tolist()
        news = market.catalysts.newest_ids(set(rows), view.now, _NEWS_SHOWN)
        least = (_REASON_SHARE * shares(self.factors, mode)).tolist()
        names = [factor.name for factor in self.factors]
        tracked = [
            Candidate(
                symbol=view.symbols[i],
                score=score,
                parts=dict(zip(names, parts, strict=True)),
                reason=self._reason(view, i, parts, least),
                news=news.get(i, []),
            )
            for i, score, parts in zip(
                rows,
                ranking.score[rows].tolist(),
                ranking.parts.T[rows].tolist(),
                strict=True,
            )
        ]
        return Scan(
            scan_id=scan_id(mode, view.now),
            timestamp=from_us(view.now),
            mode=mode,
            trading_candidates=tracked[: len(ranking.candidates)],
            tracked_securities=tracked,
            total_universe=int(view.eligible.sum()),
            execution_time=0.0,
        )

    def _reason(self, view: MarketView, i: int, parts: list[float], least: list[float]) -> str:
        told: list[str] = []
        background: list[str] = []
        for k in sorted(range(len(parts)), key=parts.__getitem__, reverse=True):
            if parts[k] > 0 and parts[k] >= least[k]:
                text = self.factors[k].explain(view, i)
                (background if self.factors[k].background else told).append(text)
        told = [text for text in told if text] or [text for text in background if text]
        return "; ".join(told[:_REASONS]) or "nothing stands out"
