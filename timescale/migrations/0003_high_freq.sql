-- Collected rows of the tracked securities. Beside prices, each row carries the sums that let
-- hourly and daily figures be computed from it without loss.

CREATE TABLE security_data_high_freq (
    symbol            text             NOT NULL,
    "timestamp"       timestamptz      NOT NULL,
    open              double precision,
    high              double precision,
    low               double precision,
    price             double precision,
    volume            double precision NOT NULL DEFAULT 0,
    bid               double precision,
    ask               double precision,
    spread            double precision,
    volatility_15min  double precision,
    relative_volume   double precision,
    news_mentions     integer          NOT NULL DEFAULT 0,
    metadata          jsonb,
    interval_s        integer          NOT NULL CHECK (interval_s > 0),
    notional          double precision NOT NULL DEFAULT 0,
    buy_volume        double precision NOT NULL DEFAULT 0,
    spread_sum        double precision NOT NULL DEFAULT 0,
    quoted_count      bigint           NOT NULL DEFAULT 0,
    quote_count       bigint           NOT NULL DEFAULT 0,
    bar_count         integer          NOT NULL DEFAULT 0
);
COMMENT ON TABLE security_data_high_freq IS
    'One row a symbol and collection interval; bar_count = 0 marks an interval without a trade, '
    'which only carries the last price on and counts for nothing else';
COMMENT ON COLUMN security_data_high_freq."timestamp" IS 'Start of the interval the row covers';
COMMENT ON COLUMN security_data_high_freq.interval_s IS 'Seconds the row covers';
COMMENT ON COLUMN security_data_high_freq.price IS 'Last price of the interval (the close)';
COMMENT ON COLUMN security_data_high_freq.notional IS 'Sum of price times volume';
COMMENT ON COLUMN security_data_high_freq.buy_volume IS 'Volume on the buying side (quote rule)';
COMMENT ON COLUMN security_data_high_freq.spread_sum IS 'Sum of ask minus bid over quoted_count';
COMMENT ON COLUMN security_data_high_freq.quoted_count IS 'Quotes that had both sides';
COMMENT ON COLUMN security_data_high_freq.quote_count IS 'Quotes in the interval';
COMMENT ON COLUMN security_data_high_freq.bar_count IS 'One-minute bars in the interval';

SELECT create_hypertable('security_data_high_freq', by_range('timestamp', INTERVAL '1 day'),
                         create_default_indexes => false);

CREATE UNIQUE INDEX security_data_high_freq_key
    ON security_data_high_freq (symbol, "timestamp" DESC);
