"""Trading cycles of the scanner: opened and closed over one connection, resolved after a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import psycopg

from timescale import records
from timescale.connect import connect_async
from timescale.readers import fetch_async

# Name, what became of it, details.
Steps = Sequence[tuple[str, Literal["completed", "skipped"], Mapping[str, Any]]]


async def open_cycle(dsn: str, cycle: Mapping[str, Any], steps: Steps) -> None:
    """Record a cycle with the steps that it has completed, all or nothing; a repeat is none.

    Raises:
        Unavailable: the database cannot take it now.
        TimescaleError: it refuses the record.
    """
    cycle_id = str(cycle["cycle_id"])
    try:
        async with await connect_async(dsn) as connection, connection.transaction():
            if await _status(connection, cycle_id) is not None:
                return
            await fetch_async(connection, records.create_trading_cycle(cycle))
            for step, outcome, details in steps:
                if outcome == "completed":
                    await fetch_async(
                        connection, records.log_workflow_step(cycle_id, step, "started")
                    )
                log = records.log_workflow_step(cycle_id, step, outcome, details)
                await fetch_async(connection, log)
    except psycopg.Error as error:
        raise records.explained(error) from None


async def close_cycle(dsn: str, cycle_id: str, step: str, metrics: Mapping[str, Any]) -> None:
    """Record the last step and the end of a cycle; one that has ended stays as it is.

    Raises:
        Unavailable: the database cannot take it now.
        TimescaleError: it refuses the record.
    """
    try:
        async with await connect_async(dsn) as connection, connection.transaction():
            if await _status(connection, cycle_id) not in ("scanning", "trading"):
                return
            for status in ("started", "completed"):
                log = records.log_workflow_step(cycle_id, step, status, metrics)
                await fetch_async(connection, log)
            ended = {"status": "completed", **metrics}
            await fetch_async(connection, records.update_trading_cycle(cycle_id, ended))
    except psycopg.Error as error:
        raise records.explained(error) from None


async def resolve_cycles(dsn: str, kept: Sequence[str]) -> list[str]:
    """Fail the open cycles but those ``kept``: a crash has cut them short. Their ids.

    Raises:
        Unavailable: the database cannot take it now.
        TimescaleError: it refuses the record.
    """
    try:
        async with await connect_async(dsn) as connection:
            cursor = await connection.execute(
                "SELECT cycle_id FROM trading_cycles WHERE status = 'scanning'"
                " AND data ? 'scan_id' AND NOT cycle_id = ANY(%s) ORDER BY cycle_id",
                (list(kept),),
            )
            left = [str(row[0]) for row in await cursor.fetchall()]
            for cycle_id in left:
                failed = {"status": "failed", "reason": "interrupted: the worker ended in between"}
                await fetch_async(connection, records.update_trading_cycle(cycle_id, failed))
            return left
    except psycopg.Error as error:
        raise records.explained(error) from None


async def _status(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], cycle_id: str
) -> str | None:
    cursor = await connection.execute(
        "SELECT status FROM trading_cycles WHERE cycle_id = %s", (cycle_id,)
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])
