"""News and bars in, scans, tiers, candidates and cycles out, on real parts and after crashes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka import Producer

from agents.market.engine import EngineConfig, MarketEngine
from agents.scanning.scanner import ScanConfig
from agents.tracking.tracker import PartitionTracker
from schemas.news import News, Security
from schemas.quotes import QuoteColumns
from schemas.times import US_PER_S, from_us
from schemas.tracking import Scan
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from tests.unit.markets import final_clock
from tests.workers import Site, until

SECURITIES, TRACK = 40, 10


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


def in_process(batches: list[QuoteColumns], news: list[News]) -> Iterator[Scan]:
    """The same objects without Kafka."""
    engine, tracker = MarketEngine(config()), PartitionTracker(0, 1, 5 * US_PER_S)
    for item in news:
        engine.take_news(item)
    messages = []
    for offset, batch in enumerate(batches):
        tracker.take(batch, offset)
        messages += tracker.close_due()
    for message in messages + tracker.close_idle():
        for update in engine.take_bars(message).updates:
            if update.scan is not None:
                yield update.scan


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


@pytest.mark.parametrize("kills", [0, 3])
def test_scans_are_those_of_the_same_events_in_process(site: Site, kills: int) -> None:
    site.extra = {"TOP_CANDIDATES_TO_TRACK": str(TRACK), "TOP_CANDIDATES_TO_TRADE": "3"}
    batches = market()
    news = headlines(batches)
    expected = [decided(scan) for scan in in_process(batches, news)]
    assert len(expected) >= 4
    send_news(site, news)
    worker = site.worker()
    playing = threading.Thread(target=site.play, args=(batches, 300))
    playing.start()
    for _ in range(kills):
        threading.Event().wait(1.5)
        worker.kill()
        worker = site.worker()
    playing.join(120)
    until(lambda: len({s.scan_id for s in published(site)}) == len(expected), 60, "every scan")
    told: dict[str, set[str]] = {}
    for scan in published(site):
        told.setdefault(scan.scan_id, set()).add(repr(decided(scan)))
    assert {scan_id: len(versions) for scan_id, versions in told.items() if len(versions) > 1} == {}
    for scan in expected:
        assert told[str(scan[0])] == {repr(scan)}

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
            ("news", "scan", "tracking", "collection", "signals"), len(expected)
        )
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
    assert site.query("SELECT mode, total_universe FROM scans WHERE scan_id = %s", scan_id) == [
        ("aggressive", SECURITIES)
    ]


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
