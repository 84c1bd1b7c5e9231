-- Older days into a database that has aged past them: allowed for days that hold no figures yet,
-- since only what was aggregated before can be erased by aggregating again.

CREATE TABLE backfill_ranges (
    range_start timestamptz PRIMARY KEY CHECK (range_start = time_bucket('1 day', range_start)),
    range_end   timestamptz NOT NULL CHECK (range_end = time_bucket('1 day', range_end)),
    closing     boolean     NOT NULL DEFAULT false,
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (range_start < range_end)
);
COMMENT ON TABLE backfill_ranges IS
    'Days (UTC) below the mark that take rows in at present; aggregated when the backfill is closed';

-- As before, with a commit after each refresh: only then does the log of the next aggregate up show
-- what the refresh changed below it.
CREATE OR REPLACE PROCEDURE refresh_versions(for_tier text, range_start timestamptz,
                                             range_end timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    aggregate record;
BEGIN
    FOR aggregate IN
        SELECT relation, valid_from,
               lead(valid_from, 1, 'infinity') OVER (ORDER BY version) AS valid_to
        FROM aggregate_versions WHERE tier = for_tier
    LOOP
        IF greatest(range_start, aggregate.valid_from) < least(range_end, aggregate.valid_to) THEN
            CALL refresh_continuous_aggregate(aggregate.relation,
                nullif(greatest(range_start, aggregate.valid_from), '-infinity'),
                least(range_end, aggregate.valid_to));
            COMMIT;
        END IF;
    END LOOP;
END $$;

-- As before, but for the days of a backfill.
CREATE OR REPLACE FUNCTION divert_late_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM backfill_ranges WHERE NEW."timestamp" >= range_start
               AND NEW."timestamp" < range_end AND NOT closing) THEN
        RETURN NEW;
    END IF;
    INSERT INTO security_data_late VALUES (NEW.*) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE FUNCTION drop_raw_chunks(dropping regclass, older_than timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    dropped integer := 0;
    kept    record;
    lower   timestamptz;
BEGIN
    FOR kept IN SELECT range_start, range_end FROM backfill_ranges
                WHERE range_start < drop_raw_chunks.older_than ORDER BY range_start
    LOOP
        IF lower IS NULL OR lower < kept.range_start THEN
            dropped := dropped + (SELECT count(*) FROM drop_chunks(
                dropping, older_than => kept.range_start, newer_than => lower));
        END IF;
        lower := kept.range_end;
    END LOOP;
    IF lower IS NULL OR lower < older_than THEN
        dropped := dropped + (SELECT count(*) FROM drop_chunks(
            dropping, older_than => drop_raw_chunks.older_than, newer_than => lower));
    END IF;
    RETURN dropped;
END $$;

CREATE OR REPLACE FUNCTION drop_tier(for_tier text, older_than timestamptz, event_now timestamptz,
                                     began timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dropped  integer := 0;
    previous timestamptz;
    dropping regclass;
BEGIN
    IF for_tier = 'high_freq' THEN
        dropped := drop_raw_chunks('security_data_high_freq', older_than);
    ELSIF for_tier = 'ticks' THEN
        dropped := drop_raw_chunks('security_ticks', older_than);
    END IF;
    FOR dropping IN SELECT relation FROM aggregate_versions WHERE tier = for_tier LOOP
        dropped := dropped + (SELECT count(*) FROM drop_chunks(dropping, older_than => older_than));
    END LOOP;
    SELECT dropped_before INTO previous FROM aging_marks WHERE tier = for_tier;
    UPDATE aging_marks SET dropped_before = greatest(dropped_before, older_than),
                           closed_before = greatest(closed_before, older_than)
    WHERE tier = for_tier;
    IF dropped > 0 THEN
        INSERT INTO aging_runs (tier, event_now, dropped_from, dropped_before, chunks, duration)
        VALUES (for_tier, event_now, previous, older_than, dropped, clock_timestamp() - began);
        DELETE FROM aging_runs WHERE ran_at < clock_timestamp() - INTERVAL '90 days';
    END IF;
END $$;

CREATE PROCEDURE open_backfill(first_day timestamptz, end_day timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    mark  timestamptz;
    taken timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('catalyst.high_freq_mark'));
    SELECT closed_before INTO mark FROM aging_marks WHERE tier = 'high_freq';
    end_day := least(end_day, mark);  -- from the mark on, rows are taken in as ever
    IF first_day >= end_day THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM backfill_ranges
               WHERE range_start < end_day AND range_end > first_day) THEN
        RAISE EXCEPTION 'a backfill of these days is open already' USING ERRCODE = 'CS004';
    END IF;
    SELECT min("timestamp") INTO taken FROM security_data_daily
    WHERE "timestamp" >= first_day AND "timestamp" < end_day;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION '% has figures already, which a backfill would replace',
            (taken AT TIME ZONE 'UTC')::date USING ERRCODE = 'CS004';
    END IF;
    INSERT INTO backfill_ranges (range_start, range_end) VALUES (first_day, end_day);
END $$;

-- Shut the door, aggregate what came in, drop it. After a crash anywhere, close it again.
CREATE PROCEDURE close_backfill(first_day timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    backfill backfill_ranges;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('catalyst.high_freq_mark'));
    UPDATE backfill_ranges SET closing = true WHERE range_start = first_day
    RETURNING * INTO backfill;
    COMMIT;
    IF backfill IS NULL THEN
        RETURN;
    END IF;
    CALL refresh_versions('hourly', backfill.range_start, backfill.range_end);
    CALL refresh_versions('daily', backfill.range_start, backfill.range_end);
    PERFORM drop_chunks('security_data_high_freq', newer_than => backfill.range_start,
                        older_than => backfill.range_end);
    DELETE FROM backfill_ranges WHERE range_start = first_day;
    COMMIT;
END $$;
