"""The state of the whole system, from the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from schemas.http import ScanSummary, ServiceState, TrackedSecurity, TrackingMetrics
from timescale import overview
from timescale.overview import COUNTED_BYTES, ServiceHealth, StoredScan
from timescale.readers import Reader

STALE_S = 30.0
UNTIERED = "all"


async def tracked(reader: Reader) -> list[TrackedSecurity]:
    """Every tracked security, highest score first."""
    rows = await reader.ask(overview.tracked_securities())
    return [TrackedSecurity(**row) for row in rows]


async def stored_rows(reader: Reader) -> tuple[dict[str, int], list[str]]:
    """Rows by relation, and which of them are estimates."""
    sizes = await reader.ask(overview.relation_bytes())
    large = [name for name, size in sizes.items() if size > COUNTED_BYTES]
    rows = await reader.ask(overview.row_counts([name for name in sizes if name not in large]))
    rows |= {name: await reader.ask(overview.estimated_rows(name)) for name in large}
    return {name: rows[name] for name in sizes}, large


async def tracking_metrics(
    reader: Reader, securities: list[TrackedSecurity], rows: tuple[dict[str, int], list[str]]
) -> TrackingMetrics:
    """The newest figures; ``rows`` may be older."""
    scan = await reader.ask(overview.last_scan())
    services = [_service(health) for health in await reader.ask(overview.service_health())]
    tiers = Counter(item.collection_frequency or UNTIERED for item in securities)
    return TrackingMetrics(
        tracked=len(securities),
        by_tier=dict(sorted(tiers.items())),
        last_scan=None if scan is None else _summary(scan),
        event_time=await reader.ask(overview.event_time()),
        rows=rows[0],
        rows_estimated=rows[1],
        services=services,
        lag=total_lag(services),
    )


def total_lag(services: Iterable[ServiceState]) -> int | None:
    """Records that the running workers have yet to take, by their own words."""
    said = [s.metrics["lag"] for s in services if is_running(s) and "lag" in s.metrics]
    numbers = [lag for lag in said if isinstance(lag, int)]
    return sum(numbers) if numbers else None


def is_running(service: ServiceState) -> bool:
    """Whether a service was heard of lately and did not say goodbye."""
    return not service.stale and service.status != "stopped"


def others_run(own: str, services: Iterable[ServiceState]) -> bool:
    """Whether a worker other than ``own`` runs: one of all that run has the second stage."""
    workers = (item for item in services if item.name.startswith("worker@") and item.name != own)
    return any(is_running(item) for item in workers)


def _service(health: ServiceHealth) -> ServiceState:
    stale = health.age_s > STALE_S and health.status != "stopped"
    return ServiceState(
        name=health.name,
        status=health.status,  # type: ignore[arg-type]
        since=health.since,
        updated_at=health.updated_at,
        age=round(health.age_s, 1),
        stale=stale,
        metrics=health.metrics,
    )


def _summary(scan: StoredScan) -> ScanSummary:
    return ScanSummary(
        scan_id=scan.scan_id,
        timestamp=scan.timestamp,
        mode=scan.mode,  # type: ignore[arg-type]
        trading_candidates=[str(item["symbol"]) for item in scan.trading_candidates],
        tracked_securities=len(scan.tracked_securities),
        total_universe=scan.total_universe,
        execution_time=scan.execution_time,
        request=scan.request,
    )
