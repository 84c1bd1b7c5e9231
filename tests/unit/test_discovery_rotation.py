"""Sector rotation: found where returns, flow and volume shift between sectors, and only there."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.patterns.sector_rotation import (
    WINDOWS,
    SectorRotation,
    _Figures,
    _lead,
    _legs,
    _pointing,
)
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import SESSION, Market, copied, new_scene, play, quiet_market

QUIET_DAYS = 3
START = QUIET_DAYS * SESSION + 60
MINUTES = 180


def market() -> Market:
    return quiet_market(seed=11, sessions=QUIET_DAYS + 1, securities=40, sectors=5)


@pytest.fixture(scope="module")
def before() -> tuple[Scene, SectorRotation]:
    """The scene and the detector after the quiet days."""
    quiet, detector = market(), SectorRotation()
    scene = new_scene(quiet)
    assert play(quiet, detector, scene, 0, QUIET_DAYS * SESSION) == []
    return scene, detector


def last_day(
    changed: Market, before: tuple[Scene, SectorRotation], last: int | None = None
) -> list[tuple[int, Candidate]]:
    scene, detector = before
    resumed = SectorRotation()
    resumed.load(unpack_state(pack_state(detector.snapshot())))
    return play(changed, resumed, copied(scene), QUIET_DAYS * SESSION, last)


def drift(changed: Market, sector: int, size: float, volume: float, bought: float = 0.0) -> None:
    """Let a sector drift by ``size`` of its deviation a minute, at ``volume`` times the usual.

    ``bought`` is how much more of it was bought than half.
    """
    during = slice(START, START + MINUTES)
    changed.sector[during, sector] += size * changed.sector[:, sector].std()
    members = np.flatnonzero(changed.group == sector)
    changed.volume[during, members] *= volume
    changed.bought[during, members] = np.clip(changed.bought[during, members] + bought, 0, 1)


def rotate(changed: Market, bought: float = 0.04, out: float = 1.7) -> None:
    """Let sector 1 lose what sector 3 gains, the one sold and the other bought by as much."""
    drift(changed, 1, -0.5, out, -bought)
    drift(changed, 3, 0.5, 1.7, bought)


@pytest.mark.parametrize("out", [1.7, 0.6])
def test_a_shift_between_sectors_is_found_within_two_hours(
    out: float, before: tuple[Scene, SectorRotation]
) -> None:
    changed = market()
    rotate(changed, out=out)
    seen = last_day(changed, before)
    row, first = seen[0]
    assert START < row <= START + 120
    assert first.lead == ("sector:sector 1", "sector:sector 3")
    for symbol, sign in first.direction.items():
        sector = changed.group[changed.symbols.index(symbol)]
        assert (sector, sign) in {(1, -1), (3, 1)}
    assert set(first.securities) == set(first.direction)
    assert len(first.securities) >= 12
    assert first.strength >= 1
    assert first.conditions["flow_out"] < 0 < 1 <= first.conditions["flow_in"]


def test_where_no_quotes_tell_the_sides_drift_and_volume_suffice(
    before: tuple[Scene, SectorRotation],
) -> None:
    changed = market()
    drift(changed, 1, -0.6, 2.2)
    drift(changed, 3, 0.6, 2.2)
    changed.quoted = False
    row, first = last_day(changed, before)[0]
    assert START < row <= START + 120
    assert first.lead == ("sector:sector 1", "sector:sector 3")
    assert first.conditions["flow_in"] is first.conditions["flow_out"] is None
    # The drifts stand for the flows that are not told.
    drifts = -first.conditions["drift_out"], first.conditions["drift_in"]
    assert first.conditions["weaker_flow"] == pytest.approx(min(drifts))


def move_the_market(changed: Market) -> None:
    during = slice(START, START + MINUTES)
    changed.market[during] += 2 * changed.market.std()
    changed.volume[during] *= 2


def move_one_sector(changed: Market) -> None:
    drift(changed, 1, 0.6, 2.0, 0.05)


def flow_the_wrong_way(changed: Market) -> None:
    rotate(changed, bought=-0.04)


def trade_less_of_what_is_bought(changed: Market) -> None:
    drift(changed, 1, -0.5, 1.7, -0.04)
    drift(changed, 3, 0.5, 0.6, 0.04)


def move_one_sector_without_quotes(changed: Market) -> None:
    drift(changed, 1, 0.6, 2.2)
    changed.quoted = False


def burst(changed: Market) -> None:
    during = slice(START, START + MINUTES)
    for part in (changed.market, changed.sector, changed.own):
        part[during] *= 3
    changed.volume[during] *= 2


def move_two_securities(changed: Market) -> None:
    during = slice(START, START + MINUTES)
    for row, size in ((1, -1.5), (3, 1.5)):
        changed.own[during, row] += size * changed.own[:, row].std()
        changed.volume[during, row] *= 8
        changed.bought[during, row] += 0.2 * np.sign(size)


def trade_more(changed: Market) -> None:
    drift(changed, 1, 0.0, 2.0, -0.04)
    drift(changed, 3, 0.0, 2.0, 0.04)


def halt_a_sector(changed: Market) -> None:
    changed.open[START : START + 20, changed.group == 1] = False


def jump(changed: Market) -> None:
    for sector, size in ((1, -12), (3, 12)):
        changed.sector[START + 30, sector] += size * changed.sector[:, sector].std()


@pytest.mark.parametrize(
    "change",
    [
        move_the_market,
        move_one_sector,
        move_one_sector_without_quotes,
        flow_the_wrong_way,
        trade_less_of_what_is_bought,
        burst,
        move_two_securities,
        trade_more,
        halt_a_sector,
        jump,
    ],
)
def test_what_only_looks_like_it_is_not(
    change: object, before: tuple[Scene, SectorRotation]
) -> None:
    changed = market()
    assert callable(change)
    change(changed)
    assert last_day(changed, before, START + MINUTES) == []


def test_a_restored_detector_goes_on_as_before(before: tuple[Scene, SectorRotation]) -> None:
    changed = market()
    rotate(changed)
    at = START + 40
    scene, detector = copied(before[0]), SectorRotation()
    detector.load(unpack_state(pack_state(before[1].snapshot())))
    play(changed, detector, scene, QUIET_DAYS * SESSION, at)
    resumed = SectorRotation()
    resumed.load(unpack_state(pack_state(detector.snapshot())))
    rest = play(changed, resumed, copied(scene), at, START + MINUTES)
    whole = play(changed, detector, scene, at, START + MINUTES)
    assert whole
    assert [(row, msgspec.json.encode(c)) for row, c in rest] == [
        (row, msgspec.json.encode(c)) for row, c in whole
    ]


def test_the_figures_by_hand() -> None:
    detector = SectorRotation()
    detector.steps.resize(3)
    for step in range(24):
        late = step >= 12
        told = np.array([1.0, 1.0, 0.0 if step < 18 else 1.0])
        detector.steps.append(
            drift=np.array([0.5 if late else 0.0, -0.2, 0.0]),
            flow=np.array([0.3, -2.0, 0.1]),
            volume=np.array([0.08 if late else -0.04, 0.01, 0.0]),
            told=told,
        )
        detector.count += 1
    drift, flow, volume = detector._figures()
    assert WINDOWS[:2] == (12, 24)
    # Sums over the root of their number, in deviations of 0.8; means, in deviations of 0.05.
    assert drift[0] == pytest.approx([0.5 * np.sqrt(12) / 0.8, -0.2 * np.sqrt(12) / 0.8, 0])
    assert drift[1, 0] == pytest.approx(12 * 0.5 / np.sqrt(24) / 0.8)
    assert flow[0, 0] == pytest.approx(0.3 * np.sqrt(12) / 0.8)
    assert flow[0, 1] == -3.0, "no more than three deviations"
    assert volume[:2, 0] == pytest.approx([0.08 / 0.05, 0.02 / 0.05])
    # Of the third sector quotes told the sides of half of an hour, but of a quarter of two.
    assert flow[0, 2] == pytest.approx(0.1 * np.sqrt(12) / 0.8)
    assert np.isnan(flow[1:, 2]).all()
    # Longer than there was anything to see, a window is of what there was.
    assert np.array_equal(drift[1], drift[2])


def test_the_legs_by_hand() -> None:
    figures = _Figures(
        drift=np.array([[2.0, -2.0, -2.0, 2.0, 2.0, 2.0, -0.5]]),
        flow=np.array([[1.5, -1.5, np.nan, np.nan, -0.5, 1.5, 0.0]]),
        volume=np.array([[2.5, -2.5, 1.0, 2.0, 2.0, 0.5, 3.0]]),
    )
    into, out = (leg[0] for leg in _legs(figures))
    comes, goes = (points[0].tolist() for points in _pointing(figures))
    root = np.sqrt
    # Into the fifth nothing flows, in the sixth too little is traded; the last does not drift.
    assert comes == [True, False, False, True, False, True, False]
    assert goes == [False, True, True, False, False, False, False]
    assert into[[0, 3]] == pytest.approx([6 / root(3), 4 / root(2)])
    assert out[[1, 2]] == pytest.approx([6 / root(3), 3 / root(2)])


def test_the_lead_of_a_leg_by_hand() -> None:
    assert _lead(np.array([1.0, 4.0, 2.5]), 1) == 1.5
    assert _lead(np.array([-1.0, 2.0, -2.5]), 1) == 2.0
    assert _lead(np.array([-1.0, 4.0, -2.5]), 1) == 2.5


def test_without_sectors_there_is_nothing_to_rotate() -> None:
    assert SectorRotation().look(Scene()) == []
