-- The tracking table as every worker sees it: the newest quote of each security and its state.

CREATE TABLE security_latest (
    symbol          text             PRIMARY KEY,
    "timestamp"     timestamptz      NOT NULL,
    price           double precision NOT NULL,
    bid             double precision,
    ask             double precision,
    spread          double precision,
    volume          double precision,
    volatility      double precision,
    relative_volume double precision,
    imbalance       double precision
);
COMMENT ON COLUMN security_latest."timestamp" IS 'Time of the newest quote';
COMMENT ON COLUMN security_latest.volume IS 'Shares of the exchange day until the last closed minute';
COMMENT ON COLUMN security_latest.volatility IS 'Standard deviation of 15-minute log returns';
COMMENT ON COLUMN security_latest.relative_volume IS
    'Volume of the day over what is usual by this time; null until a day is known';
COMMENT ON COLUMN security_latest.imbalance IS 'EW (buys - sales) / volume, -1 to 1';
