"""HTTP on any worker; what it says about securities comes from the database, for all workers."""

from __future__ import annotations

from typing import Any

from streams.pipeline import Pipeline
from streams.web.dispatch import install
from streams.web.server import ApiServer

__all__ = ["attach"]


def attach(app: Any, pipeline: Pipeline) -> None:
    """Give ``app`` a web server with our routes."""
    app.web = ApiServer(app)
    install(app.web.web_app, app, pipeline)
