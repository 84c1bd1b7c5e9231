"""What a worker runs: the stages of the flow with the effects they share."""

from __future__ import annotations

import asyncio
import gc
import socket
from datetime import timedelta
from typing import Any

import orjson
import structlog

from agents import models
from agents.coordination.keeper import Keeper, KeeperConfig, WorkerView
from agents.durability import Effects
from agents.market.engine import EngineConfig
from agents.market.rows import SignalTopics
from agents.market.stage import MarketConfig, MarketStage
from agents.publishing import Publisher
from agents.scanning.scanner import ScanConfig
from agents.scanning.tiers import TierIntervals
from agents.tracking.stage import TrackingConfig, TrackingStage
from agents.tracking.universe import TickUniverse
from streams import metrics, topics
from streams.errors import UserError
from streams.lag import consumer_lag
from streams.settings import Settings
from timescale.aging import set_ages
from timescale.checkpoints import CheckpointStore
from timescale.errors import TimescaleError
from timescale.relation import Relation
from timescale.relations import LATEST, NEWS, TICKS
from timescale.writer import RowWriter

log = structlog.get_logger(__name__)

CLOSE_S = 5.0

_AGE_SETTINGS = {
    "ticks": "tick_age_hours",
    "high_freq": "high_freq_age_hours",
    "hourly": "medium_freq_age_days",
}
_SOURCES = {
    TICKS.name: topics.QUOTES,
    LATEST.name: topics.QUOTES,
    NEWS.name: topics.NEWS,
}


def market_config(settings: Settings, dsn: str) -> MarketConfig:
    """The second stage as the settings say.

    Raises:
        UserError: the settings contradict each other.
    """
    return MarketConfig(
        bars=topics.BARS,
        news=topics.NEWS,
        securities=topics.SECURITIES,
        requests=topics.SCAN_REQUESTS,
        catalysts=topics.CATALYSTS,
        decisions=(topics.SCANS, topics.UNIVERSE, topics.TRADING_CANDIDATES),
        signals=SignalTopics(topics.PATTERNS, topics.OUTCOMES),
        engine=engine_config(settings),
        dsn=dsn,
        checkpoint_interval_s=settings.checkpoint_interval_s,
        max_clock_ahead_s=settings.max_clock_ahead_s,
    )


def engine_config(settings: Settings) -> EngineConfig:
    """What is followed and how often it is collected, as the settings say.

    Raises:
        UserError: the settings contradict each other.
    """
    try:
        scan = ScanConfig(
            track=settings.top_candidates_to_track,
            trade=min(settings.top_candidates_to_trade, settings.top_candidates_to_track),
            ttl_s=settings.tracking_cache_ttl,
        )
    except ValueError as exc:
        raise UserError(str(exc)) from None
    intervals = TierIntervals(
        high_freq=settings.high_freq_interval,
        medium_freq=settings.medium_freq_interval,
        low_freq=settings.low_freq_interval,
    )
    return EngineConfig(
        scan, intervals, settings.discovery_securities, settings.pattern_discovery_interval
    )


