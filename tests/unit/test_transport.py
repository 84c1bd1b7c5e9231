"""The consumer that a worker reads with is made with our wait."""

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
