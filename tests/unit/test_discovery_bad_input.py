"""Bad input to all detectors together: no exception, no warning of NumPy, no nonsense signal."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from agents.discovery.discovery import Discovery
from agents.discovery.panel import Panel
from agents.market.engine import EngineConfig, MarketEngine
from agents.minutes import MarketMinute
from agents.scanning.scanner import ScanConfig
from agents.state import pack_state, unpack_state
from schemas.bars import BarColumns, PartitionBars
from schemas.news import Security
from schemas.signals import Pattern
from schemas.times import US_PER_MINUTE, to_us
from tests.unit.discovery_markets import SESSION, Market, quiet_market

QUIET_DAYS = 3
BEGINS = QUIET_DAYS * SESSION
MINUTES = 240

Spoil = Callable[[MarketMinute, int], MarketMinute]


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """What NumPy warns of is NaN or infinity where none is meant to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def market(securities: int = 30) -> Market:
    return quiet_market(
        seed=31, sessions=QUIET_DAYS + 1, securities=securities, sectors=min(5, securities)
    )


def knowing(made: Market) -> Discovery:
    discovery = Discovery()
    for symbol, group in zip(made.symbols, made.group, strict=True):
        discovery.take_security(Security(symbol, sector=f"sector {group}"))
    return discovery


def played(
    discovery: Discovery, made: Market, first: int, last: int, spoil: Spoil | None = None
) -> list[Pattern]:
    """What is found in rows ``first`` until ``last``; news comes before the end of its minute."""
    waiting = sorted(made.news, key=lambda item: item.ts)
    waiting = [item for item in waiting if to_us(item.ts) >= made.start(first)]
    found: list[Pattern] = []
    for row, minute in enumerate(made.minutes(first, last), first):
        while waiting and to_us(waiting[0].ts) < minute.start + US_PER_MINUTE:
            discovery.inform(waiting.pop(0))
        found += discovery.take(spoil(minute, row) if spoil else minute).patterns
    return found


@pytest.fixture(scope="module")
def state() -> bytes:
    """Discovery after the quiet days, in which there is nothing to find."""
    discovery = knowing(market())
    assert played(discovery, market(), 0, BEGINS) == []
    return pack_state(discovery.snapshot())


def resumed(state: bytes) -> Discovery:
    return Discovery.restore(unpack_state(state))


def last_day(state: bytes, changed: Market, spoil: Spoil | None = None) -> list[Pattern]:
    """What is found in the last day; a market that is well again goes on as one."""
    discovery = resumed(state)
    found = played(discovery, changed, BEGINS, BEGINS + MINUTES, spoil)
    assert is_finite(discovery.scene.panel)
    return found


def is_finite(panel: Panel) -> bool:
    """Whether all that is remembered of returns and volumes is a number."""
    exposures, volatility = panel.model.exposures, panel.model.volatility
    estimates = [exposures.beta, exposures.gamma, volatility.var_m, volatility.var_e]
    estimates.append(panel.volumes.usual)
    windows = [panel.window.last(name, panel.window.length) for name in panel.window.fields]
    factors = [panel.factors.last(name, MINUTES) for name in panel.factors.fields]
    return all(np.isfinite(array).all() for array in (*estimates, *windows, *factors))


def pump(changed: Market, row: int = 7) -> None:
    """A pump that is found in good data, to see that it is found in bad data too."""
    length, first = 60, BEGINS + 100
    path = 0.08 * (np.arange(1, length + 1) / length) ** 2
    changed.own[first : first + length, row] += np.diff(path, prepend=0.0)
    grows = np.linspace(2, 8, length)
    changed.volume[first : first + length, row] *= grows
    changed.bought[first : first + length, row] = 0.7


def test_without_news_a_quiet_market_is_quiet_and_a_pump_is_found(state: bytes) -> None:
    assert last_day(state, market()) == []
    changed = market()
    pump(changed)
    found = last_day(state, changed)
    assert {(p.pattern_type, *p.securities) for p in found} == {("pump_and_dump", "S07")}


def test_news_alone_gives_nothing() -> None:
    made, discovery = market(), Discovery()
    for row in range(0, 200, 3):
        made.report(row, made.symbols[row % 30])
        discovery.inform(made.news[-1])
        empty = MarketMinute(made.start(row), BarColumns.empty())
        assert discovery.take(empty).patterns == []
    assert played(discovery, quiet_market(sessions=1), 0, 60) == []


def test_news_of_what_does_not_trade_gives_nothing(state: bytes) -> None:
    changed = market()
    for row in range(BEGINS + 20, BEGINS + 200, 20):
        changed.report(row, "NONE")
    assert last_day(state, changed) == []


