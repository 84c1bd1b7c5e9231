-- Records by which services coordinate: trading cycles, their steps, health, configuration.

CREATE TABLE trading_cycles (
    cycle_id   text        PRIMARY KEY,
    status     text        NOT NULL CHECK (status IN
        ('created', 'scanning', 'trading', 'paused', 'completed', 'failed', 'cancelled')),
    mode       text        NOT NULL DEFAULT 'paper',
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    data       jsonb       NOT NULL DEFAULT '{}',
    version    integer     NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX trading_cycles_by_time ON trading_cycles (started_at DESC);
COMMENT ON COLUMN trading_cycles.version IS 'Counts the updates; each is compared and set';

CREATE TABLE workflow_log (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cycle_id  text        NOT NULL REFERENCES trading_cycles ON DELETE CASCADE,
    step      text        NOT NULL,
    status    text        NOT NULL CHECK (status IN
        ('started', 'completed', 'failed', 'skipped')),
    details   jsonb       NOT NULL DEFAULT '{}',
    logged_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX workflow_log_by_cycle ON workflow_log (cycle_id, id);

CREATE TABLE service_health (
    service_name text        PRIMARY KEY,
    status       text        NOT NULL CHECK (status IN
        ('starting', 'healthy', 'degraded', 'unhealthy', 'stopped')),
    metrics      jsonb       NOT NULL DEFAULT '{}',
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN service_health.since IS 'When the service took on its present status';

-- Every version of a key is kept; the newest holds. change_id orders changes over all keys, so
-- that a reader asks for what came after the last change it saw.
CREATE TABLE configuration (
    key        text        NOT NULL,
    version    integer     NOT NULL,
    value      jsonb       NOT NULL,
    value_type text        NOT NULL CHECK (value_type IN
        ('boolean', 'integer', 'number', 'string', 'array', 'object', 'flag')),
    deleted    boolean     NOT NULL DEFAULT false,
    changed_by text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    change_id  bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    PRIMARY KEY (key, version)
);
