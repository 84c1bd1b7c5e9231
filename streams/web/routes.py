"""Every route, declared once."""

from __future__ import annotations

from typing import get_args

from schemas.http import (
    ForcedScan,
    Health,
    History,
    PatternDetail,
    Readiness,
    ScanPending,
    StoredPattern,
    StoredTier,
    TrackedSecurity,
    TrackingMetrics,
    UpdateTracking,
)
from schemas.symbols import MAX_SYMBOL_LENGTH
from schemas.tracking import Tier
from streams.topics import PATTERN_TYPES
from streams.web.api import Api
from streams.web.feed import NAMES
from streams.web.parameters import Choice, Instant, Integer, Name, Parameter
from streams.web.route import Route, Success

_DATABASE = {503: "the database does not answer"}
_COPY = {"ETag": "A tag for If-None-Match", "Cache-Control": "How long a copy serves"}
_SYMBOL = Name(MAX_SYMBOL_LENGTH)


def _limit(default: int, maximum: int) -> Parameter:
    return Parameter("limit", Integer(1, maximum), "At most so many", default=default)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/tracked_securities",
        "The tracked securities, highest score first",
        Api.tracked_securities,
        {
            200: Success(
                "Until a scan has run: all that are quoted", list[TrackedSecurity], headers=_COPY
            )
        },
        parameters=(
            Parameter("tier", Choice(get_args(Tier)), "Only those collected at this frequency"),
            _limit(10_000, 10_000),
        ),
        revalidates=True,
        errors=_DATABASE,
    ),
    Route(
        "GET",
        "/tracking_metrics",
        "Counts by tier, the newest scan, rows, and the health of every worker",
        Api.tracking_metrics,
        {200: Success("The whole system's state", TrackingMetrics, headers=_COPY)},
        revalidates=True,
        errors=_DATABASE,
    ),
    Route(
        "POST",
        "/update_tracking",
        "Scan the universe now",
        Api.update_tracking,
        {
            200: Success("The scan", ForcedScan),
            202: Success("The request stands, its scan takes longer", ScanPending),
        },
        body=UpdateTracking,
        protected=True,
        errors={503: "nobody runs the second stage, or the broker or database does not answer"},
    ),
    Route(
        "GET",
        "/signals",
        "Follow the signals as server-sent events",
        Api.signals,
        {200: Success("Events named by type; comments as heartbeats", None, "text/event-stream")},
        parameters=(
            Parameter("type", Choice(NAMES), "Only these; all without it", repeated=True),
            Parameter(
                "Last-Event-ID",
                Name(256),
                "The id of the last event received: what came after it is sent again",
                where="header",
            ),
        ),
        errors={503: "the broker does not answer, or too many follow"},
    ),
    Route(
        "GET",
        "/patterns",
        "Discovered patterns with their outcomes, newest first",
        Api.patterns,
        {200: Success("The patterns", list[StoredPattern])},
        parameters=(
            Parameter("type", Choice(PATTERN_TYPES), "Only of these types", repeated=True),
            Parameter("symbol", _SYMBOL, "Only with any of these securities", repeated=True),
            Parameter("since", Instant(), "Detected then or later"),
            Parameter("until", Instant(), "Detected before"),
            _limit(100, 1000),
        ),
        errors=_DATABASE,
    ),
    Route(
        "GET",
        "/patterns/{id}",
        "One pattern: evidence, numbers at detection, what it explained, what became of it",
        Api.pattern,
        {200: Success("The pattern", PatternDetail)},
        parameters=(Parameter("id", Name(256), "Its id", where="path"),),
        errors={404: "there is none with this id", **_DATABASE},
    ),
    Route(
        "GET",
        "/history/{symbol}",
        "Bars of a security, the finest there are: rows, then hours, then days",
        Api.history,
        {200: Success("The bars in order of time", History)},
        parameters=(
            Parameter("symbol", _SYMBOL, "The security", where="path"),
            Parameter("start", Instant(), "Bars that begin then or later"),
            Parameter("end", Instant(), "Bars that begin before"),
            Parameter("tier", Choice(get_args(StoredTier)), "Only of this tier"),
            _limit(1000, 10_000),
        ),
        errors={404: "the security was never quoted", **_DATABASE},
    ),
    Route(
        "GET",
        "/health",
        "This worker: database, lag and parts",
        Api.health,
        {200: Success("It works", Health), 503: Success("Degraded, the parts say why", Health)},
    ),
    Route(
        "GET",
        "/ready",
        "Whether this worker takes part in the work",
        Api.ready,
        {200: Success("It does", Readiness), 503: Success("Not yet, or not now", Readiness)},
    ),
    Route(
        "GET",
        "/metrics",
        "Prometheus metrics of this worker",
        Api.metrics,
        {200: Success("Text exposition format", None, "text/plain")},
    ),
    Route(
        "GET",
        "/openapi.json",
        "This document",
        Api.openapi,
        {200: Success("OpenAPI 3.1", dict)},
    ),
)
