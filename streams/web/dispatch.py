"""From the table of routes to the web server."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from streams.pipeline import Pipeline
from streams.web.api import Api
from streams.web.openapi import rendered
from streams.web.route import JSON, Reply, Route, read_call
from streams.web.routes import ROUTES


def install(server: web.Application, app: Any, pipeline: Pipeline) -> None:
    """Add every route; their connections live as long as the server."""
    api = Api(app, pipeline)
    api.document = rendered().encode()
    server.on_startup.append(api.start)
    server.on_shutdown.append(api.release)
    server.on_cleanup.append(api.stop)
    for route in ROUTES:
        handler = _handler(api, route)
        if route.method == "GET":
            server.router.add_get(route.path, handler, allow_head=True)
        else:
            server.router.add_route(route.method, route.path, handler)


def _handler(api: Api, route: Route) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        if route.protected:
            # First of all, so that guessing tokens is slow too.
            api.limit.take(request.remote or "")
            api.token.require(request.headers.get("Authorization"))
        reply = await route.handler(api, await read_call(route, request))
        return _response(reply) if isinstance(reply, Reply) else reply

    return handle


def _response(reply: Reply) -> web.Response:
    content = reply.content
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    if reply.status == 304:
        return web.Response(status=304, headers=reply.headers)
    charset = "; charset=utf-8" if reply.media_type == JSON else ""
    headers = {**reply.headers, "Content-Type": reply.media_type + charset}
    return web.Response(body=body, status=reply.status, headers=headers)
