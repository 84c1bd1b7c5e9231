"""Figures of calibration against values worked out by hand."""

from __future__ import annotations

import json
import math
import random

import pytest

from agents.discovery.calibration import (
    KEPT,
    Bin,
    Record,
    brier,
    calibration_error,
    figures,
    log_loss,
    reliability,
)  # fmt: skip
from agents.state import pack_state, unpack_state

SAID = [0.1, 0.9, 0.8, 0.3]
CAME = [False, True, False, True]


def test_brier_by_hand() -> None:
    assert brier(SAID, CAME) == pytest.approx((0.01 + 0.01 + 0.64 + 0.49) / 4)
    assert brier([1.0, 0.0], [True, False]) == 0
    assert brier([0.5] * 6, [True, False] * 3) == 0.25
    assert math.isnan(brier([], []))


def test_calibration_error_by_hand() -> None:
    said = [0.82, 0.84, 0.86, 0.88, 0.25]
    came = [True, True, True, False, False]
    # The bin of 0.8: mean 0.85, 3 of 4; the bin of 0.2: mean 0.25, none of 1.
    assert calibration_error(said, came) == pytest.approx(4 / 5 * 0.10 + 1 / 5 * 0.25)
    assert reliability(said, came) == [
        Bin(0.2, 0.3, 1, 0.25, 0.0), Bin(0.8, 0.9, 4, pytest.approx(0.85), 0.75),
    ]  # fmt: skip
    assert calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0)
    assert reliability([1.0], [True]) == [Bin(0.9, 1.0, 1, 1.0, 1.0)]
    assert math.isnan(calibration_error([], []))


def test_log_loss_is_bounded() -> None:
    assert log_loss(0.8, True) == pytest.approx(-math.log(0.8))
    assert log_loss(0.8, False) == pytest.approx(-math.log(0.2))
    assert log_loss(1.0, False) == pytest.approx(-math.log(0.02))


def test_a_record_keeps_sums_of_all_and_the_newest_one_by_one() -> None:
    record = Record()
    for i in range(KEPT + 50):
        record.add(0.6, i >= 50, 0.01 if i % 2 else -0.02)
    assert record.backtest() == {
        "outcomes": 250, "came_true": 200, "rate": 0.8, "mean_return": pytest.approx(-0.005),
    }  # fmt: skip
    told = figures([record, Record()])
    assert (told["judged_on"], told["precision"], told["outcomes"]) == (200, 1.0, 250)
    assert told["calibration_error"] == pytest.approx(0.4)
    assert told["brier"] == pytest.approx(0.16)
    assert told["bins"][0]["patterns"] == 200


def test_nothing_known_is_said_as_such_and_never_as_nan() -> None:
    assert Record().backtest() == {
        "outcomes": 0, "came_true": 0, "rate": None, "mean_return": None,
    }  # fmt: skip
    told = figures([Record()])
    assert told["brier"] is told["calibration_error"] is told["precision"] is None
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_drift_is_found_when_what_comes_changes_and_not_before() -> None:
    record, rng = Record(), random.Random(5)
    before = [record.add(0.8, rng.random() < 0.8, 0.0) for _ in range(400)]
    assert not any(before)
    after = [record.add(0.8, rng.random() < 0.2, 0.0) for _ in range(100)]
    assert any(after)
    assert record.drifts == figures([record])["drifts"] == sum(after)


def test_a_restored_record_goes_on_the_same() -> None:
    record, rng = Record(), random.Random(6)
    for _ in range(150):
        record.add(0.8, rng.random() < 0.8, rng.gauss(0, 0.01))
    state = unpack_state(pack_state(record.snapshot()))
    copy = Record.restore(state)
    other = Record.restore({**state, "drift": {**state["drift"], "river": "0.0"}})
    for _ in range(150):
        p, y = rng.random(), rng.random() < 0.1
        assert record.add(p, y, 0.01) == copy.add(p, y, 0.01)
        other.add(p, y, 0.01)
    assert figures([copy]) == figures([record])
    assert record.drifts > 0
    assert other.backtest() == record.backtest()
