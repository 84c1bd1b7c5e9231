"""Accumulation: found where one security is bought at a flat price, not in its look-alikes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.panel import Panel
from agents.discovery.patterns.accumulation_patterns import (
    WINDOWS,
    AccumulationPatterns,
    _means,
    _net_of_sector,
    _quarters,
)
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from schemas.news import Catalyst
from schemas.times import from_us
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
    assert START + 15 < row <= START + 150
    assert first.lead == ("S00",)
    assert first.securities == ["S00"]
    assert first.direction == {"S00": 1}
    assert first.persistence is not None
    assert first.persistence.over == pytest.approx(first.conditions["imbalance"] / 2, abs=0.01)
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


def another_level_since_the_last_close(changed: Market) -> None:
    accumulate(changed)
    changed.own[BEGINS, BOUGHT] += 0.15


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
        another_level_since_the_last_close,
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
    assert _means(logs, scene.panel.seen)[[0, 2], 0] == pytest.approx([np.log(2), np.log(2) / 2])
    assert (WINDOWS[0], WINDOWS[2]) == (4, 8)


def test_a_window_longer_than_what_was_seen_is_not_known() -> None:
    seen = np.array([8 * 15, 8 * 15 - 1])
    known = np.isfinite(_means(np.zeros((max(WINDOWS), 2)), seen))
    assert known[[2, 3], 0].tolist() == [True, False]
    assert known[[1, 2], 1].tolist() == [True, False]


def test_the_whole_markets_volume_and_sides_are_no_ones() -> None:
    scene = blocks_of_one_hour()
    before = _quarters(scene.panel)
    for name, times in (("volume", 3.0), ("side", 1.0)):
        scene.panel.blocks.last(name, 4)[:] *= times
    scene.panel.blocks.last("side", 4)[:] += 3.0
    for found, expected in zip(_quarters(scene.panel), before, strict=True):
        assert found == pytest.approx(expected, abs=1e-6)


def test_a_quarter_counts_as_four_times_the_usual_at_most() -> None:
    scene = blocks_of_one_hour()
    scene.panel.blocks.last("volume", 1)[0, :2] *= (1000, 1e-4)
    assert _quarters(scene.panel)[0][-1, :2] == pytest.approx([np.log(4), -np.log(4)])


def test_a_minute_without_a_trade_says_nothing_of_the_sides() -> None:
    scene = blocks_of_one_hour()
    whole = _quarters(scene.panel)[1][-1, 0]
    # The same sides, a fifth of the minutes.
    for name in ("side", "traded"):
        scene.panel.blocks.last(name, 1)[0] *= 0.2
    assert _quarters(scene.panel)[1][-1, 0] == pytest.approx(0.2 * whole)


def habits(volume: list[float], bought: list[float]) -> AccumulationPatterns:
    """A detector that knows these deviations of each security, over every window, by heart."""
    detector = AccumulationPatterns()
    for habit, deviation in ((detector.volume, volume), (detector.bought, bought)):
        habit.take(np.zeros((len(WINDOWS), len(deviation))))
        habit.square[:] = np.square(deviation)
        habit.seen[:] = 1e9
        habit._rate = 1e-9
    return detector


def test_what_is_noisy_counts_less() -> None:
    detector = habits([np.log(2), np.log(2)], [1 / 3, 1 / 6])
    away = np.zeros((len(WINDOWS), 2))
    # As noisy as it is likely: both count alike; half as noisy, twice as much.
    found, expected = detector._weigh(away + 1.0, away + 2.0)
    assert found[0] == pytest.approx([(1 + 2) / np.sqrt(2), (1 + 2 * 2) / np.sqrt(5)], rel=1e-4)
    assert expected[0] == pytest.approx([np.sqrt(2), np.sqrt(5)], rel=1e-4)


def test_the_evidence_is_standard_normal_if_both_are() -> None:
    rng = np.random.default_rng(3)
    detector = habits([0.3] * 4000, [0.1] * 4000)
    found = detector._weigh(*rng.normal(size=(2, len(WINDOWS), 4000)))[0]
    assert found.std() == pytest.approx(1.0, abs=0.02)


def test_more_than_three_deviations_of_volume_say_no_more() -> None:
    detector = habits([0.3], [0.1])
    away = np.full((len(WINDOWS), 1), 3.0)
    whole = detector._weigh(away, away)[0]
    assert np.array_equal(detector._weigh(2 * away, away)[0], whole)
    assert (detector._weigh(away / 2, away)[0] < whole).all()


@pytest.mark.parametrize("part", [0.4, 1.0])
def test_what_is_nearer_to_nothing_than_to_accumulation_is_nothing(part: float) -> None:
    scene = blocks_of_one_hour()
    logs, sides = (_means(quarters, scene.panel.seen) for quarters in _quarters(scene.panel))
    # Both so exactly known that the hour is far beyond chance, and a part of what is expected.
    detector = habits([0.1] * 6, [0.1] * 6)
    detector.volume.mean[:, 0] = logs[:, 0] - part * np.log(2)
    detector.bought.mean[:, 0] = sides[:, 0] - part / 3
    detector.volume.square[:] = (0.6 * np.log(2) / 3) ** 2
    detector.bought.square[:] = (0.6 / 3 / 5) ** 2
    assert bool(detector.look(scene)) == (part > 0.5)


def test_what_is_talked_about_is_less_like_it() -> None:
    def strength(items: int) -> float:
        scene = blocks_of_one_hour()
        (symbol,) = (c.lead[0] for c in AccumulationPatterns().look(scene))
        for number in range(items):
            scene.news.add(
                Catalyst(
                    symbol, from_us(scene.now - 1), f"n{number}", 0.0, "other", 3, 0.01, "mention"
                )
            )
        return sum(c.strength for c in AccumulationPatterns().look(scene))

    assert strength(0) > strength(1) > strength(3) == strength(9)


def test_what_is_over_is_not_found() -> None:
    scene = blocks_of_one_hour()
    blocks = scene.panel.blocks
    assert AccumulationPatterns().look(scene)
    usual = {name: blocks.last(name, 52)[0].copy() for name in blocks.fields}
    for _ in range(4):
        blocks.append(**usual)
    assert AccumulationPatterns().look(scene) == []


def sector_of(size: int) -> Panel:
    panel = Panel()
    symbols = [f"S{i}" for i in range(size)]
    for symbol in symbols:
        panel.reference(symbol, "tools", None)
    panel.securities.rows(symbols)
    return panel


def test_what_a_sector_has_in_common_is_taken_off() -> None:
    common = np.full((1, 9), 2.0)
    # The mean of the eight others is 2, of which 1 / 16 could be chance, twice the variance of it.
    assert _net_of_sector(common, sector_of(9)) == pytest.approx(common * 2 / (8 * 2**2))
    assert np.array_equal(_net_of_sector(common[:, :3], sector_of(3)), common[:, :3])


def test_one_member_is_no_sector_and_chance_is_left_alone() -> None:
    away = np.array([[4.0, 0.3, -0.2, 0.1, 0.4, -0.5, 0.2, -0.1]])
    found = _net_of_sector(away, sector_of(8))
    assert found[0, 0] == 4.0
    # Of the others' mean, what the one adds is capped at three deviations, and less than chance.
    assert found == pytest.approx(away, abs=1e-9)


def test_the_strength_by_hand() -> None:
    (found,) = AccumulationPatterns().look(blocks_of_one_hour())
    told = found.conditions
    assert (told["volume_deviations"], told["bought_deviations"]) == (6.0, 6.0)
    odds = -10.1 + 0.8 * 6 + 0.75 * 6 - 1.15 * abs(told["move_deviations"])
    odds += 1.85 * told["log_volume"] + 8 * told["imbalance"] + 1.2 * told["length"]
    assert found.strength == pytest.approx(np.exp(odds / 4), rel=0.01)
    assert found.conditions["relative_volume"] == pytest.approx(2.0, abs=0.6)
    assert found.conditions["imbalance"] == 0.6


def test_nothing_is_said_of_an_empty_market() -> None:
    assert AccumulationPatterns().look(Scene()) == []
