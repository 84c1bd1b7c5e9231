"""Catalyst sympathy: kin that follows a leader with news, and what only looks like it."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest

from agents.discovery.candidate import Candidate
from agents.discovery.following import strongest
from agents.discovery.patterns.catalyst_sympathy import CatalystSympathy
from agents.discovery.scene import Scene
from tests.unit.discovery_markets import Market, copied, new_scene, play, quiet_market

SESSIONS, SECURITIES, SECTORS = 4, 32, 4
INDUSTRY = 4
LEADER = 0
# The leader's industry are every fourth of the first sixteen: 0, 4, 8, 12; all in sector 0.
KIN = [4, 8, 12]


def fresh() -> Market:
    return quiet_market(3, SESSIONS, SECURITIES, SECTORS)


@cache
def warm() -> Scene:
    market = fresh()
    scene = new_scene(market)
    for i, symbol in enumerate(market.symbols):
        industry = f"industry {i % SECTORS} {i // (SECTORS * INDUSTRY)}"
        scene.panel.reference(symbol, f"sector {i % SECTORS}", industry)
    play(market, None, scene, 0, market.row(3))
    return scene


def found(market: Market) -> list[tuple[int, Candidate]]:
    """What is seen on the last day, in minutes of it."""
    first = market.row(3)
    seen = play(market, CatalystSympathy(), copied(warm()), first)
    return [(row - first, candidate) for row, candidate in seen]


def lead(market: Market, size: float = 0.03, materiality: float = 0.5) -> None:
    """News of the leader at minute 100, read within three minutes."""
    at = market.row(3, 100)
    market.report(at, market.symbols[LEADER], materiality)
    market.own[at + 1 : at + 4, LEADER] += size / 3


def follow(market: Market, who: list[int], start: int, minutes: int, size: float) -> None:
    at = market.row(3, start)
    market.own[at : at + minutes, who] += size / minutes


@pytest.mark.parametrize("sign", [1, -1])
def test_peers_that_follow_their_leader_are_found_within_minutes(sign: int) -> None:
    market = fresh()
    lead(market, 0.03 * sign)
    follow(market, KIN, 110, 12, 0.012 * sign)
    seen = found(market)
    minute, candidate = seen[0]
    assert 110 <= minute <= 122
    assert candidate.lead == ("S00",)
    assert candidate.securities[0] == "S00"
    assert {name for _, c in seen for name in c.securities} == {"S00", "S04", "S08", "S12"}
    assert set(candidate.direction.values()) == {sign}
    assert candidate.evidence == ["n0"]
    assert candidate.strength >= 1
    assert all(abs(value) <= 4 for value in candidate.features.values())


def test_peers_that_follow_later_are_added() -> None:
    market = fresh()
    lead(market)
    follow(market, KIN[:2], 105, 5, 0.012)
    follow(market, KIN[2:], 125, 5, 0.012)
    seen = found(market)
    assert seen[0][0] < 115
    assert {"S04", "S08"} <= set(seen[0][1].securities)
    assert any(125 < minute < 145 and "S12" in c.securities for minute, c in seen)


@pytest.mark.parametrize(("news_at", "found_then"), [(106, True), (118, False)])
def test_peers_that_moved_with_a_jump_before_its_news_follow(
    news_at: int, found_then: bool
) -> None:
    market = fresh()
    at = market.row(3, 101)
    market.own[at : at + 2, LEADER] += 0.02
    follow(market, KIN, 102, 2, 0.012)
    market.report(market.row(3, news_at), market.symbols[LEADER], 0.5)
    assert bool(found(market)) == found_then


def test_followers_belong_to_one_group() -> None:
    topics = {"weight-loss drugs": [1, 4], "quantum computing": [2, 8]}
    phrases = ("{} starts trial of {} in Europe", "Demand for {1} lifts hopes at {0}")

    def seen_with(who: list[int]) -> bool:
        market = fresh()
        lead(market, 0.03)
        follow(market, who, 106, 5, 0.004)
        scene = copied(warm())
        scene.panel.industry[:] = -1
        for topic, members in topics.items():
            for member in (LEADER, *members):
                for phrase in phrases:
                    symbol = market.symbols[member]
                    scene.topics.add(symbol, phrase.format(symbol, topic))
        first = market.row(3)
        return bool(play(market, CatalystSympathy(), scene, first))

    assert seen_with([1, 4])
    assert not seen_with([1, 8])


def test_who_has_not_moved_since_the_news_does_not_follow() -> None:
    market = fresh()
    lead(market)
    # What they lost at first they win back.
    follow(market, KIN, 104, 8, -0.014)
    follow(market, KIN, 116, 8, 0.012)
    assert found(market) == []


def test_an_event_as_it_is_told_leads_though_its_theme_says_little() -> None:
    for headline, leads in (("S00 and its market", False), ("S00 unexpectedly cuts outlook", True)):
        market = fresh()
        lead(market, 0.03, 0.05)
        market.news[-1] = msgspec.structs.replace(market.news[-1], headline=headline)
        follow(market, KIN, 110, 12, 0.012)
        assert bool(found(market)) == leads


def test_a_leader_whose_peers_stay_put_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    assert found(market) == []


def test_peers_without_a_leader_in_the_news_are_no_sympathy() -> None:
    market = fresh()
    at = market.row(3, 100)
    market.own[at + 1 : at + 4, LEADER] += 0.01
    follow(market, KIN, 110, 12, 0.012)
    assert found(market) == []


def test_news_that_means_nothing_leads_nobody() -> None:
    market = fresh()
    lead(market, materiality=0.03)
    follow(market, KIN, 110, 12, 0.012)
    assert found(market) == []


def test_news_without_a_move_leads_nobody() -> None:
    market = fresh()
    lead(market, size=0.0)
    follow(market, KIN, 110, 12, 0.012)
    assert found(market) == []


def test_a_move_the_other_way_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    follow(market, KIN, 110, 12, -0.012)
    assert found(market) == []


def test_a_single_huge_mover_among_the_peers_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    follow(market, KIN[:1], 110, 3, 0.08)
    assert found(market) == []


def test_a_market_shock_after_the_news_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    at = market.row(3, 110)
    market.market[at : at + 10] += 0.002
    assert found(market) == []


def test_a_move_of_the_whole_sector_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    at = market.row(3, 110)
    market.sector[at : at + 10, 0] += 0.0008
    assert found(market) == []


def test_peers_with_news_of_their_own_follow_nobody() -> None:
    market = fresh()
    lead(market)
    for who in KIN[:2]:
        market.report(market.row(3, 109), market.symbols[who], 0.5)
    follow(market, KIN, 110, 12, 0.012)
    assert found(market) == []


def test_a_rough_market_is_no_sympathy() -> None:
    market = fresh()
    lead(market)
    at = market.row(3, 95)
    market.own[at : at + 60] *= 4
    market.sector[at : at + 60] *= 4
    market.market[at : at + 60] *= 4
    assert found(market) == []


def test_the_joint_statistic_is_that_of_a_correlated_normal_sum() -> None:
    # Three values of 3 with correlation 0.5: 9 / sqrt(3 + 6 * 0.5) = 3.674; all of three are one
    # choice, and the upper tail at 3.674 is 1.19e-4 (Abramowitz and Stegun, table 26.1). The best
    # two of three: 6 / sqrt(3) = 3.464, tail 2.66e-4, three choices.
    correlation = np.full((3, 3), 0.5) + 0.5 * np.eye(3)
    result = strongest(np.array([3.0, 3.0, 3.0]), correlation)
    assert result is not None
    chosen, joint, probability = result
    assert chosen == [0, 1, 2]
    assert joint == pytest.approx(3.674, abs=1e-3)
    assert probability == pytest.approx(1.19e-4, rel=0.01)


def test_the_joint_statistic_chooses_those_that_follow() -> None:
    z = np.array([0.1, 3.5, -0.4, 3.0, 0.2, 3.2])
    result = strongest(z, np.eye(6))
    assert result is not None
    assert result[0] == [1, 5, 3]
    # Twenty choices of three out of six; 9.7 / sqrt(3) = 5.600, tail 1.07e-8.
    assert result[2] == pytest.approx(20 * 1.07e-8, rel=0.02)


def test_a_third_of_a_group_must_follow() -> None:
    two = np.array([3.5, 3.5, 0.0, 0.0, 0.0, 0.0])
    assert strongest(two, np.eye(6)) is not None
    assert strongest(np.append(two, 0.0), np.eye(7)) is None


def test_one_value_alone_is_no_evidence() -> None:
    assert strongest(np.array([9.0, 1.2, 0.3, 0.0]), np.eye(4)) is None
    assert strongest(np.array([9.0, 0.5, 0.3, 0.0]), np.eye(4)) is None


def test_chance_is_called_sympathy_as_rarely_as_the_probability_says() -> None:
    rng = np.random.default_rng(5)
    correlation = np.full((7, 7), 0.3) + 0.7 * np.eye(7)
    root = np.linalg.cholesky(correlation)
    draws = [strongest(root @ rng.standard_normal(7), correlation) for _ in range(3000)]
    below = sum(found is not None and found[2] < 0.01 for found in draws)
    assert below <= 45  # 30 by the bound, and three deviations
