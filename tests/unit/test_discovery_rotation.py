"""Sector rotation: found where returns and volume shift between sectors, not in its look-alikes."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.patterns.sector_rotation import SectorRotation
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


def drift(changed: Market, sector: int, size: float, volume: float) -> None:
    """Let a sector drift by ``size`` of its deviation a minute, at ``volume`` times the usual."""
    during = slice(START, START + MINUTES)
    changed.sector[during, sector] += size * changed.sector[:, sector].std()
    members = np.flatnonzero(changed.group == sector)
    changed.volume[during, members] *= volume


def test_a_shift_between_sectors_is_found_within_two_hours(
    before: tuple[Scene, SectorRotation],
) -> None:
    changed = market()
    drift(changed, 1, -0.5, 1.7)
    drift(changed, 3, 0.5, 1.7)
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


def move_the_market(changed: Market) -> None:
    during = slice(START, START + MINUTES)
    changed.market[during] += 2 * changed.market.std()
    changed.volume[during] *= 2


def move_one_sector(changed: Market) -> None:
    drift(changed, 1, 0.6, 2.0)


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


def trade_more(changed: Market) -> None:
    drift(changed, 1, 0.0, 2.0)
    drift(changed, 3, 0.0, 2.0)


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
    drift(changed, 1, -0.5, 1.7)
    drift(changed, 3, 0.5, 1.7)
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


def test_the_drift_is_the_sum_of_steps_over_the_root_of_their_number() -> None:
    detector = SectorRotation()
    detector.steps.resize(2)
    detector.variance = detector.cross = np.zeros(2)
    for _ in range(12):
        detector.steps.append(sector=np.array([0.5, -1.0]))
    assert detector._drifts()[0] == pytest.approx([0.5 * np.sqrt(12), -np.sqrt(12)])


def test_without_sectors_there_is_nothing_to_rotate() -> None:
    assert SectorRotation().look(Scene()) == []
