"""Trading cycles while the database is away: recorded later, never lost, never in the way."""

from __future__ import annotations

import json
import os
import signal

import pytest
from confluent_kafka import Producer

from streams.embedded.broker import EmbeddedBroker
from streams.topics import SCAN_REQUESTS
from tests.integration.test_market import market
from tests.workers import Site, Worker, until
from timescale.embedded import EmbeddedTimescale

pytestmark = pytest.mark.faults

_SCANS = "catalyst_scan_seconds_count"


@pytest.fixture
def broker(embedded_broker: EmbeddedBroker) -> str:
    """The embedded one alone: records in the database do not depend on the kind of broker."""
    return embedded_broker.address


def watching(site: Site) -> Worker:
    """A worker that has taken a market in and has scanned it."""
    worker, batches = site.worker(), market(8)
    site.play(batches)
    until(lambda: worker.metric("catalyst_market_minutes_total") == len(batches), 60)
    request(site, "r0")
    until(lambda: worker.metric(_SCANS) == len(completed(site)) > 0, 30, "its scan recorded")
    return worker


def completed(site: Site) -> list[str]:
    rows = site.query("SELECT cycle_id FROM trading_cycles WHERE status = 'completed'")
    return [row[0] for row in rows]


def request(site: Site, *names: str) -> None:
    producer = Producer({"bootstrap.servers": site.bootstrap})
    for name in names:
        value = json.dumps({"request": name, "mode": "aggressive"})
        producer.produce(SCAN_REQUESTS, value.encode(), name.encode())
    assert producer.flush(20) == 0


def test_every_scan_has_its_closed_cycle_though_the_database_was_away(
    own_site: Site, own_database: EmbeddedTimescale
) -> None:
    worker = watching(own_site)
    scans = worker.metric(_SCANS)
    assert own_database.pid is not None
    os.kill(own_database.pid, signal.SIGKILL)
    until(lambda: own_database.poll() is not None, 10)
    own_database.stop()
    request(own_site, "r1", "r2", "r3")
    until(lambda: worker.metric(_SCANS) > scans, 30, "a scan without the database")
    own_database.start()
    until(lambda: len(completed(own_site)) == scans + 3, 60, "every cycle closed")
    open_or_without = own_site.query(
        "SELECT s.scan_id FROM scans s LEFT JOIN trading_cycles c ON c.data->>'scan_id' = s.scan_id"
        " WHERE c.status IS DISTINCT FROM 'completed'"
    )
    assert open_or_without == []
    asked = own_site.query("SELECT data->>'request' FROM trading_cycles WHERE data ? 'request'")
    assert {"r1", "r2", "r3"} <= {row[0] for row in asked}
    steps = own_site.query(
        "SELECT step, count(DISTINCT cycle_id), count(*) FROM workflow_log"
        " WHERE status IN ('completed', 'skipped') GROUP BY step"
    )
    assert {step: counts for step, *counts in steps} == dict.fromkeys(
        ("news", "scan", "tracking", "collection", "discovery", "signals"), [scans + 3] * 2
    )


def test_a_cycle_that_waits_for_the_database_does_not_hold_the_end_back(
    own_site: Site, own_database: EmbeddedTimescale
) -> None:
    worker = watching(own_site)
    scans = worker.metric(_SCANS)
    own_database.stop()
    request(own_site, "r1")
    until(lambda: worker.metric(_SCANS) > scans, 30, "a scan without the database")
    until(lambda: "a cycle waits for the database" in worker.log.read_text(), 10)
    assert worker.stop() == 0, "and its rows neither"
    own_database.start()
    own_site.worker()
    until(lambda: len(completed(own_site)) == scans + 1, 60, "the successor repeats it")
