"""Questions over HTTP with parameters: what they find, and what is refused."""

from __future__ import annotations

import json

import psycopg

from schemas.http import Error, StoredPattern
from tests.integration.web.calls import PATTERN, ask
from tests.workers import Site


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
