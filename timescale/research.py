"""The history as pandas or polars data frames, for notebooks and scripts.

>>> from datetime import datetime, UTC
>>> from timescale.research import Research
>>> day = datetime(2024, 3, 4, tzinfo=UTC)
>>> with Research(dsn) as research:
...     hours = research.bars(["AA", "BB"], day, day.replace(day=5), tier="hourly")
...     moves = research.returns(["AA", "BB"], day, day.replace(day=5), tier="hourly")
>>> hours[["symbol", "timestamp", "close", "volume"]].head(2)
  symbol                 timestamp   close   volume
0     AA 2024-03-04 00:00:00+00:00  100.21  10940.0
1     AA 2024-03-04 01:00:00+00:00  100.04   6990.0
>>> moves.shape
(23, 2)

Needs pandas or polars: ``pip install 'catalyst-streams[research]'``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypeVar

import numpy as np
import psycopg

from timescale import queries
from timescale.connect import connect, one_line
from timescale.errors import TimescaleError
from timescale.queries import Bars, Query, Tier
from timescale.readers import fetch

Library: TypeAlias = Literal["pandas", "polars"]
T = TypeVar("T")

_BAR_COLUMNS = (
    "timestamp",
    "interval_s",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "tier",
)
_PATTERN_COLUMNS = (
    "id",
    "pattern_type",
    "discovered",
    "securities",
    "confidence",
    "predicted_outcome",
    "actual_outcome",
)


class Research:
    """Questions to the database, answered as data frames of one library; times are UTC.

    Raises TimescaleError where the library is missing or the database does not answer.
    """

    def __init__(self, dsn: str, library: Library = "pandas") -> None:
        self._frames = _load(library)
        self._library = library
        self._dsn = dsn
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def __enter__(self) -> Self:
        self._connection = connect(self._dsn)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def bars(self, symbols: Sequence[str], start: datetime, end: datetime, tier: Tier) -> Any:
        """One row a symbol and bar: symbol, timestamp, interval_s, open, .., vwap, tier."""
        return self._bars([self._ask(queries.bars(name, start, end, tier)) for name in symbols])

    def history(self, symbols: Sequence[str], start: datetime, end: datetime) -> Any:
        """As :meth:`bars`, of the finest tier there is for each time."""
        return self._bars([self._ask(queries.history(name, start, end)) for name in symbols])

    def returns(
        self,
        symbols: Sequence[str],
        start: datetime,
        end: datetime,
        tier: Tier = "high_freq",
        bucket: timedelta = queries.QUARTER_HOUR,
    ) -> Any:
        """Log returns, a column a symbol; pandas: indexed by time, polars: with a time column."""
        matrix = self._ask(queries.returns(symbols, start, end, tier, bucket))
        columns: dict[str, Any] = {"timestamp": matrix.times}
        columns |= {name: matrix.values[:, code] for code, name in enumerate(matrix.symbols)}
        frame = self._frame(columns)
        return frame.set_index("timestamp") if self._library == "pandas" else frame

    def patterns(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        types: Sequence[str] | None = None,
        symbols: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> Any:
        """One row a discovered pattern, newest first."""
        found = self._ask(
            queries.patterns(since=since, until=until, types=types, symbols=symbols, limit=limit)
        )
        return self._frames.DataFrame(
            {name: [getattr(pattern, name) for pattern in found] for name in _PATTERN_COLUMNS}
        )

    def _ask(self, query: Query[T]) -> T:
        if self._connection is None:
            raise TimescaleError("use it in a with statement: with Research(dsn) as research: ..")
        try:
            return fetch(self._connection, query)
        except psycopg.Error as error:
            raise TimescaleError(f"the database refused a question: {one_line(error)}") from error

    def _bars(self, parts: Sequence[Bars]) -> Any:
        names = np.repeat([part.symbol for part in parts], [len(part) for part in parts])
        columns: dict[str, Any] = {"symbol": names.astype(object)}
        for name in _BAR_COLUMNS:
            columns[name] = np.concatenate([getattr(part, name) for part in parts])
        columns["tier"] = columns["tier"].astype(object)
        return self._frame(columns)

    def _frame(self, columns: Mapping[str, Any]) -> Any:
        frame = self._frames.DataFrame(dict(columns))
        if self._library == "pandas":
            frame["timestamp"] = frame["timestamp"].dt.tz_localize("UTC")
            return frame
        return frame.with_columns(self._frames.col("timestamp").dt.replace_time_zone("UTC"))


def _load(library: Library) -> Any:
    try:
        return import_module(library)
    except ImportError:
        raise TimescaleError(
            f"{library} is not installed: pip install 'catalyst-streams[research]'"
        ) from None
