"""A migrated database for the storage tests: the embedded engine, on a directory of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from timescale.embedded import EmbeddedTimescale
from timescale.migrate import migrate

EMPTIED = (
    "security_ticks, security_data_high_freq, checkpoints, security_tracking_state, scans, "
    "tier_changes, ml_pattern_discoveries, news, models"
)


@contextlib.contextmanager
def migrated_server(directory: Path) -> Iterator[EmbeddedTimescale]:
    """A started server with the present schema."""
    with EmbeddedTimescale(directory) as server:
        migrate(server.dsn)
        yield server


def empty(dsn: str) -> None:
    """Remove the rows that tests write."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {EMPTIED}")


def rows_of(dsn: str, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode(), parameters).fetchall()
