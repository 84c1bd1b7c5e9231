"""The embedded broker and database as one pair, for ``catalyst up`` and ``catalyst demo``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from streams.embedded.broker import EmbeddedBroker
from streams.instance import Addresses
from streams.supervisor import Member, Supervisor, start_together
from timescale.embedded import EmbeddedTimescale, ensure_engine


def start_servers(
    data_dir: Path,
    supervisor: Supervisor,
    *,
    broker_port: int = 0,
    database_port: int = 0,
    on_progress: Callable[[str], None],
) -> Addresses:
    """Start both at once in ``data_dir`` and put them under supervision; port 0 is a free one.

    Raises:
        UserError, TimescaleError: one of them cannot start; then neither runs.
    """
    ensure_engine(on_progress=on_progress)
    broker = EmbeddedBroker(data_dir / "broker", port=broker_port)
    database = EmbeddedTimescale(data_dir / "database", port=database_port)
    start_together([broker, database])
    supervisor.add(Member("broker", broker, broker.log_file, server=True))
    supervisor.add(Member("database", database, database.log_file, server=True))
    return Addresses(os.getpid(), broker.address, database.dsn)
