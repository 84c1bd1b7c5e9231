-- Hourly and daily figures (UTC) as hierarchical continuous aggregates. They hold sums only; the
-- stable views over them divide, so that daily figures from hourly rows stay exact.
--
-- Aggregates are replaced by adding a _vN beside the old one; readers know the views alone.
-- Each has its own chunk interval: by default it would be ten raw chunks.

CREATE MATERIALIZED VIEW security_data_hourly_v1
WITH (timescaledb.continuous, timescaledb.materialized_only = false,
      timescaledb.chunk_interval = '1 day') AS
SELECT r.symbol,
       time_bucket(INTERVAL '1 hour', r."timestamp") AS "timestamp",
       first(r.open, r."timestamp") FILTER (WHERE r.bar_count > 0) AS open,
       max(r.high) FILTER (WHERE r.bar_count > 0) AS high,
       min(r.low) FILTER (WHERE r.bar_count > 0) AS low,
       -- a carried price is a close only where nothing traded
       coalesce(last(r.price, r."timestamp") FILTER (WHERE r.bar_count > 0),
                last(r.price, r."timestamp")) AS close,
       sum(r.volume) AS volume,
       sum(r.notional) AS notional,
       sum(r.buy_volume) AS buy_volume,
       sum(r.spread_sum) AS spread_sum,
       sum(r.quoted_count)::bigint AS quoted_count,
       sum(r.quote_count)::bigint AS quote_count,
       sum(r.bar_count)::bigint AS bar_count,
       sum(r.news_mentions)::bigint AS news_mentions,
       -- weighted by time, so that rows of a minute and of an hour count for what they cover
       sum(r.volatility_15min * r.volatility_15min * r.interval_s) AS variance_s,
       (sum(r.interval_s) FILTER (WHERE r.volatility_15min IS NOT NULL))::bigint AS volatility_s,
       count(*) AS row_count
FROM security_data_high_freq r
GROUP BY r.symbol, time_bucket(INTERVAL '1 hour', r."timestamp")
WITH NO DATA;

CREATE MATERIALIZED VIEW security_data_daily_v1
WITH (timescaledb.continuous, timescaledb.materialized_only = false,
      timescaledb.chunk_interval = '182 days') AS
SELECT h.symbol,
       time_bucket(INTERVAL '1 day', h."timestamp") AS "timestamp",
       first(h.open, h."timestamp") FILTER (WHERE h.bar_count > 0) AS open,
       max(h.high) FILTER (WHERE h.bar_count > 0) AS high,
       min(h.low) FILTER (WHERE h.bar_count > 0) AS low,
       coalesce(last(h.close, h."timestamp") FILTER (WHERE h.bar_count > 0),
                last(h.close, h."timestamp")) AS close,
       sum(h.volume) AS volume,
       sum(h.notional) AS notional,
       sum(h.buy_volume) AS buy_volume,
       sum(h.spread_sum) AS spread_sum,
       sum(h.quoted_count)::bigint AS quoted_count,
       sum(h.quote_count)::bigint AS quote_count,
       sum(h.bar_count)::bigint AS bar_count,
       sum(h.news_mentions)::bigint AS news_mentions,
       sum(h.variance_s) AS variance_s,
       sum(h.volatility_s)::bigint AS volatility_s,
       sum(h.row_count)::bigint AS row_count
FROM security_data_hourly_v1 h
GROUP BY h.symbol, time_bucket(INTERVAL '1 day', h."timestamp")
WITH NO DATA;

CREATE VIEW security_data_hourly AS
SELECT symbol, "timestamp", open, high, low, close, volume,
       notional / nullif(volume, 0) AS vwap,
       spread_sum / nullif(quoted_count, 0) AS spread,
       sqrt(variance_s / nullif(volatility_s, 0)) AS volatility,
       buy_volume, news_mentions, quote_count, bar_count, row_count, notional, quoted_count
FROM security_data_hourly_v1;

CREATE VIEW security_data_daily AS
SELECT symbol, "timestamp", open, high, low, close, volume,
       notional / nullif(volume, 0) AS vwap,
       spread_sum / nullif(quoted_count, 0) AS spread,
       sqrt(variance_s / nullif(volatility_s, 0)) AS volatility,
       buy_volume, news_mentions, quote_count, bar_count, row_count, notional, quoted_count
FROM security_data_daily_v1;

COMMENT ON VIEW security_data_hourly IS
    'One row a symbol and hour; timestamp is its start; volatility is the root mean square of the '
    '15-minute volatilities, weighted by time';
COMMENT ON VIEW security_data_daily IS 'As security_data_hourly, by UTC day';
