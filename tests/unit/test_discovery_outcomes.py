"""Predictions are measured in event time, net of the market, on what really traded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.outcomes import COST, NOISE, Measured, Outcomes, basket_noise
from agents.discovery.panel import Panel
from agents.state import pack_state, unpack_state
from schemas.signals import Persistence
from schemas.times import US_PER_MINUTE, from_us
from tests.unit.discovery_markets import SESSION, Market, new_scene, quiet_market

HOUR = 3600


@pytest.fixture
def market() -> Market:
    """All move with the market alone: every other return is put there by the test."""
    market = quiet_market(sessions=7, securities=10, sectors=2)
    market.own *= 1e-3
    market.sector[:] = 0.0
    market.beta = np.linspace(0.6, 1.4, 10)
    return market


def predicted(horizon_s: int = HOUR, **direction: int) -> Candidate:
    signs = {symbol: 1 if sign > 0 else -1 for symbol, sign in direction.items()}
    return Candidate(
        "catalyst_sympathy", tuple(signs), list(signs), 0, 1.5, signs, horizon_s  # type: ignore[arg-type]
    )  # fmt: skip


class Watch:
    """A panel and the outcomes watched on it, fed row by row."""

    def __init__(self, market: Market) -> None:
        self.market, self.row = market, 0
        self.panel, self.outcomes = Panel(), Outcomes()

    def until(self, row: int) -> list[tuple[int, Measured]]:
        """Play up to and with ``row``; what was measured, and at which row."""
        done = []
        for at, minute in enumerate(self.market.minutes(self.row, row + 1), self.row):
            if self.panel.take(minute):
                done += [(at, m) for m in self.outcomes.take(self.panel)]
        self.row = row + 1
        return done

    def watch(self, candidate: Candidate, name: str = "p") -> None:
        self.outcomes.watch(name, candidate, self.panel, {})


def test_a_return_is_net_of_beta_times_the_market(market: Market) -> None:
    watch = Watch(market)
    market.market[130:150] = 0.001
    market.own[120, 0] = 0.05
    market.own[140, 0] = 0.02
    watch.until(125)
    watch.watch(predicted(S00=1))
    ((row, measured),) = watch.until(SESSION - 1)
    assert row == 125 + 60
    assert measured.outcome.measured_at == from_us(market.start(row) + US_PER_MINUTE)
    assert measured.watched.beta == [pytest.approx(0.6, abs=0.15)]
    own = float(market.own[126:186, 0].sum()) + (0.6 - measured.watched.beta[0]) * float(
        market.market[126:186].sum()
    )
    assert measured.outcome.returns == {"S00": pytest.approx(math.expm1(own), abs=1e-3)}
    assert measured.outcome.came_true


@pytest.mark.parametrize(("move", "true"), [(0.03, True), (-0.03, False), (0.0005, False)])
def test_it_comes_true_in_the_predicted_direction_beyond_the_cost(
    market: Market, move: float, true: bool
) -> None:
    market.own[130, 0], market.own[130, 1] = move, -move
    watch = Watch(market)
    watch.until(120)
    watch.watch(predicted(S00=1, S01=-1))
    ((_, measured),) = watch.until(200)
    assert measured.hurdle >= COST
    assert measured.outcome.came_true is true
    assert not measured.void


def test_what_chance_often_gives_is_not_enough() -> None:
    market = quiet_market(sessions=3, securities=10, sectors=2)
    watch = Watch(market)
    watch.until(SESSION)
    watch.watch(predicted(HOUR, S00=1))
    ((_, measured),) = watch.until(SESSION + 61)
    deviation = measured.watched.deviation[0]
    assert measured.hurdle == pytest.approx(max(COST, NOISE * deviation * math.sqrt(60)))
    own = market.own[: 2 * SESSION, 0].std()
    assert deviation == pytest.approx(own, rel=0.5)


def test_one_huge_mover_does_not_carry_the_mean(market: Market) -> None:
    market.own *= 500  # noise to speak of
    market.own[130:181, :5] = 0.0
    market.own[140, :5] = [0.60, -0.03, -0.03, -0.03, -0.03]
    watch = Watch(market)
    watch.until(120)
    watch.watch(predicted(S00=1, S01=1, S02=1, S03=1, S04=1))
    ((_, measured),) = watch.until(200)
    assert sum(measured.outcome.returns.values()) > 0.4
    assert not measured.outcome.came_true


def test_a_horizon_over_the_weekend_ends_at_the_next_trade_and_counts_the_gap(
    market: Market,
) -> None:
    friday, monday = 4 * SESSION + 380, 5 * SESSION
    assert market.start(monday) - market.start(friday) > 2 * 86_400_000_000
    market.own[monday, 0] = 0.05
    market.market[monday] = 0.02
    watch = Watch(market)
    watch.until(friday)
    watch.watch(predicted(2 * HOUR, S00=1))
    ((row, measured),) = watch.until(monday + 30)
    assert row == monday
    assert measured.outcome.returns["S00"] == pytest.approx(math.expm1(0.05), abs=0.005)


def test_a_security_that_opens_later_is_measured_when_it_does(market: Market) -> None:
    market.open[SESSION : SESSION + 20, 0] = False
    watch = Watch(market)
    watch.until(SESSION - 5)
    watch.watch(predicted(HOUR, S00=1, S01=1))
    ((row, measured),) = watch.until(SESSION + 40)
    assert row == SESSION + 20
    assert measured.outcome.returns.keys() == {"S00", "S01"}


def test_the_night_of_a_market_that_opens_bit_by_bit_is_taken_out(market: Market) -> None:
    market.market[SESSION] = 0.03
    market.open[SESSION, :4] = False
    market.open[SESSION : SESSION + 3, 0] = False
    watch = Watch(market)
    watch.until(SESSION + 10)
    moved = float(market.market[1 : SESSION + 11].sum())
    assert watch.panel.nights.course == pytest.approx(moved, abs=0.003)
    assert watch.panel.nights.course_at[0] == watch.panel.nights.course


def test_a_delisted_security_is_measured_at_its_last_price(market: Market) -> None:
    market.own[150, 0] = -0.5
    market.open[160:, 0] = False
    watch = Watch(market)
    watch.until(120)
    watch.watch(predicted(2 * HOUR, S00=-1, S01=-1))
    ((row, measured),) = watch.until(2 * SESSION)
    assert row == 120 + 2 * 60 + SESSION, "a session of trading after the horizon it is given up"
    assert measured.outcome.returns["S00"] == pytest.approx(math.expm1(-0.5), abs=0.01)
    assert measured.outcome.came_true


def test_a_security_that_never_trades_again_teaches_nothing(market: Market) -> None:
    market.open[121:, 0] = False
    watch = Watch(market)
    watch.until(120)
    watch.watch(predicted(S00=1))
    ((_, measured),) = watch.until(2 * SESSION)
    assert measured.void
    assert measured.outcome.returns == {}
    assert not measured.outcome.came_true


@pytest.mark.parametrize("times", [0.5, 10.0])
def test_an_unadjusted_split_is_no_return(market: Market, times: float) -> None:
    market.own[SESSION, 0] = math.log(times) + 0.01
    watch = Watch(market)
    watch.until(SESSION - 5)
    watch.watch(predicted(HOUR, S00=1))
    ((_, measured),) = watch.until(SESSION + 5)
    assert measured.outcome.returns["S00"] == pytest.approx(0.01, abs=0.003)


def goes_on(persistence: Persistence, *symbols: str, horizon_s: int = 2 * HOUR) -> Candidate:
    candidate = predicted(horizon_s, **dict.fromkeys(symbols, 1))
    candidate.persistence = persistence
    return candidate


def together(market: Market, since: int, until: int, *members: int) -> None:
    """Make the own returns of some one and the same."""
    market.own[since:until, list(members)] = market.own[since:until, [members[0]]]


@pytest.mark.parametrize("holds", [True, False])
def test_a_group_that_moves_on_together_came_true(holds: bool) -> None:
    market = quiet_market(sessions=2, securities=30, sectors=3)
    together(market, SESSION + 60, SESSION + (240 if holds else 120), 0, 11, 22)
    watch = Watch(market)
    watch.until(SESSION + 119)
    persistence = Persistence("correlation", over=0.4)
    watch.watch(goes_on(persistence, "S00", "S11", "S22"))
    ((row, measured),) = watch.until(2 * SESSION - 1)
    assert row == SESSION + 119 + 120
    assert measured.outcome.came_true is holds
    figure = measured.outcome.measured
    assert figure is not None
    assert figure > 0.7 if holds else abs(figure) < 0.3
    assert set(measured.outcome.returns) == {"S00", "S11", "S22"}


@pytest.mark.parametrize("parted", [True, False])
def test_two_that_stay_apart_came_true(parted: bool) -> None:
    market = quiet_market(sessions=2, securities=30, sectors=3)
    together(market, 0, SESSION + 60, 0, 1, 2)
    if not parted:
        together(market, SESSION + 120, 2 * SESSION, 0, 1, 2)
    else:
        together(market, SESSION + 60, 2 * SESSION, 1, 2)
    watch = Watch(market)
    watch.until(SESSION + 119)
    persistence = Persistence("correlation_with_partners", under=0.35)
    watch.watch(goes_on(persistence, "S00", "S01", "S02"))
    ((_, measured),) = watch.until(2 * SESSION - 1)
    assert measured.outcome.came_true is parted


@pytest.mark.parametrize("parted", [True, False])
def test_one_that_stays_apart_from_its_sector_came_true(parted: bool) -> None:
    market = quiet_market(sessions=2, securities=30, sectors=3)
    market.sector *= 3
    watch = Watch(market)
    watch.panel = new_scene(market).panel
    first = int(np.flatnonzero(market.group == 0)[0])
    if parted:
        market.own[SESSION + 60 :, first] -= market.sector[SESSION + 60 :, 0]
    watch.until(SESSION + 119)
    persistence = Persistence("correlation_with_sector", under=0.3)
    watch.watch(goes_on(persistence, f"S{first:02}"))
    ((_, measured),) = watch.until(2 * SESSION - 1)
    assert measured.outcome.came_true is parted


def test_without_a_sector_nothing_is_measured_against_it() -> None:
    watch = Watch(quiet_market(sessions=1, securities=10, sectors=2))
    watch.until(100)
    watch.watch(goes_on(Persistence("correlation_with_sector", under=0.3), "S00"))
    ((_, measured),) = watch.until(300)
    assert measured.void


@pytest.mark.parametrize("bought", [0.75, 0.5])
def test_who_goes_on_buying_came_true(market: Market, bought: float) -> None:
    market.bought[:] = 0.5
    market.bought[100:140, 0] = 0.75
    market.bought[140:, 0] = bought
    watch = Watch(market)
    watch.until(139)
    watch.watch(goes_on(Persistence("imbalance", over=0.25), "S00", horizon_s=3 * HOUR))
    ((row, measured),) = watch.until(SESSION)
    assert row == 139 + 180
    assert measured.outcome.measured == pytest.approx(2 * bought - 1, abs=0.01)
    assert measured.outcome.came_true is (bought > 0.7)


def test_half_of_the_horizon_must_be_minutes_of_trading(market: Market) -> None:
    watch = Watch(market)
    watch.until(SESSION - 31)
    watch.watch(goes_on(Persistence("correlation", over=-1.0), "S00", "S01"))
    ((row, measured),) = watch.until(SESSION + 60)
    assert row == SESSION - 31 + 60
    assert measured.outcome.came_true


def test_what_hardly_trades_again_is_no_persistence(market: Market) -> None:
    market.open[SESSION + 105 :, 0] = False
    watch = Watch(market)
    watch.until(SESSION + 99)
    watch.watch(goes_on(Persistence("correlation_with_partners", under=0.9), "S00", "S01"))
    ((_, measured),) = watch.until(3 * SESSION - 1)
    assert measured.void
    assert measured.outcome.measured is None
    assert not measured.outcome.came_true


def test_what_moves_together_is_noisier_than_its_parts() -> None:
    market = quiet_market(sessions=3, securities=12, sectors=2)
    market.sector *= 3
    watch = Watch(market)
    watch.until(3 * SESSION - 1)
    panel = watch.panel
    rows = np.flatnonzero(market.group == 0)
    deviation = panel.deviation("m")[rows]
    ones = np.ones(len(rows))
    alone = math.sqrt(float((deviation**2).sum())) / len(rows)
    assert basket_noise(panel, rows, ones, deviation) > 1.3 * alone
    signs = np.resize([1.0, -1.0], len(rows))
    assert basket_noise(panel, rows, signs, deviation) == pytest.approx(alone, rel=0.3)
    assert basket_noise(panel, rows[:0], ones[:0], deviation[:0]) == 0.0


def test_unknown_securities_and_repeats_are_left_out(market: Market) -> None:
    watch = Watch(market)
    watch.until(10)
    watch.watch(predicted(NOBODY=1))
    watch.watch(predicted(S00=1))
    assert len(watch.outcomes) == 1
    ((_, measured),) = watch.until(100)
    assert measured.void
    assert math.isfinite(measured.gain)
    assert len(watch.outcomes) == 0


def test_a_restored_watch_measures_the_same_to_the_last_bit() -> None:
    market = quiet_market(sessions=2, securities=10, sectors=2)
    market.open[250:255, 1] = False
    watch = Watch(market)
    watch.until(100)
    watch.watch(predicted(HOUR, S00=1, S01=1), "a")
    watch.watch(predicted(HOUR * 2 + 1800, S00=1, S01=-1), "b")
    watch.watch(goes_on(Persistence("correlation", over=0.1), "S00", "S01", horizon_s=9000), "c")
    watch.until(251)
    copy = Watch(market)
    copy.row = watch.row
    state = unpack_state(
        pack_state({"panel": watch.panel.snapshot(), "outcomes": watch.outcomes.snapshot()})
    )
    copy.panel = Panel.restore(state["panel"])
    copy.outcomes = Outcomes.restore(state["outcomes"])
    assert len(copy.outcomes) == 2
    assert copy.until(300) == watch.until(300) != []
