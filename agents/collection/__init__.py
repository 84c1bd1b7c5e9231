"""Collection: bars in, rows for TimescaleDB out, at the interval of each symbol."""
