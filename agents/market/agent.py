"""The Faust adapters of the second stage: one per input topic, all to one stage."""

from __future__ import annotations

from typing import Any

from agents.market.stage import MarketStage

TICK_S = 0.5


def attach(app: Any, stage: MarketStage) -> None:
    """Run ``stage`` on its topics: of one partition each, so that Faust gives all to one worker."""
    for name in stage.config.inputs:
        _read(app, name, stage)

    @app.timer(TICK_S)
    async def look_after() -> None:
        if not app.rebalancing and app.flow_control.is_active():
            await stage.tick(app.consumer)

    @app.on_partitions_revoked.connect
    async def forget(*_: Any, **__: Any) -> None:
        stage.reset()


def _read(app: Any, name: str, stage: MarketStage) -> None:
    topic = app.topic(name, key_serializer="raw", value_serializer="raw")

    @app.agent(topic, name=f"market-{name}")
    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            await stage.take(event, app.consumer)
