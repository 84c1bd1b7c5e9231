"""HTTP tells the state of the whole system, on real workers, broker and database."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from schemas.http import Error, Health, History, TrackedSecurity, TrackingMetrics
from streams.web.overview import stored_rows
from tests.integration.web.calls import AUTHORIZED, TOKEN, ask, played, tracked
from tests.workers import Site, until
from timescale.embedded import EmbeddedTimescale
from timescale.readers import Reader


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
