"""Trading cycles of the scanner: opened, closed, and resolved after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import psycopg

from timescale import records
from timescale.connect import connect_async
from timescale.queries import Query

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
# Name, what became of it, details.
Steps: TypeAlias = Sequence[tuple[str, Literal["completed", "skipped"], Mapping[str, Any]]]


class Cycles:
    """Keeps one connection and takes few journeys for a record, since signals wait for it.

    Every method raises Unavailable when the database cannot take it now, TimescaleError when it
    refuses the record.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()

    async def open(self, cycle: Mapping[str, Any], steps: Steps) -> None:
        """Record a cycle with the steps that it has completed, all or nothing; a repeat is none."""
        cycle_id = str(cycle["cycle_id"])
        made: list[Query[Any]] = [records.create_trading_cycle(cycle)]
        for step, outcome, details in steps:
            if outcome == "completed":
                made.append(records.log_workflow_step(cycle_id, step, "started"))
            made.append(records.log_workflow_step(cycle_id, step, outcome, details))
        async with self._transaction() as connection:
            if await _status(connection, cycle_id) is None:
                await _send(connection, made)

    async def close(self, cycle_id: str, step: str, metrics: Mapping[str, Any]) -> None:
        """Record the last step and the end of a cycle; one that has ended stays as it is."""
        made: list[Query[Any]] = [
            records.log_workflow_step(cycle_id, step, "started", metrics),
            records.log_workflow_step(cycle_id, step, "completed", metrics),
            records.update_trading_cycle(cycle_id, {"status": "completed", **metrics}),
        ]
        async with self._transaction() as connection:
            if await _status(connection, cycle_id) in ("scanning", "trading"):
                await _send(connection, made)

    async def resolve(self, kept: Sequence[str]) -> list[str]:
        """Fail the open cycles but those ``kept``: a crash has cut them short. Their ids."""
        failed = {"status": "failed", "reason": "interrupted: the worker ended in between"}
        async with self._transaction() as connection:
            cursor = await connection.execute(
                "SELECT cycle_id FROM trading_cycles WHERE status = 'scanning'"
                " AND data ? 'scan_id' AND NOT cycle_id = ANY(%s) ORDER BY cycle_id",
                (list(kept),),
            )
            left = [str(row[0]) for row in await cursor.fetchall()]
            await _send(connection, [records.update_trading_cycle(one, failed) for one in left])
        return left

    async def disconnect(self) -> None:
        """Let go of the connection; the next record makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[_Connection]:
        async with self._turn:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect_async(self._dsn)
                async with self._connection.transaction():
                    yield self._connection
            except psycopg.Error as error:
                await self.disconnect()
                raise records.explained(error) from None
            except BaseException:
                await self.disconnect()
                raise


async def _send(connection: _Connection, made: Sequence[Query[Any]]) -> None:
    """Ask for all of these at once: what they answer is of no interest but that they succeed."""
    async with connection.pipeline():
        for query in made:
            await connection.execute(query.statement.encode(), query.parameters)


async def _status(connection: _Connection, cycle_id: str) -> str | None:
    cursor = await connection.execute(
        "SELECT status FROM trading_cycles WHERE cycle_id = %s", (cycle_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])
