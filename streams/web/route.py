"""A route as it is declared: dispatch and the OpenAPI document both read this."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from streams.web.errors import ApiError
from streams.web.parameters import Parameter, read_all
from streams.web.server import MAX_BODY

BODY_S = 10.0
JSON = "application/json"


@dataclass(frozen=True)
class Call:
    """A request whose parameters and body are valid."""

    request: web.Request
    values: Mapping[str, Any]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What is answered: a struct (or list of them) that becomes JSON, or bytes as they are."""

    content: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


@dataclass(frozen=True)
class Success:
    """An answer of the route for the document; ``content`` None where it is not JSON."""

    description: str
    content: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Any, Call], Awaitable[Reply | web.StreamResponse]]


@dataclass(frozen=True)
class Route:
    """A method and a path with all that may be sent and answered."""

    method: str
    path: str
    summary: str
    handler: Handler
    answers: Mapping[int, Success]
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    protected: bool = False
    revalidates: bool = False
    errors: Mapping[int, str] = field(default_factory=dict)

    @property
    def operation(self) -> str:
        """A name for the operation."""
        return self.handler.__name__


async def read_call(route: Route, request: web.Request) -> Call:
    """What the request says.

    Raises:
        ApiError: it does not fit the route.
    """
    query: dict[str, list[str]] = {}
    for name, text in request.query.items():
        query.setdefault(name, []).append(text)
    values = read_all(route.parameters, query, request.match_info, request.headers)
    body = await _read_body(route.body, request) if route.body is not None else None
    return Call(request, values, body)


async def _read_body(wanted: Any, request: web.Request) -> Any:
    try:
        async with asyncio.timeout(BODY_S):
            raw = await request.read()
    except TimeoutError:
        raise ApiError(408, f"the body did not come within {BODY_S:.0f} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, f"the body is larger than {MAX_BODY} bytes") from None
    if raw and request.content_type != JSON:
        raise ApiError(415, f"send the header Content-Type: {JSON}")
    try:
        return msgspec.json.decode(raw or b"{}", type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        text = str(problem).encode("ascii", "backslashreplace").decode()
        raise ApiError(400, f"the body is not valid: {text[:200]}") from None
