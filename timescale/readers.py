"""Reading: the questions of :mod:`timescale.queries`, asked over a pool or one connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from timescale import queries
from timescale.arrays import read_arrays
from timescale.connect import address, one_line, session_parameters
from timescale.errors import TimescaleError
from timescale.queries import Bars, LatestQuote, Pattern, Query, Returns, Tier

T = TypeVar("T")

POOL_TIMEOUT_S = 5.0


def fetch(connection: psycopg.Connection[Any], query: Query[T]) -> T:
    """Ask over a synchronous connection."""
    with connection.cursor(binary=True) as cursor:
        read_arrays(cursor)
        cursor.execute(query.statement.encode(), query.parameters)
        return query.decode(cursor.fetchall())


async def fetch_async(connection: psycopg.AsyncConnection[Any], query: Query[T]) -> T:
    """Ask over an asynchronous connection."""
    async with connection.cursor(binary=True) as cursor:
        read_arrays(cursor)
        await cursor.execute(query.statement.encode(), query.parameters)
        return query.decode(await cursor.fetchall())


class Reader:
    """A small pool that answers; every method raises TimescaleError when the database does not."""

    def __init__(self, dsn: str, *, connections: int = 4) -> None:
        self._dsn = dsn
        self._pool = AsyncConnectionPool(
            kwargs={"autocommit": True, "prepare_threshold": None, **session_parameters(dsn)},
            min_size=1,
            max_size=connections,
            timeout=POOL_TIMEOUT_S,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )

    async def start(self) -> None:
        """Open the pool; a database that is down is no error before the first question."""
        await self._pool.open()

    async def stop(self) -> None:
        """Close the pool."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def ask(self, query: Query[T]) -> T:
        """The answer to any query."""
        try:
            async with self._pool.connection() as connection:
                return await fetch_async(connection, query)
        except PoolTimeout:
            raise TimescaleError(
                f"the database at {address(self._dsn)} does not answer: is it running?"
            ) from None
        except psycopg.Error as error:
            raise TimescaleError(f"the database refused a question: {one_line(error)}") from error

    async def latest(self, symbols: Sequence[str] | None = None) -> list[LatestQuote]:
        """As :func:`timescale.queries.latest`."""
        return await self.ask(queries.latest(symbols))

    async def returns(
        self,
        symbols: Sequence[str],
        start: datetime,
        end: datetime,
        tier: Tier = "high_freq",
        bucket: timedelta = queries.QUARTER_HOUR,
    ) -> Returns:
        """As :func:`timescale.queries.returns`."""
        return await self.ask(queries.returns(symbols, start, end, tier, bucket))

    async def bars(self, symbol: str, start: datetime, end: datetime, tier: Tier) -> Bars:
        """As :func:`timescale.queries.bars`."""
        return await self.ask(queries.bars(symbol, start, end, tier))

    async def history(self, symbol: str, start: datetime, end: datetime) -> Bars:
        """As :func:`timescale.queries.history`."""
        return await self.ask(queries.history(symbol, start, end))

    async def patterns(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        types: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> list[Pattern]:
        """As :func:`timescale.queries.patterns`."""
        return await self.ask(
            queries.patterns(since=since, until=until, types=types, symbols=symbols, limit=limit)
        )
