"""Confidence begins with a rule and becomes true: of those given 0.8, eight in ten come true."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.discovery import discovery as discovering
from agents.discovery.calibration import calibration_error
from agents.discovery.candidate import Candidate
from agents.discovery.confidence import TYPES, Basis, Confidence, _posterior_mode
from agents.discovery.consolidation import learn_sectors
from agents.discovery.discovery import Discovery
from agents.discovery.scene import Scene
from agents.state import pack_state, unpack_state
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE, US_PER_S
from tests.unit.discovery_markets import SESSION, Market, new_scene, play, quiet_market

SYMPATHY: PatternType = "catalyst_sympathy"


def candidate(
    pattern_type: PatternType = SYMPATHY, strength: float = 1.5, **features: float
) -> Candidate:
    return Candidate(pattern_type, ("A",), ["A"], 0, strength, {"A": 1}, 3600, features=features)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def stream(count: int, seed: int, level: float = 0.0) -> Iterator[tuple[Candidate, float, bool]]:
    """Candidates of which ``a`` tells something; the true probability, and what came."""
    rng = random.Random(seed)
    for _ in range(count):
        a, b, strength = rng.gauss(0, 1), rng.gauss(0, 1), math.exp(abs(rng.gauss(0, 0.5)))
        name = TYPES[rng.randrange(2)]
        truth = sigmoid(level + 1.2 * a + 0.8 * math.log(strength))
        yield candidate(name, strength, a=a, b=b), truth, rng.random() < truth


def learn(model: Confidence, it: Candidate, came_true: bool) -> Basis:
    basis = model.judge(it)
    model.learn("p", it.pattern_type, basis, came_true, 0.01)
    return basis


def test_it_begins_with_the_rule_of_the_type_and_grows_with_strength() -> None:
    model = Confidence()
    given = [model.judge(candidate(strength=s)).confidence for s in (1.0, 1.5, 3.0, 50.0)]
    assert given == sorted(given)
    assert given[0] == pytest.approx(0.75)
    assert given[-1] < 0.9, "little is claimed before anything is known"
    assert model.version == "3.0"


def test_it_predicts_first_and_learns_then() -> None:
    """The confidence of an outcome's own pattern does not know that outcome."""
    model, other = Confidence(), Confidence()
    items = list(stream(30, seed=1))
    told = [learn(model, it, y).confidence for it, _, y in items]
    turned = [learn(other, it, y if i < 29 else not y).confidence for i, (it, _, y) in
              enumerate(items)]  # fmt: skip
    assert told == turned
    assert model.judge(items[0][0]) != other.judge(items[0][0])


@pytest.mark.parametrize("level", [-2.0, 0.0, 1.5])
def test_confidence_converges_on_known_probabilities(level: float) -> None:
    model = Confidence()
    rows = [(learn(model, it, y).confidence, p, y) for it, p, y in stream(1000, 2, level)]
    said, truth, came = (list(column) for column in zip(*rows[400:], strict=True))
    assert calibration_error(said, came) < 0.06
    assert np.mean(np.abs(np.array(said) - truth)) < 0.09
    assert np.corrcoef(said, truth)[0, 1] > 0.85, "it tells the good from the bad"


def test_few_outcomes_correct_the_level_and_other_types_follow_in_part() -> None:
    model = Confidence()
    before = {name: model.judge(candidate(name)).confidence for name in TYPES}
    for _ in range(15):
        learn(model, candidate(), False)
    after = {name: model.judge(candidate(name)).confidence for name in TYPES}
    assert after[SYMPATHY] < 0.3
    for name in TYPES[1:]:
        assert after[SYMPATHY] < after[name] < before[name]


def test_what_says_nothing_is_not_believed() -> None:
    rng, model = random.Random(3), Confidence()
    for _ in range(200):
        noise = {name: rng.gauss(0, 1) for name in "abcde"}
        learn(model, candidate(strength=1 + rng.random(), **noise), rng.random() < 0.6)
    told = [
        model.judge(candidate(**{name: rng.gauss(0, 1) for name in "abcde"})).confidence
        for _ in range(200)
    ]
    assert np.mean(told) == pytest.approx(0.6, abs=0.08)
    assert np.std(told) < 0.1


