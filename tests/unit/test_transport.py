"""A worker reads with our wait, and joins its group without Faust's."""

from __future__ import annotations

import asyncio

from streams.app import create_app
from streams.settings import Settings
from streams.transport import FETCH_WAIT_MS


def test_a_worker_does_not_let_the_broker_wait_as_long_as_faust_does() -> None:
    async def made() -> int:
        app = create_app(Settings(_env_file=None))
        thread = app.consumer._thread
        consumer = thread._create_consumer(asyncio.get_running_loop())
        consumer._closed = True
        return int(consumer._fetch_max_wait_ms)

    assert asyncio.run(made()) == FETCH_WAIT_MS


def test_a_worker_does_not_wait_for_tables_before_it_subscribes() -> None:
    async def waits() -> bool:
        app = create_app(Settings(_env_file=None))
        starting = asyncio.create_task(app.tables.on_start())
        for _ in range(100):
            await asyncio.sleep(0)
        # It goes on to a consumer, which nobody has started here.
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return not app.tables._tables_finalized.is_set()

    assert not asyncio.run(waits())
