"""News arbitrage: material news that the price does not know yet, and what only looks like it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from agents.discovery.aftermath import minutes_since, usual_move
from agents.discovery.candidate import Candidate
from agents.discovery.patterns.news_arbitrage import NewsArbitrage, remaining
from agents.discovery.reaction import night_moves
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
    detector, scene = NewsArbitrage(), copied(warm())
    detector.look(scene)
    seen = play(market, detector, scene, first, first + 150)
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
    headline: str = "",
    hours_before: int = 0,
) -> None:
    """News half a minute into a minute of the last day, or so long before that."""
    at = market.start(market.row(DAY, minute)) + 30_000_000 - hours_before * 3_600_000_000
    market.news.append(
        Catalyst(
            symbol, from_us(at), news_id, sentiment, theme, 1, materiality, role, headline=headline
        )
    )


@pytest.mark.parametrize(("sentiment", "sign"), [(0.7, 1), (-0.6, -1)])
def test_material_news_that_the_price_ignores_is_flagged_within_minutes(
    sentiment: float, sign: int
) -> None:
    market = fresh()
    tell(market, sentiment=sentiment)
    market.own[market.row(DAY, 120) :][:30, 1] += 0.001 * sign
    minute, candidate = found(market)[0]
    assert NEWS_AT + 2 <= minute <= NEWS_AT + 10
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


@pytest.mark.parametrize(("first", "minutes"), [(0, 1), (1, 30)])
@pytest.mark.parametrize("sign", [1, -1])
def test_news_that_tells_why_the_price_went_that_way_today_is_none(
    first: int, minutes: int, sign: int
) -> None:
    market = fresh()
    tell(market)
    # Every night moves every security; then the gap of one, or a rise long before the news.
    nights = np.random.default_rng(3).standard_normal(len(market.symbols)) * 0.003
    market.own[market.row(DAY)] += nights - np.where(np.arange(len(nights)) == 1, nights, 0.0)
    market.own[market.row(DAY, first) :][:minutes, 1] += sign * 0.02 / minutes
    assert bool(found(market)) == (sign < 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_news_of_which_the_price_went_that_way_for_an_hour_is_none(sign: int) -> None:
    market = fresh()
    tell(market)
    market.own[market.row(DAY, 10) :][:30, 1] -= sign * 0.006 / 30
    market.own[market.row(DAY, NEWS_AT - 60) :][:60, 1] += sign * 0.012 / 60
    assert bool(found(market)) == (sign < 0)


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


@pytest.mark.parametrize(("rubric", "told"), [("UPDATE 1-", True), ("UPDATE 3-", False)])
def test_what_an_agency_sends_for_the_third_time_is_none(rubric: str, told: bool) -> None:
    market = fresh()
    tell(market, minute=20, news_id="n0", theme="legal")
    tell(market, headline=f"{rubric}S01 cuts full-year outlook")
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


@pytest.mark.parametrize("change", [-0.002, 0.002])
def test_a_price_that_sets_out_as_the_news_says_is_on_its_way(change: float) -> None:
    market = fresh()
    tell(market)
    # Far from a reaction so far, but all of it lately.
    market.own[market.row(DAY, NEWS_AT + 5) : market.row(DAY, NEWS_AT + 12), 1] = change / 4
    assert bool(found(market)) == (change < 0)


def test_what_tells_of_no_event_must_be_material_more_likely_than_not() -> None:
    for materiality, headline, told in (
        (0.4, "S01 and its market", False),
        (0.55, "S01 and its market", True),
        (0.1, "S01 unexpectedly cuts full-year outlook", True),
        (0.8, "What would bankruptcy of S06 mean for S01?", False),
        (0.8, "Hedge fund keeps stake in S01, filing shows", False),
    ):
        market = fresh()
        tell(market, materiality=materiality, headline=headline)
        assert bool(found(market)) == told


@pytest.mark.parametrize(
    ("headline", "told"),
    [
        ("S01 and S06 hit by outage at shared plant", True),
        ("S06 sues S01 over patents", False),
        ("S06 to acquire S01", False),
        ("Comparing S01 and S06", False),
    ],
)
def test_a_jump_of_one_makes_the_news_material_for_the_other(headline: str, told: bool) -> None:
    market = fresh()
    for symbol in ("S01", "S06"):
        tell(market, symbol, 0.1, 0.0, headline=headline)
    market.own[market.row(DAY, NEWS_AT + 1), 1] -= 0.015
    candidates = [candidate for _, candidate in found(market)]
    assert bool(candidates) == told
    assert all(c.direction == {"S06": -1} for c in candidates)


@pytest.mark.parametrize(
    ("headline", "told"),
    [("S01 and S06 hit by outage at shared plant", True), ("S01 chief met S06 in Ohio", False)],
)
def test_a_gap_is_put_down_to_what_tells_of_an_event(headline: str, told: bool) -> None:
    market = fresh()
    for symbol in ("S01", "S06"):
        tell(market, symbol, 0.1, 0.0, minute=0, hours_before=2, headline=headline)
    nights = np.random.default_rng(3).standard_normal(len(market.symbols)) * 0.003
    nights[[1, 6]] = -0.05, 0.0
    market.own[market.row(DAY)] += nights
    assert bool(found(market)) == told


@pytest.mark.parametrize(("gap", "told"), [(0.0, True), (0.012, False), (-0.03, False)])
def test_news_of_the_night_is_looked_at_after_the_open(gap: float, told: bool) -> None:
    market = fresh()
    tell(market, minute=0, hours_before=2)
    # Every night moves every security; only more than that is the news.
    nights = np.random.default_rng(3).standard_normal(len(market.symbols)) * 0.003
    nights[1] = gap
    market.own[market.row(DAY)] += nights
    seen = found(market)
    assert bool(seen) == told
    assert all(minute <= 11 for minute, _ in seen)


def test_the_gap_is_measured_against_the_night_of_all() -> None:
    market = fresh()
    nights = np.random.default_rng(3).standard_normal(len(market.symbols)) * 0.01
    market.own[market.row(DAY)] += nights
    scene = copied(warm())
    play(market, None, scene, market.row(DAY), market.row(DAY) + 3)
    moves = night_moves(scene.panel)
    net = nights - np.median(nights)
    assert np.corrcoef(moves, net)[0, 1] > 0.9
    assert np.median(np.abs(moves)) == pytest.approx(0.6745, rel=0.05)


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
    panel.model.volatility.shape[:] = 1.0
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


@pytest.mark.parametrize(("size", "told"), [(0.33, True), (0.6, False)])
def test_a_little_of_a_days_move_is_the_beginning_at_most(size: float, told: bool) -> None:
    market = fresh()
    tell(market)
    # At once, and far beyond what any few minutes do; then quiet.
    day = float(warm().panel.deviation("m")[1]) * np.sqrt(390)
    after = market.row(DAY, NEWS_AT + 1)
    market.own[after : after + 15, 1] = 0.0
    market.own[after, 1] = size * day
    seen = found(market)
    assert bool(seen) == told
    assert all(c.conditions["moves_deviations"]["S01"] > 1.5 for _, c in seen)


def test_news_is_kept_over_a_long_weekend() -> None:
    market = fresh()
    tell(market, minute=0, hours_before=3 * 24 + 16)
    scene = Scene()
    scene.news.add(market.news[0])
    scene.news.forget(market.start(market.row(DAY)))
    assert len(scene.news) == 1
    scene.news.forget(market.start(market.row(DAY)) + 24 * 3_600_000_000)
    assert len(scene.news) == 0
