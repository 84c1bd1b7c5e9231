"""What is said of the second stage beside its signals: metrics, steps, health of the service."""

from __future__ import annotations

from typing import Any

import structlog

from agents import metrics
from agents.discovery.discovery import Discovery
from agents.market.engine import MarketEngine, Outputs
from schemas.times import US_PER_S

log = structlog.get_logger(__name__)

# Of the figures of a type, those that fit a line.
_SHOWN = ("outcomes", "precision", "confidence", "calibration_error", "brier", "drifts")


def count(engine: MarketEngine, out: Outputs) -> None:
    """Add what came of one input to the metrics."""
    metrics.MINUTES.inc(out.minutes)
    metrics.NEWS_DUPLICATES.inc(sum(item.duplicate_of is not None for item in out.news))
    metrics.CATALYSTS.inc(len(out.catalysts))
    metrics.COLLECTED.inc(sum(map(len, out.rows)))
    metrics.EVENT_TIME.labels(agent="market").set(engine.clock.time / US_PER_S)
    for update in out.updates:
        if update.scan is not None:
            metrics.SCAN_SECONDS.observe(update.scan.execution_time)
            metrics.UNIVERSE.set(update.scan.total_universe)
    if out.updates:
        for tier, securities in engine.tiers().items():
            metrics.TRACKED.labels(tier=tier).set(securities)
    _count_discovered(engine, out)


def _count_discovered(engine: MarketEngine, out: Outputs) -> None:
    for fault in out.faults:
        metrics.DISCOVERY_FAULTS.inc()
        log.error("discovery failed", exc_info=fault)
    for pattern in out.patterns:
        told = "first" if pattern.is_first else "again"
        metrics.PATTERNS.labels(type=pattern.pattern_type, told=told).inc()
    for outcome in out.outcomes:
        came = "true" if outcome.came_true else "false"
        metrics.OUTCOMES.labels(type=outcome.pattern_type, came=came).inc()
    if out.minutes:
        passed = engine.discovered_until - engine.discovery.consolidation.last_run
        metrics.DISCOVERY_AGE.set(passed / US_PER_S)
    if out.outcomes or out.consolidated:
        metrics.set_confidence(engine.discovery.figures())


def discovered(out: Outputs) -> dict[str, int]:
    """What discovery did with one input, for the steps of a cycle."""
    return {
        "minutes": out.minutes,
        "patterns": len(out.patterns),
        "outcomes": len(out.outcomes),
        "explained": out.rejected,
        "consolidations": len(out.consolidated),
        "faults": len(out.faults),
    }


def discovery_facts(discovery: Discovery, securities: int) -> dict[str, Any]:
    """How far and how well, as plain values; figures by type where there are outcomes."""
    figures = discovery.figures()
    return {
        "last_run": figures["last_run"],
        "model_version": figures["model_version"],
        "waiting": figures["waiting"],
        "securities": securities,
        "types": {
            name: {key: told[key] for key in _SHOWN}
            for name, told in figures["types"].items()
            if told["judged_on"]
        },
    }