@pytest.mark.parametrize("with_news", [False, True])
def test_prices_that_never_move_give_nothing(with_news: bool) -> None:
    made = market()
    for part in (made.market, made.sector, made.own):
        part[:] = 0.0
    if with_news:
        for row in range(100, BEGINS + 200, 150):
            made.report(row, made.symbols[row % 30])
    discovery = knowing(made)
    assert played(discovery, made, 0, BEGINS + MINUTES) == []
    assert is_finite(discovery.scene.panel)


def test_a_price_that_stands_still_for_a_day_gives_nothing(state: bytes) -> None:
    changed = market()
    changed.own[BEGINS:, 3] = -changed.beta[3] * changed.market[BEGINS:]
    changed.own[BEGINS:, 3] -= changed.sector[BEGINS:, changed.group[3]]
    assert last_day(state, changed) == []


def test_a_single_security_is_no_market() -> None:
    made = market(1)
    pump(made, 0)
    made.report(BEGINS + 30, "S00")
    discovery = knowing(made)
    found = played(discovery, made, 0, BEGINS + MINUTES)
    assert {p.pattern_type for p in found} <= {"news_arbitrage", "pump_and_dump"}
    assert {tuple(p.securities) for p in found} <= {("S00",)}
    assert is_finite(discovery.scene.panel)


@pytest.mark.parametrize("times", [0.1, 0.25, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("at", [0, 60])
def test_a_split_that_is_not_adjusted_gives_nothing(times: float, at: int, state: bytes) -> None:
    changed = market()
    changed.own[BEGINS + at, 4] += np.log(times)
    changed.volume[BEGINS + at :, 4] /= times
    assert last_day(state, changed) == []


def test_a_symbol_that_is_delisted_gives_nothing(state: bytes) -> None:
    changed = market()
    changed.open[BEGINS + 100 :, 4] = False
    changed.open[BEGINS:, 9] = False
    assert last_day(state, changed) == []


def test_a_new_symbol_gives_nothing(state: bytes) -> None:
    changed = market(31)
    assert [p for p in last_day(state, changed) if "S30" in p.securities] == []


def spoiled(rng: np.random.Generator, minute: MarketMinute, share: float) -> MarketMinute:
    """Put NaN, infinity, zero and a negative number into cells of a minute at random."""
    bars = minute.bars
    columns = {}
    for part in fields(bars):
        values = getattr(bars, part.name)
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            bad = rng.choice([np.nan, np.inf, -np.inf, 0.0, -5.0], len(values))
            columns[part.name] = np.where(rng.random(len(values)) < share, bad, values)
    return MarketMinute(minute.start, replace(bars, **columns))


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_bars_that_are_no_numbers_give_nothing(share: float, state: bytes) -> None:
    rng = np.random.default_rng(5)
    assert last_day(state, market(), lambda minute, _: spoiled(rng, minute, share)) == []


def test_a_pump_is_found_among_bars_that_are_no_numbers(state: bytes) -> None:
    changed, rng = market(), np.random.default_rng(6)
    pump(changed)
    found = last_day(state, changed, lambda minute, _: spoiled(rng, minute, 0.01))
    assert {(p.pattern_type, *p.securities) for p in found} == {("pump_and_dump", "S07")}


def test_prints_far_off_the_price_give_nothing(state: bytes) -> None:
    rng = np.random.default_rng(7)

    def bad_print(minute: MarketMinute, row: int) -> MarketMinute:
        close, unquoted = minute.bars.close.copy(), np.full(len(minute.bars), np.nan)
        close[rng.integers(len(close))] *= rng.choice([0.01, 0.5, 3.0, 100.0])
        return MarketMinute(
            minute.start, replace(minute.bars, close=close, bid=unquoted, ask=unquoted)
        )

    assert last_day(state, market(), bad_print) == []


@pytest.mark.parametrize("jump_min", [7, 45, 600, 10 * 24 * 60, 400 * 24 * 60])
def test_a_clock_that_jumps_ahead_gives_nothing(jump_min: int, state: bytes) -> None:
    def jumped(minute: MarketMinute, row: int) -> MarketMinute:
        late = jump_min * US_PER_MINUTE if row >= BEGINS + 120 else 0
        return MarketMinute(minute.start + late, minute.bars)

    assert last_day(state, market(), jumped) == []


def test_a_clock_that_jumps_back_or_repeats_itself_gives_nothing(state: bytes) -> None:
    engine = MarketEngine(EngineConfig(ScanConfig(track=6, trade=2)), resumed(state))
    patterns, taken = [], 0
    for row, minute in enumerate(market().minutes(BEGINS, BEGINS + MINUTES), BEGINS):
        back = 30 * US_PER_MINUTE if row % 50 > 45 else 0
        for _ in range(1 + row % 2):
            out = engine.take_bars(PartitionBars(minute.start - back, 0, 1, False, minute.bars))
            assert out.faults == []
            patterns += out.patterns
            taken += out.minutes
    assert patterns == []
    assert taken == sum(row % 50 <= 45 for row in range(BEGINS, BEGINS + MINUTES))
