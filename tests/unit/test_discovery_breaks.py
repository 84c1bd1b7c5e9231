"""Correlation breaks: found where what two share is gone, not in its look-alikes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.patterns.correlation_breaks import CorrelationBreaks, fall_of_slope
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import SESSION, Market, copied, new_scene, play, quiet_market

QUIET_DAYS = 5
START = QUIET_DAYS * SESSION + 60
MINUTES = 200
DURING = slice(START, START + MINUTES)
# S00 and S05 are a pair; S02, S07, S12 and S17 are kin, and most of their sector.
PAIR, KIN = (0, 5), (2, 7, 12, 17)

Before = tuple[Scene, CorrelationBreaks]


def market() -> tuple[Market, np.ndarray]:
    """A market with a pair and kin, and what each of them shares, shape (rows, 2)."""
    made = quiet_market(seed=5, sessions=QUIET_DAYS + 1, securities=30, sectors=5)
    shared = np.random.default_rng(3).normal(0, 2.2 * made.own.std(), (len(made.own), 2))
    for column, rows in enumerate((PAIR, KIN)):
        made.own[:, rows] += shared[:, [column]]
    return made, shared


@pytest.fixture(scope="module")
def before() -> Before:
    """The scene and the detector after the quiet days."""
    quiet, detector = market()[0], CorrelationBreaks()
    scene = new_scene(quiet)
    assert play(quiet, detector, scene, 0, QUIET_DAYS * SESSION) == []
    return scene, detector


def last_day(changed: Market, before: Before) -> list[tuple[int, Candidate]]:
    resumed = CorrelationBreaks()
    resumed.load(unpack_state(pack_state(before[1].snapshot())))
    return play(changed, resumed, copied(before[0]), QUIET_DAYS * SESSION, START + MINUTES)


@pytest.mark.parametrize("share", [0.0, -1.0])
def test_a_pair_that_comes_apart_is_found(share: float, before: Before) -> None:
    changed, shared = market()
    fresh = np.random.default_rng(8).normal(0, shared[:, 0].std() * np.sqrt(1 - share**2), MINUTES)
    changed.own[DURING, PAIR[1]] += (share - 1) * shared[DURING, 0] + fresh
    row, first = last_day(changed, before)[0]
    assert START < row <= START + 150
    assert set(first.securities) == set(first.lead) == {"S00", "S05"}
    assert sorted(first.direction.values()) == [-1, 1]
    assert first.conditions["correlation"] < 0.5 * first.conditions["long_correlation"]
    assert first.persistence is not None
    assert first.persistence.measure == "correlation_with_partners"
    assert first.persistence.under == pytest.approx(
        first.conditions["long_correlation"] / 2, abs=0.01
    )


def test_a_security_that_leaves_its_kin_is_one_break_that_names_it_first(before: Before) -> None:
    changed, shared = market()
    changed.own[DURING, KIN[0]] -= 2 * shared[DURING, 1]
    seen = last_day(changed, before)
    assert START < seen[0][0] <= START + 150
    last_row = seen[-1][0]
    last = [candidate for row, candidate in seen if row == last_row]
    assert [candidate.lead for candidate in last] == [("S02",)]
    assert last[0].securities[0] == "S02"
    assert last[0].conditions["left_its_sector"]


def burst_of_all(changed: Market, shared: np.ndarray) -> None:
    for part in (changed.market, changed.sector, changed.own):
        part[DURING] *= 3


def burst_of_one(changed: Market, shared: np.ndarray) -> None:
    rough = np.random.default_rng(9).normal(0, 2 * shared[:, 0].std(), MINUTES)
    changed.own[DURING, PAIR[1]] += rough


def burst_of_what_is_shared(changed: Market, shared: np.ndarray) -> None:
    for column, rows in enumerate((PAIR, KIN)):
        changed.own[DURING, rows] += 2 * shared[DURING, column][:, None]


def lull_of_what_is_shared(changed: Market, shared: np.ndarray) -> None:
    for column, rows in enumerate((PAIR, KIN)):
        changed.own[DURING, rows] -= shared[DURING, column][:, None]


def move_of_the_market(changed: Market, shared: np.ndarray) -> None:
    changed.market[DURING] -= 2 * changed.market.std()


def jump_of_one(changed: Market, shared: np.ndarray) -> None:
    changed.own[START + 20, PAIR[0]] += 0.2


def drift_of_one(changed: Market, shared: np.ndarray) -> None:
    changed.own[DURING, PAIR[0]] += 0.03 / MINUTES


def halt_of_one(changed: Market, shared: np.ndarray) -> None:
    changed.open[START : START + 45, PAIR[0]] = False
    changed.own[START + 45, PAIR[0]] += 0.1


@pytest.mark.parametrize(
    "change",
    [
        burst_of_all,
        burst_of_one,
        burst_of_what_is_shared,
        lull_of_what_is_shared,
        move_of_the_market,
        jump_of_one,
        drift_of_one,
        halt_of_one,
    ],
)
def test_what_only_looks_like_it_is_not(
    change: Callable[[Market, np.ndarray], None], before: Before
) -> None:
    changed, shared = market()
    change(changed, shared)
    assert last_day(changed, before) == []


def test_the_fall_of_a_slope_by_hand() -> None:
    y = np.array([[1.0], [-1.0], [2.0], [-2.0]] * 2)
    x = np.array([[1.0], [0.0], [1.0], [-2.0]] * 2)
    # Slope 14/20; residuals 0.3, 0.7, -0.4, -0.6; White's variance 2 (0.58 + 4 * 0.52) / 400; of
    # sums over three minutes that overlap 19/9 are worth one, and mean and slope take two of them.
    free = 8 / (19 / 9)
    t = (1.5 - 0.7) / np.sqrt(2 * (0.58 + 4 * 0.52) / 400 * 19 / 9 * free / (free - 2))
    expected = np.sqrt(free * np.log1p(t**2 / free))
    assert fall_of_slope(x, y, np.array([1.5])) == pytest.approx(expected)


def test_nothing_is_said_of_an_empty_market() -> None:
    assert CorrelationBreaks().look(Scene()) == []
