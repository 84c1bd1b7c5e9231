"""What each route does. Securities, scans and services come from the database, for all workers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from agents.publishing import Publisher
from schemas.http import Health, Readiness, ScanPending, TrackingMetrics
from streams.lag import consumer_lag
from streams.pipeline import Pipeline
from streams.topics import SCAN_REQUESTS
from streams.web import overview
from streams.web.caching import Memo, matches, weak_tag
from streams.web.errors import ApiError
from streams.web.events import HEADERS, stream
from streams.web.feed import SignalFeed, parse_position
from streams.web.forcing import ScanForcing
from streams.web.guard import RateLimit, TokenCheck
from streams.web.history import history, pattern_detail, stored_pattern
from streams.web.route import Call, Reply
from timescale import overview as questions
from timescale.readers import Reader

FRESH_S = 1.0
ROWS_FRESH_S = 15.0


class Api:
    """The handlers of one worker with what they share."""

    def __init__(self, app: Any, pipeline: Pipeline) -> None:
        settings = pipeline.settings
        self._app = app
        self._pipeline = pipeline
        self.reader = Reader(settings.timescale_dsn.get_secret_value())
        self.feed = SignalFeed(settings.kafka_broker)
        self.limit = RateLimit(settings.api_rate_per_minute)
        self.token = TokenCheck(settings.api_token.get_secret_value())
        self.document: bytes = b"{}"
        self._forcing = ScanForcing(self.reader, self._request_scan)
        self._max_stale = settings.tracking_cache_ttl
        self._tracked = Memo(lambda: overview.tracked(self.reader), FRESH_S)
        self._rows = Memo(lambda: overview.stored_rows(self.reader), ROWS_FRESH_S)
        self._metrics = Memo(self._tracking_metrics, FRESH_S)

    async def start(self, _: web.Application) -> None:
        """Open the connections to the database."""
        await self.reader.start()

    async def release(self, _: web.Application) -> None:
        """Let go of those who follow signals, who would never end by themselves."""
        await self.feed.stop()

    async def stop(self, _: web.Application) -> None:
        """Close the connections to the database."""
        await self.reader.stop()

    async def tracked_securities(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /tracked_securities``."""
        found = await self._tracked.get()
        tier, limit = call.values["tier"], call.values["limit"]
        if tier is not None:
            found = [item for item in found if item.collection_frequency == tier]
        return self._revalidated(call, found[:limit], None)

    async def tracking_metrics(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /tracking_metrics``."""
        found = await self._metrics.get()
        # Ages change with every look; what they mean is in `stale`.
        services = [msgspec.structs.replace(item, age=0.0) for item in found.services]
        return self._revalidated(call, found, msgspec.structs.replace(found, services=services))

    async def _tracking_metrics(self) -> TrackingMetrics:
        securities = await self._tracked.get()
        return await overview.tracking_metrics(self.reader, securities, await self._rows.get())

    def _revalidated(self, call: Call, content: Any, tagged: Any) -> Reply:
        """``content``, or 304 where the client has it: its copy serves while the system is down."""
        tag = weak_tag(msgspec.json.encode(content if tagged is None else tagged))
        headers = {
            "ETag": tag,
            "Cache-Control": (f"private, max-age={FRESH_S:.0f}, stale-if-error={self._max_stale}"),
        }
        if matches(call.request.headers.get("If-None-Match"), tag):
            return Reply(b"", 304, headers)
        return Reply(content, 200, headers)

    async def update_tracking(self, call: Call) -> Reply | web.StreamResponse:
        """``POST /update_tracking``."""
        if not await self._has_second_stage():
            raise ApiError(
                503, "no running worker has the second stage: try again", {"Retry-After": "5"}
            )
        found = await self._forcing.force(call.body.mode)
        return Reply(found, 202 if isinstance(found, ScanPending) else 200)

    async def _has_second_stage(self) -> bool:
        topics = {tp.topic for tp in self._app.consumer.assignment()}
        own = f"worker@{self._pipeline.keeper.config.worker}"
        return SCAN_REQUESTS in topics or overview.others_run(
            own, (await self._metrics.get()).services
        )

    async def _request_scan(self, key: bytes, value: bytes) -> None:
        publisher = Publisher(self._app)
        await publisher.send(SCAN_REQUESTS, key, value)
        await publisher.confirm()

    async def signals(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /signals``."""
        if call.request.method == "HEAD":
            return web.Response(headers=HEADERS)
        await self.feed.start()
        position = parse_position(call.values["last_event_id"])
        with self.feed.listen(call.values["type"], position) as listener:
            return await stream(call.request, listener)

    async def patterns(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /patterns``."""
        given = call.values
        since, until = _interval(given, "since", "until")
        found = await self.reader.patterns(
            since=since,
            until=until,
            types=given["type"] or None,
            symbols=given["symbol"] or None,
            limit=given["limit"],
        )
        return Reply([stored_pattern(item) for item in found])

    async def pattern(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /patterns/{id}``."""
        found = await self.reader.ask(questions.pattern(call.values["id"]))
        if found is None:
            raise ApiError(404, "there is no pattern with this id")
        headlines = await self.reader.ask(questions.headlines(found.evidence))
        return Reply(pattern_detail(found, headlines))

    async def history(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /history/{symbol}``."""
        given = call.values
        start, end = _interval(given, "start", "end")
        found = await history(
            self.reader, given["symbol"], start, end, given["tier"], given["limit"]
        )
        if found is None:
            raise ApiError(404, f"{given['symbol']} was never quoted")
        return Reply(found)

    async def health(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /health``."""
        state = dict(self._pipeline.health())
        status, database = state.pop("status"), state.pop("database")
        health = Health(
            status=status,
            database=database,
            pending_rows=state.pop("pending_rows"),
            lag=consumer_lag(self._app),
            parts={
                "partitions": len(self._app.consumer.assignment()),
                "rebalancing": bool(self._app.rebalancing),
                "signals": self.feed.state,
                "signal_listeners": self.feed.listeners,
                "signal_listeners_dropped": self.feed.dropped,
                **state,
            },
        )
        return Reply(health, 200 if status == "ok" else 503)

    async def ready(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /ready``."""
        reason = None
        if not self._pipeline.assigned:
            reason = "no partitions are assigned yet"
        elif self._app.rebalancing:
            reason = "partitions are being assigned anew"
        elif (state := self._pipeline.health())["status"] != "ok":
            reason = f"the database is {state['database']}"
        return Reply(Readiness(reason is None, reason), 200 if reason is None else 503)

    async def metrics(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /metrics``."""
        return Reply(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def openapi(self, call: Call) -> Reply | web.StreamResponse:
        """``GET /openapi.json``."""
        headers = {"Cache-Control": "public, max-age=3600", "ETag": weak_tag(self.document)}
        return Reply(self.document, headers=headers)


def _interval(
    given: Mapping[str, Any], first: str, last: str
) -> tuple[datetime | None, datetime | None]:
    start, end = given[first], given[last]
    if start is not None and end is not None and start > end:
        raise ApiError(400, f"{first} is after {last}")
    return start, end
