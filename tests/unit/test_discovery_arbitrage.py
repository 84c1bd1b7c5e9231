"""News arbitrage: material news that the price does not know yet, and what only looks like it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from agents.discovery.aftermath import minutes_since, usual_move
from agents.discovery.candidate import Candidate
from agents.discovery.patterns.news_arbitrage import NewsArbitrage, remaining
from agents.discovery.scene import Scene
from schemas.news import Catalyst, Role
from schemas.times import from_us
from tests.unit.discovery_markets import Market, copied, new_scene, play, quiet_market

SESSIONS, DAY = 3, 2
NEWS_AT = 100


def fresh() -> Market:
    return quiet_market(7, SESSIONS, 16, 4)


@cache
def warm() -> Scene:
    market = fresh()
    scene = new_scene(market)
    play(market, None, scene, 0, market.row(DAY))
    return scene


def found(market: Market) -> list[tuple[int, Candidate]]:
    """What is seen on the last day until a while after the news, in minutes of it."""
    first = market.row(DAY)
    seen = play(market, NewsArbitrage(), copied(warm()), first, first + 150)
    return [(row - first, candidate) for row, candidate in seen]


def tell(
    market: Market,
    symbol: str = "S01",
    materiality: float = 0.6,
    sentiment: float = 0.7,
    *,
    minute: int = NEWS_AT,
    role: Role = "subject",
    news_id: str = "n1",
    theme: str = "guidance",
) -> None:
    """News half a minute into a minute of the last day (before it if negative)."""
    at = market.start(market.row(DAY, minute)) + 30_000_000
    market.news.append(
        Catalyst(symbol, from_us(at), news_id, sentiment, theme, 1, materiality, role)
    )


@pytest.mark.parametrize(("sentiment", "sign"), [(0.7, 1), (-0.6, -1)])
def test_material_news_that_the_price_ignores_is_flagged_within_minutes(
    sentiment: float, sign: int
) -> None:
    market = fresh()
    tell(market, sentiment=sentiment)
    market.own[market.row(DAY, 120) :][:30, 1] += 0.001 * sign
    minute, candidate = found(market)[0]
    assert NEWS_AT + 2 <= minute <= NEWS_AT + 8
    assert candidate.lead == ("S01",)
    assert candidate.direction == {"S01": sign}
    assert candidate.strength >= 1
    assert candidate.evidence == ["n1"]
    assert all(abs(value) <= 4 for value in candidate.features.values())


def test_news_that_moves_the_price_at_once_is_none() -> None:
    market = fresh()
    tell(market)
    market.own[market.row(DAY, NEWS_AT + 1), 1] += 0.01
    assert found(market) == []


def test_news_that_the_price_knew_before_is_none() -> None:
    market = fresh()
    tell(market)
    market.own[market.row(DAY, NEWS_AT - 8) :][:6, 1] += 0.002
    assert found(market) == []


@pytest.mark.parametrize("change", [{"materiality": 0.15}, {"sentiment": 0.0}, {"role": "actor"}])
def test_news_that_means_nothing_or_nothing_clear_is_none(change: dict[str, float]) -> None:
    market = fresh()
    tell(market, **change)  # type: ignore[arg-type]
    assert found(market) == []


@pytest.mark.parametrize(("theme", "told"), [("guidance", False), ("legal", True)])
def test_a_story_told_again_is_none(theme: str, told: bool) -> None:
    market = fresh()
    tell(market, minute=20, news_id="n0", theme=theme)
    tell(market)
    assert any(candidate.evidence == ["n1"] for _, candidate in found(market)) == told


def test_a_security_that_does_not_trade_cannot_react() -> None:
    market = fresh()
    tell(market)
    market.open[market.row(DAY, NEWS_AT) :][:30, 1] = False
    assert found(market) == []


def test_of_several_in_one_news_those_that_did_not_react_are_flagged() -> None:
    market = fresh()
    tell(market)
    tell(market, "S06")
    market.own[market.row(DAY, NEWS_AT + 1), 1] -= 0.015
    candidates = [candidate for _, candidate in found(market)]
    assert candidates
    # Where one has gone already tells more than the words.
    assert all(c.securities == ["S06"] and c.direction == {"S06": -1} for c in candidates)


def test_news_of_half_the_market_is_news_of_nobody() -> None:
    market = fresh()
    for symbol in market.symbols[:8]:
        tell(market, symbol)
    assert found(market) == []


def test_news_of_the_night_is_left_to_the_open() -> None:
    market = fresh()
    tell(market, minute=-200)
    assert found(market) == []


def test_what_is_left_of_the_materiality_follows_bayes() -> None:
    # Material with 0.6; half of what is material would have moved by now: 0.3 / (0.3 + 0.4).
    assert remaining(0.6) == pytest.approx(3 / 7)
    assert remaining(1.0) == 1.0
    assert remaining(0.0) == 0.0


def test_minutes_since_and_the_usual_move_are_those_of_the_panel() -> None:
    panel = copied(warm()).panel
    now = panel.now
    minute = 60_000_000
    assert [minutes_since(panel, now - k * minute - 1) for k in (0, 4)] == [1, 5]
    assert minutes_since(panel, now - 4 * minute) == 4
    assert minutes_since(panel, now + minute) == 0
    assert minutes_since(panel, now - 10**13) == 390
    rows = np.arange(len(panel))
    panel.shape[:] = 1.0
    # A random walk: sixteen minutes move a price four times as far as one, twice that if rough.
    for _ in range(16):
        panel.factors.append(market=np.zeros(1), burst=np.ones(1))
    one, sixteen = usual_move(panel, rows, 1), usual_move(panel, rows, 16)
    assert sixteen == pytest.approx(4 * one)
    for _ in range(16):
        panel.factors.append(market=np.zeros(1), burst=np.full(1, 2.0))
    assert usual_move(panel, rows, 16) == pytest.approx(8 * one)


def test_a_snapshot_remembers_what_was_told() -> None:
    first = NewsArbitrage()
    scene = copied(warm())
    told = Catalyst(
        "S01", from_us(scene.now - 10**6), "n0", 0.7, "guidance", 1, 0.6, headline="S01 cuts view"
    )
    scene.news.add(told)
    first.look(scene)
    again = NewsArbitrage()
    again.load(first.snapshot())
    assert again.snapshot() == first.snapshot()
    assert again.snapshot()["told"]["S01"][0][3] == "S01 cuts view"
