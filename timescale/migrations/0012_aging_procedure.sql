-- One procedure ages everything. Each step commits, and can be repeated after a crash anywhere:
--   close    from now on, rows below the mark go to security_data_late
--   refresh  hourly, then daily, over exactly the range between the two marks, whose rows are
--            complete and still there; never over what is dropped
--   drop     whole chunks, and the second mark moves up, in one transaction

CREATE TABLE aging_runs (
    ran_at         timestamptz NOT NULL DEFAULT clock_timestamp() PRIMARY KEY,
    tier           text        NOT NULL,
    event_now      timestamptz NOT NULL,
    dropped_from   timestamptz NOT NULL,
    dropped_before timestamptz NOT NULL,
    chunks         integer     NOT NULL,
    duration       interval    NOT NULL
);
COMMENT ON TABLE aging_runs IS 'What each run dropped; a run that had nothing to drop leaves no row';

-- A tier's own clock: the end of its newest row. A stage that lags is not aged by one that leads.
CREATE FUNCTION newest_event(relation regclass) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    chunk  record;
    newest timestamptz;
BEGIN
    FOR chunk IN
        SELECT c.range_start, c.range_end FROM timescaledb_information.chunks c
        WHERE format('%I.%I', c.hypertable_schema, c.hypertable_name)::regclass = relation
        ORDER BY c.range_start DESC
    LOOP
        EXECUTE format('SELECT max("timestamp") FROM %s WHERE "timestamp" >= $1 AND "timestamp" < $2',
                       relation) INTO newest USING chunk.range_start, chunk.range_end;
        EXIT WHEN newest IS NOT NULL;
    END LOOP;
    RETURN newest;
END $$;

CREATE FUNCTION market_now() RETURNS timestamptz LANGUAGE sql STABLE
RETURN coalesce(newest_event('security_data_high_freq'), newest_event('security_ticks'));

CREATE PROCEDURE refresh_versions(for_tier text, range_start timestamptz, range_end timestamptz)
LANGUAGE plpgsql AS $$
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
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION drop_tier(for_tier text, older_than timestamptz, event_now timestamptz,
                          began timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dropped   integer := 0;
    previous  timestamptz;
    dropping  regclass;
BEGIN
    FOR dropping IN
        SELECT 'security_data_high_freq'::regclass WHERE for_tier = 'high_freq'
        UNION ALL SELECT 'security_ticks'::regclass WHERE for_tier = 'ticks'
        UNION ALL SELECT relation FROM aggregate_versions WHERE tier = for_tier
    LOOP
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

CREATE PROCEDURE compress_colder(relation regclass, older_than timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    cold regclass;
BEGIN
    FOR cold IN SELECT c FROM show_chunks(relation, older_than => older_than) c LOOP
        PERFORM compress_chunk(cold, if_not_compressed => true);
        COMMIT;
    END LOOP;
END $$;

-- event_now: event time up to which all rows are stored; null: each tier's own newest row.
CREATE PROCEDURE age_market_data(event_now timestamptz DEFAULT NULL, short boolean DEFAULT false)
LANGUAGE plpgsql AS $$
DECLARE
    began    timestamptz := clock_timestamp();
    high_now timestamptz := coalesce(event_now, newest_event('security_data_high_freq'));
    tick_now timestamptz := coalesce(event_now, newest_event('security_ticks'));
    policy   record;
    mark     record;
    target   timestamptz;
BEGIN
    IF NOT pg_try_advisory_lock(hashtext('catalyst.aging')) THEN
        RETURN;  -- another session is at it
    END IF;

    IF high_now IS NOT NULL THEN
        SELECT CASE WHEN short THEN least(keep, keep_when_short) ELSE keep END AS keep,
               compress_after
        INTO policy FROM aging_policy WHERE tier = 'high_freq';
        target := time_bucket(INTERVAL '1 day', high_now - policy.keep);
        IF target > (SELECT closed_before FROM aging_marks WHERE tier = 'high_freq') THEN
            PERFORM pg_advisory_xact_lock(hashtext('catalyst.high_freq_mark'));
            UPDATE aging_marks SET closed_before = target WHERE tier = 'high_freq';
            COMMIT;
        END IF;
        SELECT * INTO mark FROM aging_marks WHERE tier = 'high_freq';
        IF mark.dropped_before < mark.closed_before THEN
            CALL refresh_versions('hourly', mark.dropped_before, mark.closed_before);
            CALL refresh_versions('daily', mark.dropped_before, mark.closed_before);
            PERFORM drop_tier('high_freq', mark.closed_before, high_now, began);
            COMMIT;
        END IF;

        SELECT * INTO mark FROM aging_marks WHERE tier = 'high_freq';
        SELECT least(time_bucket(INTERVAL '1 day', high_now
                     - CASE WHEN short THEN least(keep, keep_when_short) ELSE keep END),
                     mark.dropped_before)
        INTO target FROM aging_policy WHERE tier = 'hourly';
        IF target > (SELECT dropped_before FROM aging_marks WHERE tier = 'hourly') THEN
            PERFORM drop_tier('hourly', target, high_now, began);
            COMMIT;
        END IF;
        IF policy.compress_after IS NOT NULL THEN
            CALL compress_colder('security_data_high_freq', high_now - policy.compress_after);
        END IF;
    END IF;

    IF tick_now IS NOT NULL THEN
        SELECT CASE WHEN short THEN least(keep, keep_when_short) ELSE keep END AS keep,
               compress_after
        INTO policy FROM aging_policy WHERE tier = 'ticks';
        target := time_bucket(INTERVAL '1 hour', tick_now - policy.keep);
        PERFORM drop_tier('ticks', target, tick_now, began);
        COMMIT;
        IF policy.compress_after IS NOT NULL THEN
            CALL compress_colder('security_ticks', tick_now - policy.compress_after);
        END IF;
    END IF;
    PERFORM pg_advisory_unlock(hashtext('catalyst.aging'));
END $$;

-- The same for TimescaleDB's scheduler, which passes its job's number and configuration.
CREATE PROCEDURE aging_job(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
BEGIN
    CALL age_market_data();
END $$;

-- Replacing an aggregate: a migration creates the _vN beside the old one, adopts it, and redefines
-- the stable view as the old one before the returned time and the new one from it on. Below that
-- time only the old one has the rows; it keeps them, and is never refreshed beyond it.
CREATE FUNCTION adopt_aggregate(for_tier text, new_version integer, new_relation regclass)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    cut timestamptz;
BEGIN
    SELECT closed_before INTO STRICT cut FROM aging_marks WHERE tier = 'high_freq' FOR UPDATE;
    INSERT INTO aggregate_versions VALUES (for_tier, new_version, new_relation, cut);
    RETURN cut;
END $$;
