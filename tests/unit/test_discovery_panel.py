"""The parts of the panel by hand: trading time, groups, factors, closed markets, volumes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.discovery.factors import FactorModel, Moves, Split
from agents.discovery.nights import Nights
from agents.discovery.robust import Floats
from agents.discovery.securities import Securities
from agents.discovery.session import TradingClock
from agents.discovery.volatility import Volatility
from agents.discovery.volumes import Volumes
from schemas.bars import BarColumns
from schemas.times import US_PER_MINUTE

Rows = NDArray[np.intp]

# Two sectors of six.
SECTOR = np.repeat([0, 1], 6)
ALL = np.arange(12)


def factor_model() -> FactorModel:
    model = FactorModel()
    model.resize(12, 2)
    return model


def take(model: FactorModel, change: Floats, rows: Rows = ALL) -> Split:
    split = model.take(Moves(rows, change, np.ones(len(rows), np.int64)), SECTOR, slot=40, tick=1)
    model.levels.mark(rows, SECTOR)
    return split


def test_a_gap_without_trading_ends_a_session() -> None:
    clock = TradingClock()
    start = 10**15
    began = [clock.take(start + k * US_PER_MINUTE) for k in (0, 1, 91, 182)]
    assert began == [True, False, False, True]
    assert (clock.now, clock.tick) == (start + 183 * US_PER_MINUTE, 4)
    assert (clock.sessions, clock.minute_of_session) == (1, 1)


def test_a_later_listing_takes_the_place_of_an_earlier_one() -> None:
    securities = Securities()
    securities.reference("B", "tools", "saws")
    assert securities.rows(["B", "A"]).tolist() == [1, 0]
    assert securities.sector.tolist() == [-1, 0]
    securities.sector[0] = 0
    assert securities.listed_sector.tolist() == [-1, 0]
    securities.reference("A", "mines", None)
    securities.reference("B", None, "files")
    assert securities.sector.tolist() == securities.listed_sector.tolist() == [1, -1]
    assert [securities.sector_names[code] for code in securities.sector[:1]] == ["mines"]
    assert [securities.industry_names[code] for code in securities.industry[1:]] == ["files"]


def test_a_return_is_of_the_market_the_sector_and_the_security() -> None:
    change = 0.001 + np.where(SECTOR == 0, 0.0002, -0.0002)
    change[3] += 0.05
    split = take(factor_model(), change)
    assert split.market == pytest.approx(0.001, abs=2e-4)
    assert split.sectors[0] - split.sectors[1] == pytest.approx(0.0004, abs=3e-4)
    assert split.row["r"] == pytest.approx(change)
    assert split.row["m"] == pytest.approx(change - split.market)
    own = np.zeros(12)
    # In the mean of its five neighbours' sector a jump counts as two of its usual deviations.
    own[:6] = -2 * 8e-4 / 5
    own[3] = 0.05
    assert split.row["e"] == pytest.approx(own, abs=1e-9)
    assert split.row["z"][3] == 6.0, "a jump counts as six deviations"


def test_so_few_are_no_market_and_no_sector() -> None:
    few = ALL[:3]
    split = take(factor_model(), np.full(3, 0.01), few)
    assert split.market == 0.0
    assert not split.sectors.any()
    assert split.row["e"][few] == pytest.approx(0.01)


def test_a_return_over_a_gap_is_held_against_all_that_the_market_did() -> None:
    model, rng = factor_model(), np.random.default_rng(1)
    for market in rng.standard_normal(200) * 5e-4:
        take(model, np.full(12, market))
    take(model, np.full(11, 0.002), ALL[1:])
    change = np.full(12, 0.001)
    change[0] = 0.003
    split = model.take(Moves(ALL, change, np.array([2] + [1] * 11)), SECTOR, slot=40, tick=202)
    assert split.row["r"] == pytest.approx(change)
    assert abs(split.row["m"][0]) < 5e-4


def test_a_beta_begins_at_one_and_is_learned() -> None:
    model, rng = factor_model(), np.random.default_rng(1)
    assert model.exposures.beta == pytest.approx(1.0)
    times = np.ones(12)
    times[[2, 8]] = 1.8, 0.4
    for market in rng.standard_normal(400) * 5e-4:
        take(model, times * market)
    assert model.exposures.beta == pytest.approx(times, abs=0.15)
    assert model.seen.tolist() == [400] * 12


def test_a_beta_is_learned_from_the_minutes_in_which_a_security_trades() -> None:
    model, rng = factor_model(), np.random.default_rng(4)
    times = np.ones(12)
    times[:2] = 1.6
    for minute, market in enumerate(rng.standard_normal(1200) * 5e-4):
        rows = ALL if minute % 4 == 0 else ALL[1:]
        change = times * market
        take(model, change[rows], rows)
    thin, whole = model.exposures.beta[:2]
    # The one that trades in every fourth is drawn to one by more, and not to zero.
    assert 1.3 < thin < whole
    assert whole == pytest.approx(1.6, abs=0.1)


def test_a_newcomer_begins_with_a_beta_of_one() -> None:
    model, rng = factor_model(), np.random.default_rng(4)
    for market in rng.standard_normal(400) * 5e-4:
        take(model, np.full(11, market), ALL[1:])
    assert model.exposures.beta[0] == 1.0


def test_who_joins_a_sector_owes_nothing_for_what_it_did_before() -> None:
    model = factor_model()
    model.levels.add(0.0, np.array([0.03, 0.0]))
    rows = ALL[:2]
    assert model.levels.missed_sector(rows, SECTOR) == pytest.approx(0.03)
    model.levels.mark_sector(rows[:1], SECTOR)
    assert model.levels.missed_sector(rows, SECTOR).tolist() == [0.0, 0.03]


def test_a_time_of_the_day_and_a_security_have_deviations_of_their_own() -> None:
    volatility, rng = Volatility(), np.random.default_rng(2)
    volatility.resize(12)
    own = np.where(SECTOR == 0, 1e-3, 2e-3)
    for minute in range(3000):
        slot = 40 + minute % 2
        m = rng.standard_normal(12) * own * slot_scale(slot)
        usual = volatility.deviation("m", slot)
        volatility.stir_up(np.abs(m) / usual, minute)
        seen = np.full(12, minute)
        volatility.learn(ALL, m, m / 2, np.ones(12), slot, seen)
    ordinary = volatility.deviation("m")
    assert ordinary[6:].mean() / ordinary[:6].mean() == pytest.approx(2.0, rel=0.1)
    assert volatility.deviation("e") == pytest.approx(ordinary / 2, rel=0.1)
    late, early = (volatility.deviation("m", slot)[0] for slot in (41, 40))
    assert late / early == pytest.approx(2.0, rel=0.2)
    for _ in range(20):
        volatility.stir_up(np.full(12, 4 * 0.6745), 3000)
    assert volatility.burst > 2.5


def slot_scale(slot: int) -> float:
    return 2.0 if slot == 41 else 1.0


def nights() -> Nights:
    closed = Nights()
    closed.resize(12)
    return closed


def reopen(closed: Nights, rows: Rows, change: Floats) -> None:
    closed.reopen(rows, change, np.ones(len(rows)), np.full(len(rows), 1e-3))


def test_the_night_of_the_market_is_the_mean_of_all_that_have_opened() -> None:
    closed = nights()
    reopen(closed, ALL[:4], np.full(4, 0.02))
    assert closed.course == 0.0, "four are no market"
    reopen(closed, ALL[:6], np.full(6, 0.02))
    reopen(closed, ALL[6:10], np.full(4, 0.04))
    assert closed.course == pytest.approx((6 * 0.02 + 4 * 0.04) / 10)
    assert closed.overnight.tolist() == [0.02] * 6 + [0.04] * 4 + [0.0] * 2
    closed.begin_session()
    assert not closed.overnight.any()


def test_a_split_is_no_night_of_the_market() -> None:
    closed = nights()
    change = np.full(12, 0.01)
    times = np.log([2.0, 3.0, 1 / 2])
    change[:3] += times
    reopen(closed, ALL, change)
    assert closed.course == pytest.approx(0.01)
    assert closed.split[:3] == pytest.approx(times)
    assert not closed.split[3:].any()


def bars(volume: list[float], bought: list[float], quoted: list[int]) -> BarColumns:
    rows = len(volume)
    price = np.full(rows, 10.0)
    return BarColumns(
        [f"S{i}" for i in range(rows)],
        *(price,) * 4,
        np.array(volume),
        price,
        *(price,) * 3,
        np.array(bought),
        np.ones(rows, np.int64),
        np.array(quoted),
    )


def test_volumes_have_sides_and_an_expectation() -> None:
    volumes = Volumes()
    volumes.resize(4)
    start, slot, seen = 1_736_778_600_000_000, 38, np.ones(4, np.int64)
    rows = np.array([0, 2, 3])
    first = volumes.take(start, slot, rows, bars([100, 40, np.nan], [75, 60, 0], [1, 0, 0]), seen)
    assert first["expected"].tolist() == [0.0] * 4
    assert first["volume"].tolist() == [100.0, 0.0, 40.0, 0.0]
    assert first["signed"].tolist() == [50.0, 0.0, 0.0, 0.0], "more than all cannot be bought"
    assert first["side"].tolist() == [0.5, 0.0, 0.0, 0.0]
    assert first["sided"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert first["traded"].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert volumes.expected(slot).tolist() == [50.0, 0.0, 20.0, 0.0]
    # The next day the profile is known: of that quarter of an hour for each who traded.
    tomorrow = start + 24 * 60 * US_PER_MINUTE
    volumes.take(tomorrow, slot, rows, bars([15, 15, 15], [0, 0, 0], [1, 1, 1]), seen)
    assert volumes.expected(slot)[[0, 2]] == pytest.approx([100 / 15, 40 / 15], rel=1e-6)
