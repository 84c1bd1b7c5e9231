"""Discovery beside the rest: what is stored of it, what it looks at, and after a restart."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from prometheus_client import generate_latest

from agents.discovery import discovery as discovering
from agents.discovery.candidate import Candidate, Rejected
from agents.discovery.casebook import CaseBook, plain
from agents.discovery.confidence import Confidence
from agents.discovery.discovery import Discovery, Found
from agents.discovery.journal import JournaledDiscovery
from agents.discovery.members import Members
from agents.market.engine import EngineConfig, MarketEngine, Outputs
from agents.market.rows import SignalTopics, model_rows, pattern_rows, signal_records
from agents.market.told import count, discovery_facts
from agents.scanning.scanner import ScanConfig
from agents.state import pack_state, unpack_state
from schemas.bars import PartitionBars
from schemas.news import Security
from schemas.signals import Outcome, Pattern, PredictedOutcome
from schemas.times import US_PER_S, from_us, iso
from streams.replaying import play
from streams.topics import OUTCOMES, PATTERNS
from tests.unit.discovery_markets import Market, quiet_market
from tests.unit.test_market_engine import messages, news_at
from tests.unit.tiny_detectors import Failing, tiny_detectors
from timescale.relations import DISCOVERIES, MODELS

NOW = 1_740_000_000 * US_PER_S
HOUR = 3600 * US_PER_S
INTERVAL = 1800 * US_PER_S
CONFIG = EngineConfig(ScanConfig(track=6, trade=2))


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovering, "detectors", tiny_detectors)


@pytest.fixture(scope="module")
def market() -> Market:
    return quiet_market(sessions=1, securities=12)


def given(discovery: Discovery, market: Market, first: int = 0, last: int = 200) -> list[Any]:
    """Feed rows of the market with some news; everything that was found."""
    found: list[Any] = []
    for row, minute in enumerate(market.minutes(first, last), first):
        if row % 40 == 3:
            market.news.clear()
            market.report(row, market.symbols[row % 12])
            discovery.inform(market.news[0])
        out = discovery.take(minute)
        found += [*out.patterns, *out.outcomes]
        if out.consolidated is not None:
            # A model that was restored may be written in other bytes.
            has_model = out.consolidated.model is not None
            found += [replace(out.consolidated, model=None), has_model]
    return found


def names(discovery: Discovery, market: Market) -> None:
    for symbol, group in zip(market.symbols, market.group, strict=True):
        discovery.take_security(Security(symbol, sector=f"sector {group}"))


@pytest.mark.parametrize("crashes", [(1,), (59, 61), (20, 130, 150)])
def test_a_journal_comes_to_the_same_as_the_state(market: Market, crashes: tuple[int, ...]) -> None:
    unharmed = Discovery()
    unharmed.consolidation.interval_us = INTERVAL
    names(unharmed, market)
    expected = given(unharmed, market)
    journaled = JournaledDiscovery()
    journaled.consolidation.interval_us = INTERVAL
    names(journaled, market)
    parts: dict[int, bytes] = {}
    found, at = [], 0
    for crash in (*crashes, 200):
        for stop in range(at, crash, 15):
            found += given(journaled, market, stop, min(stop + 15, crash))
            if (whole := journaled.renew()) is not None:
                parts[journaled.whole] = pack_state(whole)
        state = unpack_state(pack_state(journaled.snapshot()))
        number = state["whole"]
        whole = unpack_state(parts[number]) if number else None
        journaled, at = JournaledDiscovery.resume(state, whole, INTERVAL), crash
    assert found == expected
    assert len(expected) > 5
    assert len(parts) >= 2
    assert len(journaled.snapshot()["journal"]) < 100
    repeated, kept = journaled.scene.panel.snapshot(), unharmed.scene.panel.snapshot()
    assert pack_state(repeated) == pack_state(kept)


def test_a_journal_does_not_go_on_from_another_state(market: Market) -> None:
    journaled = JournaledDiscovery()
    given(journaled, market, 0, 61)
    whole = journaled.renew()
    assert whole is not None
    with pytest.raises(ValueError, match="goes on from state 1, not 0"):
        JournaledDiscovery.resume(journaled.snapshot(), None, INTERVAL)
    older = {**whole, "discovery": {k: v for k, v in whole["discovery"].items() if k != "kin"}}
    with pytest.raises(ValueError, match="of another version of the program"):
        JournaledDiscovery.resume(journaled.snapshot(), older, INTERVAL)
    resumed = JournaledDiscovery.resume(journaled.snapshot(), whole, INTERVAL)
    given(resumed, market, 61, 125)
    assert resumed.renew() is not None
    # The worker before may be storing its own number 2.
    assert resumed.whole == 3


def pattern(pattern_id: str = "p-1", at: int = NOW, **conditions: Any) -> Pattern:
    return Pattern(
        pattern_id,
        "pump_and_dump",
        ["AAA", "BBB"],
        from_us(at),
        from_us(NOW - HOUR),
        from_us(at),
        0.7,
        conditions,
        PredictedOutcome(3600, {"AAA": -1}),
        ["n1"],
        "1",
    )


def rejected(lead: str, by: str = "p-1") -> Rejected:
    rho = {"rho": np.float64(0.1)}
    candidate = Candidate(
        "correlation_breaks", (lead,), [lead], NOW - HOUR, 1.25, {}, 600, conditions=rho
    )
    return Rejected(candidate, f"explained by pump_and_dump {by}", by)


def test_what_a_pattern_explains_is_kept_with_it_once() -> None:
    book = CaseBook()
    first = Found([pattern(z=np.float32(4.5), bad=float("nan"))], rejected=[rejected("AAA")])
    (case,) = book.take(first, NOW)
    assert (case.updated, case.outcome) == (NOW, None)
    told = json.loads(msgspec.json.encode(first.patterns[0]))["trigger_conditions"]
    assert (told["z"], told["bad"]) == (4.5, None)
    assert [item["lead"] for item in told["rejected"]] == [["AAA"]]
    assert told["rejected"][0]["conditions"] == {"rho": 0.1}
    assert book.take(Found(rejected=[rejected("AAA"), rejected("X", "unknown")]), NOW + 1) == []
    book = CaseBook.restore(unpack_state(pack_state({"book": book.snapshot()}))["book"])
    (case,) = book.take(Found(rejected=[rejected("BBB")]), NOW + 2)
    leads = [item["lead"] for item in case.pattern.trigger_conditions["rejected"]]
    assert leads == [["AAA"], ["BBB"]]


def test_an_update_keeps_the_first_detection_and_an_outcome_its_pattern() -> None:
    book = CaseBook()
    book.take(Found([pattern()], rejected=[rejected("AAA")]), NOW)
    update = Found([pattern(at=NOW + HOUR)])
    book.take(update, NOW + HOUR)
    assert update.patterns[0].detected_at == from_us(NOW)
    assert update.patterns[0].window_end == from_us(NOW + HOUR)
    assert len(update.patterns[0].trigger_conditions["rejected"]) == 1
    outcome = Outcome("p-1", "pump_and_dump", from_us(NOW + 2 * HOUR), True, {"AAA": -0.05})
    (case,) = book.take(Found(outcomes=[outcome]), NOW + 2 * HOUR)
    assert case == (update.patterns[0], outcome, None, NOW + 2 * HOUR)
    book.take(Found([pattern("p-2", at=NOW + 400 * HOUR)]), NOW + 400 * HOUR)
    assert len(book.snapshot()) == 1


def test_rows_and_records_carry_all_of_it() -> None:
    book = CaseBook()
    outcome = Outcome("p-1", "pump_and_dump", from_us(NOW + 2 * HOUR), False, {"AAA": 0.01})
    found = Found([pattern(z=3.0)], backtests={"p-1": {"outcomes": 3, "came_true": 2}})
    cases = book.take(found, NOW) + book.take(Found(outcomes=[outcome]), NOW + 2 * HOUR)
    columns = pattern_rows(cases)
    assert [len(column) for column in DISCOVERIES.columns_of(columns)] == [2] * 14
    assert columns["updated_at"] == [NOW, NOW + 2 * HOUR]
    assert columns["actual_outcome"] == [
        None,
        {"measured_at": "2025-02-19T23:20:00Z", "came_true": False, "returns": {"AAA": 0.01}},
    ]
    assert columns["backtest_results"] == [{"outcomes": 3, "came_true": 2}, None]
    out = Outputs(patterns=found.patterns, outcomes=[outcome])
    assert out.is_decided
    first, last = signal_records(out, SignalTopics(PATTERNS, OUTCOMES))
    assert (first.topic, first.key) == ("signals.pump_and_dump", b"p-1")
    assert msgspec.json.decode(first.value or b"", type=Pattern) == found.patterns[0]
    assert (last.topic, last.key) == ("signals.outcomes", b"p-1")


@pytest.mark.parametrize(
    "value", [np.float32(2), np.arange(3), (1, np.bool_(True)), {1: float("inf")}]
)
def test_figures_become_plain(value: Any) -> None:
    assert json.dumps(plain(value), allow_nan=False)


def test_the_first_and_the_tracked_are_looked_at(market: Market) -> None:
    (minute,) = market.minutes(0, 1)
    members = Members(5)
    assert members.of(minute, frozenset()).bars.symbol == market.symbols[:5]
    tracked = frozenset(market.symbols[7:9])
    members = Members.restore(unpack_state(pack_state({"m": members.snapshot()}))["m"], 5)
    part = members.of(minute, tracked).bars
    assert part.symbol == market.symbols[:5] + market.symbols[7:9]
    assert part.close.tolist() == minute.bars.close[[0, 1, 2, 3, 4, 7, 8]].tolist()
    # Who has come in stays, and there is an end to it.
    assert len(members.of(minute, frozenset(market.symbols)).bars) == 10
    assert members.of(minute, frozenset()).bars.symbol == market.symbols[:10]
    assert Members(12).of(minute, frozenset()) is minute


@pytest.mark.parametrize("crash_at", [0, 9, 26])
def test_a_restart_of_the_engine_changes_no_pattern(crash_at: int) -> None:
    bars = messages()
    items = [news_at(bars[i].minute, bars[i].bars.symbol[0], i) for i in (2, 9, 30)]
    unharmed = MarketEngine(CONFIG)
    expected = signals(unharmed, [*items, *bars])
    engine = MarketEngine(CONFIG)
    found = signals(engine, [*items, *bars[:crash_at]])
    engine = MarketEngine.restore(unpack_state(pack_state(engine.snapshot())), CONFIG)
    found += signals(engine, bars[crash_at:])
    assert found == expected
    assert engine.casebook.snapshot() == unharmed.casebook.snapshot()
    assert any(b"explained by" in item for item in engine.casebook.snapshot())
    assert len({p.id for p in expected}) > 3
    assert max(p.trigger_conditions["news"] for p in expected) > 0


def signals(engine: MarketEngine, feed: list[Any]) -> list[Pattern]:
    found = []
    for item in feed:
        out = engine.take_bars(item) if hasattr(item, "bars") else engine.take_news(item)
        found += out.patterns
    return found


def test_consolidation_gives_what_was_learned_to_be_kept() -> None:
    config = replace(CONFIG, discovery_interval=900)
    engine, kept = MarketEngine(config), []
    for message in messages():
        kept += engine.take_bars(message).consolidated
    runs = [done.at // (900 * US_PER_S) for done in kept]
    assert len(runs) >= 4
    assert runs == sorted(set(runs))
    models = [(done, done.model) for done in kept if done.model is not None]
    assert len(models) >= 2
    for done, model in models:
        columns = MODELS.columns_of(model_rows(done, model))
        assert [len(column) for column in columns] == [1] * 5
        json.dumps(model_rows(done, model)["metadata"], allow_nan=False)
        Confidence.restore(unpack_state(model))
    assert engine.discovered_until == messages()[-1].minute + 60 * US_PER_S
    facts = discovery_facts(engine.discovery, len(engine.members))
    assert facts["last_run"] == iso(kept[-1].at)
    assert facts["securities"] == 12
    assert facts["types"]["all"]["outcomes"] > 0
    count(engine, Outputs(minutes=1, consolidated=kept))
    shown = generate_latest().decode()
    for name in ("precision_ratio", "calibration_error_ratio", "brier_ratio"):
        assert re.search(f'^catalyst_\\w+_{name}{{type="all"}} 0\\.', shown, re.MULTILINE), name
    assert "catalyst_last_discovery_age_seconds" in shown


def test_a_detector_that_fails_does_not_hold_up_the_market() -> None:
    healthy = MarketEngine(CONFIG)
    wanted = [told(healthy.take_bars(message)) for message in messages()]
    engine = MarketEngine(CONFIG)
    engine.discovery.detectors = [Failing("pump_and_dump", 1)]
    outputs = [engine.take_bars(message) for message in messages()]
    assert [told(out) for out in outputs] == wanted
    assert {str(fault) for out in outputs for fault in out.faults} == {"on purpose"}
    with pytest.raises(RuntimeError, match="on purpose"):
        list(play(engine, [replace_minute(messages()[-1])]))


def told(out: Outputs) -> list[Any]:
    return [out.minutes, *(u.scan and u.scan.scan_id for u in out.updates), *map(len, out.rows)]


def replace_minute(message: PartitionBars) -> PartitionBars:
    return replace(message, minute=message.minute + 60 * US_PER_S)
