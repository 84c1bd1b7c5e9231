"""The Faust adapter of tracking."""

from __future__ import annotations

from typing import Any

from agents.tracking.stage import TICK_S, TrackingStage

UNIVERSE_S = 1.0


def attach(app: Any, stage: TrackingStage) -> None:
    """Run ``stage`` on the quotes topic of ``app``."""
    quotes = app.topic(stage.config.topic, key_serializer="raw", value_serializer="raw")

    @app.agent(quotes, name="tracking")
    async def track(stream: Any) -> None:
        async for event in stream.noack().events():
            await stage.take(event)

    @app.timer(TICK_S)
    async def look_after() -> None:
        if not app.rebalancing and app.flow_control.is_active():
            await stage.tick(app.consumer)

    @app.timer(UNIVERSE_S)
    async def follow_universe() -> None:
        await stage.universe.refresh()

    @app.on_partitions_revoked.connect
    async def forget(*_: Any, **__: Any) -> None:
        stage.reset()
