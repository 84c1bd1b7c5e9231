-- Aging: raw rows become hourly and daily figures before they go, and nothing below a mark is ever
-- computed again. Retention policies are not used: next to refreshes they erase aggregates silently
-- when a refresh reaches below what was dropped.

CREATE TABLE aging_policy (
    tier            text PRIMARY KEY CHECK (tier IN ('ticks', 'high_freq', 'hourly')),
    keep            interval NOT NULL CHECK (keep > INTERVAL '0'),
    keep_when_short interval NOT NULL CHECK (keep_when_short > INTERVAL '0'),
    compress_after  interval CHECK (compress_after >= INTERVAL '0')
);
COMMENT ON TABLE aging_policy IS
    'How long each tier is kept, by event time; changes hold from the next run on. Daily figures '
    'are kept for good';
COMMENT ON COLUMN aging_policy.keep_when_short IS 'Age while storage is short';
COMMENT ON COLUMN aging_policy.compress_after IS 'Colder chunks are compressed; null: never';
INSERT INTO aging_policy VALUES
    ('ticks', '24 hours', '2 hours', '2 hours'),
    ('high_freq', '24 hours', '24 hours', '2 hours'),
    ('hourly', '7 days', '2 days', NULL);

CREATE TABLE aging_marks (
    tier           text PRIMARY KEY REFERENCES aging_policy,
    closed_before  timestamptz NOT NULL DEFAULT '-infinity',
    dropped_before timestamptz NOT NULL DEFAULT '-infinity',
    CHECK (dropped_before <= closed_before)
);
COMMENT ON COLUMN aging_marks.closed_before IS 'No row below it is taken in any more';
COMMENT ON COLUMN aging_marks.dropped_before IS 'Everything below it is aggregated and gone';
INSERT INTO aging_marks (tier) SELECT tier FROM aging_policy;

-- Which aggregate holds a tier's figures from when on; the newest version takes new rows in.
CREATE TABLE aggregate_versions (
    tier       text        NOT NULL CHECK (tier IN ('hourly', 'daily')),
    version    integer     NOT NULL,
    relation   regclass    NOT NULL UNIQUE,
    valid_from timestamptz NOT NULL,
    PRIMARY KEY (tier, version)
);
INSERT INTO aggregate_versions VALUES
    ('hourly', 1, 'security_data_hourly_v1', '-infinity'),
    ('daily', 1, 'security_data_daily_v1', '-infinity');

CREATE TABLE security_data_late (LIKE security_data_high_freq INCLUDING DEFAULTS,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, "timestamp")
);
COMMENT ON TABLE security_data_late IS
    'Rows that came for a time already aggregated and dropped: kept, and in no figure';

-- A statement notes the mark once, under a lock that the closing of a range waits for; then each
-- row costs a comparison only.
CREATE FUNCTION note_high_freq_mark() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('catalyst.high_freq_mark'));
    PERFORM set_config('catalyst.closed_before',
        (SELECT closed_before::text FROM aging_marks WHERE tier = 'high_freq'), true);
    RETURN NULL;
END $$;

CREATE FUNCTION divert_late_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO security_data_late VALUES (NEW.*) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER note_mark BEFORE INSERT ON security_data_high_freq
    FOR EACH STATEMENT EXECUTE FUNCTION note_high_freq_mark();
CREATE TRIGGER divert_late BEFORE INSERT ON security_data_high_freq
    FOR EACH ROW
    WHEN (NEW."timestamp" < current_setting('catalyst.closed_before')::timestamptz)
    EXECUTE FUNCTION divert_late_row();
