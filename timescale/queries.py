"""The questions that are asked of the history, each with the shape of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Tier: TypeAlias = Literal["high_freq", "hourly", "daily"]
_Row: TypeAlias = tuple[Any, ...]

QUARTER_HOUR = timedelta(minutes=15)


@dataclass(frozen=True)
class Query(Generic[T]):
    """A statement, its parameters, and how its rows become the answer."""

    statement: str
    parameters: Mapping[str, Any]
    decode: Callable[[list[_Row]], T]


@dataclass(frozen=True)
class LatestQuote:
    """The newest row of a security; `source` is ``tick`` or ``row``."""

    symbol: str
    timestamp: datetime
    price: float
    bid: float | None
    ask: float | None
    volume: float
    source: str


@dataclass(frozen=True)
class Returns:
    """Log returns, shape (times, symbols); `times` are starts of the buckets the returns end in.

    A symbol without a price yet is NaN; one without a row in a bucket returned 0 there.
    """

    times: NDArray[np.datetime64]
    symbols: list[str]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """Bars of one security in order of time, each array of shape (n,).

    `interval_s` is what a bar covers and `tier` where it comes from. Open, high, low and vwap are
    NaN where nothing traded.
    """

    symbol: str
    timestamp: NDArray[np.datetime64]
    interval_s: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    vwap: NDArray[np.float64]
    tier: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.timestamp)


@dataclass(frozen=True)
class Pattern:
    """A discovered pattern as stored."""

    id: str
    pattern_type: str
    discovered: datetime
    securities: list[str]
    confidence: float
    trigger_conditions: dict[str, Any]
    predicted_outcome: dict[str, Any]
    actual_outcome: dict[str, Any] | None
    window_start: datetime | None
    window_end: datetime | None
    evidence: list[str]
    model_version: str | None
    backtest_results: dict[str, Any] | None


def latest(symbols: Sequence[str] | None = None) -> Query[list[LatestQuote]]:
    """The newest tick, or collected row where there is no newer tick; default: the tracked ones.

    A row's time is the end of what it covers.
    """
    wanted = (
        "SELECT symbol FROM security_tracking_state WHERE tracked"
        if symbols is None
        else "SELECT unnest(%(symbols)s::text[])"
    )
    statement = f"""
    SELECT s.symbol, newest.* FROM ({wanted}) AS s (symbol) CROSS JOIN LATERAL (
        SELECT * FROM (
            (SELECT timestamp, price, bid, ask, volume, 'tick' FROM security_ticks t
             WHERE t.symbol = s.symbol ORDER BY timestamp DESC, seq DESC LIMIT 1)
            UNION ALL
            (SELECT timestamp + interval_s * INTERVAL '1 s', price, bid, ask, volume, 'row'
             FROM security_data_high_freq h
             WHERE h.symbol = s.symbol ORDER BY timestamp DESC LIMIT 1)
        ) AS either ORDER BY timestamp DESC LIMIT 1
    ) AS newest ORDER BY s.symbol"""  # noqa: S608
    return Query(
        statement,
        {"symbols": None if symbols is None else list(symbols)},
        lambda rows: [LatestQuote(*row) for row in rows],
    )


_CLOSES = {
    "high_freq": """
        SELECT s.code, time_bucket(%(bucket)s, h.timestamp) AS bucket,
               last(h.price, h.timestamp) AS close
        FROM wanted s JOIN security_data_high_freq h USING (symbol)
        WHERE h.timestamp >= %(start)s AND h.timestamp < %(end)s GROUP BY 1, 2""",
    "hourly": """
        SELECT s.code, h.timestamp, h.close FROM wanted s JOIN security_data_hourly h USING (symbol)
        WHERE h.timestamp >= %(start)s AND h.timestamp < %(end)s""",
    "daily": """
        SELECT s.code, d.timestamp, d.close FROM wanted s JOIN security_data_daily d USING (symbol)
        WHERE d.timestamp >= %(start)s AND d.timestamp < %(end)s""",
}


def returns(
    symbols: Sequence[str],
    start: datetime,
    end: datetime,
    tier: Tier = "high_freq",
    bucket: timedelta = QUARTER_HOUR,
) -> Query[Returns]:
    """The returns of `symbols` between `start` and `end`; `bucket` holds for ``high_freq`` only."""
    statement = f"""
    WITH wanted AS (SELECT symbol, code - 1 AS code
                    FROM unnest(%(symbols)s::text[]) WITH ORDINALITY AS u (symbol, code)),
         closes (code, bucket, close) AS ({_CLOSES[tier]})
    SELECT array_agg(code), array_agg(bucket), array_agg(close)
    FROM closes WHERE close IS NOT NULL"""  # noqa: S608
    names = list(symbols)
    parameters = {"symbols": names, "start": start, "end": end, "bucket": bucket}
    return Query(statement, parameters, lambda rows: _returns(names, rows[0]))


def _returns(symbols: list[str], row: _Row) -> Returns:
    codes, buckets, closes = row
    if codes is None:
        nothing = np.empty((0, len(symbols)), np.float64)
        return Returns(np.empty(0, "datetime64[us]"), symbols, nothing)
    times, index = np.unique(buckets, return_inverse=True)
    grid = np.full((len(times), len(symbols)), np.nan)
    grid[index, codes] = closes
    prices = _carried_on(grid)
    return Returns(times[1:], symbols, np.diff(np.log(prices), axis=0))


def _carried_on(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each missing price replaced by the one before it in its column."""
    rows = np.where(np.isnan(grid), 0, np.arange(len(grid))[:, None])
    carried: NDArray[np.float64] = np.take_along_axis(
        grid, np.maximum.accumulate(rows, axis=0), axis=0
    )
    return carried


