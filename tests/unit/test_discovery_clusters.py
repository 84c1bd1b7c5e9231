"""Emergent clusters: found where a mixed group begins to move together, not in its look-alikes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from scipy import stats

from agents.discovery.candidate import Candidate
from agents.discovery.patterns.emergent_clusters import (
    EmergentClusters,
    View,
    bound,
    correlation,
    effective_count,
    grow,
    is_mixed,
    own_returns,
    unlikeliness,
)
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import SESSION, Market, copied, new_scene, play, quiet_market

QUIET_DAYS = 3
START = QUIET_DAYS * SESSION + 60
MINUTES = 200
DURING = slice(START, START + MINUTES)
# Of sectors 0 to 4 and 0 again.
GROUP = (5, 11, 17, 23, 29, 30)
# All of sector 1; old kin of sectors 2, 3, 4 and 2 again.
SECTOR, KIN = tuple(range(1, 60, 5)), (2, 8, 14, 22)


def market() -> Market:
    made = quiet_market(seed=21, sessions=QUIET_DAYS + 1, securities=60, sectors=5)
    shared = np.random.default_rng(4).normal(0, 0.8 * made.own.std(), (len(made.own), 1))
    made.own[:, KIN] += shared
    return made


@pytest.fixture(scope="module")
def before() -> Scene:
    """The scene after the quiet days."""
    scene = new_scene(market())
    assert play(market(), EmergentClusters(), scene, 0, QUIET_DAYS * SESSION) == []
    return scene


def last_day(changed: Market, before: Scene) -> list[tuple[int, Candidate]]:
    detector = EmergentClusters()
    return play(changed, detector, copied(before), QUIET_DAYS * SESSION, START + MINUTES)


def share(changed: Market, rows: tuple[int, ...], part: float) -> None:
    """Let ``part`` of the variance of what is these securities' own be common to them."""
    fresh = np.random.default_rng(6).standard_t(5, MINUTES) / np.sqrt(5 / 3)
    scale = changed.own[:, rows].std(axis=0)
    changed.own[DURING, rows] *= np.sqrt(1 - part)
    changed.own[DURING, rows] += np.sqrt(part) * scale * fresh[:, None]


@pytest.mark.parametrize(("part", "within"), [(0.8, 75), (0.5, 150)])
def test_a_mixed_group_that_begins_to_move_together_is_found(
    part: float, within: int, before: Scene
) -> None:
    changed = market()
    share(changed, GROUP, part)
    row, first = last_day(changed, before)[0]
    assert START < row <= START + within
    members = {changed.symbols[i] for i in GROUP}
    assert len(members & set(first.securities)) >= 5
    assert len(set(first.securities) - members) <= 1
    assert len(set(first.direction.values())) == 1
    assert first.conditions["correlation"] > first.conditions["long_correlation"] + 0.25
    assert len(first.conditions["sectors"]) >= 4
    assert first.persistence is not None
    middle = (first.conditions["correlation"] + first.conditions["long_correlation"]) / 2
    assert first.persistence.over == pytest.approx(middle, abs=0.01)


def test_the_common_move_is_what_is_predicted(before: Scene) -> None:
    changed = market()
    share(changed, GROUP, 0.8)
    changed.own[DURING, GROUP] -= 0.25 * changed.own[:, GROUP].std()
    seen = last_day(changed, before)
    assert set(seen[-1][1].direction.values()) == {-1}
    assert seen[-1][1].conditions["common_move_deviations"] < -1


def test_two_groups_are_two_clusters(before: Scene) -> None:
    changed = market()
    share(changed, GROUP, 0.8)
    other = (40, 41, 42, 43, 44, 46)
    fresh = np.random.default_rng(7).normal(0, changed.own.std(), (MINUTES, 1))
    changed.own[DURING, other] = 0.5 * changed.own[DURING, other] + fresh
    seen = last_day(changed, before)
    last = [set(candidate.lead) for row, candidate in seen if row == seen[-1][0]]
    assert len(last) == 2
    assert last[0].isdisjoint(last[1])


def a_burst_of_all(changed: Market) -> None:
    for part in (changed.market, changed.sector, changed.own):
        part[DURING] *= 3


def short_bursts_of_all(changed: Market) -> None:
    for minute in range(START, START + MINUTES, 25):
        changed.own[minute : minute + 3] *= 8


def a_burst_of_some(changed: Market) -> None:
    changed.own[DURING, GROUP] *= 4


def a_lull_of_what_is_own(changed: Market) -> None:
    changed.own[DURING] *= 0.3


def a_move_of_the_market(changed: Market) -> None:
    changed.market[DURING] -= 2 * changed.market.std()


def a_rough_market(changed: Market) -> None:
    changed.market[DURING] *= 5


def a_move_of_a_sector(changed: Market) -> None:
    changed.sector[DURING, 1] += changed.sector[:, 1].std()


def a_rough_sector(changed: Market) -> None:
    changed.sector[DURING, 1] *= 4


def a_sector_that_holds_together(changed: Market) -> None:
    share(changed, SECTOR[:6], 0.8)


def kin_that_hold_together_closer(changed: Market) -> None:
    share(changed, KIN, 0.8)


def a_jump_of_a_group(changed: Market) -> None:
    changed.own[START + 30, GROUP] += 12 * changed.own.std()


def a_slide_of_a_group(changed: Market) -> None:
    changed.own[START + 30 : START + 42, GROUP] -= 4 * changed.own.std()


def one_huge_mover(changed: Market) -> None:
    changed.own[DURING, GROUP[0]] += changed.own.std()


def a_halt_of_a_group(changed: Market) -> None:
    changed.open[START : START + 20, GROUP] = False


