"""HTTP on any worker; what it says about securities comes from the database, for all workers."""

from __future__ import annotations

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.pipeline import Pipeline
from timescale.errors import TimescaleError


def attach(app: Any, pipeline: Pipeline) -> None:
    """Add the routes to the Faust web server of ``app``."""

    @app.page("/metrics")
    async def metrics(view: Any, request: Any) -> Any:
        return view.bytes(generate_latest(), content_type=CONTENT_TYPE_LATEST.split(";")[0])

    @app.page("/health")
    async def health(view: Any, request: Any) -> Any:
        state = pipeline.health()
        return view.json(state, status=200 if state["status"] == "ok" else 503)

    @app.page("/ready")
    async def ready(view: Any, request: Any) -> Any:
        joined = pipeline.assigned and not app.rebalancing
        is_ready = joined and pipeline.health()["status"] == "ok"
        return view.json({"ready": is_ready}, status=200 if is_ready else 503)

    @app.page("/tracked_securities")
    async def tracked_securities(view: Any, request: Any) -> Any:
        try:
            return view.json(await pipeline.tracked_securities())
        except TimescaleError as exc:
            return view.json({"error": str(exc)}, status=503)
