"""The relations that rows are written to."""

from __future__ import annotations

from timescale.relation import Field, Relation

_SYMBOL = Field("symbol", "text", required=True)
_TIMESTAMP = Field("timestamp", "timestamptz", required=True)

TICKS = Relation(
    "security_ticks",
    (
        _SYMBOL,
        _TIMESTAMP,
        Field("seq", "int4", default=0),
        Field("price", "float8", required=True),
        Field("volume", "float8", default=0.0),
        Field("bid", "float8"),
        Field("ask", "float8"),
    ),
    conflict=("symbol", "timestamp", "seq"),
)

HIGH_FREQ = Relation(
    "security_data_high_freq",
    (
        _SYMBOL,
        _TIMESTAMP,
        Field("open", "float8"),
        Field("high", "float8"),
        Field("low", "float8"),
        Field("price", "float8", required=True),
        Field("volume", "float8", default=0.0),
        Field("bid", "float8"),
        Field("ask", "float8"),
        Field("spread", "float8"),
        Field("volatility_15min", "float8"),
        Field("relative_volume", "float8"),
        Field("news_mentions", "int4", default=0),
        Field("metadata", "jsonb"),
        Field("interval_s", "int4", required=True),
        Field("notional", "float8", default=0.0),
        Field("buy_volume", "float8", default=0.0),
        Field("spread_sum", "float8", default=0.0),
        Field("quoted_count", "int8", default=0),
        Field("quote_count", "int8", default=0),
        Field("bar_count", "int4", default=0),
    ),
    conflict=("symbol", "timestamp"),
)

CHECKPOINTS = Relation(
    "checkpoints",
    (
        Field("agent", "text", required=True),
        Field("topic_id", "text", required=True),
        Field("partition", "int4", required=True),
        Field("next_offset", "int8", required=True),
        Field("processed_offset", "int8", required=True),
        Field("event_time", "timestamptz"),
        Field("state", "bytea"),
        Field("updated_at", "timestamptz", required=True),
    ),
    conflict=("agent", "topic_id", "partition"),
    on_conflict="update",
    guard="processed_offset",
)

TRACKING_STATE = Relation(
    "security_tracking_state",
    (
        _SYMBOL,
        Field("first_seen", "timestamptz", required=True),
        Field("last_updated", "timestamptz", required=True),
        Field("collection_frequency", "text", required=True),
        Field("data_points_collected", "int8", default=0),
        Field("price_volatility", "float8"),
        Field("volume_profile", "jsonb"),
        Field("aging_schedule", "jsonb"),
        Field("tracking_reason", "text"),
        Field("last_catalyst_score", "float8"),
        Field("tracked", "bool", default=True),
        Field("last_price", "float8"),
    ),
    conflict=("symbol",),
    on_conflict="update",
    guard="last_updated",
    keep=("first_seen",),
)

LATEST = Relation(
    "security_latest",
    (
        _SYMBOL,
        _TIMESTAMP,
        Field("price", "float8", required=True),
        Field("bid", "float8"),
        Field("ask", "float8"),
        Field("spread", "float8"),
        Field("volume", "float8"),
        Field("volatility", "float8"),
        Field("relative_volume", "float8"),
        Field("imbalance", "float8"),
    ),
    conflict=("symbol",),
    on_conflict="update",
    guard="timestamp",
)

SCANS = Relation(
    "scans",
    (
        Field("scan_id", "text", required=True),
        _TIMESTAMP,
        Field("mode", "text", required=True),
        Field("trading_candidates", "jsonb", required=True),
        Field("tracked_securities", "jsonb", required=True),
        Field("total_universe", "int4", required=True),
        Field("execution_time", "float8"),
    ),
    conflict=("scan_id",),
)

TIER_CHANGES = Relation(
    "tier_changes",
    (
        _SYMBOL,
        _TIMESTAMP,
        Field("from_tier", "text"),
        Field("to_tier", "text"),
        Field("reason", "text", required=True),
        Field("details", "jsonb"),
    ),
    conflict=("symbol", "timestamp"),
)

DISCOVERIES = Relation(
    "ml_pattern_discoveries",
    (
        Field("id", "text", required=True),
        Field("discovery_date", "timestamptz", required=True),
        Field("pattern_type", "text", required=True),
        Field("securities_involved", "text[]", required=True),
        Field("pattern_confidence", "float8", required=True),
        Field("trigger_conditions", "jsonb", required=True),
        Field("predicted_outcome", "jsonb", required=True),
        Field("actual_outcome", "jsonb"),
        Field("backtest_results", "jsonb"),
        Field("window_start", "timestamptz"),
        Field("window_end", "timestamptz"),
        Field("evidence", "text[]", default=()),
        Field("model_version", "text"),
        Field("updated_at", "timestamptz", required=True),
    ),
    conflict=("id",),
    on_conflict="update",
    guard="updated_at",
    keep=("discovery_date",),
    fill=("actual_outcome", "backtest_results", "window_start", "window_end", "model_version"),
)

NEWS = Relation(
    "news",
    (
        Field("id", "text", required=True),
        _TIMESTAMP,
        Field("headline", "text", required=True),
        Field("summary", "text"),
        Field("url", "text"),
        Field("source", "text", required=True),
        Field("symbols", "text[]", default=()),
        Field("metadata", "jsonb"),
    ),
    conflict=("id",),
)

MODELS = Relation(
    "models",
    (
        Field("name", "text", required=True),
        Field("version", "text", required=True),
        Field("created_at", "timestamptz", required=True),
        Field("snapshot", "bytea", required=True),
        Field("metadata", "jsonb", default={}),
    ),
    conflict=("name", "version"),
)
