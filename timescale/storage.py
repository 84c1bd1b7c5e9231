"""How much is stored, how it grows, and whether a year of it fits the budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from timescale.aging import AgingPolicy, aging_policies
from timescale.connect import connect_async, one_line
from timescale.errors import TimescaleError

GB = 1_000_000_000
ALERT_SHARE = 0.8
_YEAR_DAYS = 365
_WINDOW_DAYS = 30
# A tier goes by whole chunks of a day, so it grows for its age and up to a day beyond.
_CHUNK_DAYS = 1


@dataclass(frozen=True)
class RelationStorage:
    """One relation with its indexes; `uncompressed_bytes` is what it would take as plain rows."""

    relation: str
    tier: str
    bytes: int
    uncompressed_bytes: int
    chunks: int
    compressed_chunks: int
    growth_per_day: float | None
    in_a_year: float | None


@dataclass(frozen=True)
class StorageUse:
    """The whole database against its budget."""

    database_bytes: int
    budget_bytes: int

    @property
    def share(self) -> float:
        """The part of the budget in use, 1.0 is all of it."""
        return self.database_bytes / self.budget_bytes

    @property
    def is_short(self) -> bool:
        """Whether it is time for an alert and for aggressive aging."""
        return self.share >= ALERT_SHARE


@dataclass(frozen=True)
class StorageReport(StorageUse):
    """All relations beside that, largest first.

    `growth_per_day` and `in_a_year` (bytes) are None before the second day of data.
    """

    relations: tuple[RelationStorage, ...]
    days_observed: int

    @property
    def by_tier(self) -> dict[str, int]:
        """Bytes of each tier; ``system`` is what the database itself takes."""
        tiers: dict[str, int] = {}
        for item in self.relations:
            tiers[item.tier] = tiers.get(item.tier, 0) + item.bytes
        tiers["system"] = max(0, self.database_bytes - sum(tiers.values()))
        return tiers

    @property
    def growth_per_day(self) -> float | None:
        """Bytes a day of data, all relations."""
        known = [r.growth_per_day for r in self.relations if r.growth_per_day is not None]
        return sum(known) if known else None

    @property
    def in_a_year(self) -> float | None:
        """Bytes of the database a year from now."""
        known = [r.in_a_year for r in self.relations if r.in_a_year is not None]
        return sum(known) + self.by_tier["system"] if known else None


async def storage_report(dsn: str, budget_gb: float) -> StorageReport:
    """Measure now.

    Raises:
        TimescaleError: the database cannot be reached or has no schema yet.
    """
    policies = await aging_policies(dsn)
    async with await connect_async(dsn) as connection:
        try:
            relations = await connection.execute("SELECT * FROM storage_by_relation()")
            rows = await relations.fetchall()
            database_bytes = await _database_bytes(connection)
            sampled = await connection.execute(
                "SELECT relation, event_day, bytes FROM storage_samples"
                " WHERE event_day > (SELECT max(event_day) FROM storage_samples) - %s"
                " ORDER BY event_day",
                (_WINDOW_DAYS,),
            )
            samples: dict[str, list[tuple[date, int]]] = {}
            for relation, day, size_then in await sampled.fetchall():
                samples.setdefault(relation, []).append((day, size_then))
        except psycopg.Error as error:
            raise TimescaleError(
                f"cannot measure the storage: {one_line(error)}; has catalyst migrate been run?"
            ) from error
    measured = (_measured(row, samples.get(row[0], []), policies) for row in rows)
    return StorageReport(
        relations=tuple(sorted(measured, key=lambda item: -item.bytes)),
        database_bytes=database_bytes,
        budget_bytes=int(budget_gb * GB),
        days_observed=max((len(days) for days in samples.values()), default=0),
    )


async def storage_use(dsn: str, budget_gb: float) -> StorageUse:
    """The sum alone, which is had in a tenth of the time.

    Raises:
        TimescaleError: the database cannot be reached.
    """
    async with await connect_async(dsn) as connection:
        try:
            return StorageUse(await _database_bytes(connection), int(budget_gb * GB))
        except psycopg.Error as error:
            raise TimescaleError(f"cannot measure the storage: {one_line(error)}") from error


async def _database_bytes(connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> int:
    cursor = await connection.execute("SELECT pg_database_size(current_database())")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def sample_storage(dsn: str, now: datetime) -> None:
    """Note the sizes for the event day of `now`: the growth is read from these notes.

    Raises:
        TimescaleError: the database cannot be reached, or the rights of `dsn` do not suffice.
    """
    async with await connect_async(dsn) as connection:
        try:
            await connection.execute("CALL sample_storage(%s)", (now,))
        except psycopg.Error as error:
            raise TimescaleError(f"cannot note the storage: {one_line(error)}") from error


def _measured(
    row: Sequence[Any],
    samples: Sequence[tuple[date, int]],
    policies: Mapping[str, AgingPolicy],
) -> RelationStorage:
    relation, tier, size, plain, chunks, compressed = row
    growth = growth_per_day(samples)
    policy = policies.get(tier)
    keep_days = None if policy is None else policy.keep.total_seconds() / 86_400
    return RelationStorage(
        relation=relation,
        tier=tier,
        bytes=size,
        uncompressed_bytes=plain,
        chunks=chunks,
        compressed_chunks=compressed,
        growth_per_day=growth,
        in_a_year=forecast(size, growth, samples, keep_days),
    )


def growth_per_day(samples: Sequence[tuple[date, int]]) -> float | None:
    """Bytes a day between the first and the last sample; None for fewer than two days."""
    if len(samples) < 2:
        return None
    (first_day, first), (last_day, last) = samples[0], samples[-1]
    return (last - first) / (last_day - first_day).days


def forecast(
    size: int,
    growth: float | None,
    samples: Sequence[tuple[date, int]],
    keep_days: float | None,
) -> float | None:
    """Bytes in a year: what is kept for good goes on growing, a tier stops at its age."""
    if growth is None:
        return None
    if keep_days is None:
        return size + max(0.0, growth) * _YEAR_DAYS
    observed = (samples[-1][0] - samples[0][0]).days
    filling = max(0.0, min(keep_days + _CHUNK_DAYS, _YEAR_DAYS) - observed)
    return max(size + max(0.0, growth) * filling, *(float(then) for _, then in samples))
