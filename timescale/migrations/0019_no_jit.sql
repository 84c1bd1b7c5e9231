-- Compiling the catalog's wide views takes a server seconds, running them takes it milliseconds.

ALTER FUNCTION storage_by_relation() SET jit = off;
ALTER FUNCTION newest_event(regclass) SET jit = off;
ALTER PROCEDURE sample_storage(timestamptz) SET jit = off;

CREATE OR REPLACE PROCEDURE aging_job(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
DECLARE
    is_short boolean;
BEGIN
    PERFORM set_config('jit', 'off', false);
    SELECT value = 'true' AND NOT deleted INTO is_short FROM configuration
    WHERE key = 'storage.short' ORDER BY version DESC LIMIT 1;
    CALL age_market_data(NULL, coalesce(is_short, false));
    CALL sample_storage(market_now());
END $$;
