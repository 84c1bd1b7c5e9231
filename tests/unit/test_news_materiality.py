"""Materiality begins with a rule and moves towards what prices did."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from agents.models import ModelMismatch
from agents.news.materiality import Item, Materiality, prior
from agents.news.reactions import HORIZON_MIN, NIGHT_MIN, Reactions
from agents.news.themes import theme
from agents.state import pack_state, unpack_state
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, from_us
from tests.unit.newsroom import NOW

EARNINGS = Item("earnings", 1, -0.6, "subject", True, 1)
PRODUCT = Item("product", 1, 0.0, "subject", False, 1)


def estimate(model: Materiality, item: Item) -> float:
    return model.estimate(item, theme(item.theme))


def test_the_rule_orders_news_by_what_is_known_of_it() -> None:
    model = Materiality()
    base = estimate(model, EARNINGS)
    assert base == prior(EARNINGS, theme("earnings"))
    assert base > estimate(model, PRODUCT)
    weaker = [
        {"tier": 3}, {"role": "actor"}, {"role": "mention"}, {"sentiment": 0.0},
        {"figures": False}, {"securities": 8},
    ]  # fmt: skip
    for change in weaker:
        assert estimate(model, dataclasses.replace(EARNINGS, **change)) < base


@pytest.mark.parametrize(("move", "sign"), [(5.0, 1), (0.3, -1)])
def test_learning_moves_the_estimate_towards_what_happened(move: float, sign: int) -> None:
    model = Materiality()
    before, other_before = estimate(model, PRODUCT), estimate(model, EARNINGS)
    steps = [before]
    for _ in range(300):
        model.learn(PRODUCT, theme("product"), move)
        steps.append(estimate(model, PRODUCT))
    assert sign * (steps[-1] - before) > 0.02
    assert all(sign * (b - a) >= -0.01 for a, b in pairwise(steps[5:]))
    assert estimate(model, EARNINGS) == other_before  # none of its kind was seen
    assert 0 < steps[-1] < 1


def test_an_observation_of_no_weight_teaches_nothing() -> None:
    model = Materiality()
    before = estimate(model, PRODUCT)
    model.learn(PRODUCT, theme("product"), 9.0, weight=0.0)
    assert estimate(model, PRODUCT) == pytest.approx(before)


def test_a_stored_model_goes_on_the_same_and_another_version_is_refused() -> None:
    model = Materiality()
    for move in (3.0, 0.1, 2.5):
        model.learn(PRODUCT, theme("product"), move)
    state = unpack_state(pack_state(model.snapshot()))
    copy = Materiality.restore(state)
    for m in (model, copy):
        m.learn(EARNINGS, theme("earnings"), 4.0)
    assert estimate(copy, EARNINGS) == estimate(model, EARNINGS)
    assert estimate(copy, PRODUCT) == estimate(model, PRODUCT)
    with pytest.raises(ModelMismatch, match=r"River 0\.0"):
        Materiality.restore({**state, "model": {**state["model"], "river": "0.0"}})
    with pytest.raises(ModelMismatch, match="not a model of this version"):
        Materiality.restore({**state, "model": b"as it was stored before"})


def catalyst(symbol: str, at: int = NOW, news_id: str = "n") -> Catalyst:
    return Catalyst(symbol, from_us(at), news_id, 0.0, "earnings", 1, 0.5)


def prices(**closes: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    return list(closes), np.array(list(closes.values())), np.full(len(closes), 0.01)


def test_a_reaction_is_net_of_the_market_and_in_own_deviations() -> None:
    reactions = Reactions()
    reactions.take(NOW - US_PER_MINUTE, *prices(A=100.0, B=50.0, C=20.0))
    reactions.watch([catalyst("A"), catalyst("B"), catalyst("UNKNOWN")])
    assert reactions.take(NOW, *prices(A=101.0, B=50.5, C=20.2)) == []
    later = NOW + HORIZON_MIN * US_PER_MINUTE
    done = {r.symbol: r for r in reactions.take(later, *prices(A=106.05, B=50.5, C=20.2))}
    usual = 0.01 * np.sqrt(HORIZON_MIN / 15)
    assert done["A"].move == pytest.approx(np.log(1.05) / usual, rel=1e-6)
    assert done["B"].move == pytest.approx(0, abs=1e-9)
    assert reactions.take(later + US_PER_MINUTE, *prices(A=200.0, B=1.0)) == []


def test_news_of_the_night_waits_for_trading_and_expects_more() -> None:
    reactions = Reactions()
    reactions.take(NOW, *prices(A=100.0, B=50.0, C=20.0))
    reactions.watch([catalyst("A", NOW + 60 * US_PER_MINUTE)])
    opening = NOW + 17 * 60 * US_PER_MINUTE
    assert reactions.take(opening, *prices(A=110.0, B=50.0, C=20.0)) == []
    due = opening + HORIZON_MIN * US_PER_MINUTE
    (reaction,) = reactions.take(due, *prices(A=110.0, B=50.0, C=20.0))
    usual = 0.01 * np.sqrt((HORIZON_MIN + NIGHT_MIN) / 15)
    assert reaction.move == pytest.approx(np.log(1.1) / usual, rel=1e-6)


def test_items_that_met_one_move_share_its_weight() -> None:
    reactions = Reactions()
    reactions.take(NOW, *prices(A=100.0, B=50.0))
    reactions.watch([catalyst("A", news_id="1"), catalyst("A", news_id="2"), catalyst("B")])
    restored = Reactions.restore(unpack_state(pack_state(reactions.snapshot())))
    for watch in (reactions, restored):
        watch.take(NOW + US_PER_MINUTE, *prices(A=100.0, B=50.0))
        done = watch.take(NOW + 40 * US_PER_MINUTE, *prices(A=101.0, B=50.0))
        assert [(r.news_id, r.symbol, r.weight) for r in done] == [
            ("1", "A", 0.5), ("2", "A", 0.5), ("n", "B", 1.0),
        ]  # fmt: skip


def test_news_that_meets_no_trading_is_given_up() -> None:
    reactions = Reactions()
    reactions.take(NOW, *prices(A=100.0))
    reactions.watch([catalyst("A")])
    for day in range(1, 8):
        assert reactions.take(NOW + day * 1440 * US_PER_MINUTE, *prices(B=1.0)) == []
    assert reactions.snapshot()["watched"] == []
