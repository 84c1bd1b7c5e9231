"""One scan: exact numbers, ties, small and odd markets, scores that add up, a calm edge."""

from __future__ import annotations

import math
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.minutes import MarketMinute
from agents.scanning.desk import Desk
from agents.scanning.factor import MODES, all_factors, shares
from agents.scanning.market import Market
from agents.scanning.scanner import ScanConfig, Scanner, choose
from schemas.times import US_PER_MINUTE
from schemas.tracking import Scan, ScanMode
from tests.unit.scanning_markets import DAY, OPEN, bars, catalyst, random_days


def market_of(symbols: int, days: int = 2, minutes: int = 60) -> Market:
    market = Market()
    for minute in random_days(symbols, days, minutes):
        market.take(minute)
    return market


def scan(
    market: Market,
    mode: ScanMode = "normal",
    config: ScanConfig | None = None,
    tracked: set[str] | None = None,
    at: int | None = None,
) -> Scan:
    scanner = Scanner(config)
    view = market.view(at or market.time)
    return scanner.result(market, view, scanner.rank(view, mode, tracked or set()), mode)


def flat_minute(index: int, symbols: list[str], price: float, volume: float = 100) -> MarketMinute:
    n = len(symbols)
    return MarketMinute(
        OPEN + index * US_PER_MINUTE, bars(symbols, np.full(n, price), np.full(n, volume))
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_large_market_gives_exactly_a_hundred_and_five(mode: ScanMode) -> None:
    market = market_of(300)
    found = scan(market, mode)
    assert len(found.tracked_securities) == 100
    assert len({c.symbol for c in found.tracked_securities}) == 100
    assert found.trading_candidates == found.tracked_securities[:5]
    assert found.total_universe == 300
    order = [(-c.score, c.symbol) for c in found.tracked_securities]
    assert order == sorted(order), "best first, ties by symbol"
    msgspec.json.decode(msgspec.json.encode(found), type=Scan)


@pytest.mark.parametrize(
    ("size", "tracked", "traded"), [(0, 0, 0), (1, 1, 1), (4, 4, 4), (60, 60, 5)]
)
def test_a_small_market_gives_what_there_is(size: int, tracked: int, traded: int) -> None:
    market = market_of(size) if size else Market()
    found = scan(market, at=OPEN + DAY + 3600 * 10**6)
    assert len(found.tracked_securities) == tracked
    assert len(found.trading_candidates) == traded
    assert found.total_universe == size


def test_equal_securities_are_ranked_by_symbol() -> None:
    market, names = Market(), [f"T{i:03d}" for i in range(150)]
    market.take(flat_minute(0, names[::-1], 10.0))
    found = scan(market)
    assert {c.score for c in found.tracked_securities} == {found.tracked_securities[0].score}
    assert [c.symbol for c in found.tracked_securities] == names[:100]


@settings(deadline=None, max_examples=18)
@given(st.integers(0, 5), st.sampled_from(MODES))
def test_parts_add_up_to_the_score(seed: int, mode: ScanMode) -> None:
    market = Market()
    for minute in random_days(40, 2, 30, seed):
        market.take(minute)
    for i in range(10):
        market.inform(catalyst(f"S{i:05d}", market.time - i * US_PER_MINUTE, f"n{i}", 0.9))
    names = [factor.name for factor in all_factors()]
    for candidate in scan(market, mode).tracked_securities:
        assert list(candidate.parts) == names
        assert math.isclose(sum(candidate.parts.values()), candidate.score, abs_tol=1e-9)
        assert 0 <= candidate.score <= 100
        points = dict(zip(names, shares(all_factors(), mode), strict=True))
        assert all(0 <= part <= points[name] for name, part in candidate.parts.items())
        assert candidate.reason


def test_the_highest_score_is_a_hundred() -> None:
    scanner = Scanner()
    for mode in MODES:
        assert shares(scanner.factors, mode).sum() == pytest.approx(100)


def test_prices_that_are_not_numbers_are_left_out() -> None:
    market = Market()
    for index in range(30):
        close = np.array([10.0, math.nan, 30 + index / 10, 0.0, math.inf])
        names = ["GOOD", "NAN", "MOVES", "ZERO", "INF"]
        market.take(
            MarketMinute(OPEN + index * US_PER_MINUTE, bars(names, close, np.full(5, math.nan)))
        )
    market.inform(catalyst("NAN", market.time - 1, "n", 1.0))
    found = scan(market)
    assert [c.symbol for c in found.tracked_securities] == ["MOVES", "GOOD"]
    assert found.total_universe == 2
    assert all(np.isfinite(c.score) for c in found.tracked_securities)


def two_days(second_open: float, volume: float) -> Scan:
    """A calm security among others that opens the second day elsewhere."""
    market, rng = Market(), np.random.default_rng(3)
    others = [f"S{i}" for i in range(9)]
    price = 100.0
    for day, factor in ((0, 1.0), (1, second_open)):
        for index in range(60):
            close = np.r_[price * factor, rng.uniform(9.99, 10.01, 9)]
            size = np.r_[1000.0 if day == 0 else volume, np.full(9, 1000.0)]
            start = OPEN + day * 4 * DAY + index * US_PER_MINUTE
            market.take(MarketMinute(start, bars(["X", *others], close, size)))
            price *= 1 + rng.normal(0, 1e-4)
    return scan(market)


def test_a_split_is_neither_a_gap_nor_a_move_but_a_crash_is() -> None:
    split = next(c for c in two_days(0.5, 2000).tracked_securities if c.symbol == "X")
    crash = two_days(0.5, 30_000).tracked_securities[0]
    assert split.parts["gap"] == 0
    assert split.parts["move"] < 5
    assert crash.symbol == "X"
    assert crash.parts["gap"] > 5
    assert crash.parts["move"] > 20
    assert "-50.0%" in crash.reason


def test_half_the_price_without_any_volume_does_no_harm() -> None:
    found = two_days(0.5, 0.0)
    assert len(found.tracked_securities) == 10
    assert all(np.isfinite(c.score) for c in found.tracked_securities)


def test_a_security_that_is_no_longer_traded_leaves() -> None:
    market = Market()
    for day in range(4):
        names = ["GONE", "HERE"] if day == 0 else ["HERE"]
        for index in range(3):
            market.take(flat_minute(day * 1440 + index, names, 10.0))
        symbols = {c.symbol for c in scan(market).tracked_securities}
        assert symbols == ({"GONE", "HERE"} if day < 2 else {"HERE"})


def test_news_moves_a_security_up_and_is_named() -> None:
    market = market_of(50)
    before = {c.symbol: c.score for c in scan(market).tracked_securities}
    for i, minutes_ago in enumerate((30, 20, 10)):
        market.inform(catalyst("S00007", market.time - minutes_ago * US_PER_MINUTE, f"n{i}"))
    market.inform(catalyst("S00007", market.time + US_PER_MINUTE, "future", 1.0))
    after = next(c for c in scan(market).tracked_securities if c.symbol == "S00007")
    assert after.news == ["n2", "n1", "n0"], "newest first, nothing from the future"
    assert after.score > before["S00007"] + 5
    assert "3 news items, the newest 10 min old" in after.reason


def test_news_fades() -> None:
    market = market_of(3)
    market.inform(catalyst("S00001", market.time))
    parts = [
        next(
            c for c in scan(market, at=market.time + hours * 3600 * 10**6).tracked_securities
            if c.symbol == "S00001"
        ).parts["catalyst"]
        for hours in (0, 6, 12, 24, 48)
    ]  # fmt: skip
    assert all(a > b for a, b in pairwise(parts))
    assert 0.5 < parts[2] / parts[0] < 0.7, "half the strength, on a scale that saturates"


scores = st.lists(st.integers(0, 3000), min_size=1, max_size=40)


@settings(deadline=None)
@given(scores, st.integers(1, 20), st.floats(0, 20), st.data())
def test_the_edge_is_calm(raw: list[int], count: int, margin: float, data: st.DataObject) -> None:
    n = len(raw)
    score, tie = np.array(raw) / 100, np.arange(n)
    eligible = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    incumbent = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    chosen = choose(score, tie, eligible, incumbent, count, margin)
    assert len(chosen) == min(count, int(eligible.sum()))
    inside = np.zeros(n, np.bool_)
    inside[chosen] = True
    assert not (inside & ~eligible).any()
    dropped = np.flatnonzero(eligible & incumbent & ~inside)
    newcomers = np.flatnonzero(inside & ~incumbent)
    for loser in dropped:
        assert all(score[winner] >= score[loser] + margin for winner in newcomers)
    again = choose(score, tie, eligible, inside, count, margin)
    assert again.tolist() == chosen.tolist(), "choosing again changes nothing"


def test_an_incumbent_keeps_its_place_until_clearly_beaten() -> None:
    config = ScanConfig(track=1, trade=1, margin=5)
    market = market_of(2)
    first = scan(market, config=config).tracked_securities[0]
    both = scan(market, config=ScanConfig(track=2, trade=1)).tracked_securities
    gap = both[0].score - both[1].score
    other = both[1].symbol
    wide = ScanConfig(track=1, trade=1, margin=gap + 1)
    narrow = ScanConfig(track=1, trade=1, margin=gap / 2)
    assert first.symbol == both[0].symbol
    assert scan(market, config=wide, tracked={other}).tracked_securities[0].symbol == other
    assert scan(market, config=narrow, tracked={other}).tracked_securities[0].symbol == first.symbol


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"track": 0}, "at least one"),
        ({"track": 5, "trade": 6}, "no more than are tracked"),
        ({"ttl_s": 90}, "multiple of 60"),
        ({"parameters": {"magic": {}}}, "no factor magic"),
        ({"parameters": {"gap": {"size": 1}}}, "no parameter size"),
        ({"parameters": {"gap": {"half_deviations": 99}}}, "set it to 0.5 to 10"),
    ],
)
def test_a_wrong_configuration_says_what_to_do(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ScanConfig(**arguments)  # type: ignore[arg-type]


def test_two_bars_of_a_symbol_in_a_minute_are_both_taken() -> None:
    market = Market()
    market.take(
        MarketMinute(OPEN, bars(["A", "A", "B"], np.array([10.0, 11.0, 5.0]), np.full(3, 7.0)))
    )
    assert market.last.tolist() == [11.0, 5.0]
    assert market.profile.day_volume().tolist() == [14.0, 7.0]


def test_a_desk_of_nothing_says_so() -> None:
    update = Desk().force("aggressive")
    assert update.scan is not None
    assert update.scan.tracked_securities == []
    assert update.candidates is None
