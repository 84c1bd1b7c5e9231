"""HTTP on real workers, with a real broker and a real database."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import hypothesis
import msgspec
import psycopg
import pytest
import schemathesis
from confluent_kafka import Producer
from hypothesis import HealthCheck
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from schemas.http import (
    Error,
    ForcedScan,
    Health,
    History,
    ScanPending,
    StoredPattern,
    TrackedSecurity,
    TrackingMetrics,
)
from streams.embedded.broker import EmbeddedBroker
from streams.topics import SCAN_REQUESTS
from streams.web.forcing import ScanForcing
from streams.web.overview import stored_rows
from tests.integration.test_pipeline import market
from tests.workers import Site, Worker, until
from timescale.coordination import Coordination
from timescale.embedded import EmbeddedTimescale
from timescale.readers import Reader

TOKEN = "a-token-for-the-tests-0123456789"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
_STATE = (
    "security_tracking_state", "tier_changes", "scans", "service_health",
    "ml_pattern_discoveries", "workflow_log, trading_cycles",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def as_(self, kind: Any) -> Any:
        assert self.headers["content-type"].startswith("application/json")
        return msgspec.json.decode(self.body, type=kind)


def ask(
    worker: Worker,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = HTTPConnection("127.0.0.1", worker.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, answer.read())
    finally:
        connection.close()


@pytest.fixture
def broker(embedded_broker: EmbeddedBroker) -> str:
    """The embedded one alone: what HTTP says does not depend on the kind of broker."""
    return embedded_broker.address


@pytest.fixture
def place(site: Site) -> Site:
    """A clean site whose database knows of no earlier scan."""
    with psycopg.connect(site.dsn, autocommit=True) as connection:
        for relation in _STATE:
            connection.execute(f"TRUNCATE {relation}")  # type: ignore[arg-type]
    site.extra["API_TOKEN"] = TOKEN
    return site


def tracked(worker: Worker) -> list[TrackedSecurity]:
    found = ask(worker, "/tracked_securities")
    assert found.status == 200
    return list(found.as_(list[TrackedSecurity]))


def played(place: Site, minutes: int = 20) -> Worker:
    """A worker that has taken a market in and has scanned it."""
    worker = place.worker()
    place.play(market(minutes))
    until(
        lambda: len(rows := tracked(worker)) == 12 and all(row.score is not None for row in rows),
        60,
        "twelve tracked with their scores",
    )
    return worker


def test_any_worker_tells_the_whole_state(place: Site) -> None:
    first = played(place)
    second = place.worker()
    scores = [row.score or 0 for row in tracked(second)]
    assert scores == sorted(scores, reverse=True)
    stored = dict(place.query("SELECT symbol, price FROM security_latest"))
    assert {row.symbol: row.last for row in tracked(second)} == stored
    by_tier = dict(
        place.query(
            "SELECT collection_frequency, count(*) FROM security_tracking_state"
            " WHERE tracked GROUP BY 1"
        )
    )
    for tier in ("ultra_high_freq", "high_freq", "medium_freq", "low_freq"):
        found = ask(second, f"/tracked_securities?tier={tier}").as_(list[TrackedSecurity])
        assert len(found) == by_tier.get(tier, 0)
    limited = ask(second, "/tracked_securities?limit=3").as_(list[TrackedSecurity])
    assert [row.symbol for row in limited] == [row.symbol for row in tracked(second)[:3]]

    def both_heard() -> Any:
        metrics = ask(first, "/tracking_metrics").as_(TrackingMetrics)
        workers = [item for item in metrics.services if item.name.startswith("worker@")]
        return len(workers) == 2 and metrics

    seen: TrackingMetrics = until(both_heard, 30, "both workers have said how they are")
    assert (seen.tracked, seen.by_tier) == (12, by_tier)
    assert all(not service.stale for service in seen.services)
    scan_id, universe = place.query(
        'SELECT scan_id, total_universe FROM scans ORDER BY "timestamp" DESC LIMIT 1'
    )[0]
    assert seen.last_scan is not None
    assert (seen.last_scan.scan_id, seen.last_scan.total_universe) == (scan_id, universe)
    assert len(seen.last_scan.trading_candidates) == 5
    assert seen.event_time == place.query('SELECT max("timestamp") FROM security_latest')[0][0]
    assert seen.rows["security_latest"] == 12
    assert seen.rows_estimated == []
    health = ask(second, "/health").as_(Health)
    assert (health.status, health.database) == ("ok", "ok")

    symbol = tracked(first)[0].symbol
    history = ask(second, f"/history/{symbol}?start=2025-01-06&tier=high_freq").as_(History)
    rows = place.query(
        "SELECT open, price, volume FROM security_data_high_freq WHERE symbol = %s"
        ' ORDER BY "timestamp"',
        symbol,
    )
    assert [(bar.open, bar.close, bar.volume) for bar in history.bars] == rows
    seamless = ask(second, f"/history/{symbol}").as_(History)
    assert (len(seamless.bars), seamless.truncated) == (len(rows), False)
    early = ask(second, f"/history/{symbol}?end=1500000000000").as_(History)
    assert early.bars == []
    assert ask(second, "/history/NOBODY").as_(Error).error == "not_found"


def test_a_copy_that_is_good_is_not_sent_again(place: Site) -> None:
    worker = played(place)
    for path in ("/tracked_securities", "/tracking_metrics"):
        # Health is written every few seconds, and with it the tag changes.
        def unchanged(path: str = path) -> bool:
            tag = ask(worker, path).headers["etag"]
            again = ask(worker, path, headers={"If-None-Match": f'"other", {tag}'})
            assert again.status in (200, 304)
            return again.status == 304 and again.body == b"" and again.headers["etag"] == tag

        until(unchanged, 20, f"304 for {path}")
        full = ask(worker, path, headers={"If-None-Match": '"other"'})
        assert full.status == 200
        assert "stale-if-error=900" in full.headers["cache-control"]


def test_refusals_are_json_and_nothing_of_the_inside_is_served(place: Site) -> None:
    worker = place.worker()
    asked = {
        "/tracked_securities?tier=best": (400, "tier is not one of"),
        "/tracked_securities?limit=0": (400, "limit is not a whole number"),
        "/tracked_securities?limit=1&limit=2": (400, "limit is given 2 times"),
        "/tracked_securities?teir=x": (400, "teir is not a parameter"),
        "/patterns?since=yesterday": (400, "since is not a time"),
        "/patterns?since=2025-02-30": (400, "since is not a time that there is"),
        "/patterns?symbol=%00": (400, "symbol is not a name"),
        "/history/A%00B": (400, "symbol is not a name"),
        "/history/A?start=2025-01-02&end=2025-01-01": (400, "start is after end"),
        "/patterns?since=2025-01-02&until=2025-01-01": (400, "since is after until"),
        "/signals?type=rumours": (400, "type is not one of"),
        "/patterns/none": (404, "no pattern"),
        "/stats/": (404, "nothing at this path"),
        "/router/": (404, "nothing at this path"),
        "/table/": (404, "nothing at this path"),
        "/graph": (404, "nothing at this path"),
        "/update_tracking": (405, "GET is not possible"),
    }
    for path, (status, detail) in asked.items():
        answer = ask(worker, path)
        assert answer.status == status, path
        assert detail in answer.as_(Error).detail
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["server"] == "catalyst"
    assert ask(worker, "/update_tracking").headers["allow"] == "POST"
    assert ask(worker, "/patterns", "DELETE").status == 405
    assert ask(worker, "/patterns", "HEAD").body == b""
    document = ask(worker, "/openapi.json")
    assert json.loads(document.body)["openapi"] == "3.1.0"
    assert b"catalyst_quotes_total" in ask(worker, "/metrics").body


def test_a_scan_is_forced_with_the_token_only(place: Site) -> None:
    place.extra["API_RATE_PER_MINUTE"] = "10"
    worker = played(place)
    wrong = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}]
    for headers in wrong:
        refused = ask(worker, "/update_tracking", "POST", b"{}", headers)
        assert (refused.status, refused.as_(Error).error) == (401, "unauthorized")
    for mode in ("aggressive", "premarket", "normal"):
        body = json.dumps({"mode": mode}).encode()
        answer = ask(worker, "/update_tracking", "POST", body, AUTHORIZED)
        assert answer.status == 200
        scan: ForcedScan = answer.as_(ForcedScan)
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


@pytest.mark.asyncio
async def test_a_large_relation_is_estimated_and_not_counted(place: Site) -> None:
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO security_ticks (symbol, timestamp, seq, price, volume)"
            " SELECT 'AIG', '2018-02-05T14:30Z'::timestamptz + n * INTERVAL '0.1 s', n, 50, 1"
            " FROM generate_series(1, 100000) n"
        )
    async with Reader(place.dsn) as reader:
        rows, estimated = await stored_rows(reader)
    assert estimated == ["security_ticks"]
    assert 50_000 < rows["security_ticks"] < 200_000
    assert rows["scans"] == 0


PATTERN = """INSERT INTO ml_pattern_discoveries (id, discovery_date, pattern_type,
    securities_involved, pattern_confidence, trigger_conditions, predicted_outcome, updated_at)
    VALUES (%s, %s, %s, %s, 0.8, '{"z": 4.5}', '{"horizon_s": 900, "direction": {"AIG": 1}}',
            now())"""


def test_patterns_are_found_by_type_symbol_and_time(place: Site) -> None:
    worker = place.worker()
    rows = [
        ("p1", "2018-02-05T15:00Z", "pump_and_dump", ["AIG"]),
        ("p2", "2018-02-05T16:00Z", "news_arbitrage", ["AIG", "BAC"]),
        ("p/3", "2018-02-06T15:00Z", "pump_and_dump", ["BAC"]),
    ]
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        for row in rows:
            connection.execute(PATTERN, row)

    def found(query: str) -> list[str]:
        return [item.id for item in ask(worker, f"/patterns{query}").as_(list[StoredPattern])]

    assert found("") == ["p/3", "p2", "p1"]
    assert found("?type=pump_and_dump") == ["p/3", "p1"]
    assert found("?type=pump_and_dump&type=news_arbitrage&limit=2") == ["p/3", "p2"]
    assert found("?symbol=AIG") == ["p2", "p1"]
    assert found("?since=2018-02-05T16:00:00Z&until=2018-02-06") == ["p2"]
    assert found("?since=2018-02-05T17:00:00+01:00&until=1517875200000") == ["p2"]
    one = ask(worker, "/patterns/p%2F3").as_(StoredPattern)
    assert (one.securities, one.trigger_conditions) == (["BAC"], {"z": 4.5})


@dataclass
class Follower:
    """Reads server-sent events of one connection."""

    connection: HTTPConnection
    answer: HTTPResponse

    @classmethod
    def of(cls, worker: Worker, query: str = "", last: str | None = None) -> Follower:
        connection = HTTPConnection("127.0.0.1", worker.port, timeout=20)
        headers = {} if last is None else {"Last-Event-ID": last}
        connection.request("GET", f"/signals{query}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        follower = cls(connection, answer)
        assert follower.block() == {"": "listening", "retry": "2000"}
        return follower

    def block(self) -> dict[str, str]:
        """The fields of the next event."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name.removeprefix(":")] = value
        raise EOFError

    def events(self) -> Iterator[tuple[str, str, Any]]:
        while True:
            fields = self.block()
            if "data" in fields:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])

    def take(self, count: int) -> list[tuple[str, str, Any]]:
        found = self.events()
        return [next(found) for _ in range(count)]


