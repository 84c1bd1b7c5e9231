-- Discovered patterns with their outcomes, and the models that rated them.

CREATE TABLE ml_pattern_discoveries (
    id                  text        PRIMARY KEY,
    discovery_date      timestamptz NOT NULL,
    pattern_type        text        NOT NULL,
    securities_involved text[]      NOT NULL,
    pattern_confidence  double precision NOT NULL CHECK (pattern_confidence BETWEEN 0 AND 1),
    trigger_conditions  jsonb       NOT NULL,
    predicted_outcome   jsonb       NOT NULL,
    actual_outcome      jsonb,
    backtest_results    jsonb,
    window_start        timestamptz,
    window_end          timestamptz,
    evidence            text[]      NOT NULL DEFAULT '{}',
    model_version       text,
    updated_at          timestamptz NOT NULL
);
CREATE INDEX ml_pattern_discoveries_by_type ON ml_pattern_discoveries
    (pattern_type, discovery_date DESC);
CREATE INDEX ml_pattern_discoveries_by_time ON ml_pattern_discoveries (discovery_date DESC);
CREATE INDEX ml_pattern_discoveries_by_symbol ON ml_pattern_discoveries
    USING gin (securities_involved);
COMMENT ON COLUMN ml_pattern_discoveries.updated_at IS
    'Event time of the newest message about the pattern; an older one changes nothing';

CREATE TABLE models (
    name       text        NOT NULL,
    version    text        NOT NULL,
    created_at timestamptz NOT NULL,
    snapshot   bytea       NOT NULL,
    metadata   jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (name, version)
);
CREATE INDEX models_newest ON models (name, created_at DESC);
