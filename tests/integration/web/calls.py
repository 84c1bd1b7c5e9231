"""Calls to a worker's HTTP interface, and workers that have something to tell."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import msgspec

from schemas.http import TrackedSecurity
from tests.integration.test_pipeline import market
from tests.workers import Site, Worker, until

TOKEN = "a-token-for-the-tests-0123456789"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


PATTERN = """INSERT INTO ml_pattern_discoveries (id, discovery_date, pattern_type,
    securities_involved, pattern_confidence, trigger_conditions, predicted_outcome, updated_at)
    VALUES (%s, %s, %s, %s, 0.8, '{"z": 4.5}', '{"horizon_s": 900, "direction": {"AIG": 1}}',
            now())"""


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
