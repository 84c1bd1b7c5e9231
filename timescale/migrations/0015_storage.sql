-- What is stored, by relation and tier, and how it grew.

CREATE TABLE storage_samples (
    event_day date   NOT NULL,
    relation  text   NOT NULL,
    bytes     bigint NOT NULL,
    PRIMARY KEY (event_day, relation)
);
COMMENT ON TABLE storage_samples IS 'Bytes of each relation at the last look of each event day';

-- Everything a user put here: hypertables and aggregates with their chunks, plain tables, indexes.
CREATE FUNCTION storage_by_relation()
RETURNS TABLE (relation text, tier text, bytes bigint, uncompressed_bytes bigint, chunks bigint,
               compressed_chunks bigint)
LANGUAGE sql STABLE AS $$
    WITH tiered (relation, tier) AS (
        VALUES ('security_ticks', 'ticks'), ('security_data_high_freq', 'high_freq')
        UNION ALL SELECT relation::text, tier FROM aggregate_versions
    ), hyper AS (
        SELECT t.relation, t.tier, hypertable_size(t.relation::regclass) AS bytes,
               coalesce(a.materialization_hypertable_schema, 'public') AS schema_name,
               coalesce(a.materialization_hypertable_name, t.relation) AS hypertable
        FROM tiered t
        LEFT JOIN timescaledb_information.continuous_aggregates a
            ON format('%I.%I', a.view_schema, a.view_name)::regclass = t.relation::regclass
    )
    SELECT h.relation, h.tier, h.bytes,
           h.bytes + coalesce(s.before_compression_total_bytes - s.after_compression_total_bytes, 0),
           (SELECT count(*) FROM timescaledb_information.chunks k
            WHERE k.hypertable_schema = h.schema_name AND k.hypertable_name = h.hypertable),
           coalesce(s.number_compressed_chunks, 0)
    FROM hyper h
    LEFT JOIN LATERAL hypertable_compression_stats(
        CASE WHEN h.tier IN ('ticks', 'high_freq') THEN h.relation::regclass END) s ON true
    UNION ALL
    SELECT c.relname::text, 'records', pg_total_relation_size(c.oid),
           pg_total_relation_size(c.oid), 0, 0
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND c.relname NOT IN ('security_ticks', 'security_data_high_freq')
$$;

CREATE PROCEDURE sample_storage(event_now timestamptz) LANGUAGE sql AS $$
    DELETE FROM storage_samples
    WHERE event_day < (event_now AT TIME ZONE 'UTC')::date - 400;
    INSERT INTO storage_samples (event_day, relation, bytes)
    SELECT (event_now AT TIME ZONE 'UTC')::date, s.relation, s.bytes FROM storage_by_relation() s
    WHERE event_now IS NOT NULL
    ON CONFLICT (event_day, relation) DO UPDATE SET bytes = excluded.bytes
    WHERE storage_samples.bytes <> excluded.bytes
$$;

CREATE OR REPLACE PROCEDURE aging_job(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
BEGIN
    CALL age_market_data(NULL, coalesce((SELECT value = 'true' FROM configuration
        WHERE key = 'storage.short' AND NOT deleted ORDER BY version DESC LIMIT 1), false));
    CALL sample_storage(market_now());
END $$;
