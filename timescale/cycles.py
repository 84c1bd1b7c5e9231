"""Trading cycles of the scanner: opened, closed, and resolved after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias

import psycopg
from psycopg.types.json import Jsonb

from timescale import records
from timescale.connect import connect_async
from timescale.queries import Query

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]
# Name, what became of it, details.
_Step: TypeAlias = tuple[str, Literal["started", "completed", "skipped"], Mapping[str, Any]]
Steps: TypeAlias = Sequence[_Step]

# A statement waits for an answer before the next, and a cycle's turn at the embedded database ends
# with its transaction: so each record is one journey, and its conditions are part of it.
_LOG = """
INSERT INTO workflow_log (cycle_id, step, status, details)
SELECT c.cycle_id, s.step, s.status, s.details
FROM trading_cycles c, ROWS FROM
    (jsonb_to_recordset(%(steps)s) AS (step text, status text, details jsonb))
    WITH ORDINALITY AS s (step, status, details, place)
WHERE c.cycle_id = %(id)s AND """
_WITHOUT_STEPS = "NOT EXISTS (SELECT FROM workflow_log l WHERE l.cycle_id = c.cycle_id)"
_OPEN = "c.status IN ('scanning', 'trading')"
_IN_ORDER = " ORDER BY s.place RETURNING true"
_END = """
UPDATE trading_cycles SET status = 'completed', data = data || %(data)s
WHERE cycle_id = %(cycle_id)s AND status IN ('scanning', 'trading') RETURNING true"""


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
        made: list[_Step] = []
        for step, outcome, details in steps:
            if outcome == "completed":
                made.append((step, "started", {}))
            made.append((step, outcome, details))
        await self._send(
            [records.create_trading_cycle(cycle), _log(cycle_id, made, _WITHOUT_STEPS)]
        )

    async def close(self, cycle_id: str, step: str, metrics: Mapping[str, Any]) -> None:
        """Record the last step and the end of a cycle; one that has ended stays as it is."""
        made: list[_Step] = [(step, "started", metrics), (step, "completed", metrics)]
        end = {"cycle_id": cycle_id, "data": Jsonb({**metrics})}
        await self._send([_log(cycle_id, made, _OPEN), Query(_END, end, bool)])

    async def resolve(self, kept: Sequence[str]) -> list[str]:
        """Fail the open cycles but those ``kept``: a crash has cut them short. Their ids."""
        failed = {"status": "failed", "reason": "interrupted: the worker ended in between"}
        async with self._use() as connection, connection.transaction():
            cursor = await connection.execute(
                "SELECT cycle_id FROM trading_cycles WHERE status = 'scanning'"
                " AND data ? 'scan_id' AND NOT cycle_id = ANY(%s) ORDER BY cycle_id",
                (list(kept),),
            )
            left = [str(row[0]) for row in await cursor.fetchall()]
            await _execute(connection, [records.update_trading_cycle(one, failed) for one in left])
        return left

    async def _send(self, made: Sequence[Query[Any]]) -> None:
        """One journey, which the server takes as a whole or not at all."""
        async with self._use() as connection:
            await _execute(connection, made)

    async def disconnect(self) -> None:
        """Let go of the connection; the next record makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @asynccontextmanager
    async def _use(self) -> AsyncIterator[_Connection]:
        async with self._turn:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = await connect_async(self._dsn)
                yield self._connection
            except psycopg.Error as error:
                await self.disconnect()
                raise records.explained(error) from None
            except BaseException:
                await self.disconnect()
                raise


async def _execute(connection: _Connection, made: Sequence[Query[Any]]) -> None:
    """Ask for all of these at once: what they answer is of no interest but that they succeed."""
    async with connection.pipeline():
        for query in made:
            await connection.execute(query.statement.encode(), query.parameters)


def _log(cycle_id: str, steps: Steps, condition: str) -> Query[bool]:
    """Log the steps, in order, of a cycle for which the condition holds."""
    listed = [{"step": step, "status": status, "details": found} for step, status, found in steps]
    return Query(_LOG + condition + _IN_ORDER, {"id": cycle_id, "steps": Jsonb(listed)}, bool)