def test_drift_makes_it_relearn() -> None:
    rng, model = random.Random(4), Confidence()
    for _ in range(300):
        learn(model, candidate(), rng.random() < 0.85)
    for _ in range(80):
        learn(model, candidate(), rng.random() < 0.2)
    assert model.figures()[SYMPATHY]["drifts"] >= 1
    assert model.judge(candidate()).confidence < 0.4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, -1e300, 0.0])
def test_no_figure_makes_it_nan_or_certain(value: float) -> None:
    model = Confidence()
    for i in range(40):
        basis = learn(model, candidate(strength=value, a=value, b=float(i % 3)), i % 3 == 0)
        assert 0.02 <= basis.confidence <= 0.98
        assert all(math.isfinite(v) for v in basis.features.values())
    assert 0.02 <= model.judge(candidate(a=1.0)).confidence <= 0.98
    for _ in range(300):
        learn(model, candidate(strength=4.0), True)
    assert model.judge(candidate(strength=4.0)).confidence <= 0.98


def test_a_restored_model_gives_the_same_confidences_to_the_last_bit() -> None:
    model = Confidence()
    for it, _, y in stream(120, 7):
        learn(model, it, y)
    copy = Confidence.restore(unpack_state(pack_state(model.snapshot())))
    assert copy.version == model.version
    for it, _, y in stream(80, 8):
        assert learn(copy, it, y) == learn(model, it, y)
    assert copy.version == model.version
    assert copy.figures() == model.figures()


def test_a_river_model_of_another_version_is_learned_afresh_and_the_level_is_kept() -> None:
    model = Confidence()
    for _ in range(40):
        learn(model, candidate(), False)
    state: dict[str, Any] = unpack_state(pack_state(model.snapshot()))
    for kind in state["kinds"].values():
        kind["model"]["river"] = "0.0"
    copy = Confidence.restore(state)
    assert copy.judge(candidate()).confidence == pytest.approx(
        model.judge(candidate()).confidence, abs=0.1
    )
    learn(copy, candidate(), True)


def test_the_version_names_what_was_learned() -> None:
    one, two = Confidence(), Confidence()
    for model, last in ((one, True), (two, False)):
        for i in range(3):
            learn(model, candidate(), last if i == 2 else True)
        assert model.version.startswith("3.3-")
    assert one.version != two.version


def test_the_posterior_mode_is_where_the_gradient_vanishes() -> None:
    rng = np.random.default_rng(9)
    design = np.column_stack([np.ones(60), rng.standard_normal(60)])
    offset, truth = rng.standard_normal(60), rng.random(60) < 0.7
    weight, precision = rng.random(60), np.array([1.0, 4.0])
    mode = _posterior_mode(design, offset, truth, weight, precision)
    said = 1 / (1 + np.exp(-(offset + design @ mode)))
    assert np.allclose(design.T @ (weight * (truth - said)), precision * mode, atol=1e-8)


