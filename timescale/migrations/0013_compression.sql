-- Columnar chunks for what is cold: 5 to 7 times smaller, still unique on their keys.

ALTER TABLE security_ticks SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'symbol',
    timescaledb.compress_orderby = '"timestamp" DESC, seq'
);
ALTER TABLE security_data_high_freq SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'symbol',
    timescaledb.compress_orderby = '"timestamp" DESC'
);
