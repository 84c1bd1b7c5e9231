"""Prometheus metrics of the worker itself; those of the agents are in :mod:`agents.metrics`."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

ROWS = Counter("catalyst_rows_written", "Rows newly stored", ["relation"])
REPEATS = Counter("catalyst_rows_repeated", "Rows that were stored already", ["relation"])
REJECTED = Counter("catalyst_rows_rejected", "Rows that the database refused", ["relation"])
WRITE_SECONDS = Histogram(
    "catalyst_write_seconds", "Time to store a batch, retries included", buckets=_SECONDS
)
RETRIES = Counter("catalyst_write_retries", "Batches that failed and were repeated")


class WriterMetrics:
    """Observes a :class:`timescale.writer.RowWriter`."""

    def batch_stored(self, relation: str, rows: int, inserted: int, seconds: float) -> None:
        """A batch is durable."""
        ROWS.labels(relation=relation).inc(inserted)
        REPEATS.labels(relation=relation).inc(rows - inserted)
        WRITE_SECONDS.observe(seconds)

    def rows_rejected(self, relation: str, rows: int) -> None:
        """The database refused these rows."""
        REJECTED.labels(relation=relation).inc(rows)

    def retrying(self, reason: str) -> None:
        """A batch failed and will be repeated."""
        RETRIES.inc()