def a_group_that_is_in_the_news(changed: Market) -> None:
    share(changed, GROUP, 0.8)
    for row in GROUP:
        changed.report(START - 5, changed.symbols[row])
        changed.report(START + 90, changed.symbols[row])


@pytest.mark.parametrize(
    "change",
    [
        a_burst_of_all,
        short_bursts_of_all,
        a_burst_of_some,
        a_lull_of_what_is_own,
        a_move_of_the_market,
        a_rough_market,
        a_move_of_a_sector,
        a_rough_sector,
        a_sector_that_holds_together,
        kin_that_hold_together_closer,
        a_jump_of_a_group,
        a_slide_of_a_group,
        one_huge_mover,
        a_halt_of_a_group,
        a_group_that_is_in_the_news,
    ],
)
def test_what_only_looks_like_it_is_not(change: Callable[[Market], None], before: Scene) -> None:
    changed = market()
    change(changed)
    assert last_day(changed, before) == []


def test_a_restored_scene_shows_the_same(before: Scene) -> None:
    changed, at = market(), START + 100
    share(changed, GROUP, 0.8)
    scene = copied(before)
    play(changed, None, scene, QUIET_DAYS * SESSION, at)
    resumed = EmergentClusters()
    resumed.load(unpack_state(pack_state(EmergentClusters().snapshot())))
    rest = play(changed, resumed, copied(scene), at, START + MINUTES)
    whole = play(changed, EmergentClusters(), scene, at, START + MINUTES)
    assert whole
    assert [(row, msgspec.json.encode(c)) for row, c in rest] == [
        (row, msgspec.json.encode(c)) for row, c in whole
    ]


@pytest.mark.parametrize("count", [24, 60, 240])
def test_the_tail_of_chi_square_is_below_its_bound_and_near_it(count: int) -> None:
    ratio = np.array([0.7, 1.0, 1.3, 1.8, 2.5])
    exact = -stats.chi2.logsf(ratio * count, count)
    claimed = unlikeliness(ratio, count)
    assert (claimed <= exact).all()
    assert claimed[:2].tolist() == [0.0, 0.0]
    assert exact[-1] - claimed[-1] < 4


def test_the_bound_counts_sets_sizes_windows_and_looks() -> None:
    # 10 choose 4 sets; 3 windows, 9 sizes, 26 looks a day for ten days.
    assert bound(10, 4) == pytest.approx(np.log(210 * 3 * 9 * 26 * 10))


def test_the_set_is_found_whose_variance_rose_most() -> None:
    rise = np.zeros((8, 8))
    inside = np.ix_((1, 3, 4, 6), (1, 3, 4, 6))
    rise[inside] = 0.6
    np.fill_diagonal(rise, 0.0)
    found = grow(rise, np.full((8, 8), 0.1), np.ones(8, bool), 240)
    assert found is not None
    assert sorted(found[0].tolist()) == [1, 3, 4, 6]
    # Variance of the mean of four: 1 + 3 * 0.7 against 1 + 3 * 0.1.
    ratio = 3.1 / 1.3
    assert found[1] == pytest.approx(120 * (ratio - 1 - np.log(ratio)) / bound(8, 4))


def test_a_misjudged_beta_leaves_nothing_in_common(before: Scene) -> None:
    changed, scene = market(), copied(before)
    changed.own[DURING] += changed.market[DURING, None] * np.sin(np.arange(60))
    play(changed, None, scene, QUIET_DAYS * SESSION, START + 120)
    pushed = scene.panel.factors.last("market", 120)
    sectors = scene.panel.sectors.last("return", 120)
    z, own = scene.panel.window.last("z", 120), own_returns(scene.panel, 120)
    of_first = np.flatnonzero(scene.panel.sector == 0)
    for factor, rows in ((pushed, slice(None)), (sectors[:, [0]], of_first)):
        left = correlation(np.hstack([factor, own[:, rows]]))[0, 1:]
        assert np.abs(left).max() < 0.1
    assert np.abs(correlation(np.hstack([pushed, z]))[0, 1:]).max() > 0.4


def test_rough_minutes_leave_fewer_that_count() -> None:
    rng = np.random.default_rng(2)
    rough = np.where(np.arange(4000) % 10 == 0, 3.0, 1.0)[:, None]
    for scale, part in ((np.ones_like(rough), 1.0), (rough, 1.8**2 / 9.0)):
        short = correlation(scale * rng.normal(size=(4000, 80)))
        view = View(short, np.zeros_like(short), short, np.ones(80, bool), 4000.0)
        # Variance of a correlation: E[s^4] / E[s^2]^2 / n, with s the scale of a minute.
        assert effective_count(view, np.inf) == pytest.approx(4000 * part, rel=0.08)


def test_correlation_is_that_of_numpy_where_the_mean_is_zero() -> None:
    x = np.random.default_rng(1).normal(size=(50, 4))
    x -= x.mean(axis=0)
    assert correlation(x) == pytest.approx(np.corrcoef(x.T))


@pytest.mark.parametrize(
    ("sector", "mixed"),
    [
        ([0, 1, 2, 3], True),
        ([0, 0, 1, 2], True),
        ([0, 0, 0, 1, 2], False),
        ([0, 0, 1, 1], False),
        ([-1, -1, -1, 0], True),
        ([-1, 0, 0], False),
    ],
)
def test_a_cluster_is_of_several_sectors(sector: list[int], mixed: bool) -> None:
    assert is_mixed(np.array(sector)) is mixed


def test_nothing_is_said_of_an_empty_market() -> None:
    assert EmergentClusters().look(Scene()) == []
