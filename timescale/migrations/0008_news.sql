-- News as received.

CREATE TABLE news (
    id          text        PRIMARY KEY,
    "timestamp" timestamptz NOT NULL,
    headline    text        NOT NULL,
    summary     text,
    url         text,
    source      text        NOT NULL,
    symbols     text[]      NOT NULL DEFAULT '{}',
    metadata    jsonb
);
CREATE INDEX news_by_time ON news ("timestamp" DESC);
CREATE INDEX news_by_symbol ON news USING gin (symbols);
COMMENT ON COLUMN news.symbols IS 'As given by the source or found in the text';
