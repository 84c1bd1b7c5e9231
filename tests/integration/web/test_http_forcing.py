"""Scans that are forced over HTTP: who may, and what comes of it."""

from __future__ import annotations

import json
import threading

import psycopg
import pytest
from confluent_kafka import Producer

from schemas.http import Error, ForcedScan, ScanPending
from schemas.quotes import QuoteColumns
from streams.topics import SCAN_REQUESTS
from streams.web.forcing import ScanForcing
from tests.integration.test_pipeline import market
from tests.integration.web.calls import AUTHORIZED, TOKEN, Answer, ask, played
from tests.workers import Site, Worker, until
from timescale.coordination import Coordination
from timescale.readers import Reader


def force(worker: Worker, mode: str = "aggressive") -> ForcedScan:
    body = json.dumps({"mode": mode}).encode()
    answer = ask(worker, "/update_tracking", "POST", body, AUTHORIZED)
    assert answer.status == 200
    return answer.as_(ForcedScan)  # type: ignore[no-any-return]


def test_a_scan_is_forced_with_the_token_only(place: Site) -> None:
    place.extra["API_RATE_PER_MINUTE"] = "10"
    worker = played(place)
    wrong = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}]
    for headers in wrong:
        refused = ask(worker, "/update_tracking", "POST", b"{}", headers)
        assert (refused.status, refused.as_(Error).error) == (401, "unauthorized")
    for mode in ("aggressive", "premarket", "normal"):
        scan = force(worker, mode)
        assert scan.mode == mode
        assert len(scan.tracked_securities) == 12
        assert place.query("SELECT mode FROM scans WHERE scan_id = %s", scan.scan_id) == [(mode,)]
        assert place.query(
            "SELECT data->>'scan_id' FROM trading_cycles WHERE data->>'request' = %s", scan.request
        ) == [(scan.scan_id,)]
    refusals = {
        b'{"mode": "lazy"}': (400, "mode"),
        b"{": (400, "not valid"),
        b'{"mode": "' + b"x" * 20_000 + b'"}': (413, "larger than"),
    }
    for body, (status, detail) in refusals.items():
        answer = ask(worker, "/update_tracking", "POST", body, AUTHORIZED)
        assert answer.status == status
        assert detail in answer.as_(Error).detail
    form = AUTHORIZED | {"Content-Type": "text/plain"}
    assert ask(worker, "/update_tracking", "POST", b"{}", form).status == 415
    limited = ask(worker, "/update_tracking", "POST", b"{}", AUTHORIZED)
    assert limited.status == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 6
    assert TOKEN not in worker.log.read_text()


def test_without_a_token_set_nobody_forces_a_scan(site: Site) -> None:
    worker = site.worker()
    answer = ask(worker, "/update_tracking", "POST", b"{}", AUTHORIZED)
    assert answer.status == 403
    assert "API_TOKEN" in answer.as_(Error).detail


def test_every_request_is_answered_anew(place: Site) -> None:
    worker, batches = place.worker(), market(20)

    def play(part: list[QuoteColumns], minutes: int) -> None:
        place.play(part)
        until(lambda: worker.metric("catalyst_market_minutes_total") == minutes, 60)

    play(batches[:16], 16)
    first, again = force(worker), force(worker)
    play(batches[16:], 20)
    later = force(worker)
    assert len({first.request, again.request, later.request}) == 3
    # Nothing happened between the first two: they are one scan, asked for twice.
    assert (again.scan_id, again.tracked_securities) == (first.scan_id, first.tracked_securities)
    assert later.timestamp > first.timestamp
    assert later.scan_id != first.scan_id
    assert later.tracked_securities != first.tracked_securities
    cycles = "SELECT data->>'request', data->>'scan_id' FROM trading_cycles WHERE cycle_id LIKE %s"
    scans = {scan.request: scan.scan_id for scan in (first, again, later)}
    assert dict(place.query(cycles, "cycle-aggressive-%")) == scans


def test_before_anybody_runs_the_second_stage_it_says_so(place: Site) -> None:
    starting = threading.Thread(target=place.worker)
    starting.start()
    worker = until(lambda: place.workers and place.workers[0], 10)

    def asked() -> Answer | None:
        try:
            return ask(worker, "/update_tracking", "POST", b"{}", AUTHORIZED)
        except OSError:
            return None

    refused: Answer = until(asked, 30, "HTTP answers")
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.as_(Error).detail == "no running worker has the second stage: try again"
    starting.join(60)
    until(lambda: (answer := asked()) and answer.status == 200, 30, "now one runs it")


@pytest.mark.asyncio
async def test_a_request_that_takes_longer_is_answered_by_its_id(place: Site) -> None:
    """Here the second stage is this test: it answers when it wants."""
    producer = Producer({"bootstrap.servers": place.bootstrap})

    async def send(key: bytes, value: bytes) -> None:
        producer.produce(SCAN_REQUESTS, value, key)
        assert producer.flush(20) == 0

    async with Reader(place.dsn) as reader:
        pending = await ScanForcing(reader, send, wait_s=0.5).force("aggressive")
        assert isinstance(pending, ScanPending)
        (record,) = place.records(SCAN_REQUESTS)
        assert json.loads(record.value()) == {"request": pending.request, "mode": "aggressive"}

        async def scan_at_once(key: bytes, value: bytes) -> None:
            request = json.loads(value)["request"]
            with psycopg.connect(place.dsn, autocommit=True) as connection:
                connection.execute(
                    "INSERT INTO scans VALUES ('s1', '2018-02-05T15:00Z', 'normal',"
                    ' \'[{"symbol": "AIG", "score": 3, "parts": {}}]\', \'[]\', 1, 0.1)'
                )
            cycle = {"status": "scanning", "scan_id": "s1", "request": request}
            Coordination(place.dsn).create_trading_cycle(cycle)

        scan = await ScanForcing(reader, scan_at_once).force("normal")
    assert isinstance(scan, ForcedScan)
    assert (scan.scan_id, scan.trading_candidates[0].symbol) == ("s1", "AIG")
