"""Accumulation: found where one security is bought at a flat price, not in its look-alikes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.patterns.accumulation_patterns import (
    WINDOWS,
    AccumulationPatterns,
    _means,
    _quarters,
)
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import SESSION, Market, copied, new_scene, play, quiet_market

QUIET_DAYS = 4
BEGINS = QUIET_DAYS * SESSION
START = BEGINS + 60
MINUTES = 300
END = START + MINUTES
DURING = slice(START, END)
SECTORS, BOUGHT = 5, 0

Before = tuple[Scene, AccumulationPatterns]


def market() -> Market:
    return quiet_market(seed=23, sessions=QUIET_DAYS + 1, securities=30, sectors=SECTORS)


@pytest.fixture(scope="module")
def before() -> Before:
    """The scene and the detector after the quiet days."""
    quiet, detector = market(), AccumulationPatterns()
    scene = new_scene(quiet)
    assert play(quiet, detector, scene, 0, BEGINS) == []
    return scene, detector


def resumed(detector: AccumulationPatterns) -> AccumulationPatterns:
    restored = AccumulationPatterns()
    restored.load(unpack_state(pack_state(detector.snapshot())))
    return restored


def last_day(changed: Market, before: Before) -> list[tuple[int, Candidate]]:
    return play(changed, resumed(before[1]), copied(before[0]), BEGINS, END)


def accumulate(
    changed: Market, who: object = BOUGHT, volume: float = 2.0, bought: float = 0.25
) -> None:
    """Let so many times the usual be traded, and so much more of it be bought, than half."""
    changed.volume[DURING, who] *= volume
    changed.bought[DURING, who] = np.clip(changed.bought[DURING, who] + bought, 0, 1)


def test_accumulation_is_found_within_hours(before: Before) -> None:
    changed = market()
    accumulate(changed)
    seen = last_day(changed, before)
    row, first = seen[0]
    assert START + 30 <= row <= START + 150
    assert first.lead == ("S00",)
    assert first.securities == ["S00"]
    assert first.direction == {"S00": 1}
    assert first.strength >= 1
    assert abs(first.conditions["move_deviations"]) <= 2
    assert first.conditions["breadth"] >= 0.5
    assert all(abs(value) <= 4 for value in first.features.values())
    assert {candidate.securities[0] for _, candidate in seen} == {"S00"}
    last = seen[-1][1].conditions
    assert last["relative_volume"] == pytest.approx(2.0, abs=0.4)
    assert last["imbalance"] == pytest.approx(0.5, abs=0.1)


def balanced_heavy_volume(changed: Market) -> None:
    accumulate(changed, volume=3.0, bought=0.0)


def heavy_volume_that_is_sold(changed: Market) -> None:
    accumulate(changed, bought=-0.25)


def buyers_of_the_usual_volume(changed: Market) -> None:
    accumulate(changed, volume=0.8)


def rise_that_is_bought(changed: Market) -> None:
    accumulate(changed)
    changed.own[DURING, BOUGHT] += 0.15 / MINUTES


def fall_that_is_bought(changed: Market) -> None:
    accumulate(changed)
    changed.own[DURING, BOUGHT] -= 0.15 / MINUTES


def own_news(changed: Market) -> None:
    accumulate(changed)
    changed.report(START - 5, "S00", 0.5)


def whole_sector(changed: Market) -> None:
    accumulate(changed, changed.group == changed.group[BOUGHT])


def block_trades(changed: Market) -> None:
    for row in (START + 20, START + 100):
        changed.volume[row, BOUGHT] *= 300
        changed.bought[row, BOUGHT] = 1.0


@pytest.mark.parametrize(
    "change",
    [
        balanced_heavy_volume,
        heavy_volume_that_is_sold,
        buyers_of_the_usual_volume,
        rise_that_is_bought,
        fall_that_is_bought,
        own_news,
        whole_sector,
        block_trades,
    ],
)
def test_what_only_looks_like_it_is_not(change: Callable[[Market], None], before: Before) -> None:
    changed = market()
    change(changed)
    assert last_day(changed, before) == []


def test_news_that_means_little_or_is_of_others_explains_nothing(before: Before) -> None:
    changed = market()
    accumulate(changed)
    changed.report(START - 5, "S00", 0.05)
    changed.report(START - 5, "S05", 0.9)
    assert last_day(changed, before)


def test_a_restored_detector_goes_on_as_before(before: Before) -> None:
    changed = market()
    accumulate(changed)
    at = START + 40
    scene, detector = copied(before[0]), resumed(before[1])
    play(changed, detector, scene, BEGINS, at)
    rest = play(changed, resumed(detector), copied(scene), at, END)
    whole = play(changed, detector, scene, at, END)
    assert whole
    assert [(row, msgspec.json.encode(c)) for row, c in rest] == [
        (row, msgspec.json.encode(c)) for row, c in whole
    ]


def blocks_of_one_hour() -> Scene:
    """Six securities of one sector; in the last hour S00 trades 2, 2, 4 and 1 times the usual.

    S01 does half of it, the others as much as ever. S00 is bought by 0.5, all others sold by 0.1.
    """
    made = quiet_market(seed=1, sessions=1, securities=6, sectors=1)
    scene = new_scene(made)
    play(made, None, scene, 0, 1)
    for quarter in [0.0] * 48 + [2.0, 2.0, 4.0, 1.0]:
        volume = np.full(6, 1500.0)
        volume[:2] *= (quarter, quarter / 2) if quarter else 1.0
        side = np.array([7.5, *[-1.5] * 5]) if quarter else np.zeros(6)
        figures = dict.fromkeys(scene.panel.blocks.fields, np.zeros(6))
        figures |= {"volume": volume, "expected": np.full(6, 1500.0)}
        scene.panel.blocks.append(**figures | {"side": side, "traded": np.full(6, 15.0)})
    scene.panel.seen[:] = 5 * SESSION
    return scene


def test_the_evidence_by_hand() -> None:
    scene = blocks_of_one_hour()
    logs, sides = _quarters(scene.panel)
    assert logs[-4:, 0] == pytest.approx(np.log([2.0, 2.0, 4.0, 1.0]))
    assert sides[-4:, 0] == pytest.approx([0.5 + 0.1] * 4)
    # Two doublings and twice two in four quarters of an hour, or in eight.
    assert _means(logs)[:2, 0] == pytest.approx([np.log(2), np.log(2) / 2])
    assert WINDOWS[:2] == (4, 8)


def test_the_strength_by_hand() -> None:
    (found,) = AccumulationPatterns().look(blocks_of_one_hour())
    # Both are beyond six deviations of 0.06, which is what they count as, over the threshold.
    assert found.strength == pytest.approx((6 + 6) / np.sqrt(2) / 4.15)
    assert found.conditions["window_minutes"] == 60
    assert found.conditions["breadth"] == 0.75
    assert found.conditions["relative_volume"] == 2.0
    assert found.conditions["imbalance"] == 0.6


def test_nothing_is_said_of_an_empty_market() -> None:
    assert AccumulationPatterns().look(Scene()) == []
