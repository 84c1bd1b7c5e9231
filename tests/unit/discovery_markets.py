"""Small markets made by hand for the tests of discovery: change the arrays, then play them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from agents.discovery.candidate import Candidate, Detector
from agents.discovery.kinship import Kinship
from agents.discovery.newslog import NewsLog
from agents.discovery.panel import Panel
from agents.discovery.scene import Scene
from agents.discovery.topics import Topics
from agents.minutes import MarketMinute
from schemas.bars import BarColumns
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, from_us, to_us

Floats = NDArray[np.float64]
SESSION = 390
_NEW_YORK = ZoneInfo("America/New_York")
_FIRST_DAY = date(2025, 1, 6)
_HALF_SPREAD = 2e-4


@dataclass
class Market:
    """Minutes (rows) of securities (columns), session after session.

    ``market`` (rows,), ``sector`` (rows, sectors) and ``own`` (rows, securities) are log returns;
    ``volume`` is in shares, ``bought`` the part of it that was bought; where ``open`` is False the
    security has no bar. A feed that is not ``quoted`` has no bid, no ask and no sides: half counts
    as bought.
    """

    symbols: list[str]
    group: NDArray[np.intp]
    beta: Floats
    market: Floats
    sector: Floats
    own: Floats
    volume: Floats
    bought: Floats
    open: NDArray[np.bool_]
    price: Floats
    news: list[Catalyst] = field(default_factory=list)
    quoted: bool = True

    def row(self, session: int, minute: int = 0) -> int:
        return session * SESSION + minute

    def start(self, row: int) -> int:
        """The start of a row's minute, epoch microseconds."""
        session, minute = divmod(row, SESSION)
        day = _FIRST_DAY + timedelta(days=7 * (session // 5) + session % 5)
        opening = datetime.combine(day, time(9, 30), _NEW_YORK)
        return to_us(opening) + minute * US_PER_MINUTE

    def report(
        self, row: int, symbol: str, materiality: float = 0.8, theme: str = "earnings"
    ) -> None:
        """Let news of a security come in the first second of a row's minute."""
        self.news.append(
            Catalyst(
                symbol=symbol,
                ts=from_us(self.start(row) + 1_000_000),
                news_id=f"n{len(self.news)}",
                sentiment=0.6,
                theme=theme,
                source_tier=1,
                materiality=materiality,
                headline=f"{symbol} in the news",
            )
        )

    def minutes(self, first: int = 0, last: int | None = None) -> Iterator[MarketMinute]:
        """Market minutes of rows ``first`` until ``last``."""
        change = self.beta * self.market[:, None] + self.sector[:, self.group] + self.own
        price = self.price * np.exp(np.cumsum(change, axis=0))
        for row in range(first, len(price) if last is None else last):
            at = np.flatnonzero(self.open[row])
            p, volume = price[row, at], self.volume[row, at]
            bought = self.bought[row, at] if self.quoted else 0.5
            quotes = np.full(len(at), int(self.quoted))
            middle = p if self.quoted else np.full(len(at), np.nan)
            yield MarketMinute(
                self.start(row),
                BarColumns(
                    [self.symbols[i] for i in at],
                    p,
                    p,
                    p,
                    p,
                    volume,
                    p,
                    middle * (1 - _HALF_SPREAD),
                    middle * (1 + _HALF_SPREAD),
                    middle * 2 * _HALF_SPREAD,
                    volume * bought,
                    quotes,
                    quotes,
                ),
            )


def quiet_market(
    seed: int = 1, sessions: int = 5, securities: int = 24, sectors: int = 4, daily: float = 0.012
) -> Market:
    """A market in which nothing is to be found.

    Fat-tailed returns of ``daily`` own deviation a session, volume and its buyers with a memory.
    """
    rng = np.random.default_rng(seed)
    rows, scale = sessions * SESSION, 1 / np.sqrt(SESSION)
    x = np.linspace(-1, 1, SESSION)
    shape = np.tile(0.6 + 1.2 * x**4, sessions)[:, None]
    fat = rng.standard_t(5, (rows, securities)) / np.sqrt(5 / 3)
    usual = rng.lognormal(8.0, 0.7, securities)
    return Market(
        symbols=[f"S{i:02d}" for i in range(securities)],
        group=np.arange(securities) % sectors,
        beta=rng.uniform(0.7, 1.3, securities),
        market=0.006 * scale * rng.standard_normal(rows),
        sector=0.005 * scale * rng.standard_normal((rows, sectors)),
        own=daily * scale * np.sqrt(shape) * fat,
        volume=usual * shape * np.exp(_persistent(rng, rows, securities, 0.35, 0.8)),
        bought=np.clip(0.5 + _persistent(rng, rows, securities, 0.12, 0.5), 0.0, 1.0),
        open=np.ones((rows, securities), bool),
        price=rng.uniform(15, 120, securities),
    )


def _persistent(
    rng: np.random.Generator, rows: int, columns: int, deviation: float, memory: float
) -> Floats:
    """First-order autoregressive noise around zero, shape (rows, columns)."""
    noise = rng.standard_normal((rows, columns)) * deviation * np.sqrt(1 - memory**2)
    for row in range(1, rows):
        noise[row] += memory * noise[row - 1]
    return noise


def new_scene(market: Market) -> Scene:
    """A scene that knows the market's sectors and has seen nothing yet."""
    scene = Scene()
    for symbol, group in zip(market.symbols, market.group, strict=True):
        scene.panel.reference(symbol, f"sector {group}", None)
    return scene


def copied(scene: Scene) -> Scene:
    """The same state, apart: tests that share their first days need not play them again."""
    return Scene(
        Panel.restore(copy.deepcopy(scene.panel.snapshot())),
        NewsLog.restore(scene.news.snapshot()),
        Kinship.restore(copy.deepcopy(scene.kin.snapshot())),
        Topics.restore(scene.topics.snapshot()),
    )


def play(
    market: Market,
    detector: Detector | None = None,
    scene: Scene | None = None,
    first: int = 0,
    last: int | None = None,
) -> list[tuple[int, Candidate]]:
    """Play rows ``first`` until ``last``; what the detector sees, with the row at which it does."""
    scene = scene or new_scene(market)
    news = sorted(market.news, key=lambda item: item.ts)
    since = market.start(first - 1) + US_PER_MINUTE if first else 0
    waiting = [item for item in news if to_us(item.ts) >= since]
    seen: list[tuple[int, Candidate]] = []
    for row, minute in enumerate(market.minutes(first, last), first):
        while waiting and to_us(waiting[0].ts) < minute.start + US_PER_MINUTE:
            scene.news.add(waiting.pop(0))
        if not scene.panel.take(minute):
            continue
        scene.kin.take(scene.panel)
        if detector and scene.panel.minute_of_session % detector.every == 0:
            seen += [(row, candidate) for candidate in detector.look(scene)]
    return seen
