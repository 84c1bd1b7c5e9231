"""A worker keeps house: old rows go, aggregates stay, health and storage are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta

from schemas.times import from_us
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from tests.workers import Site, until

SECURITIES = 4

# A worker whose discovery fails at every minute, so that it is never consolidated.
_RUN = """
from agents.discovery import discovery
from tests.unit.tiny_detectors import Failing
from streams.cli import main
discovery.detectors = lambda: [Failing("pump_and_dump", 1)]
main(["worker"])
"""
FAILING = [sys.executable, "-c", _RUN]


def test_aging_by_event_time_loses_no_aggregate_and_is_told(own_site: Site) -> None:
    site = own_site
    days = 4
    market = SimulatedMarket(5, securities=SECURITIES, rate=0.05, minutes=390 * days)
    batches = list(SimulatedQuotes(market))
    site.extra = {"STORAGE_BUDGET_GB": "0.01"}
    worker = site.worker(FAILING)
    sent = site.play(batches)
    until(lambda: worker.metric("catalyst_quotes_total") == sent, 120)
    daily: dict[tuple[str, object], list[tuple[float, float]]] = defaultdict(list)
    for batch in batches:
        for symbol, ts, price, volume in zip(
            batch.symbol,
            batch.ts.tolist(),
            batch.price.tolist(),
            batch.volume.tolist(),
            strict=True,
        ):
            daily[symbol, from_us(ts).date()].append((price, volume))
    expected = {
        key: (q[0][0], max(q)[0], min(q)[0], q[-1][0], sum(v for _, v in q), len(q))
        for key, q in daily.items()
    }

    def stored() -> dict[tuple[str, object], tuple[float, ...]]:
        rows = site.query(
            "SELECT symbol, timestamp::date, open, high, low, close, volume, quote_count"
            " FROM security_data_daily WHERE bar_count > 0"
        )
        return {(row[0], row[1]): row[2:] for row in rows}

    until(lambda: stored() == expected, 60, "daily figures are the quotes'")
    newest = max(day for _, day in expected)
    oldest_tick = "SELECT min(timestamp) FROM security_ticks"
    kept = until(
        lambda: (row := site.query(oldest_tick)) and row[0][0].date() >= newest - timedelta(days=1)
        and row[0][0],
        60,
        "ticks of the first days dropped",
    )  # fmt: skip
    assert kept is not None
    assert stored() == expected, "still, after the drop"

    health = (
        "SELECT status, (metrics->>'storage_short')::boolean FROM service_health"
        " WHERE service_name LIKE %s"
    )
    who = f"worker@%:{worker.port}"
    until(lambda: site.query(health, who) == [("degraded", True)], 60, "the budget is spent")
    told = "SELECT value, changed_by FROM configuration WHERE key = 'storage.short'"
    until(lambda: [value for value, _ in site.query(told)] == [True], 60, "a job would know")
    alerts = [json.loads(record.value()) for record in site.records("signals.alerts")]
    assert alerts
    assert {alert["kind"] for alert in alerts} == {"storage", "discovery"}
    assert len({alert["id"] for alert in alerts}) == len(alerts), "one a day"
    assert worker.metric("catalyst_storage_bytes") > worker.metric("catalyst_storage_budget_bytes")

    shown = subprocess.run(
        [sys.executable, "-m", "streams.cli", "storage", "--json"],
        env={**os.environ, **site.environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 1, shown.stderr
    report = json.loads(shown.stdout)
    assert {"security_ticks", "security_data_high_freq"} <= {
        r["relation"] for r in report["relations"]
    }
    assert report["short"] is True

    assert worker.stop() == 0
    ended = site.query("SELECT split_part(service_name, '@', 1), status FROM service_health")
    assert set(ended) == {(name, "stopped") for name in ("worker", "tracking", "market")}
    site.query(
        "INSERT INTO service_health (service_name, status, updated_at) VALUES"
        " ('old@gone', 'stopped', now() - INTERVAL '8 days') RETURNING 1"
    )
    assert "old" not in {name for name, _ in site.query(
        "SELECT split_part(service_name, '@', 1), status FROM service_health")}  # fmt: skip
