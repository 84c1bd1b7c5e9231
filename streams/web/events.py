"""Server-sent events: the signals as a browser's ``EventSource`` takes them."""

from __future__ import annotations

import asyncio
import re

import orjson
from aiohttp import web

from streams.web.feed import NAMES, Listener, Signal

HEARTBEAT_S = 15.0
WRITE_S = 10.0
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
RETRY_MS = 2000
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


def event(name: str, event_id: str | None, value: bytes) -> bytes:
    """One event on the wire; a line break in ``value`` cannot end it early."""
    lines = _LINE_BREAK.split(value.decode("utf-8", "replace"))
    head = [] if event_id is None else [f"id: {event_id}"]
    return "\n".join(
        [*head, f"event: {name}", *(f"data: {line}" for line in lines), "", ""]
    ).encode()


async def stream(request: web.Request, listener: Listener) -> web.StreamResponse:
    """Write events until the client goes, falls behind, or the worker stops."""
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    try:
        await _write(response, f": listening\nretry: {RETRY_MS}\n\n".encode())
        if listener.missed:
            lost = {
                "types": listener.missed,
                "detail": "older signals are not replayed here: read GET /patterns",
            }
            await _write(response, event("gap", None, orjson.dumps(lost)))
        while not listener.ended.is_set():
            signal = await listener.next(HEARTBEAT_S)
            if signal is None and listener.ended.is_set():
                break
            await _write(response, _encoded(listener, signal))
    except (ConnectionError, TimeoutError):
        listener.dropped = True
    if listener.dropped and request.transport is not None:
        # What the client has not read is not kept for it.
        request.transport.abort()
    return response


def _encoded(listener: Listener, signal: Signal | None) -> bytes:
    if signal is None:
        return b": heartbeat\n\n"
    return event(NAMES[signal.code], listener.passed(signal), signal.value)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_S):
        await response.write(data)
