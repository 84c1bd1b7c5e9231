-- What a server is stricter about than the embedded engine.

-- CALL takes no subquery there; and a deleted setting is no setting, whatever it was before.
CREATE OR REPLACE PROCEDURE aging_job(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
DECLARE
    is_short boolean;
BEGIN
    SELECT value = 'true' AND NOT deleted INTO is_short FROM configuration
    WHERE key = 'storage.short' ORDER BY version DESC LIMIT 1;
    CALL age_market_data(NULL, coalesce(is_short, false));
    CALL sample_storage(market_now());
END $$;

-- A worker that logs in as writer notes the sizes, too.
ALTER PROCEDURE sample_storage(timestamptz) SECURITY DEFINER;
ALTER PROCEDURE sample_storage(timestamptz) SET search_path = public, pg_temp;

-- With the temporary schema last, nobody's temporary table stands in for one of ours.
ALTER FUNCTION note_high_freq_mark() SET search_path = public, pg_temp;
ALTER FUNCTION divert_late_row() SET search_path = public, pg_temp;