def publish(site: Site, topic: str, *values: Any) -> None:
    producer = Producer({"bootstrap.servers": site.bootstrap, "linger.ms": 50})
    for value in values:
        producer.produce(f"signals.{topic}", json.dumps(value).encode(), b"k", 0)
    assert producer.flush(30) == 0


def test_signals_are_followed_from_now_on_and_resumed_where_they_were_left(place: Site) -> None:
    publish(place, "pump_and_dump", *({"id": f"old{n}"} for n in range(3)))
    worker, other = place.worker(), place.worker()
    everything = Follower.of(worker)
    some = Follower.of(other, "?type=pump_and_dump&type=outcomes")
    publish(place, "pump_and_dump", {"id": "a", "text": "two\nlines"}, {"id": "b"})
    publish(place, "trading_candidates", {"id": "c"})
    publish(place, "outcomes", {"id": "d"})
    found = everything.take(4)
    assert sorted(value["id"] for _, _, value in found) == ["a", "b", "c", "d"]
    assert {name for name, _, _ in found} == {"pump_and_dump", "trading_candidates", "outcomes"}
    assert [value for name, _, value in found if name == "pump_and_dump"] == [
        {"id": "a", "text": "two\nlines"},
        {"id": "b"},
    ]
    assert sorted(value["id"] for _, _, value in some.take(3)) == ["a", "b", "d"]
    assert json.loads(worker.get("/health"))["parts"]["signal_listeners"] == 1

    everything.connection.close()
    publish(place, "pump_and_dump", {"id": "e"})
    last = found[-1][1]
    assert [value["id"] for _, _, value in Follower.of(worker, last=last).take(1)] == ["e"]
    # Any worker knows the ids of another.
    resumed = Follower.of(other, last=last)
    assert [value["id"] for _, _, value in resumed.take(1)] == ["e"]
    started = time.monotonic()
    assert worker.stop() == 0
    assert other.stop() == 0
    assert time.monotonic() - started < 30, "those who follow do not hold a worker back"
    with pytest.raises(EOFError):
        resumed.block()


