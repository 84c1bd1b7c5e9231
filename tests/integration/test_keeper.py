"""Health records of a worker that ends while it reports."""

from __future__ import annotations

import asyncio
from typing import cast

import psycopg

from agents.coordination.keeper import Keeper, KeeperConfig, WorkerView
from agents.publishing import Publisher
from tests.brokers import unique
from timescale.embedded import EmbeddedTimescale


def test_the_last_word_of_a_worker_is_that_it_stopped(migrated: EmbeddedTimescale) -> None:
    worker = unique("host:1")
    config = KeeperConfig(migrated.dsn, worker, "signals.alerts", 2.5, 3600.0, health_every=0.0)
    view = WorkerView("ok", 0, {}, {"tracking": {}, "market": {}})

    async def end_while_it_reports() -> None:
        keeper = Keeper(config, cast(Publisher, None))  # nothing to alert of
        report = asyncio.create_task(keeper.turn(view))
        await asyncio.sleep(0)
        await keeper.farewell()
        await report
        await keeper.turn(view)

    asyncio.run(end_while_it_reports())
    with psycopg.connect(migrated.dsn) as connection:
        found = connection.execute(
            "SELECT split_part(service_name, '@', 1), status FROM service_health"
            " WHERE service_name LIKE %s",
            (f"%@{worker}",),
        ).fetchall()
    assert dict(found) == dict.fromkeys(("worker", "tracking", "market"), "stopped")
