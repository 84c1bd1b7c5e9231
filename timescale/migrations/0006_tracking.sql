-- What is tracked, how often it is collected, and the scans that decided it.

CREATE TABLE security_tracking_state (
    symbol                text        PRIMARY KEY,
    first_seen            timestamptz NOT NULL,
    last_updated          timestamptz NOT NULL,
    collection_frequency  text        NOT NULL CHECK (collection_frequency IN
        ('ultra_high_freq', 'high_freq', 'medium_freq', 'low_freq', 'archived')),
    data_points_collected bigint      NOT NULL DEFAULT 0,
    price_volatility      double precision,
    volume_profile        jsonb,
    aging_schedule        jsonb,
    tracking_reason       text,
    last_catalyst_score   double precision,
    tracked               boolean     NOT NULL DEFAULT true,
    last_price            double precision
);
COMMENT ON COLUMN security_tracking_state.tracked IS 'Whether it is among the tracked securities now';

CREATE TABLE scans (
    scan_id            text        PRIMARY KEY,
    "timestamp"        timestamptz NOT NULL,
    mode               text        NOT NULL,
    trading_candidates jsonb       NOT NULL,
    tracked_securities jsonb       NOT NULL,
    total_universe     integer     NOT NULL CHECK (total_universe >= 0),
    execution_time     double precision
);
CREATE INDEX scans_by_time ON scans ("timestamp" DESC);
COMMENT ON COLUMN scans.execution_time IS 'Seconds';

CREATE TABLE tier_changes (
    symbol      text        NOT NULL,
    "timestamp" timestamptz NOT NULL,
    from_tier   text,
    to_tier     text,
    reason      text        NOT NULL,
    details     jsonb,
    PRIMARY KEY (symbol, "timestamp")
);
CREATE INDEX tier_changes_by_time ON tier_changes ("timestamp" DESC);
COMMENT ON TABLE tier_changes IS
    'Promotions and demotions; from_tier is null on entry, to_tier is null on leaving';