def test_what_cannot_be_replayed_is_said(place: Site) -> None:
    publish(place, "alerts", *({"id": str(n)} for n in range(500)))
    worker = place.worker()
    before = ".".join(["0"] * 10)
    events = Follower.of(worker, "?type=alerts&type=outcomes", last=before).take(201)
    name, _, said = events[0]
    assert (name, said["types"]) == ("gap", ["alerts"])
    assert [value["id"] for _, _, value in events[1:]] == [str(n) for n in range(300, 500)]
    unreadable = Follower.of(worker, "?type=alerts", last="17")
    publish(place, "alerts", {"id": "new"})
    assert [value["id"] for _, _, value in unreadable.take(1)] == ["new"]


def test_a_slow_listener_is_dropped_and_a_fast_one_gets_everything(place: Site) -> None:
    worker = place.worker()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", worker.port))
    slow.sendall(b"GET /signals HTTP/1.1\r\nHost: localhost\r\n\r\n")
    parts = lambda: json.loads(worker.get("/health"))["parts"]  # noqa: E731
    until(lambda: parts()["signal_listeners"] == 1, 20)
    fast = Follower.of(worker)
    filler = "x" * 8000
    publish(place, "alerts", *({"id": n, "filler": filler} for n in range(2500)))
    assert [value["id"] for _, _, value in fast.take(2500)] == list(range(2500))
    until(lambda: parts()["signal_listeners_dropped"] == 1, 30, "the slow one dropped")
    assert parts()["signal_listeners"] == 1
    publish(place, "alerts", {"id": "after"})
    assert [value["id"] for _, _, value in fast.take(1)] == ["after"]
    slow.close()


