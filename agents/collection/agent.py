"""The Faust adapter of collection."""

from __future__ import annotations

from typing import Any

from agents.collection.stage import CollectionStage

TICK_S = 0.5


def attach(app: Any, stage: CollectionStage) -> None:
    """Run ``stage`` on the bars topic of ``app``."""
    bars = app.topic(stage.config.topic, key_serializer="raw", value_serializer="raw")

    @app.agent(bars, name="collection")
    async def collect(stream: Any) -> None:
        async for event in stream.noack().events():
            await stage.take(event)

    @app.timer(TICK_S)
    async def look_after() -> None:
        await stage.tick()

    @app.on_partitions_revoked.connect
    async def forget(*_: Any, **__: Any) -> None:
        stage.reset()
