"""Pump and dump: found while price and volume still rise, not in its look-alikes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.panel import Panel
from agents.discovery.patterns.pump_and_dump import WINDOWS, PumpAndDump, _Evidence
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import SESSION, Market, copied, new_scene, play, quiet_market

QUIET_DAYS = 3
START = QUIET_DAYS * SESSION + 90
MINUTES = 60
PEAK = START + MINUTES
DURING = slice(START, PEAK)
# S00 is pumped; S05 and S10 are of its industry, and all of S00, S05, .. of its sector.
PUMPED, PEERS, SECTORS = 0, [5, 10], 5
# What of an hour's rise has come by each of its minutes: a parabola, so that it steepens.
PARABOLA = np.diff(np.linspace(0, 1, MINUTES + 1) ** 2)

Before = tuple[Scene, PumpAndDump]


def market() -> Market:
    return quiet_market(seed=21, sessions=QUIET_DAYS + 1, securities=30, sectors=SECTORS)


@pytest.fixture(scope="module")
def before() -> Before:
    """The scene and the detector after the quiet days."""
    quiet, detector = market(), PumpAndDump()
    scene = new_scene(quiet)
    for i in (PUMPED, *PEERS):
        scene.panel.reference(quiet.symbols[i], "sector 0", "tools")
    assert play(quiet, detector, scene, 0, QUIET_DAYS * SESSION) == []
    return scene, detector


def last_day(
    changed: Market, before: Before, last: int | None = None
) -> list[tuple[int, Candidate]]:
    resumed = PumpAndDump()
    resumed.load(unpack_state(pack_state(before[1].snapshot())))
    return play(changed, resumed, copied(before[0]), QUIET_DAYS * SESSION, last)


def rise(changed: Market, size: float = 0.10) -> None:
    changed.own[DURING, PUMPED] += size * PARABOLA


def trade(changed: Market, times: float = 8.0, bought: float = 0.2) -> None:
    """Let volume grow to so many times the usual, so much more of it bought."""
    changed.volume[DURING, PUMPED] *= np.linspace(1, times, MINUTES)
    changed.bought[DURING, PUMPED] = np.clip(changed.bought[DURING, PUMPED] + bought, 0, 1)


def pump(changed: Market) -> None:
    rise(changed)
    trade(changed)
    changed.own[PEAK : PEAK + 30, PUMPED] -= 0.08 / 30


def test_a_pump_is_found_before_its_peak(before: Before) -> None:
    changed = market()
    pump(changed)
    seen = last_day(changed, before)
    row, first = seen[0]
    assert START + 10 < row < PEAK - 10
    assert first.lead == ("S00",)
    assert first.securities == ["S00"]
    assert first.direction == {"S00": -1}
    assert first.strength >= 1
    assert 0.012 < first.conditions["rise"] < 0.07
    assert first.conditions["relative_volume"] > 1.5
    assert first.conditions["imbalance"] > 0.2
    assert row + 1 - first.conditions["window_minutes"] >= START
    assert all(abs(value) <= 4 for value in first.features.values())


def test_each_look_names_a_pump_once_and_nobody_else(before: Before) -> None:
    changed = market()
    pump(changed)
    seen = last_day(changed, before)
    rows = [row for row, _ in seen]
    assert len(rows) > 10
    assert len(rows) == len(set(rows))
    assert {candidate.securities[0] for _, candidate in seen} == {"S00"}
    assert max(rows) < PEAK + 20


def even_rise_on_steady_volume(changed: Market) -> None:
    changed.own[DURING, PUMPED] += 0.10 / MINUTES


def rise_on_steady_volume(changed: Market) -> None:
    rise(changed)


def even_rise_on_heavy_volume(changed: Market) -> None:
    # It began with the session, so that no window sees it begin.
    opening = slice(QUIET_DAYS * SESSION, PEAK)
    changed.own[opening, PUMPED] += 0.002
    changed.volume[opening, PUMPED] *= 4


def jump(changed: Market) -> None:
    changed.own[START + 30, PUMPED] += 0.10
    trade(changed)


def heavy_volume_at_a_flat_price(changed: Market) -> None:
    trade(changed)


def rise_that_is_sold(changed: Market) -> None:
    rise(changed)
    trade(changed, bought=-0.2)


def fall(changed: Market) -> None:
    rise(changed, -0.10)
    trade(changed, bought=-0.2)


def rise_with_its_sector(changed: Market) -> None:
    changed.sector[DURING, 0] += 0.10 * PARABOLA
    trade(changed)


def rough_sector(changed: Market) -> None:
    members = np.flatnonzero(changed.group == 0)
    changed.own[START - 30 : PEAK, members] *= 4
    changed.volume[DURING, members] *= 3
    rise(changed)
    trade(changed)


def rise_that_is_small(changed: Market) -> None:
    rise(changed, 0.018)
    trade(changed)


def own_news(changed: Market) -> None:
    pump(changed)
    changed.report(START - 5, "S00", 0.5)


def news_of_a_peer_that_rose(changed: Market) -> None:
    pump(changed)
    changed.report(START - 5, "S05", 0.5)
    changed.own[START - 4 : START + 6, PEERS[0]] += 0.003


def peers_that_rise_too(changed: Market) -> None:
    pump(changed)
    changed.own[DURING, PEERS] += 0.04 / MINUTES


@pytest.mark.parametrize(
    "change",
    [
        even_rise_on_steady_volume,
        rise_on_steady_volume,
        even_rise_on_heavy_volume,
        jump,
        heavy_volume_at_a_flat_price,
        rise_that_is_sold,
        fall,
        rise_with_its_sector,
        rough_sector,
        rise_that_is_small,
        own_news,
        news_of_a_peer_that_rose,
        peers_that_rise_too,
    ],
)
def test_what_only_looks_like_it_is_not(change: Callable[[Market], None], before: Before) -> None:
    changed = market()
    change(changed)
    assert last_day(changed, before, PEAK + 30) == []


def test_news_that_means_little_and_peers_that_stay_explain_nothing(before: Before) -> None:
    changed = market()
    pump(changed)
    changed.report(START - 5, "S00", 0.02)
    changed.report(START - 5, "S01", 0.5)
    changed.report(START - 5, "S05", 0.5)
    changed.own[DURING, PEERS[1]] += 0.04 / MINUTES
    assert last_day(changed, before, PEAK)


def test_a_rise_that_sets_out_with_news_needs_little_of_it(before: Before) -> None:
    changed = market()
    pump(changed)
    without = [row for row, _ in last_day(changed, before, PEAK)]
    changed.report(START - 5, "S00", 0.05)
    told = [row for row, _ in last_day(changed, before, PEAK)]
    # Only a window that begins long after the news takes the rise for one of its own.
    assert without and len(told) < 2 / 3 * len(without)
    assert not told or told[0] > START + 15


def test_who_is_large_takes_more_to_drive_up(before: Before) -> None:
    def rows(times: float) -> list[int]:
        changed, scene, detector = market(), copied(before[0]), PumpAndDump()
        pump(changed)
        scene.panel.volumes.usual[PUMPED] *= times
        detector.load(unpack_state(pack_state(before[1].snapshot())))
        return [row for row, _ in play(changed, detector, scene, QUIET_DAYS * SESSION, PEAK)]

    small, large = rows(0.01), rows(100.0)
    assert len(small) > len(large)
    assert not large or large[0] > small[0]


def test_a_restored_detector_goes_on_as_before(before: Before) -> None:
    changed = market()
    pump(changed)
    at = START + 20
    scene, detector = copied(before[0]), PumpAndDump()
    detector.load(unpack_state(pack_state(before[1].snapshot())))
    play(changed, detector, scene, QUIET_DAYS * SESSION, at)
    resumed = PumpAndDump()
    resumed.load(unpack_state(pack_state(detector.snapshot())))
    rest = play(changed, resumed, copied(scene), at, PEAK)
    whole = play(changed, detector, scene, at, PEAK)
    assert whole
    assert [(row, msgspec.json.encode(c)) for row, c in rest] == [
        (row, msgspec.json.encode(c)) for row, c in whole
    ]


def test_the_evidence_by_hand() -> None:
    panel = Panel()
    panel.window.resize(3)
    nothing = np.zeros(3)
    for minute in range(20):
        late = minute >= 15
        # Of the last ten minutes the earlier half moves by 1, the later by 2 and, once, by far.
        moved = 9.0 if minute == 19 else 2.0 if late else 1.0 if minute >= 10 else 0.0
        volume = np.array([30.0 if late else 10.0, 10.0, 10.0])
        figures = dict.fromkeys(panel.window.fields, nothing)
        figures |= {"z": np.array([moved, 0.0, 0.0]), "volume": volume}
        figures |= {"expected": np.full(3, 10.0), "signed": 0.3 * volume}
        panel.window.append(**figures)
    told = PumpAndDump()._weigh(panel).at(0, 0)
    assert WINDOWS[0] == 10
    # 5 * 1 + 4 * 2 + 3, for a minute counts as three deviations at most.
    assert told["rise"] == pytest.approx(16 / np.sqrt(10))
    assert told["steeper"] == pytest.approx((11 - 5) / np.sqrt(10))
    # In deviations of 0.15, the least that there is, from zero.
    assert told["volume"] == pytest.approx(np.log(2) / 0.15)
    assert told["growth"] == pytest.approx(np.log(3 / 2) / 0.15)
    assert told["bought"] == pytest.approx(0.3 / 0.15)


def evidence(**told: float) -> _Evidence:
    whole = {"rise": 3.0, "steeper": 2.0, "volume": 2.0, "growth": 1.0, "bought": 0.5} | told
    return _Evidence(**{name: np.array([[value]]) for name, value in whole.items()})


def test_the_joint_evidence_by_hand() -> None:
    assert evidence().joint == pytest.approx((3 + 2 * 2 + 1 + 0.5) / np.sqrt(1 + 4 + 1 + 1))
    assert evidence(steeper=9.0).joint == evidence().joint


@pytest.mark.parametrize(
    ("name", "least"),
    [("rise", 1.5), ("steeper", 1.2), ("volume", 0.7), ("growth", 0.0), ("bought", 0.0)],
)
def test_each_must_be_there_by_itself(name: str, least: float) -> None:
    others = {"rise": 9.0, "steeper": 9.0, "volume": 9.0, "growth": 9.0, "bought": 9.0}
    assert np.isfinite(evidence(**others | {name: least}).joint)
    assert not np.isfinite(evidence(**others | {name: least - 0.01}).joint)


def test_a_rise_is_no_steeper_than_it_is_large() -> None:
    panel = Panel()
    panel.window.resize(1)
    for minute in range(10):
        figures = dict.fromkeys(panel.window.fields, np.zeros(1))
        panel.window.append(**figures | {"z": np.array([2.0 if minute >= 5 else -1.0])})
    told = PumpAndDump()._weigh(panel).at(0, 0)
    assert told["steeper"] == told["rise"] == pytest.approx(5 / np.sqrt(10))


def test_nothing_is_said_of_an_empty_market() -> None:
    assert PumpAndDump().look(Scene()) == []