def test_without_the_database_it_says_so_and_recovers_with_it(
    own_site: Site, own_database: EmbeddedTimescale
) -> None:
    own_site.extra["API_TOKEN"] = TOKEN
    worker = played(own_site)
    own_database.stop()
    for path in ("/patterns", "/tracking_metrics", "/history/AIG"):
        answer = ask(worker, path)
        assert answer.status == 503, path
        assert answer.as_(Error).error == "unavailable"
        assert own_database.dsn.split(":")[2].split("@")[0] not in answer.body.decode()
    assert ask(worker, "/update_tracking", "POST", b"{}", AUTHORIZED).status == 503
    assert ask(worker, "/metrics").status == 200
    own_database.start()
    until(lambda: ask(worker, "/patterns").status == 200, 60, "answers again")


EXAMPLES = int(os.environ.get("HTTP_FUZZ_EXAMPLES", "40"))


def test_no_request_breaks_a_worker_and_every_answer_is_documented(place: Site) -> None:
    """Valid and invalid requests, made up from the document; ``/signals`` does not end."""
    place.extra["API_RATE_PER_MINUTE"] = "6000"
    worker = played(place)
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        connection.execute(PATTERN, ("p1", "2018-02-05T15:00Z", "pump_and_dump", ["AIG"]))
    api = schemathesis.openapi.from_url(f"http://127.0.0.1:{worker.port}/openapi.json")
    fuzzed = 0
    for found in api.exclude(path="/signals").get_all_operations():
        operation = found.ok()
        fuzzed += fuzz(operation, GenerationMode.POSITIVE)
        if operation.definition.raw.keys() & {"parameters", "requestBody"}:
            fuzzed += fuzz(operation, GenerationMode.NEGATIVE)
    assert fuzzed > 6 * EXAMPLES
    assert "Traceback" not in worker.log.read_text()
    assert len(tracked(worker)) == 12


def fuzz(operation: Any, mode: GenerationMode) -> int:
    """How many requests were answered as the document says."""
    answered = 0
    forces = operation.method == "post" and mode.is_positive

    @hypothesis.settings(
        # A scan that is forced twice in a minute of the market may take its time.
        max_examples=EXAMPLES // 8 if forces else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def answer(case: Any) -> None:
        nonlocal answered
        response = case.call(headers=AUTHORIZED if forces else {}, timeout=30)
        # No schema can say that one time must be before another.
        backward = b" is after " in response.content
        excluded = [positive_data_acceptance] if backward else []
        case.validate_response(response, excluded_checks=excluded)
        answered += 1

    answer()
    return answered
