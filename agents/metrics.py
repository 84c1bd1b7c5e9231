"""Prometheus metrics of the agents; no label grows with the number of securities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

QUOTES = Counter("catalyst_quotes", "Quotes taken in")
BARS = Counter("catalyst_bars", "One-minute bars published")
LATE = Counter("catalyst_late", "Records or quotes that came too late", ["topic"])
DUPLICATES = Counter("catalyst_duplicates", "Exact repeats of a quote that were dropped")
DEAD_LETTERS = Counter("catalyst_dlq", "Records sent to a dead-letter topic", ["topic"])
TICKS = Counter("catalyst_ticks", "Ticks handed to the writer")
COLLECTED = Counter("catalyst_collected_rows", "Collected rows handed to the writer")
MINUTES = Counter("catalyst_market_minutes", "Market minutes closed by the second stage")
IDLE = Counter("catalyst_idle_closes", "Times a silent partition was closed by the wall clock")
NEWS = Counter("catalyst_news", "News items taken in")
NEWS_DUPLICATES = Counter("catalyst_news_duplicates", "News items that told a story again")
CATALYSTS = Counter("catalyst_catalysts", "News items as they bear on one security")
SCAN_SECONDS = Histogram("catalyst_scan_seconds", "Duration of a scan", buckets=_SECONDS)
UNIVERSE = Gauge("catalyst_universe_securities", "Securities that the last scan ranked")
CHECKPOINTS = Counter("catalyst_checkpoints", "Checkpoints written", ["agent"])
CHECKPOINT_SECONDS = Histogram(
    "catalyst_checkpoint_seconds", "Time to make effects durable", ["agent"], buckets=_SECONDS
)
LAG = Gauge("catalyst_consumer_lag", "Records not taken in yet", ["topic", "partition"])
EVENT_TIME = Gauge("catalyst_event_time_seconds", "Newest event time seen", ["agent"])
TRACKED = Gauge("catalyst_tracked_securities", "Securities tracked, by tier", ["tier"])
STAGE_SECONDS = Histogram(
    "catalyst_stage_seconds", "From event to the effect of each stage", ["stage"], buckets=_SECONDS
)
STORAGE_BYTES = Gauge("catalyst_storage_bytes", "Size of the database")
STORAGE_BUDGET = Gauge("catalyst_storage_budget_bytes", "What the database may take")
LATE_ROWS = Gauge("catalyst_late_rows", "Rows that came after their tier had been dropped")
PATTERNS = Counter("catalyst_patterns", "Messages about patterns", ["type", "told"])
OUTCOMES = Counter("catalyst_outcomes", "Patterns whose horizon has passed", ["type", "came"])
DISCOVERY_FAULTS = Counter("catalyst_discovery_faults", "Minutes that discovery failed on")
DISCOVERY_AGE = Gauge(
    "catalyst_last_discovery_age_seconds", "Event time since discovery was consolidated"
)
PRECISION = Gauge(
    "catalyst_pattern_precision_ratio", "Share of the newest outcomes that came true", ["type"]
)
CALIBRATION = Gauge(
    "catalyst_confidence_calibration_error_ratio", "Expected calibration error", ["type"]
)
BRIER = Gauge("catalyst_confidence_brier_ratio", "Brier score of confidence", ["type"])
DRIFTS = Gauge("catalyst_model_drifts", "Times that confidence was found to have drifted", ["type"])


def set_confidence(figures: Mapping[str, Any]) -> None:
    """Publish :meth:`agents.discovery.discovery.Discovery.figures`; ``all`` is a type too."""
    for name, told in figures["types"].items():
        if told["judged_on"]:
            PRECISION.labels(type=name).set(told["precision"])
            CALIBRATION.labels(type=name).set(told["calibration_error"])
            BRIER.labels(type=name).set(told["brier"])
            DRIFTS.labels(type=name).set(told["drifts"])