class RejectedRows:
    """Rows that the database refuses go where the records they came from would go."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def __call__(
        self, relation: Relation, rows: list[dict[str, Any]], error: Exception
    ) -> None:
        """Send ``rows``, one a record; returns when the broker has them."""
        topic = topics.dead_letter(_SOURCES.get(relation.name, topics.BARS))
        headers = {
            "reason": b"database",
            "error": str(error).encode()[:1000],
            "relation": relation.name.encode(),
        }
        for row in rows:
            await self._publisher.send(topic, None, orjson.dumps(row, default=str), headers)
        await self._publisher.confirm()


class Pipeline:
    """The stages of one worker; :meth:`open` before the first record, :meth:`close` after it."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.settings = settings
        self._app = app
        self._dsn = dsn = settings.timescale_dsn.get_secret_value()
        # Two writers: decisions about the market need not wait for the ticks before them.
        tracking, market = self._effects(app), self._effects(app)
        self._all_effects = (tracking, market)
        self.tracking = TrackingStage(
            TrackingConfig(
                topic=topics.QUOTES,
                bars_topic=topics.BARS,
                partitions=settings.quote_partitions,
                lateness_s=settings.lateness_s,
                idle_after=settings.idle_after,
                checkpoint_interval_s=settings.checkpoint_interval_s,
                max_clock_ahead_s=settings.max_clock_ahead_s,
            ),
            tracking,
            TickUniverse(dsn, settings.store_ticks, settings.top_candidates_to_track),
        )
        self.market = MarketStage(market_config(settings, dsn), market)
        self.keeper = Keeper(
            KeeperConfig(
                dsn=dsn,
                worker=f"{socket.gethostname()}:{settings.web_port}",
                alerts_topic=topics.ALERTS,
                budget_gb=settings.storage_budget_gb,
                discovery_interval_s=settings.pattern_discovery_interval,
            ),
            Publisher(app),
        )
        self.assigned = False
        self._preparing: asyncio.Task[None] | None = None
        app.on_partitions_assigned.connect(self._joined)

    def _effects(self, app: Any) -> Effects:
        rejected = RejectedRows(Publisher(app))
        writer = RowWriter(self._dsn, on_rejected=rejected, observer=metrics.WriterMetrics())
        return Effects(app, writer, CheckpointStore(writer, self._dsn))

    async def _joined(self, *_: Any, **__: Any) -> None:
        self.assigned = True

    async def open(self) -> None:
        """Check the topics, connect the database.

        Raises:
            UserError: a topic is missing or has other partitions than the settings say.
        """
        # Until the group is joined there is time for it.
        self._preparing = asyncio.create_task(self._prepare())
        ids = await asyncio.to_thread(
            topics.check_topics, self.settings.kafka_broker, topics.all_topics(self.settings)
        )
        await self._apply_ages()
        for effects in self._all_effects:
            effects.topic_ids.update(ids)
            await effects.writer.start()

    async def _prepare(self) -> None:
        """Import what learning needs, and spare the garbage collector all that is there by then.

        Else a look through it all would stop the worker for a tenth of a second now and then.
        """
        await asyncio.to_thread(models.prepare)
        gc.freeze()

    async def _apply_ages(self) -> None:
        """Ages that were set for this worker hold from now on; others stay as they are."""
        given = self.settings.model_fields_set
        ages = {
            "ticks": timedelta(hours=self.settings.tick_age_hours),
            "high_freq": timedelta(hours=self.settings.high_freq_age_hours),
            "hourly": timedelta(days=self.settings.medium_freq_age_days),
        }
        changed = {tier: age for tier, age in ages.items() if _AGE_SETTINGS[tier] in given}
        if changed:
            await set_ages(self._dsn, **changed)

    async def finish(self) -> None:
        """Make everything taken in durable and acknowledge it."""
        await self.tracking.finish()
        await self.market.finish()
        await self.keeper.farewell()

    async def close(self) -> None:
        """Store what is queued, where the database takes it in time, and let go of it."""
        stops = (effects.writer.stop(CLOSE_S) for effects in self._all_effects)
        for failure in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(failure, TimescaleError):
                log.warning("a successor stores the rest", reason=str(failure))
            elif failure is not None:
                raise failure
        await self.market.close()

    def view(self) -> WorkerView:
        """What this worker says of itself to the others."""
        return WorkerView(
            database=self._database(),
            durable_until=self.market.durable_until,
            metrics={
                "pending_rows": self._pending_rows(),
                "lag": sum(consumer_lag(self._app).values()),
            },
            agents={name: facts for name, facts in self._facts().items() if facts},
            discovery=self.market.discovery_times(),
        )

    def _facts(self) -> dict[str, dict[str, Any]]:
        return {"tracking": self.tracking.facts(), "market": self.market.facts()}

    def _database(self) -> str:
        """The state of the writers: that of the first one that is not well."""
        states = [effects.writer.state for effects in self._all_effects]
        return next((state for state in states if state != "ok"), "ok")

    def _pending_rows(self) -> int:
        return sum(effects.writer.pending_rows for effects in self._all_effects)

    def health(self) -> dict[str, Any]:
        """What works: ``ok``, or ``degraded`` with the reason beside the part."""
        database = self._database()
        return {
            "status": "ok" if database == "ok" else "degraded",
            "database": database,
            "pending_rows": self._pending_rows(),
        }