class Calling:
    """Calls the first securities every half an hour, in turn."""

    name: PatternType = "pump_and_dump"
    every = 30

    def look(self, scene: Scene) -> list[Candidate]:
        at = scene.panel.tick // self.every % 6
        symbol = scene.panel.symbols[at]
        feature = float(scene.panel.window.total("zm", 30)[at]) / 5
        return [
            Candidate(
                self.name, (symbol,), [symbol], scene.now, 1.2, {symbol: 1}, 1800,
                features={"recent": feature},
            )
        ]  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Nothing to take over."""


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setattr(discovering, "detectors", lambda: [Calling()])
    return quiet_market(sessions=2, securities=12, sectors=2)


def test_discovery_watches_learns_and_restores(
    called: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovering, "CHANCE", 0.0)
    discovery = Discovery()
    copy: Discovery | None = None
    waiting: dict[str, float] = {}
    learned = 0
    for row, minute in enumerate(called.minutes()):
        if row == 245:
            copy = Discovery.restore(unpack_state(pack_state(discovery.snapshot())))
        found = discovery.take(minute)
        if copy:
            assert copy.take(minute) == found
        for outcome in found.outcomes:
            assert outcome.id in waiting
            learned += 1
        for pattern in found.patterns:
            waiting[pattern.id] = pattern.confidence
            assert pattern.model_version.startswith(f"3.{learned}")
            assert found.backtests[pattern.id]["outcomes"] == learned
    told = discovery.figures()
    assert told["learned"] == learned == told["types"]["all"]["outcomes"] > 5
    assert len(waiting) == learned + told["waiting"]


def test_what_is_no_more_likely_than_chance_teaches_but_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovering, "detectors", lambda: [Calling()])
    market, half = quiet_market(sessions=10, securities=12, sectors=2), 5 * SESSION
    # What is called falls against the others, and after a week it rises.
    course = np.where(np.arange(len(market.own)) < half, -2e-4, 2e-4)
    market.own += np.outer(course, np.where(np.arange(12) < 6, 1, -1))
    discovery = Discovery()
    told, refused, outcomes = [], [], 0
    for row, minute in enumerate(market.minutes()):
        found = discovery.take(minute)
        told += [row for _ in found.patterns]
        refused += [row for r in found.rejected if r.reason == "no more likely than chance"]
        outcomes += len(found.outcomes)
        assert all(pattern.confidence >= discovering.CHANCE for pattern in found.patterns)
    learned = discovery.confidence.learned
    assert outcomes <= len(told) < len(told) + len(refused)
    assert outcomes == discovery.figures()["types"]["all"]["judged_on"] < learned
    assert min(refused) < half < max(told), "what has become better is told again"


def test_the_hourly_run_follows_event_time(called: Market) -> None:
    discovery = Discovery()
    runs = [f.consolidated for m in called.minutes(0, SESSION + 10) if (f := discovery.take(m))]
    done = [run for run in runs if run]
    hours = [run.at // (3600 * US_PER_S) for run in done]
    assert hours == sorted(set(hours))
    assert len(done) == discovery.consolidation.runs == 9  # 9:31, each full hour to 16:00, next day
    assert discovery.consolidation.last_run == done[-1].at
    assert not discovery.consolidation.is_overdue(done[-1].at + 7200 * US_PER_S)
    assert discovery.consolidation.is_overdue(done[-1].at + 7201 * US_PER_S)
    models = {run.version: run.model for run in done if run.model is not None}
    assert models.keys() == {run.version for run in done}
    last = Confidence.restore(unpack_state(models[done[-1].version] or b""))
    assert last.version == done[-1].version


def test_a_silent_hour_runs_too(called: Market) -> None:
    discovery = Discovery()
    first = next(called.minutes())
    assert discovery.take(first).consolidated
    empty = next(quiet_market(sessions=1, securities=1).minutes())
    empty.bars.close[:] = empty.bars.bid[:] = empty.bars.ask[:] = np.nan
    empty.start = first.start + 60 * US_PER_MINUTE
    assert discovery.take(empty).consolidated


def test_sectors_are_learned_where_none_is_listed() -> None:
    market = quiet_market(sessions=2, securities=24, sectors=3)
    scene = new_scene(market)
    scene.panel.reference("S00", None, None)
    scene.panel.reference("S01", "", None)
    scene.panel.reference("S02", None, None)
    market.group[2] = 0
    market.sector[:, 1] *= 1.5
    play(market, scene=scene)
    learned = learn_sectors(scene.panel)
    assert learned == {"S00": "sector 0", "S01": "sector 1", "S02": "sector 0"}
    assert learn_sectors(scene.panel) == learned
    near = scene.panel.model.exposures.sector_correlation()
    assert np.abs(near).max() <= 1