_MARKS = """
    marks AS (SELECT max(dropped_before) FILTER (WHERE tier = 'high_freq') AS raw_from,
                     max(dropped_before) FILTER (WHERE tier = 'hourly') AS hours_from
              FROM aging_marks)"""
_PARTS = {
    "high_freq": """
        SELECT timestamp, interval_s::bigint AS interval_s, open, high, low, price AS close, volume,
               notional / nullif(volume, 0) AS vwap, 2 AS tier FROM security_data_high_freq
        WHERE symbol = %(symbol)s AND timestamp >= %(start)s AND timestamp < %(end)s""",
    "hourly": """
        SELECT timestamp, 3600::bigint, open, high, low, close, volume, vwap, 1
        FROM security_data_hourly
        WHERE symbol = %(symbol)s AND timestamp >= %(start)s AND timestamp < %(end)s""",
    "daily": """
        SELECT timestamp, 86400::bigint, open, high, low, close, volume, vwap, 0
        FROM security_data_daily
        WHERE symbol = %(symbol)s AND timestamp >= %(start)s AND timestamp < %(end)s""",
}
_SEAMLESS = f"""
    {_PARTS["high_freq"]} AND timestamp >= (SELECT raw_from FROM marks)
    UNION ALL {_PARTS["hourly"]} AND timestamp >= (SELECT hours_from FROM marks)
                                 AND timestamp < (SELECT raw_from FROM marks)
    UNION ALL {_PARTS["daily"]} AND timestamp < (SELECT hours_from FROM marks)"""  # noqa: S608
_MEASURES = ("open", "high", "low", "close", "volume", "vwap")
_TIER_NAMES = np.array(["daily", "hourly", "high_freq"])


def bars(symbol: str, start: datetime, end: datetime, tier: Tier) -> Query[Bars]:
    """The bars of one tier that start in ``[start, end)``."""
    return _bars_query("", _PARTS[tier], symbol, start, end)


def history(symbol: str, start: datetime, end: datetime) -> Query[Bars]:
    """The finest there is of ``[start, end)``: days, then hours, then rows, without gap or overlap.

    The seams are the marks of the aging, which fall on midnights (UTC).
    """
    return _bars_query(_MARKS + ",", _SEAMLESS, symbol, start, end)


def _bars_query(
    before: str, parts: str, symbol: str, start: datetime, end: datetime
) -> Query[Bars]:
    measures = ", ".join(_MEASURES)
    arrays = ", ".join(_ordered(name) for name in _MEASURES)
    statement = f"""
    WITH {before} part (timestamp, interval_s, {measures}, tier) AS ({parts})
    SELECT array_agg(timestamp ORDER BY timestamp), array_agg(interval_s ORDER BY timestamp),
           {arrays}, array_agg(tier::bigint ORDER BY timestamp)
    FROM part"""  # noqa: S608
    parameters = {"symbol": symbol, "start": start, "end": end}
    return Query(statement, parameters, lambda rows: _bars(symbol, rows[0]))


def _ordered(name: str) -> str:
    return f"array_agg(coalesce({name}, 'NaN') ORDER BY timestamp)"


def _bars(symbol: str, row: _Row) -> Bars:
    if row[0] is None:
        nothing = np.empty(0, np.float64)
        none = np.empty(0, np.int64)
        row = (np.empty(0, "datetime64[us]"), none, *[nothing] * len(_MEASURES), none)
    columns = (*row[:-1], _TIER_NAMES[row[-1]])
    return Bars(symbol, *columns)


def patterns(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    types: Sequence[str] | None = None,
    symbols: Sequence[str] | None = None,
    limit: int = 1_000,
) -> Query[list[Pattern]]:
    """Patterns, newest first, that name any of `symbols` and are of any of `types`."""
    statement = """
    SELECT id, pattern_type, discovery_date, securities_involved, pattern_confidence,
           trigger_conditions, predicted_outcome, actual_outcome, window_start, window_end,
           evidence, model_version, backtest_results
    FROM ml_pattern_discoveries
    WHERE (%(since)s::timestamptz IS NULL OR discovery_date >= %(since)s)
      AND (%(until)s::timestamptz IS NULL OR discovery_date < %(until)s)
      AND (%(types)s::text[] IS NULL OR pattern_type = ANY(%(types)s))
      AND (%(symbols)s::text[] IS NULL OR securities_involved && %(symbols)s)
    ORDER BY discovery_date DESC, id LIMIT %(limit)s"""
    parameters = {
        "since": since,
        "until": until,
        "types": None if types is None else list(types),
        "symbols": None if symbols is None else list(symbols),
        "limit": limit,
    }
    return Query(statement, parameters, lambda rows: [Pattern(*row) for row in rows])
