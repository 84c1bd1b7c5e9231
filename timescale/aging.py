"""Aging from Python: by CALL, or by the scheduler of TimescaleDB where there is one."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from timescale.connect import connect_async, one_line
from timescale.errors import TimescaleError

logger = logging.getLogger(__name__)

SAMPLE_EVERY = timedelta(hours=6)

_REPORT = """
SELECT max(nullif(dropped_before, '-infinity')) FILTER (WHERE tier = 'ticks'),
       max(nullif(dropped_before, '-infinity')) FILTER (WHERE tier = 'high_freq'),
       max(nullif(dropped_before, '-infinity')) FILTER (WHERE tier = 'hourly'),
       (SELECT count(*) FROM security_data_late)
FROM aging_marks
"""
# Only where the server has loaded TimescaleDB at its start is there such a setting; the processes
# themselves are hidden from all but superusers.
_HAS_SCHEDULER = "SELECT current_setting('timescaledb.max_background_workers', true)::int > 0"
_JOB = "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'aging_job'"


@dataclass(frozen=True)
class AgingReport:
    """How far each tier is dropped (None: nothing yet) and how many rows came too late for that."""

    ticks_before: datetime | None
    high_freq_before: datetime | None
    hourly_before: datetime | None
    late_rows: int


@dataclass(frozen=True)
class AgingPolicy:
    """How long a tier is kept, by event time; `compress_after` None: never compressed."""

    keep: timedelta
    keep_when_short: timedelta
    compress_after: timedelta | None


async def age(
    dsn: str, now: datetime | None = None, *, short: bool = False, sample: bool = True
) -> AgingReport:
    """Run the aging procedure once, and note the sizes of the relations if `sample`.

    `now` is the event time up to which every row has been stored; None takes each tier's own
    newest row. With `short` the ages for scarce storage hold. May be called as often as one likes.

    Raises:
        TimescaleError: the database cannot be reached or the procedure failed (run it again).
    """
    async with await connect_async(dsn) as connection:
        try:
            await connection.execute("CALL age_market_data(%s::timestamptz, %s)", (now, short))
            if sample:
                await connection.execute("CALL sample_storage(coalesce(%s, market_now()))", (now,))
        except psycopg.Error as error:
            raise TimescaleError(f"aging failed: {one_line(error)}") from error
    return await aging_report(dsn)


async def aging_report(dsn: str) -> AgingReport:
    """The marks as they are."""
    async with await connect_async(dsn) as connection:
        row = await (await connection.execute(_REPORT)).fetchone()
    if row is None:
        raise TimescaleError("the database has no schema yet: run catalyst migrate")
    return AgingReport(*row)


async def aging_policies(dsn: str) -> dict[str, AgingPolicy]:
    """The ages in force, by tier."""
    async with await connect_async(dsn) as connection:
        cursor = await connection.execute(
            "SELECT tier, keep, keep_when_short, compress_after FROM aging_policy"
        )
        return {tier: AgingPolicy(*rest) for tier, *rest in await cursor.fetchall()}


async def set_ages(
    dsn: str,
    *,
    ticks: timedelta | None = None,
    high_freq: timedelta | None = None,
    hourly: timedelta | None = None,
) -> None:
    """Change how long tiers are kept, from the next run on; None leaves a tier as it is.

    Raises:
        TimescaleError: an age is not positive, or is to change and `dsn` is not the owner's.
    """
    ages = {"ticks": ticks, "high_freq": high_freq, "hourly": hourly}
    async with await connect_async(dsn, autocommit=False) as connection:
        for tier, keep in ages.items():
            if keep is None:
                continue
            if keep <= timedelta():
                raise TimescaleError(f"the age of {tier} must be positive, not {keep}")
            try:
                await _set_age(connection, tier, keep)
            except psycopg.Error as error:
                raise TimescaleError(
                    f"cannot set the age of {tier}: {one_line(error)}; only the owner of the"
                    " schema may: leave the ages out of the settings of this worker"
                ) from error


async def _set_age(
    connection: psycopg.AsyncConnection[tuple[Any, ...]], tier: str, keep: timedelta
) -> None:
    """Change an age unless it is so already: a writer may ask for what the owner has set."""
    cursor = await connection.execute("SELECT keep FROM aging_policy WHERE tier = %s", (tier,))
    if await cursor.fetchone() != (keep,):
        await connection.execute("UPDATE aging_policy SET keep = %s WHERE tier = %s", (keep, tier))


async def schedule_aging(dsn: str, every: timedelta = timedelta(minutes=15)) -> bool:
    """Let TimescaleDB's scheduler run the aging; False where it has none (the embedded engine).

    To be called by the owner of the schema.

    Raises:
        TimescaleError: the database cannot be reached, or `dsn` is not the owner's.
    """
    async with await connect_async(dsn) as connection:
        if not await _one(connection, _HAS_SCHEDULER):
            return False
        try:
            if await _one(connection, _JOB) is None:
                await connection.execute("SELECT add_job('aging_job', %s)", (every,))
            else:
                await connection.execute(
                    "SELECT alter_job(job_id, schedule_interval => %s, next_start => now())"
                    " FROM timescaledb_information.jobs WHERE proc_name = 'aging_job'",
                    (every,),
                )
        except psycopg.Error as error:
            raise TimescaleError(
                f"cannot schedule the aging: {one_line(error)}; migrate as the owner of the schema"
            ) from error
        return True


async def aging_is_scheduled(dsn: str) -> bool:
    """Whether a job of the database runs the aging."""
    async with await connect_async(dsn) as connection:
        return await _one(connection, _JOB) is not None


async def scheduled_aging_failure(dsn: str) -> str | None:
    """What is wrong with the job that runs the aging; None: nothing, or there is no job."""
    async with await connect_async(dsn) as connection:
        cursor = await connection.execute(
            # -infinity where it never succeeded, which Python's datetime cannot hold
            "SELECT s.last_run_status, nullif(s.last_successful_finish, '-infinity'),"
            " s.total_failures"
            " FROM timescaledb_information.jobs j"
            " JOIN timescaledb_information.job_stats s USING (job_id)"
            " WHERE j.proc_name = 'aging_job'"
        )
        row = await cursor.fetchone()
    if row is None or row[0] in (None, "Success"):
        return None
    return f"the aging job failed {row[2]} times; it last succeeded {row[1] or 'never'}"


class AgingDriver:
    """Runs the aging as event time passes, unless :func:`schedule_aging` gave it to a job."""

    def __init__(self, dsn: str, every: timedelta = timedelta(hours=1)) -> None:
        self._dsn = dsn
        self._every = every
        self._next: datetime | None = None
        self._next_sample: datetime | None = None
        self._scheduled: bool | None = None
        self.failure: str | None = None

    async def advance(self, now: datetime, *, short: bool = False) -> AgingReport | None:
        """Age if `every` of event time has passed since the last run; call after a flush.

        A failure is kept in :attr:`failure` and tried again at the next call.
        """
        if self._next is not None and now < self._next:
            return None
        try:
            if self._scheduled is None:
                self._scheduled = await aging_is_scheduled(self._dsn)
            report = None if self._scheduled else await self._age(now, short)
        except (TimescaleError, psycopg.Error) as error:
            self.failure = one_line(error)
            logger.warning("aging will be tried again: %s", self.failure)
            return None
        self.failure = None
        self._next = now + self._every
        return report

    async def _age(self, now: datetime, short: bool) -> AgingReport:
        # Not at once: a worker that has just begun has better to do.
        sample = self._next_sample is not None and now >= self._next_sample
        report = await age(self._dsn, now, short=short, sample=sample)
        if sample or self._next_sample is None:
            self._next_sample = now + SAMPLE_EVERY
        return report


async def _one(connection: psycopg.AsyncConnection[tuple[Any, ...]], query: str) -> Any:
    row = await (await connection.execute(query.encode())).fetchone()
    return None if row is None else row[0]
