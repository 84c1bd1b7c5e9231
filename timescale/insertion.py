"""A batch into its relation: by COPY where the server takes it and no row repeats, or by INSERT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import psycopg
from psycopg.errors import FeatureNotSupported, UniqueViolation

from timescale.pending import Batch
from timescale.pgbinary import BinaryArray, BinaryArrayDumper, encode
from timescale.pgcopy import copy_data, is_copyable

_Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]


class Insertion:
    """Stores batches over one connection, in autocommit: each is stored as a whole or not at all.

    COPY is more than twice as fast, but one row that is there already fails all of it, and then
    they are inserted. Rows repeat in a run, after a restart: a relation is copied into again once
    an insertion has found every row new.
    """

    def __init__(self, connection: _Connection) -> None:
        self.connection = connection
        connection.adapters.register_dumper(BinaryArray, BinaryArrayDumper)
        self._server_copies = True
        self._repeating: set[str] = set()

    async def store(self, batch: Batch) -> int:
        """How many rows were new.

        Raises:
            psycopg.Error: a row is refused, or the connection is lost: nothing may be stored then,
                or all of it.
        """
        if self._is_copied(batch):
            try:
                return await self._copy(batch)
            except FeatureNotSupported:  # the embedded engine
                self._server_copies = False
            except UniqueViolation:
                self._repeating.add(batch.relation.name)
        inserted = await self._insert(batch)
        if inserted == len(batch):
            self._repeating.discard(batch.relation.name)
        return inserted

    async def store_together(self, batches: Sequence[Batch]) -> list[int]:
        """How many rows of each were new; all are stored, or none, in one journey.

        Raises:
            psycopg.Error: as :meth:`store`.
        """
        async with self.connection.pipeline():
            cursors = [await self._execute(batch) for batch in batches]
        return [cursor.rowcount for cursor in cursors]

    def _is_copied(self, batch: Batch) -> bool:
        return (
            self._server_copies
            and batch.relation.on_conflict == "nothing"
            and batch.relation.name not in self._repeating
            and is_copyable(batch.relation.types, batch.columns)
        )

    async def _copy(self, batch: Batch) -> int:
        data = copy_data(batch.relation.types, batch.columns)
        cursor = self.connection.cursor()
        async with cursor.copy(batch.relation.copy) as copy:
            await copy.write(data)
        return cursor.rowcount

    async def _insert(self, batch: Batch) -> int:
        return (await self._execute(batch)).rowcount

    async def _execute(self, batch: Batch) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        arrays = list(map(encode, batch.relation.types, batch.columns))
        return await self.connection.execute(batch.relation.insert, arrays)
