"""The Faust app: ``faust -A streams.app worker`` or ``catalyst worker``.

The flow, in the order of the data: ``quotes`` -> tracking -> ticks and ``bars`` -> the market stage
(with ``news``: scanning, tiers, collection) -> rows and decisions. Each agent is a thin adapter in
its package under :mod:`agents`, beside the logic it runs; :class:`streams.pipeline.Pipeline` gives
them the writer and the checkpoints.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import faust
import uvloop

from agents.coordination import agent as coordination
from agents.market import agent as market
from agents.tracking import agent as tracking
from streams import logs, topics, web
from streams.pipeline import Pipeline
from streams.settings import Settings, get_settings
from streams.transport import NoTables, PromptTransport

# Events that may wait in a stream, most of them batches of records: what comes next on other topics
# waits for them.
STREAM_BUFFER = 8


class CatalystApp(faust.App):
    """Opens the pipeline before the consumer starts; closes it after the last record."""

    pipeline: Pipeline

    def _new_transport(self) -> PromptTransport:
        return PromptTransport(self.conf.broker_consumer, self)

    async def on_start(self) -> None:
        """Connect before any record is read."""
        await super().on_start()
        await self.pipeline.open()

    async def on_stop(self) -> None:
        """Leave nothing for a successor to repeat, where the database allows it in time."""
        try:
            async with asyncio.timeout(self.conf.broker_session_timeout):
                await self.pipeline.finish()
        except TimeoutError:
            self.log.warning("stopped before the last checkpoint; a successor repeats a little")
        await super().on_stop()

    async def on_shutdown(self) -> None:
        """Let go of the database when nothing can write any more."""
        await super().on_shutdown()
        await self.pipeline.close()


def create_app(settings: Settings) -> CatalystApp:
    """The app for these settings; nothing is connected until it starts."""
    app = CatalystApp(
        settings.app_id,
        broker=[f"kafka://{host.strip()}" for host in settings.kafka_broker.split(",")],
        store="memory://",
        TableManager=NoTables,
        datadir=str(Path(settings.data_dir) / "faust"),
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=8 << 20,
        producer_max_request_size=topics.MAX_MESSAGE_BYTES,
        producer_linger=0.002,
        stream_wait_empty=False,
        stream_buffer_maxsize=STREAM_BUFFER,
        # Faust's defaults make a takeover last a minute and a half.
        broker_session_timeout=6.0,
        broker_rebalance_timeout=5.0,
        broker_heartbeat_interval=1.0,
        broker_commit_interval=1.0,
        web_bind=settings.web_host,
        web_host=settings.web_host,
        web_port=settings.web_port,
        logging_config=logs.configure(settings.log_level, settings.log_format),
    )
    app.pipeline = Pipeline(app, settings)
    tracking.attach(app, app.pipeline.tracking)
    market.attach(app, app.pipeline.market)
    coordination.attach(app, app.pipeline.keeper, app.pipeline.view)
    web.attach(app, app.pipeline)
    return app


def __getattr__(name: str) -> Any:
    """Make ``app`` when it is first asked for, so that importing this module reads no settings."""
    if name == "app":
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        globals()["app"] = create_app(get_settings())
        return globals()["app"]
    raise AttributeError(name)
