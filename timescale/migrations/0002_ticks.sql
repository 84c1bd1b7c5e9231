-- Every quote of a tracked security, as it came.

CREATE TABLE security_ticks (
    symbol      text             NOT NULL,
    "timestamp" timestamptz      NOT NULL,
    seq         integer          NOT NULL DEFAULT 0,
    price       double precision NOT NULL,
    volume      double precision NOT NULL DEFAULT 0,
    bid         double precision,
    ask         double precision
);
COMMENT ON COLUMN security_ticks.seq IS
    'Order of the quotes of one symbol that carry the same timestamp, from 0';
COMMENT ON COLUMN security_ticks.volume IS 'Shares since the previous quote of the symbol';

-- One hour a chunk: the unit that is compressed after two hours and dropped after a day.
SELECT create_hypertable('security_ticks', by_range('timestamp', INTERVAL '1 hour'),
                         create_default_indexes => false);

-- Newest first, so that the newest row of a symbol is the first one of its index range.
CREATE UNIQUE INDEX security_ticks_key ON security_ticks (symbol, "timestamp" DESC, seq);
