"""News and bars in, scans, tiers, candidates and cycles out, on real parts and after crashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import Producer

from agents.discovery import discovery
from agents.market.engine import EngineConfig, MarketEngine, Outputs
from agents.market.rows import SignalTopics, signal_records
from agents.scanning.scanner import ScanConfig
from agents.tracking.tracker import PartitionTracker
from schemas.news import News, Security
from schemas.quotes import QuoteColumns
from schemas.recording import parse_recording_line
from schemas.times import US_PER_S, from_us
from schemas.tracking import Scan
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from streams.topics import OUTCOMES, PATTERNS
from tests.unit.markets import final_clock
from tests.unit.tiny_detectors import tiny_detectors
from tests.workers import Site, Worker, until

SECURITIES, TRACK = 40, 10

# A worker whose detectors find something in any market.
_RUN = """
from agents.discovery import discovery
from tests.unit.tiny_detectors import tiny_detectors
from streams.cli import main
discovery.detectors = tiny_detectors
main(["worker"])
"""
WORKER = [sys.executable, "-c", _RUN]


def market(minutes: int = 65) -> list[QuoteColumns]:
    return list(
        SimulatedQuotes(SimulatedMarket(3, securities=SECURITIES, minutes=minutes, rate=0.2))
    )


def headlines(batches: list[QuoteColumns]) -> list[News]:
    """Material news about securities of the market, at known times."""
    symbols = sorted({symbol for batch in batches for symbol in batch.symbol})
    start = int(batches[0].ts[0])
    texts = (
        "{} agrees to be acquired for $2 billion in cash, shares halted",
        "{} cuts full-year guidance, warns of weak demand",
        "{} beats quarterly estimates and raises outlook",
    )
    return [
        News(
            f"n{i}",
            from_us(start + (4 + 11 * i) * 60 * US_PER_S),
            texts[i % 3].format(symbols[7 * i % SECURITIES]),
            [symbols[7 * i % SECURITIES]],
            "Reuters",
        )
        for i in range(5)
    ]


def config() -> EngineConfig:
    return EngineConfig(ScanConfig(track=TRACK, trade=3))


def in_process(batches: list[QuoteColumns], news: list[News]) -> Iterator[Outputs]:
    """The same objects without Kafka."""
    engine, tracker = MarketEngine(config()), PartitionTracker(0, 1, 5 * US_PER_S)
    for item in news:
        engine.take_news(item)
    messages = []
    for offset, batch in enumerate(batches):
        tracker.take(batch, offset)
        messages += tracker.close_due()
    for message in messages + tracker.close_idle():
        yield engine.take_bars(message)


def scans_of(outputs: list[Outputs]) -> list[Scan]:
    return [update.scan for out in outputs for update in out.updates if update.scan is not None]


def signals_of(outputs: list[Outputs]) -> dict[str, list[bytes]]:
    """The messages about each pattern, by topic and id, in order."""
    told: dict[str, list[bytes]] = {}
    for out in outputs:
        for topic, key, value in signal_records(out, SignalTopics(PATTERNS, OUTCOMES)):
            told.setdefault(f"{topic} {key.decode()}", []).append(value or b"")
    return told


def told_signals(site: Site) -> dict[str, list[bytes]]:
    """As published, without repeats."""
    told: dict[str, list[bytes]] = {}
    for topic in ("signals.pump_and_dump", "signals.correlation_breaks", OUTCOMES):
        for record in site.records(topic):
            messages = told.setdefault(f"{topic} {record.key().decode()}", [])
            if record.value() not in messages:
                messages.append(record.value())
    return told


def decided(scan: Scan) -> tuple[object, ...]:
    """What a scan decided, without how long it took."""
    ranked = [(c.symbol, c.score, tuple(sorted(c.parts.items()))) for c in scan.tracked_securities]
    return (scan.scan_id, ranked, [c.symbol for c in scan.trading_candidates], scan.total_universe)


def published(site: Site) -> list[Scan]:
    return [msgspec.json.decode(r.value(), type=Scan) for r in site.records("scans")]


def send_news(site: Site, news: list[News]) -> None:
    producer = Producer({"bootstrap.servers": site.bootstrap})
    security = Security("SIM00", "Simulated Holdings Inc")
    producer.produce("securities", msgspec.json.encode(security), b"SIM00")
    for item in news:
        producer.produce("news", msgspec.json.encode(item), item.id.encode())
    producer.produce("news", b'{"id":"bad"}', b"bad")
    assert producer.flush(20) == 0


def check_stored(site: Site, outputs: list[Outputs]) -> None:
    """Each pattern is one row: its newest message, with what it explained and its outcome."""
    newest = {case.pattern.id: case for out in outputs for case in out.cases}
    rows = site.query(
        "SELECT id, discovery_date, securities_involved, pattern_confidence, trigger_conditions"
        " FROM ml_pattern_discoveries"
    )
    assert {row[0]: row[1:] for row in rows} == {
        key: (p.detected_at, p.securities, p.confidence, p.trigger_conditions)
        for key, (p, *_) in newest.items()
    }
    outcomes = [outcome for out in outputs for outcome in out.outcomes]
    actual = site.query(
        "SELECT id, actual_outcome->'came_true' FROM ml_pattern_discoveries"
        " WHERE actual_outcome IS NOT NULL"
    )
    assert dict(actual) == {outcome.id: outcome.came_true for outcome in outcomes}


def check_told(site: Site, worker: Worker, signals: dict[str, list[bytes]]) -> None:
    """The command line and HTTP tell what was published and stored."""
    followed = catalyst(site, "signals", "--from-beginning", "--until-end", "--json")
    lines = [parse_recording_line(line.encode()) for line in followed.splitlines()]
    kinds = {key.split()[0] for key in signals}
    shown = {f"{line.topic} {(line.key or b'').decode()}" for line in lines if line.topic in kinds}
    assert shown == set(signals)

    rejecting = (
        "SELECT id, trigger_conditions->'rejected'->0->>'reason' FROM ml_pattern_discoveries"
        " WHERE jsonb_array_length(trigger_conditions->'rejected') > 0"
        " AND actual_outcome IS NOT NULL AND backtest_results IS NOT NULL LIMIT 1"
    )
    ((pattern_id, reason),) = site.query(rejecting)
    text = catalyst(site, "explain", pattern_id)
    assert text.startswith(pattern_id)
    assert "correlation_breaks in" in text
    assert "outcome: " in text
    answer = json.loads(worker.get(f"/patterns/{pattern_id}"))
    assert answer["trigger_conditions"]["rejected"][0]["reason"] == reason
    assert (answer["headlines"], answer["evidence"]) == ({}, [])

    status = json.loads(catalyst(site, "status", "--json"))["discovery"]
    assert status["types"]["all"]["outcomes"] > 0
    assert status["securities"] == SECURITIES
    assert "discovery of 40 securities" in catalyst(site, "status")
    first = 'catalyst_patterns_total{told="first",type="pump_and_dump"}'
    assert worker.metric(first) == sum(key.startswith("signals.pump") for key in signals)
    learned = site.query("SELECT count(*), count(DISTINCT version) FROM models")
    assert learned[0][0] == learned[0][1] > 0


def catalyst(site: Site, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        env={**os.environ, **site.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kills", [0, 3])
def test_decisions_are_those_of_the_same_events_in_process(
    site: Site, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.extra = {"TOP_CANDIDATES_TO_TRACK": str(TRACK), "TOP_CANDIDATES_TO_TRADE": "3"}
    monkeypatch.setattr(discovery, "detectors", tiny_detectors)
    batches = market()
    news = headlines(batches)
    outputs = list(in_process(batches, news))
    expected = [decided(scan) for scan in scans_of(outputs)]
    signals = signals_of(outputs)
    assert len(expected) >= 4
    assert len(signals) >= 8
    send_news(site, news)
    worker = site.worker(WORKER)
    playing = threading.Thread(target=site.play, args=(batches, 300))
    playing.start()
    for _ in range(kills):
        threading.Event().wait(1.5)
        worker.kill()
        worker = site.worker(WORKER)
    playing.join(120)
    until(lambda: len({s.scan_id for s in published(site)}) == len(expected), 60, "every scan")
    told: dict[str, set[str]] = {}
    for scan in published(site):
        told.setdefault(scan.scan_id, set()).add(repr(decided(scan)))
    assert {scan_id: len(versions) for scan_id, versions in told.items() if len(versions) > 1} == {}
    assert told == {str(scan[0]): {repr(scan)} for scan in expected}

    until(lambda: told_signals(site).keys() == signals.keys(), 20, "every signal")
    assert told_signals(site) == signals
    check_stored(site, outputs)

    stored = site.query("SELECT scan_id FROM scans ORDER BY timestamp")
    assert [row[0] for row in stored] == [scan[0] for scan in expected]
    symbols = {symbol for symbol, _, _ in expected[-1][1]}  # type: ignore[attr-defined]
    tracked = site.query("SELECT symbol FROM security_tracking_state WHERE tracked")
    assert {row[0] for row in tracked} == symbols
    assert len(symbols) == TRACK
    universe: dict[bytes, bytes | None] = {r.key(): r.value() for r in site.records("universe")}
    assert {key.decode() for key, value in universe.items() if value} == symbols
    catalysts = [json.loads(r.value()) for r in site.records("catalysts")]
    assert {c["news_id"] for c in catalysts} == {item.id for item in news}
    assert site.count("news") == len(news)
    (bad,) = site.records("news.dlq")
    assert bad.key() == b"bad"
    cycles = site.query(
        "SELECT status, count(*) FROM trading_cycles GROUP BY status ORDER BY status"
    )
    done = dict(cycles)
    assert sum(done.values()) == len(expected)
    assert set(done) <= {"completed", "failed"}
    if not kills:
        assert done == {"completed": len(expected)}
        steps = site.query(
            "SELECT step, count(*) FROM workflow_log WHERE status = 'completed' GROUP BY step"
        )
        assert dict(steps) == dict.fromkeys(
            ("news", "scan", "tracking", "collection", "discovery", "signals"), len(expected)
        )
        check_told(site, worker, signals)
        agents = site.query("SELECT split_part(service_name, '@', 1), status FROM service_health")
        assert {"worker", "tracking", "market"} == {name for name, _ in agents}


def test_a_scan_is_forced_by_a_request_and_answered_in_the_records(site: Site) -> None:
    batches = market(8)
    worker = site.worker()
    site.play(batches)
    until(lambda: worker.metric("catalyst_market_minutes_total") == len(batches), 30)
    producer = Producer({"bootstrap.servers": site.bootstrap})
    producer.produce("scan_requests", b'{"request":"r-1","mode":"aggressive"}')
    producer.flush(10)
    asked = "SELECT data->>'scan_id' FROM trading_cycles WHERE data->>'request' = 'r-1'"
    answer = until(lambda: site.query(asked), 30, "the request is answered")
    scan_id = answer[0][0]
    stored = "SELECT mode, total_universe FROM scans WHERE scan_id = %s"
    row = until(lambda: site.query(stored, scan_id), 30, "stored after its cycle opened")
    assert row == [("aggressive", SECURITIES)]


def test_news_of_a_silent_market_is_told_without_waiting_for_it(site: Site) -> None:
    batches = market(3)
    site.worker()
    site.play(batches)
    until(lambda: site.count("security_latest") == SECURITIES, 30)
    night = News("late", from_us(final_clock([]) + 10**13), "SIM recalls products", ["SIM00"], "AP")
    send_news(site, [night])
    until(
        lambda: [json.loads(r.value())["news_id"] for r in site.records("catalysts")] == ["late"],
        30,
        "the catalyst",
    )
