"""Kill what can be killed, with -9, in the middle of a load: the result is as if nothing was."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from tests.brokers import unique
from tests.integration.test_pipeline import bars_of, expected_bars, market
from tests.unit.markets import as_table
from tests.workers import Site, until
from timescale.embedded import EmbeddedTimescale

pytestmark = pytest.mark.faults


def _in_background(site: Site, batches: list, speed: float) -> threading.Thread:  # type: ignore[type-arg]
    thread = threading.Thread(target=site.play, args=(batches, speed), name=unique("play"))
    thread.start()
    return thread


def test_a_database_killed_in_the_middle_of_a_load_loses_and_doubles_nothing(
    own_site: Site, own_database: EmbeddedTimescale
) -> None:
    batches = market(30)
    sent = sum(map(len, batches))
    worker = own_site.worker()
    playing = _in_background(own_site, batches, speed=120)
    for _ in range(2):
        enough = own_site.count("security_ticks") + sent // 10
        until(lambda enough=enough: own_site.count("security_ticks") > enough, 60)
        assert own_database.pid is not None
        os.kill(own_database.pid, signal.SIGKILL)
        until(lambda: own_database.poll() is not None, 10)
        until(lambda: '"degraded"' in _health(worker), 30, "health says so")
        own_database.stop()
        own_database.start()
    playing.join(120)
    until(lambda: own_site.count("security_ticks") == sent, 90, "every tick stored once")
    assert '"ok"' in _health(worker)
    expected = as_table(expected_bars(batches))
    until(lambda: len(bars_of(own_site)) == len(expected), 60)
    assert bars_of(own_site) == expected


def _health(worker) -> str:  # type: ignore[no-untyped-def]
    from urllib.error import HTTPError

    try:
        return str(worker.get("/health"))
    except HTTPError as error:
        return error.read().decode()


@pytest.mark.parametrize("seed", range(2))
def test_workers_killed_at_random_moments_give_the_bars_of_an_unharmed_one(
    own_site: Site, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    batches = market(30, seed=seed)
    sent = sum(map(len, batches))
    worker = own_site.worker()
    playing = _in_background(own_site, batches, speed=90)
    for _ in range(3):
        threading.Event().wait(float(rng.uniform(0.2, 3)))
        worker.kill()
        worker = own_site.worker()
    playing.join(120)
    until(lambda: own_site.count("security_ticks") == sent, 120, "every tick stored once")
    expected = as_table(expected_bars(batches))
    until(lambda: len(bars_of(own_site)) == len(expected), 60)
    assert bars_of(own_site) == expected
    totals = "SELECT sum(quote_count), sum(bar_count) FROM security_data_high_freq"
    quotes = sum(int(row[12]) for row in expected)  # type: ignore[call-overload]
    until(lambda: own_site.query(totals) == [(quotes, len(expected))], 60, "rows hold them all")
