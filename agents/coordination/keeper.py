"""Keeps house while the data flow: health of the services, aging by event time, storage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
import structlog

from agents import metrics
from agents.publishing import Publisher
from schemas.signals import Alert
from schemas.times import US_PER_S, from_us
from timescale.aging import AgingDriver, scheduled_aging_failure
from timescale.coordination import AsyncCoordination
from timescale.errors import TimescaleError
from timescale.records import HealthStatus
from timescale.storage import StorageUse, sample_storage, storage_use

log = structlog.get_logger(__name__)

SHORT_KEY = "storage.short"

Severity: TypeAlias = Literal["warning", "critical"]

# Intervals without a consolidation until that is worth an alert.
_OVERDUE = 2

# How long the last word waits for a turn that has not ended.
_FAREWELL_S = 10.0


@dataclass(frozen=True, slots=True)
class KeeperConfig:
    """What the keeper needs to know; ``every`` fields are seconds of wall clock.

    A sample looks at every relation, for which the embedded database keeps all others waiting.
    """

    dsn: str
    worker: str
    alerts_topic: str
    budget_gb: float
    discovery_interval_s: float
    health_every: float = 5.0
    storage_every: float = 30.0
    sample_every: float = 600.0


@dataclass(frozen=True, slots=True)
class WorkerView:
    """What a worker says of itself.

    ``durable_until`` (epoch microseconds) is the event time up to which collected rows are stored,
    0 where another worker collects. ``agents`` are the facts of each agent that works here.
    ``discovery`` is the newest minute that discovery was given and when it was consolidated last
    (epoch microseconds), None where another worker discovers.
    """

    database: str
    durable_until: int
    metrics: Mapping[str, Any]
    agents: Mapping[str, Mapping[str, Any]]
    discovery: tuple[int, int] | None = None


@dataclass(slots=True)
class Keeper:
    """One turn a second; every part of it goes by its own clock and none stops the others."""

    config: KeeperConfig
    publisher: Publisher
    _records: AsyncCoordination = field(init=False)
    _aging: AgingDriver = field(init=False)
    _due: dict[str, float] = field(default_factory=dict)
    _alerted: dict[str, str] = field(default_factory=dict)
    _short: bool = False
    _told: bool | None = None
    _working: set[str] = field(default_factory=set)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _leaving: bool = False

    def __post_init__(self) -> None:
        self._records = AsyncCoordination(self.config.dsn)
        self._aging = AgingDriver(self.config.dsn)
        self._due["sample"] = time.monotonic() + self.config.storage_every

    async def turn(self, view: WorkerView) -> None:
        """Do what is due; a database that does not answer is tried again at the next turn."""
        async with self._turn:
            try:
                await self._watch_discovery(view)
                if view.durable_until:
                    await self._age(view)
                    if self._is_due("storage", self.config.storage_every):
                        await self._watch_storage(view)
                    if self._is_due("sample", self.config.sample_every):
                        await sample_storage(self.config.dsn, from_us(view.durable_until))
                if not self._leaving and self._is_due("health", self.config.health_every):
                    await self._report(view)
            except TimescaleError as exc:
                log.warning("housekeeping waits for the database", reason=str(exc))

    async def farewell(self) -> None:
        """Say that this worker has stopped, where the database still answers.

        It is the last word: a report that is being made comes before it, and none after.
        """
        self._leaving = True
        try:
            async with asyncio.timeout(_FAREWELL_S), self._turn:
                names = ("worker", *sorted(self._working))
                await self._records.update_services(
                    {self._name(name): ("stopped", None) for name in names}
                )
        except (TimescaleError, TimeoutError) as exc:
            log.warning("the end was not recorded", reason=str(exc) or "no answer in time")

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every
        return True

    async def _age(self, view: WorkerView) -> None:
        report = await self._aging.advance(from_us(view.durable_until), short=self._short)
        if report is not None:
            metrics.LATE_ROWS.set(report.late_rows)

    async def _watch_storage(self, view: WorkerView) -> None:
        use = await storage_use(self.config.dsn, self.config.budget_gb)
        metrics.STORAGE_BYTES.set(use.database_bytes)
        metrics.STORAGE_BUDGET.set(use.budget_bytes)
        self._short = use.is_short
        await self._tell_the_job()
        if use.is_short:
            await self._alert(view, use)

    async def _tell_the_job(self) -> None:
        """Let a job of the database age as this worker would.

        Only a change is told, so that a value set by hand holds until the next one; at the start
        it is compared with what a worker before this one has left.
        """
        if self._told == self._short:
            return
        if await self._records.get_configuration(SHORT_KEY, False) != self._short:
            await self._records.set_configuration(
                SHORT_KEY, self._short, changed_by=self._name("worker")
            )
        self._told = self._short

    async def _watch_discovery(self, view: WorkerView) -> None:
        """Markets that are closed do not count: time goes by the minutes that were given."""
        if view.discovery is None:
            return
        now, last = view.discovery
        passed = (now - last) / US_PER_S
        if passed <= _OVERDUE * self.config.discovery_interval_s:
            return
        when = f"{passed / 3600:.1f} h of event time ago" if last else "never yet"
        text = f"discovery is overdue: last consolidated {when} (the worker's log says why)"
        await self._tell("discovery", f"discovery-{last // US_PER_S}", from_us(now), text)

    async def _alert(self, view: WorkerView, use: StorageUse) -> None:
        now = from_us(view.durable_until)
        gigabytes = use.database_bytes / 1e9
        text = (
            f"storage is at {use.share:.0%} of its budget ({gigabytes:.2f} GB): "
            "ticks and high-frequency rows now go earlier"
        )
        severity: Severity = "critical" if use.share >= 1 else "warning"
        await self._tell("storage", f"storage-{now:%Y-%m-%d}", now, text, severity)

    async def _tell(
        self, kind: str, alert_id: str, now: datetime, text: str, severity: Severity = "warning"
    ) -> None:
        """Send an alert, the newest of its kind only once."""
        if self._alerted.get(kind) == alert_id:
            return
        self._alerted[kind] = alert_id
        alert = Alert(alert_id, now, kind, text, severity)
        await self.publisher.send(
            self.config.alerts_topic, alert_id.encode(), msgspec.json.encode(alert)
        )
        await self.publisher.confirm()
        log.warning("alert", kind=kind, message=text)

    async def _report(self, view: WorkerView) -> None:
        failure = self._aging.failure
        if view.durable_until and failure is None:
            failure = await scheduled_aging_failure(self.config.dsn)
        healthy = view.database == "ok" and failure is None and not self._short
        status: HealthStatus = "healthy" if healthy else "degraded"
        details = {
            **view.metrics,
            "database": view.database,
            "aging": failure or "ok",
            "storage_short": self._short,
        }
        own: HealthStatus = "healthy" if view.database == "ok" else "degraded"
        await self._records.update_services(
            {self._name("worker"): (status, details)}
            | {self._name(name): ("stopped", None) for name in self._working - view.agents.keys()}
            | {self._name(name): (own, facts) for name, facts in view.agents.items()}
        )
        self._working = set(view.agents)

    def _name(self, service: str) -> str:
        return f"{service}@{self.config.worker}"
