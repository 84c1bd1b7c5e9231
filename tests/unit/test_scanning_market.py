"""What the market knows of each security: its usual move, turnover, volume, and its day so far."""

from __future__ import annotations

import numpy as np
import pytest

from agents.minutes import MarketMinute
from agents.scanning.catalysts import CatalystLog
from agents.scanning.market import Market
from agents.state import pack_state, unpack_state
from schemas.times import US_PER_MINUTE, US_PER_S
from tests.unit.scanning_markets import DAY, OPEN, bars, catalyst

MINUTE_SD, OVERNIGHT_SD, SHARES = 0.001, 0.01, 1000.0


def session(
    day: int, price: np.ndarray, rng: np.random.Generator, minutes: int = 390
) -> list[MarketMinute]:
    """A whole session of as many securities as there are prices; volume higher at both ends."""
    names, out = [f"S{i:02d}" for i in range(len(price))], []
    for minute in range(minutes):
        before = price.copy()
        price *= np.exp(rng.normal(0, MINUTE_SD, len(price)))
        shape = SHARES * (3 if minute < 15 or minute >= 375 else 1)
        out.append(
            MarketMinute(
                OPEN + day * DAY + minute * US_PER_MINUTE,
                bars(names, price.copy(), np.full(len(price), shape), before),
            )
        )
    return out


@pytest.fixture(scope="module")
def known() -> tuple[Market, np.ndarray]:
    """A market after four sessions, and its prices."""
    rng, price, market = np.random.default_rng(5), np.full(60, 100.0), Market()
    for day in range(4):
        for minute in session(day, price, rng):
            market.take(minute)
        price *= np.exp(rng.normal(0, OVERNIGHT_SD, len(price)))
    return market, price


def again(market: Market) -> Market:
    return Market.restore(unpack_state(pack_state(market.snapshot())))


def test_usual_moves_are_those_of_the_data(known: tuple[Market, np.ndarray]) -> None:
    market = again(known[0])
    market.take(session(4, known[1].copy(), np.random.default_rng(1), 1)[0])
    view = market.view(market.time)
    of_a_day = np.hypot(MINUTE_SD * np.sqrt(390), OVERNIGHT_SD)
    assert np.median(view.usual_move) == pytest.approx(MINUTE_SD * np.sqrt(15), rel=0.1)
    # The night weighs little in four days of memory that began without one.
    assert np.median(view.usual_day) == pytest.approx(of_a_day, rel=0.15)
    assert view.usual_day.max() < 2 * of_a_day


def test_a_usual_day_has_a_relative_volume_of_one(known: tuple[Market, np.ndarray]) -> None:
    market = again(known[0])
    for i, minute in enumerate(session(4, known[1].copy(), np.random.default_rng(1)), 1):
        market.take(minute)
        if i in (15, 60, 200, 390):
            view = market.view(market.time)
            assert view.relative_volume == pytest.approx(np.ones(60), rel=0.01)
        if i == 200:
            assert view.pace == pytest.approx(np.ones(60), rel=0.05)
            turnover = SHARES * known[1] * (360 + 3 * 30)
            assert view.dollars == pytest.approx(turnover, rel=0.25)


def test_a_burst_shows_in_the_pace_at_once(known: tuple[Market, np.ndarray]) -> None:
    market = again(known[0])
    for i, minute in enumerate(session(4, known[1].copy(), np.random.default_rng(1), 200)):
        if i >= 190:
            minute.bars.volume[3] *= 10
        market.take(minute)
    view = market.view(market.time)
    assert view.pace[3] > 4
    assert view.relative_volume[3] < 2
    assert np.delete(view.pace, 3).max() < 1.2


def test_returns_are_measured_from_where_they_say(known: tuple[Market, np.ndarray]) -> None:
    market = again(known[0])
    before = market.last.copy()
    minutes = session(4, known[1].copy(), np.random.default_rng(1), 90)
    for minute in minutes:
        market.take(minute)
    view = market.view(market.time)
    close = [minute.bars.close for minute in minutes]
    assert view.day_return == pytest.approx(np.log(close[-1] / before))
    assert view.recent_return == pytest.approx(np.log(close[-1] / close[-16]))
    assert view.hour_return == pytest.approx(np.log(close[-1] / close[-61]))
    assert view.gap == pytest.approx(np.log(minutes[0].bars.open / before))


def test_before_the_first_trade_of_a_day_nothing_of_it_is_known(
    known: tuple[Market, np.ndarray],
) -> None:
    market = again(known[0])
    view = market.view(OPEN + 4 * DAY - 3600 * US_PER_S)
    assert (view.day_return == 0).all()
    assert (view.recent_return == 0).all()
    assert np.isnan(view.gap).all()
    assert np.isnan(view.relative_volume).all()
    assert view.eligible.all()


def test_prices_out_of_hours_do_not_move_the_close() -> None:
    market = Market()

    def at(minute: int, price: float) -> None:
        market.take(
            MarketMinute(
                OPEN + minute * US_PER_MINUTE, bars(["A"], np.array([price]), np.array([1.0]))
            )
        )

    at(0, 10.0)
    at(389, 11.0)
    at(420, 15.0)
    at(1440 - 60, 12.0)
    early = market.view(market.time)
    at(1440, 13.0)
    late = market.view(market.time)
    assert early.gap[0] == pytest.approx(np.log(12 / 11)), "what the open would be"
    assert late.gap[0] == pytest.approx(np.log(13 / 11))


def test_catalysts_are_ordered_whatever_the_order_of_arrival() -> None:
    items = [(row, 5 + (row + i) % 2, f"n{i}") for row in (0, 1) for i in range(6)]

    def log(order: list[int]) -> CatalystLog:
        out = CatalystLog()
        for k in order:
            row, ts, news_id = items[k]
            out.add(row, catalyst("A", OPEN + ts * US_PER_S, news_id, k / 20))
            out.until(OPEN)
        return out

    end = OPEN + DAY
    first, second = log(list(range(12))), log(list(range(12))[::-1])
    assert first.until(end).materiality.tolist() == second.until(end).materiality.tolist()
    assert first.newest_ids({0, 1}, end, 6) == second.newest_ids({0, 1}, end, 6)
    assert len(first.newest_ids({0}, end, 4)[0]) == 4
    first.forget(OPEN + 6 * US_PER_S)
    assert len(first) == 6
    assert set(first.until(end).ts.tolist()) == {OPEN + 6 * US_PER_S}
