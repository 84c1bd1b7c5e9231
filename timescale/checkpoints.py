"""Where an agent resumes: saved after the effects before it are durable, never moved backwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import psycopg

from timescale.connect import connect_async, one_line
from timescale.errors import TimescaleError
from timescale.relations import CHECKPOINTS
from timescale.writer import RowWriter

logger = logging.getLogger(__name__)

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

# Without autovacuum (the embedded engine) each save leaves a dead copy of its state behind.
VACUUM_EVERY_BYTES = 32 << 20


@dataclass(frozen=True)
class Checkpoint:
    """One agent's place in one partition of one topic.

    `next_offset` is where reading resumes; `processed_offset` the first offset whose effects are
    not durable yet; `state` what the agent needs to go on, as it likes.
    """

    agent: str
    topic_id: str
    partition: int
    next_offset: int
    processed_offset: int
    event_time: datetime | None = None
    state: bytes | None = None


async def load_checkpoint(
    source: _Connection | str, agent: str, topic_id: str, partition: int
) -> Checkpoint | None:
    """The newest checkpoint, or None where there is none; `source` is a connection or a DSN.

    Raises:
        TimescaleError: the database cannot be reached.
    """
    if isinstance(source, str):
        async with await connect_async(source) as connection:
            return await load_checkpoint(connection, agent, topic_id, partition)
    cursor = await source.execute(
        "SELECT next_offset, processed_offset, event_time, state FROM checkpoints"
        " WHERE agent = %s AND topic_id = %s AND partition = %s",
        (agent, topic_id, partition),
        binary=True,
    )
    row = await cursor.fetchone()
    return None if row is None else Checkpoint(agent, topic_id, partition, *row)


class CheckpointStore:
    """Saves checkpoints through the writer whose rows they cover."""

    def __init__(self, writer: RowWriter, dsn: str) -> None:
        self._writer = writer
        self._dsn = dsn
        self._bytes_since_vacuum = 0
        self._needs_vacuum: bool | None = None

    async def load(self, agent: str, topic_id: str, partition: int) -> Checkpoint | None:
        """As :func:`load_checkpoint`."""
        return await load_checkpoint(self._dsn, agent, topic_id, partition)

    async def save(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Make everything written so far durable, then the checkpoints; returns when both are.

        A checkpoint behind the stored one changes nothing.
        """
        await self._writer.flush()
        if not checkpoints:
            return
        now = time.time_ns() // 1000
        await self._writer.put(
            CHECKPOINTS,
            {
                "agent": [c.agent for c in checkpoints],
                "topic_id": [c.topic_id for c in checkpoints],
                "partition": [c.partition for c in checkpoints],
                "next_offset": [c.next_offset for c in checkpoints],
                "processed_offset": [c.processed_offset for c in checkpoints],
                "event_time": [c.event_time for c in checkpoints],
                "state": [c.state for c in checkpoints],
                "updated_at": [now] * len(checkpoints),
            },
        )
        await self._writer.flush()
        self._bytes_since_vacuum += sum(200 + len(c.state or b"") for c in checkpoints)
        if self._bytes_since_vacuum >= VACUUM_EVERY_BYTES:
            self._bytes_since_vacuum = 0
            try:
                await self._vacuum()
            except (TimescaleError, psycopg.Error) as error:
                # The checkpoint stands; only its dead copies wait for the next time.
                logger.warning("checkpoints not vacuumed: %s", one_line(error))

    async def _vacuum(self) -> None:
        async with await connect_async(self._dsn) as connection:
            if self._needs_vacuum is None:
                self._needs_vacuum = not await has_autovacuum(connection)
            if self._needs_vacuum:
                await connection.execute("VACUUM checkpoints")


async def has_autovacuum(connection: _Connection) -> bool:
    """Whether a process of the server cleans tables up; the embedded engine has none."""
    cursor = await connection.execute(
        "SELECT current_setting('autovacuum')::boolean AND EXISTS"
        " (SELECT FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher')"
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
