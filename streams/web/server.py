"""The web server of a Faust worker with our routes in place of Faust's own pages."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from faust.web.drivers.aiohttp import Web

from schemas.http import Error
from streams.web.errors import CODES, ApiError
from timescale.errors import TimescaleError

log = structlog.get_logger(__name__)

MAX_BODY = 16 << 10
SHUTDOWN_S = 3.0

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class ApiServer(Web):  # type: ignore[misc, unused-ignore]
    """Serves ``install(web_app)``'s routes; Faust's statistics, tables and graph are not there."""

    default_blueprints = ()
    production_blueprints = ()
    debug_blueprints = ()
    optional_blueprints = ()

    def __init__(self, app: Any, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self.web_app = web.Application(middlewares=[answer_errors], client_max_size=MAX_BODY)
        self.web_app.on_response_prepare.append(_add_headers)
        self._runner = web.AppRunner(self.web_app, access_log=None, shutdown_timeout=SHUTDOWN_S)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "catalyst"


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as JSON; what nobody foresaw is logged and says nothing of the inside."""
    try:
        return await handler(request)
    except ApiError as refusal:
        return error_response(refusal.status, refusal.detail, refusal.headers)
    except TimescaleError as problem:
        return error_response(503, str(problem), {"Retry-After": "5"})
    except web.HTTPException as refusal:
        headers = {name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers}
        return error_response(refusal.status, _explanation(request, refusal), headers)
    except Exception:
        log.exception("a request failed", method=request.method, path=request.path)
        return error_response(500, "this worker failed to answer; its log says why")


def _explanation(request: web.Request, refusal: web.HTTPException) -> str:
    if refusal.status == 404:
        return "there is nothing at this path: GET /openapi.json lists what there is"
    if refusal.status == 405:
        return f"{request.method} is not possible here"
    return refusal.reason


def error_response(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    """A refusal: the word of its status and one line."""
    body = msgspec.json.encode(Error(CODES.get(status, "error"), detail))
    return web.Response(
        body=body, status=status, headers=headers, content_type="application/json", charset="utf-8"
    )
