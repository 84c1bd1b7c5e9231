"""What the HTTP interface takes and answers; the OpenAPI document is made from these."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from schemas.tracking import Candidate, ScanMode, Tier

Age = Annotated[float, Meta(ge=0, description="Seconds of wall clock")]
StoredTier = Literal["high_freq", "hourly", "daily"]


class Error(Struct):
    """Every answer that is not a success: a word for programs, a line for people."""

    error: str
    detail: str


class TrackedSecurity(Struct):
    """A tracked security as of its newest quote; what is not known (yet) is null.

    ``volume`` is the shares of the exchange day until the last closed minute, ``volatility`` the
    standard deviation of 15-minute log returns, ``imbalance`` -1 (sells) to 1 (buys). The last
    three come with the first scan.
    """

    symbol: str
    ts: datetime | None = None
    last: float | None = None
    bid: float | None = None
    ask: float | None = None
    spread: float | None = None
    volume: float | None = None
    volatility: float | None = None
    relative_volume: float | None = None
    imbalance: float | None = None
    collection_frequency: Tier | None = None
    tracking_reason: str | None = None
    score: float | None = None


class ScanSummary(Struct):
    """The newest scan; ``request`` is the id of the request that forced it."""

    scan_id: str
    timestamp: datetime
    mode: ScanMode
    trading_candidates: list[str]
    tracked_securities: int
    total_universe: int
    execution_time: float | None
    request: str | None = None


class ServiceState(Struct):
    """A service's own word about itself; ``stale`` when it has said nothing for half a minute."""

    name: str
    status: Literal["starting", "healthy", "degraded", "unhealthy", "stopped"]
    since: datetime
    updated_at: datetime
    age: Age
    stale: bool
    metrics: dict[str, Any]


class TrackingMetrics(Struct):
    """The state of the whole system.

    ``rows`` are exact for small relations and the planner's estimates for large ones, which
    ``rows_estimated`` names: right to a factor of two until the database has analysed them.
    ``lag`` is in records, null where no worker says it.
    """

    tracked: int
    by_tier: dict[str, int]
    last_scan: ScanSummary | None
    event_time: datetime | None
    rows: dict[str, int]
    rows_estimated: list[str]
    services: list[ServiceState]
    lag: int | None


class UpdateTracking(Struct):
    """Asks for a scan at once."""

    mode: ScanMode = "normal"


class ForcedScan(Struct):
    """The scan that a request forced."""

    request: str
    scan_id: str
    timestamp: datetime
    mode: ScanMode
    trading_candidates: list[Candidate]
    tracked_securities: list[Candidate]
    total_universe: int
    execution_time: float | None


class ScanPending(Struct):
    """The request stands, its scan has not been published yet."""

    request: str
    detail: str


class StoredPattern(Struct):
    """A discovered pattern with what became of it, null before its horizon has passed.

    ``trigger_conditions`` holds the numbers at detection and, under ``rejected``, what else was
    seen and is explained by this pattern; ``backtest_results`` what earlier ones of its type did.
    """

    id: str
    pattern_type: str
    securities: list[str]
    detected_at: datetime
    window_start: datetime | None
    window_end: datetime | None
    confidence: float
    trigger_conditions: dict[str, Any]
    predicted_outcome: dict[str, Any]
    actual_outcome: dict[str, Any] | None
    evidence: list[str]
    model_version: str | None
    backtest_results: dict[str, Any] | None = None


class PatternDetail(StoredPattern, kw_only=True):
    """As in the list, with the headlines of its evidence, by id, as far as they are stored."""

    headlines: dict[str, str] = {}


class HistoryBar(Struct):
    """A bar that begins at ``timestamp`` and covers ``interval_s`` seconds.

    Open, high, low and vwap are null where nothing traded.
    """

    timestamp: datetime
    interval_s: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    vwap: float | None
    tier: StoredTier


class History(Struct):
    """Bars in order of time; of more than ``limit`` the newest, and ``truncated`` is true.

    Older ones: ask again with ``end`` at the first bar's timestamp.
    """

    symbol: str
    bars: list[HistoryBar]
    truncated: bool


class Health(Struct):
    """This worker; ``lag`` in records of the partitions it reads, by topic."""

    status: Literal["ok", "degraded"]
    database: str
    pending_rows: int
    lag: dict[str, int]
    parts: dict[str, Any]


class Readiness(Struct):
    """Whether this worker takes part in the work; ``reason`` says why not."""

    ready: bool
    reason: str | None = None
