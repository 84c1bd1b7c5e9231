"""Faust's Kafka driver, without the waits that Faust does not let one set."""

from __future__ import annotations

from typing import Any

from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver

# How long the broker may hold a fetch open while nothing comes. Apache Kafka answers as soon as
# something does; the embedded broker looks a few times in that span only. And there is one fetch to
# a broker at a time: partitions that are not in it, as they still had records, wait for its end.
# Less than this costs an idle broker more than it gives.
FETCH_WAIT_MS = 20


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class _Consumer(driver.Consumer):
    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(driver.Transport):
    """Hands a worker its records without waiting."""

    Consumer = _Consumer


class NoTables(TableManager):
    """There are none; Faust's own gives them a second to be declared before it subscribes."""

    async def on_start(self) -> None:
        """Say at once that all are declared."""
        await self._update_channels()
        await self.recovery.start()
