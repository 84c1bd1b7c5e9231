"""Scoring by hand-made truth and signals, of which the figures are known."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.signals import Outcome, Pattern, PredictedOutcome
from schemas.times import US_PER_MINUTE, from_us, iso
from streams.cli.evaluate import evaluate
from streams.evaluating import Score, Told, calibration_error, score, told_of
from streams.sources.planted import Episode, PlantedMarket

OPEN = 1_740_000_600 * 1_000_000 // US_PER_MINUTE * US_PER_MINUTE
# Two sessions of 390 minutes, a night between them.
MINUTES = np.concatenate(
    [OPEN + US_PER_MINUTE * np.arange(1, 391), OPEN + US_PER_MINUTE * np.arange(1441, 1831)]
)


def at(minute: float) -> int:
    return OPEN + int(minute * US_PER_MINUTE)


def episode(
    kind: str = "pump_and_dump",
    securities: str = "A B C",
    start: int = 100,
    deadline: int = 160,
    *,
    planted: bool = True,
    leaders: str = "",
    **detail: Any,
) -> Episode:
    times = (iso(at(start)), iso(at(deadline)), iso(at(deadline + 30)))
    return Episode(kind, planted, "easy", securities.split(), leaders.split(), *times, detail)


def told(
    minute: float,
    securities: str = "A",
    kind: str = "pump_and_dump",
    confidence: float = 0.75,
    came_true: bool | None = None,
    **conditions: Any,
) -> Told:
    name = f"{kind}-{minute}-{securities}"
    return Told(name, kind, at(minute), securities.split(), confidence, conditions, came_true)


def scored(signals: list[Told], *truth: Episode, days: float = 2.0, warm: int = 0) -> Score:
    return score(signals, truth, MINUTES, warm_until=at(warm), days=days)


@pytest.mark.parametrize(
    ("minute", "outcome"),
    [(94, "false"), (95, "found"), (110, "found"), (160, "found"), (161, "false")],
)
def test_an_episode_is_found_in_its_time(minute: int, outcome: str) -> None:
    tally = scored([told(minute)], episode()).types["pump_and_dump"]
    assert (tally.planted, tally.found + tally.false) == (1, 1)
    assert getattr(tally, outcome) == 1


@pytest.mark.parametrize(
    ("named", "found"),
    [("A", 1), ("A X Y", 1), ("A X Y Z", 0), ("X", 0), ("B C A", 1)],
)
def test_a_third_of_the_securities_take_part(named: str, found: int) -> None:
    assert scored([told(110, named)], episode()).types["pump_and_dump"].found == found


@pytest.mark.parametrize(("named", "found"), [("B C", 0), ("X Y A Z Q", 1)])
def test_who_has_a_leader_is_known_by_it(named: str, found: int) -> None:
    known = scored([told(110, named)], episode(leaders="A"))
    assert known.types["pump_and_dump"].found == found


def test_a_rotation_is_known_by_its_two_sectors() -> None:
    rotation = episode("sector_rotation", from_sector="Energy", to_sector="Tech")
    by_sector = told(110, "X Y", "sector_rotation", from_sector="Energy", to_sector="Tech")
    other = told(110, "Z W", "sector_rotation", from_sector="Energy", to_sector="Health")
    tally = scored([by_sector, other], rotation).types["sector_rotation"]
    assert (tally.found, tally.false) == (1, 1)


def test_figures_of_a_market_counted_by_hand() -> None:
    truth = [
        episode(securities="A B C"),
        episode(securities="D", start=200, deadline=1500),
        episode("news_arbitrage", "E", leaders="E"),
        episode("halt", "F", planted=False),
        episode("market_wide_move", "", planted=False),
    ]
    signals = [
        told(50, "D"),  # in the warm-up
        told(112, "A", confidence=0.9, came_true=True),
        told(115, "B", confidence=0.9),  # again
        told(120, "F", confidence=0.4, came_true=False),  # on a halt
        told(121, "Z", confidence=0.4),  # on the whole market
        told(300, "Z", "correlation_breaks"),
        told(1460, "D", confidence=0.9),  # 20 minutes into the next session
    ]
    found = scored(signals, *truth, warm=60)
    pump = found.types["pump_and_dump"]
    assert (pump.planted, pump.found, pump.false, pump.repeats) == (2, 2, 2, 1)
    assert (pump.precision, pump.recall) == (0.5, 1.0)
    assert pump.f1 == pytest.approx(2 / 3)
    assert pump.delays == [12, 190 + 20]
    assert pump.delay == 111
    missed = found.types["news_arbitrage"]
    assert (missed.precision, missed.recall, missed.f1) == (None, 0.0, 0.0)
    assert set(found.labelled) == {"pump_and_dump", "news_arbitrage", "correlation_breaks"}
    assert found.macro_f1 == pytest.approx(2 / 9)
    assert found.false_alarms == 1.5
    assert found.fell_on == {
        ("pump_and_dump", "halt"): 1,
        ("pump_and_dump", "market_wide_move"): 1,
        ("correlation_breaks", "nothing"): 1,
    }
    # 0.9 was right twice, 0.4 wrong twice, 0.75 wrong once.
    assert calibration_error(found.matched) == pytest.approx((0.2 + 0.8 + 0.75) / 5)
    assert calibration_error(found.judged) == pytest.approx((0.1 + 0.4) / 2)


def test_clusters_are_told_apart() -> None:
    cluster = episode("emergent_clusters")
    found = scored(
        [told(110, "A", "emergent_clusters"), told(112, "Z", "emergent_clusters")], cluster
    )
    assert found.types["emergent_clusters"].f1 == pytest.approx(2 / 3)
    assert (found.macro_f1, found.false_alarms, found.matched) == (None, 0.0, [])


def test_markets_add_up() -> None:
    total = Score()
    for minute in (110, 170):
        total.add(scored([told(minute)], episode()))
    tally = total.types["pump_and_dump"]
    assert (tally.planted, tally.found, tally.false, tally.delays) == (2, 1, 1, [10])
    assert (total.days, total.false_alarms) == (4.0, 0.25)
    assert total.as_dict()["types"]["pump_and_dump"]["f1"] == 0.5
    assert total.fell_on == {("pump_and_dump", "its episode, too late or other securities"): 1}


def test_a_planted_market_is_evaluated() -> None:
    flags = ["--seeds", "1", "--securities", "24", "--days", "5", "--json"]
    done = CliRunner().invoke(evaluate, flags, catch_exceptions=False)
    report = json.loads(done.stdout)
    truth = PlantedMarket(1, 24, 5).truth()
    planted = Counter(episode.kind for episode in truth if episode.planted)
    assert {kind: t["planted"] for kind, t in report["types"].items() if t["planted"]} == planted
    assert report["days"] == pytest.approx(24 / 150)
    assert [line.split()[2] for line in done.stderr.splitlines()] == [
        f"2025-01-{day:02d}" for day in (6, 7, 8, 9, 10)
    ]


def test_of_an_updated_pattern_the_first_message_counts() -> None:
    def message(minute: int, confidence: float) -> Pattern:
        when = from_us(at(minute))
        return Pattern(
            "p", "pump_and_dump", ["A"], when, when, when, confidence, {},
            PredictedOutcome(60, {"A": -1}), [], "1",
        )  # fmt: skip

    outcome = Outcome("p", "pump_and_dump", from_us(at(120)), True, {"A": -0.1})
    (first,) = told_of([message(110, 0.5), message(115, 0.9)], [outcome])
    assert (first.at, first.confidence, first.came_true) == (at(110), 0.5, True)
