"""Kinship by what is spoken of: topics, what is none, and the peers that they make of a scene."""

from __future__ import annotations

import numpy as np
import pytest

from agents.discovery.scene import Scene
from agents.discovery.topics import Topics
from agents.state import pack_state, unpack_state
from tests.unit.discovery_markets import new_scene, play, quiet_market

NAMES = {"ALFA": "Alfa Pharma Inc", "BRAV": "Bravo Life Corp", "CHAR": "Charlie Bio Ltd"}
OTHERS = {"DELT": "Delta Tools Inc", "ECHO": "Echo Foods Corp"}
PHRASES = (
    "{} starts trial of weight-loss drugs in Europe",
    "Demand for weight-loss drugs lifts outlook of {}",
)


def topics_of(*phrases: str, symbols: dict[str, str] = NAMES) -> Topics:
    """Topics after each security's turn at each phrase."""
    topics = Topics()
    for name in (NAMES | OTHERS | symbols).values():
        topics.reference(name)
    for phrase in phrases:
        for symbol, name in symbols.items():
            topics.add(symbol, phrase.format(name.split()[0]))
    return topics


def test_securities_spoken_of_with_the_same_in_different_phrases_are_peers() -> None:
    topics = topics_of(*PHRASES)
    topics.add("ECHO", "Echo opens plant in Ohio")
    assert set(topics.peers("ALFA")) == {"BRAV", "CHAR"}
    assert set(topics.peers("ALFA").values()) <= {"weight loss", "loss drugs"}
    assert set(topics.peers("CHAR")) == {"ALFA", "BRAV"}
    assert topics.peers("ECHO") == topics.peers("unknown") == {}


def test_once_is_not_enough() -> None:
    topics = topics_of(PHRASES[0])
    assert topics.peers("ALFA") == {}
    topics.add("ALFA", PHRASES[1].format("Alfa"))
    topics.add("BRAV", PHRASES[1].format("Bravo"))
    assert topics.peers("ALFA") == {}, "two are no topic"
    topics.add("CHAR", PHRASES[1].format("Charlie"))
    assert set(topics.peers("ALFA")) == {"BRAV", "CHAR"}


def test_of_a_known_topic_once_is_enough() -> None:
    topics = topics_of(*PHRASES, "Rivals in weight-loss drugs put pressure on {}")
    topics.add("ECHO", "Echo joins makers of weight-loss drugs")
    assert set(topics.peers("ECHO")) == {"ALFA", "BRAV", "CHAR"}


def test_a_word_of_several_names_may_be_part_of_a_topic() -> None:
    phrases = ("{} starts sale of data power in Europe", "Demand for data power lifts hopes at {}")
    of_several = ("Zulu Data", "Xray Data", "Yank Power", "Wax Power")
    for names, is_topic in (
        (of_several[1:3], False),
        (("A Data Power",), False),
        (of_several, True),
    ):
        topics = topics_of()
        for name in names:
            topics.reference(name)
        for phrase in phrases:
            for symbol, name in NAMES.items():
                topics.add(symbol, phrase.format(name.split()[0]))
        assert ("data power" in topics.groups("ALFA")) == is_topic


@pytest.mark.parametrize(
    "phrases",
    [
        pytest.param((PHRASES[0], PHRASES[0]), id="the same told twice"),
        pytest.param(
            (PHRASES[0], "{} starts new trial of weight-loss drugs in Europe and Asia"),
            id="nearly the same",
        ),
        pytest.param(
            ("Oldman Stern starts coverage of {}", "Oldman Stern reiterates coverage of {}"),
            id="a broker",
        ),
        pytest.param(
            ("{} wins design award", "{} wins design award again", "{} wins 2018 design award"),
            id="a standing phrase",
        ),
        pytest.param(
            ("{} plans 2018 2019 shops", "Strike in 2018 2019 hits plants of {}"), id="figures"
        ),
        pytest.param(("{} shows ai pc today", "Guests praise ai pc of maker {}"), id="short words"),
    ],
)
def test_what_comes_round_to_everybody_is_no_topic(phrases: tuple[str, ...]) -> None:
    assert topics_of(*phrases).peers("ALFA") == {}


def test_names_are_no_topics() -> None:
    phrases = ("{} sells lorries to Zulu Motors", "Strike at Zulu Motors worries owners of {}")
    assert set(topics_of(*phrases).peers("ALFA")) == {"BRAV", "CHAR"}
    known = Topics()
    known.reference("Zulu Motors Holdings")
    for phrase in phrases:
        for symbol, name in NAMES.items():
            known.add(symbol, phrase.format(name.split()[0]))
    assert known.peers("ALFA") == {}


def test_what_everybody_has_is_no_topic() -> None:
    def many(count: int) -> Topics:
        return topics_of(*PHRASES, symbols={f"M{i}": f"Member{i} Inc" for i in range(count)})

    assert len(many(15).peers("M0")) == 14
    assert many(16).peers("M0") == {}


def test_the_pairs_that_came_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.discovery.topics._MOST_PAIRS", 40)
    topics = topics_of(*PHRASES)
    assert topics.peers("ALFA")
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(30):
        topics.add("DELT", f"{letters[i % 26] * 4} {letters[i // 2] * 5} {letters[i // 3] * 6}")
        topics.add("ALFA", PHRASES[0].format("Alfa"))
    assert topics.peers("ALFA"), "what came again stays"
    for i in range(30):
        topics.add("DELT", f"{letters[i // 2] * 7} {letters[i % 26] * 8} {letters[i // 3] * 9}")
    assert topics.peers("ALFA") == {}


def test_a_restart_changes_nothing() -> None:
    whole, first = topics_of(PHRASES[0]), topics_of(PHRASES[0])
    second = Topics.restore(unpack_state(pack_state(first.snapshot())))
    for topics in (whole, second):
        for symbol, name in NAMES.items():
            topics.add(symbol, PHRASES[1].format(name.split()[0]))
        topics.add("DELT", "Pharma Tools and Life Foods meet")
    third = Topics.restore(unpack_state(pack_state(second.snapshot())))
    assert whole.peers("ALFA")
    for topics in (second, third):
        assert topics.peers("ALFA") == whole.peers("ALFA")
        assert pack_state(topics.snapshot()) == pack_state(whole.snapshot())


def test_peers_of_a_scene_are_those_of_industry_of_moves_and_of_topics() -> None:
    market = quiet_market(seed=2, sessions=2, securities=20, sectors=4)
    shared = np.random.default_rng(3).normal(0, 2 * market.own.std(), len(market.own))
    market.own[:, [0, 5]] += shared[:, None]
    scene = new_scene(market)
    for symbol in ("S00", "S10"):
        scene.panel.reference(symbol, "sector 0", "tools")
    play(market, None, scene)
    assert scene.peers(0).tolist() == [5, 10]
    for phrase in PHRASES:
        for symbol in ("S00", "S05", "S13", "not traded"):
            scene.topics.add(symbol, phrase.format(symbol))
    assert scene.peers(0).tolist() == [5, 10, 13]
    assert [group.tolist() for group in scene.groups(0)] == [[10], [5], [5, 13]]
    assert scene.peers(13).tolist() == [0, 5]
    assert Scene(scene.panel, scene.news, scene.kin).peers(13).tolist() == []
