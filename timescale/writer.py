"""The one way rows are written: batched, idempotent, bounded, and patient with the database."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import psycopg

from timescale.columns import ColumnData
from timescale.connect import connect_async, one_line, session_parameters
from timescale.errors import TimescaleError
from timescale.failures import Remedy, remedy
from timescale.insertion import Insertion
from timescale.pending import Batch, PendingRows
from timescale.relation import Relation

logger = logging.getLogger(__name__)

OnRejected: TypeAlias = Callable[[Relation, list[dict[str, Any]], Exception], Awaitable[None]]
_Rejection: TypeAlias = tuple[list[dict[str, Any]], psycopg.Error]

BACKOFF_FIRST_S = 0.1
BACKOFF_CAP_S = 5.0
SLOW_AFTER_S = 10.0
_FEW = 3

# Up to so many rows of different relations go together: a journey takes longer than they do.
_SMALL = 1_000


@dataclass
class WriteCounts:
    """What became of the rows of one relation. Offered less inserted and rejected: repeats."""

    offered: int = 0
    inserted: int = 0
    rejected: int = 0
    batches: int = 0


class WriterObserver(Protocol):
    """Told of what a writer does; for metrics. Must not block."""

    def batch_stored(self, relation: str, rows: int, inserted: int, seconds: float) -> None:
        """A batch is durable; `seconds` includes waiting and retries."""

    def rows_rejected(self, relation: str, rows: int) -> None:
        """The database refused these rows; they were handed on."""

    def retrying(self, reason: str) -> None:
        """A batch failed and will be repeated."""


class RowWriter:
    """Writes rows of any :class:`Relation` over one connection of its own.

    :meth:`put` waits when `max_pending_rows` are waiting, so a slow or absent database holds its
    caller back. Failures of the database are retried for as long as they last; rows that it
    refuses go to `on_rejected` (a relation, the rows by column name, the error) and the rest of
    their batch is stored. Nothing is acknowledged before :meth:`flush` returns.

    Raises:
        TimescaleError: `dsn` cannot be parsed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        batch_rows: int = 10_000,
        max_pending_rows: int = 200_000,
        linger_s: float = 0.05,
        on_rejected: OnRejected | None = None,
        observer: WriterObserver | None = None,
    ) -> None:
        session_parameters(dsn)  # refuse at once what no patience can help
        self._dsn = dsn
        self._batch_rows = batch_rows
        self._max_pending_rows = max_pending_rows
        self._linger_s = linger_s
        self._on_rejected = on_rejected
        self._observer = observer
        self.counts: defaultdict[str, WriteCounts] = defaultdict(WriteCounts)
        self.retries = 0
        self._pending = PendingRows()
        self._changed = asyncio.Condition()
        self._in_flight: list[Batch] = []
        self._in_flight_since = 0.0
        self._puts = 0
        self._flushes_waiting = 0
        self._stopping = False
        self._reason: str | None = None
        self._failure: BaseException | None = None
        self._insertion: Insertion | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """``ok``, ``retrying: <reason>``, ``stopped`` or ``failed: <reason>``."""
        if self._failure is not None:
            return f"failed: {one_line(self._failure)}"
        if self._task is None:
            return "stopped"
        if self._reason is not None:
            return f"retrying: {self._reason}"
        if self._in_flight:
            waited = time.monotonic() - self._in_flight_since
            if waited > SLOW_AFTER_S:
                return f"retrying: no answer from the database for {waited:.0f} s"
        return "ok"

    @property
    def pending_rows(self) -> int:
        """Rows taken in and not yet durable."""
        return self._pending.rows + sum(map(len, self._in_flight))

    async def start(self) -> None:
        """Begin writing; a database that is down is waited for, not an error."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._run(), name="timescale-writer")

    async def put(
        self,
        relation: Relation,
        columns: Mapping[str, ColumnData],
        *,
        symbols: Sequence[str] | None = None,
    ) -> None:
        """Take rows in, as columns of equal length; waits while too many are pending.

        With `symbols`, column ``symbol`` holds indices into it. The data are copied.

        Raises:
            ValueError: a column is unknown, missing, of another length or of the wrong type.
            TimescaleError: the writer is not running.
        """
        whole = Batch(relation, relation.columns_of(columns, symbols), 0)
        for start in range(0, len(whole), self._batch_rows):
            await self._admit(whole.cut(start, min(start + self._batch_rows, len(whole))))

    async def flush(self) -> None:
        """Return when everything put before is durable (or was rejected and handed on).

        Raises:
            TimescaleError: the writer is not running.
        """
        self._require_running()
        last = self._puts
        async with self._changed:
            self._flushes_waiting += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._ended() or self._durable_to(last))
            finally:
                self._flushes_waiting -= 1
        self._require_running()

    async def stop(self, timeout_s: float | None = None) -> None:
        """Write what is pending, then close.

        Raises:
            TimescaleError: `timeout_s` passed with rows still pending; their source has to be
                read again, as it was not acknowledged.
        """
        task = self._task
        if task is None:
            return
        async with self._changed:
            self._stopping = True
            self._changed.notify_all()
        done, _ = await asyncio.wait([task], timeout=timeout_s)
        if not done:
            task.cancel()
            await asyncio.wait([task])
        async with self._changed:
            self._task = None
            self._changed.notify_all()
        await self._close()
        if self._failure is not None:
            raise TimescaleError(f"writing failed: {one_line(self._failure)}") from self._failure
        if self.pending_rows:
            raise TimescaleError(
                f"{self.pending_rows} rows could not be stored in {timeout_s} s"
                + (f" ({self._reason})" if self._reason else "")
            )

    async def _admit(self, batch: Batch) -> None:
        def room() -> bool:
            waiting = self.pending_rows
            return waiting == 0 or waiting + len(batch) <= self._max_pending_rows

        self._require_running()
        async with self._changed:
            await self._changed.wait_for(lambda: self._ended() or room())
            self._require_running()
            self._puts += 1
            self._pending.add(Batch(batch.relation, batch.columns, self._puts))
            self.counts[batch.relation.name].offered += len(batch)
            self._changed.notify_all()

    def _require_running(self) -> None:
        if self._failure is not None:
            raise TimescaleError(f"writing failed: {one_line(self._failure)}") from self._failure
        if self._ended():
            raise TimescaleError("the writer is not running: call start() first")

    def _ended(self) -> bool:
        return self._failure is not None or self._task is None or self._task.done()

    def _durable_to(self, last: int) -> bool:
        oldest = self._pending.oldest()
        if any(batch.order <= last for batch in self._in_flight):
            return False
        return oldest is None or oldest > last

    async def _run(self) -> None:
        try:
            while await self._next_batches():
                await self._store()
        except Exception as error:  # a fault of ours: callers must hear of it, not hang
            logger.exception("the writer failed")
            self._failure = error
            async with self._changed:
                self._changed.notify_all()

    async def _next_batches(self) -> bool:
        """Take what is written next: a few rows of many relations, or many of one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._pending.rows or self._stopping)
            if not self._pending.rows:
                return False
            await self._linger()
            self._in_flight = [self._pending.take(self._batch_rows)]
            while self._pending.rows and self.pending_rows <= _SMALL:
                self._in_flight.append(self._pending.take(_SMALL))
            self._in_flight_since = time.monotonic()
            return True

    async def _linger(self) -> None:
        """Wait a moment for a batch to fill, unless somebody waits for it."""

        def go() -> bool:
            full = self._pending.next_relation_rows() >= self._batch_rows
            return full or self._stopping or self._flushes_waiting > 0

        if self._linger_s > 0 and not go():
            try:
                async with asyncio.timeout(self._linger_s):
                    await self._changed.wait_for(go)
            except TimeoutError:
                pass

    async def _store(self) -> None:
        if len(self._in_flight) > 1 and (found := await self._insert_together()):
            for batch, inserted in zip(self._in_flight, found, strict=True):
                self._note_stored(batch, inserted)
            await self._landed(len(self._in_flight))
        while self._in_flight:
            batch = self._in_flight[0]
            inserted, rejected = await self._insert_patiently(batch)
            await self._hand_over(batch.relation, rejected)
            self._note_stored(batch, inserted)
            await self._landed(1)

    async def _insert_together(self) -> list[int] | None:
        """How many rows of each batch were new; None when not all went well: then one by one."""
        try:
            insertion = await self._connected()
            return await insertion.store_together(self._in_flight)
        except (psycopg.Error, TimescaleError, OSError):
            await self._close()
            return None

    async def _insert_patiently(self, batch: Batch) -> tuple[int, list[_Rejection]]:
        failures = 0
        while True:
            try:
                return await self._insert(batch, split_internal=failures >= _FEW)
            except (psycopg.Error, TimescaleError, OSError) as error:
                failures += 1
                await self._close()
                await self._pause(failures, one_line(error))

    def _note_stored(self, batch: Batch, inserted: int) -> None:
        self._reason = None
        counts = self.counts[batch.relation.name]
        counts.batches += 1
        counts.inserted += inserted
        if self._observer is not None:
            seconds = time.monotonic() - self._in_flight_since
            self._observer.batch_stored(batch.relation.name, len(batch), inserted, seconds)

    async def _landed(self, batches: int) -> None:
        async with self._changed:
            del self._in_flight[:batches]
            self._changed.notify_all()

    async def _insert(self, batch: Batch, *, split_internal: bool) -> tuple[int, list[_Rejection]]:
        """Store a batch but for the rows that the database refuses: (inserted, refused)."""
        inserted = 0
        rejected: list[_Rejection] = []
        parts = [(0, len(batch))]
        while parts:
            start, stop = parts.pop()
            try:
                insertion = await self._connected()
                inserted += await insertion.store(batch.cut(start, stop))
            except psycopg.Error as error:
                action = remedy(error)
                if action is Remedy.RETRY or (action is Remedy.RETRY_FEW and not split_internal):
                    raise
                if action is Remedy.REJECT or stop - start == 1:
                    rejected.append((batch.rows(start, stop), error))
                else:
                    middle = (start + stop) // 2
                    parts += [(middle, stop), (start, middle)]
        return inserted, rejected

    async def _connected(self) -> Insertion:
        if self._insertion is None or self._insertion.connection.closed:
            self._insertion = Insertion(await connect_async(self._dsn))
        return self._insertion

    async def _close(self) -> None:
        insertion, self._insertion = self._insertion, None
        if insertion is not None:
            await insertion.connection.close()

    async def _hand_over(self, relation: Relation, rejected: list[_Rejection]) -> None:
        for rows, error in rejected:
            logger.warning(
                "%s: the database refused %d rows: %s", relation.name, len(rows), one_line(error)
            )
            failures = 0
            while self._on_rejected is not None:
                try:
                    await self._on_rejected(relation, rows, error)
                    break
                except Exception as failure:
                    # Losing the rows is the one thing that must not happen here.
                    failures += 1
                    await self._pause(failures, f"dead-letter: {one_line(failure)}")
            self.counts[relation.name].rejected += len(rows)
            if self._observer is not None:
                self._observer.rows_rejected(relation.name, len(rows))

    async def _pause(self, failures: int, reason: str) -> None:
        self._reason = reason
        self.retries += 1
        if self._observer is not None:
            self._observer.retrying(reason)
        if failures == 1:
            logger.warning("writing waits and retries: %s", reason)
        backoff = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2 ** min(failures - 1, 16))
        await asyncio.sleep(backoff * random.uniform(0.5, 1.0))
