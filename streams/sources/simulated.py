"""A simulated market: 300 securities in 11 sectors, the same for the same seed.

Log prices follow a market factor, a factor for each sector and their own noise, on a grid of one
second. Quotes fall on that grid at random moments, more of them and with more movement near the
open and the close, at cent prices inside a bid and an ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, US_PER_MS, from_us, to_us
from streams.errors import UserError
from streams.sources.base import Codes, Floats, Ints, symbol_list

NEW_YORK = ZoneInfo("America/New_York")
OPEN = time(9, 30)
SESSION_MINUTES = 390
DEFAULT_START = "2025-01-06T14:30:00Z"

SECTORS = (
    ("Communication Services", "CS"),
    ("Consumer Discretionary", "CD"),
    ("Consumer Staples", "CP"),
    ("Energy", "EN"),
    ("Financials", "FN"),
    ("Health Care", "HC"),
    ("Industrials", "IN"),
    ("Information Technology", "IT"),
    ("Materials", "MT"),
    ("Real Estate", "RE"),
    ("Utilities", "UT"),
)
INDUSTRIES_A_SECTOR = 3

_GRID_S = 60
_DAY_SHARE_OVERNIGHT = 0.3


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """What to simulate. ``rate`` is the mean number of quotes a second of each security."""

    seed: int = 1
    start_us: int = field(default_factory=lambda: to_us(datetime.fromisoformat(DEFAULT_START)))
    securities: int = 300
    rate: float = 1.0
    minutes: int | None = None

    def __post_init__(self) -> None:
        """Raise UserError for a market that cannot be simulated."""
        if self.start_us % US_PER_MINUTE:
            raise UserError("a simulated market starts at a whole minute, 2025-01-06T14:30:00Z")
        if not 1 <= self.securities <= len(SECTORS) * 26 * 26:
            raise UserError(f"simulate 1 to {len(SECTORS) * 26 * 26} securities")
        if not 0 < self.rate <= 1000:
            raise UserError("the rate is quotes a second of each security, above 0, at most 1000")


@dataclass(frozen=True, slots=True)
class Universe:
    """The securities: arrays (n,) but ``names`` and ``sector_name``.

    ``volatility`` is the standard deviation of a day's own log return, ``share`` the expected
    shares of a quote, ``spread`` the half spread as a part of the price.
    """

    names: NDArray[np.object_]
    sector: Codes
    industry: Codes
    beta: Floats
    sector_beta: Floats
    volatility: Floats
    activity: Floats
    share: Floats
    spread: Floats
    price: Floats


def make_universe(market: SimulatedMarket) -> Universe:
    """The securities of a market; they depend on the seed only."""
    rng = np.random.default_rng([market.seed, 0])
    count = market.securities
    sector = (np.arange(count) % len(SECTORS)).astype(np.int32)
    within = np.arange(count) // len(SECTORS)
    names = [
        f"{SECTORS[s][1]}{chr(65 + w // 26)}{chr(65 + w % 26)}"
        for s, w in zip(sector.tolist(), within.tolist(), strict=True)
    ]
    order = np.argsort(np.array(names, dtype=object), kind="stable")
    activity = rng.lognormal(0.0, 0.7, count)
    return Universe(
        names=np.array(names, dtype=object)[order],
        sector=sector[order],
        industry=(within % INDUSTRIES_A_SECTOR).astype(np.int32)[order],
        beta=rng.normal(1.0, 0.25, count).clip(0.2, 2.0),
        sector_beta=rng.normal(1.0, 0.2, count).clip(0.3, 1.8),
        volatility=rng.lognormal(np.log(0.012), 0.35, count),
        activity=activity / activity.mean(),
        share=rng.lognormal(np.log(180.0), 0.5, count),
        spread=rng.lognormal(np.log(0.00015), 0.4, count),
        price=rng.lognormal(np.log(70.0), 0.7, count).clip(5.0, 900.0),
    )


def intraday_shape(minute: int) -> float:
    """Activity at a minute of the session against its mean: high at open and close, low at noon."""
    x = (minute % SESSION_MINUTES) / (SESSION_MINUTES - 1)
    return 0.55 + 1.35 * (2 * x - 1) ** 4 + 0.9 * float(np.exp(-25 * x))


class Prices:
    """The walk of log prices; one step is one minute on a grid of seconds."""

    market_volatility = 0.008
    sector_volatility = 0.006

    def __init__(self, universe: Universe) -> None:
        self._universe = universe
        self.log_price = np.log(universe.price)

    def minute(self, rng: np.random.Generator, shape: float) -> Floats:
        """Log prices (securities, 60) of the next minute, at the end of each second."""
        universe = self._universe
        scale = np.sqrt(shape / (SESSION_MINUTES * _GRID_S))
        market = rng.standard_normal(_GRID_S) * self.market_volatility
        sectors = rng.standard_normal((len(SECTORS), _GRID_S)) * self.sector_volatility
        own = rng.standard_normal((len(universe.names), _GRID_S))
        own *= universe.volatility[:, None]
        own += universe.beta[:, None] * market
        own += universe.sector_beta[:, None] * sectors[universe.sector]
        own *= scale
        path: Floats = self.log_price[:, None] + np.cumsum(own, axis=1)
        self.log_price = path[:, -1]
        return path

    def overnight(self, rng: np.random.Generator) -> None:
        """Move every price by what happens while the market is closed."""
        universe = self._universe
        step = rng.standard_normal(len(universe.names)) * universe.volatility
        step += universe.beta * rng.standard_normal() * self.market_volatility
        self.log_price = self.log_price + _DAY_SHARE_OVERNIGHT * step


class SimulatedQuotes:
    """The quotes of a simulated market, a minute a batch; endless unless ``minutes`` is set."""

    total: int | None = None
    skipped: dict[str, int] = {}  # noqa: RUF012 - nothing is ever skipped

    def __init__(self, market: SimulatedMarket) -> None:
        self.market = market
        self.universe = make_universe(market)

    @property
    def name(self) -> str:
        """What is played, for people."""
        return f"simulated market (seed {self.market.seed})"

    def __iter__(self) -> Iterator[QuoteColumns]:
        prices = Prices(self.universe)
        day = 0
        for number, (start_us, session_day, minute) in enumerate(self.calendar()):
            rng = np.random.default_rng([self.market.seed, 1, number])
            if session_day != day:
                day = session_day
                prices.overnight(rng)
            shape = intraday_shape(minute)
            yield self._quotes(rng, start_us, prices.minute(rng, shape), shape)

    def calendar(self) -> Iterator[tuple[int, int, int]]:
        """Start of each minute in epoch microseconds, its session, its minute in the session."""
        start = from_us(self.market.start_us)
        left = self.market.minutes
        first = start.astimezone(NEW_YORK).date()
        for session, day in enumerate(weekdays(first)):
            opening_us = to_us(datetime.combine(day, OPEN, NEW_YORK))
            skip = max(0, (self.market.start_us - opening_us) // US_PER_MINUTE)
            for minute in range(skip, SESSION_MINUTES):
                if left is not None and left <= 0:
                    return
                left = None if left is None else left - 1
                yield opening_us + minute * US_PER_MINUTE, session, minute

    def _quotes(
        self, rng: np.random.Generator, start_us: int, path: Floats, shape: float
    ) -> QuoteColumns:
        universe, market = self.universe, self.market
        expected = market.rate * _GRID_S * shape * universe.activity
        counts = rng.poisson(expected)
        code = np.repeat(np.arange(len(counts)), counts)
        code, moment = _distinct_moments(code, rng.integers(0, _GRID_S * 1000, len(code)))
        fair = np.exp(path[code, moment // 1000])
        price, bid, ask = _around(fair, universe.spread[code], rng)
        volume = np.ceil(rng.exponential(universe.share[code] * shape))
        ts: Ints = start_us + moment * US_PER_MS
        return QuoteColumns(symbol_list(universe.names, code), ts, price, bid, ask, volume)


def simulated_securities(market: SimulatedMarket) -> Iterator[dict[str, str]]:
    """Reference data of the simulated securities, as messages of ``securities``."""
    universe = make_universe(market)
    rows = zip(
        universe.names.tolist(), universe.sector.tolist(), universe.industry.tolist(), strict=True
    )
    for symbol, sector, industry in rows:
        name = SECTORS[sector][0]
        yield {
            "symbol": symbol,
            "name": f"Simulated {symbol}",
            "sector": name,
            "industry": f"{name} {industry + 1}",
        }


def weekdays(first: date) -> Iterator[date]:
    """Days from ``first`` on, without Saturdays and Sundays; endless."""
    day = first
    while True:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def _distinct_moments(
    code: NDArray[np.int64], moment: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """In order of time, with at most one quote of a security a millisecond."""
    key = np.unique(moment * (int(code.max(initial=0)) + 1) + code)
    moment, code = np.divmod(key, int(code.max(initial=0)) + 1)
    return code, moment


def _around(
    fair: Floats, spread: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """A trade at the bid or at the ask, in cents, around fair prices (n,)."""
    half = fair * spread
    bid = np.maximum(np.floor((fair - half) * 100), 1)
    ask = np.maximum(np.ceil((fair + half) * 100), bid + 1)
    price = np.where(rng.random(len(fair)) < 0.5, bid, ask)
    return price / 100, bid / 100, ask / 100
