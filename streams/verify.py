"""What a history file says of each symbol and day, against what the database holds.

The expected figures are computed from the rows of the file, not through the pipeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, from_us
from streams.errors import UserError
from streams.sources.bars import QUOTES_A_BAR, BarQuotes
from streams.sources.base import Floats, Ints, Source
from streams.sources.ticks import TickQuotes
from timescale.connect import connect, one_line

MINUTES_A_DAY = 1440
US_PER_DAY = MINUTES_A_DAY * US_PER_MINUTE

PRICES = ("open", "high", "low", "close")
COMPARED = ("bars", "quotes", "volume", *PRICES)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file: arrays (n,). ``at`` orders them and lies in the day they count for.

    ``minute`` (m,) and ``minute_code`` (m,) are the minutes in which each symbol has a quote, in
    any order, repeats allowed; ``quotes_a_row`` is how many quotes a row gives.
    """

    names: NDArray[np.object_]
    code: Ints
    at: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    minute: Ints
    minute_code: Ints
    quotes_a_row: int = 1


@dataclass(frozen=True, slots=True)
class Daily:
    """Figures of each symbol and UTC day, arrays (n,); ``day`` counts from 1970-01-01."""

    symbol: NDArray[np.object_]
    day: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    bars: Ints
    quotes: Ints

    def __len__(self) -> int:
        return len(self.day)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One figure that differs; None where the symbol has no row that day."""

    day: date
    symbol: str
    figure: str
    expected: float | None
    stored: float | None


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Both sides of a day, as ``(expected, stored)``."""

    day: date
    symbols: tuple[int, int]
    bars: tuple[int, int]
    volume: tuple[float, float]
    mismatches: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The days in order, and every figure that differs."""

    days: list[DayTotals]
    mismatches: list[Mismatch] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether every figure of every symbol and day is the same."""
        return not self.mismatches


def rows_of(source: Source) -> Rows:
    """The rows behind a source.

    Raises:
        UserError: it has none.
    """
    if isinstance(source, BarQuotes):
        return _rows_of_bars(source)
    if isinstance(source, TickQuotes):
        ticks = source.ticks
        return _rows_of_quotes(
            ticks.names, ticks.code.astype(np.int64), source.ts, ticks.price, ticks.volume
        )
    batches = list(source)
    if not batches:
        raise UserError(f"{source.name}: no quotes to compare with")
    return _rows_of_batches(batches)


def daily(rows: Rows) -> Daily:
    """Open, high, low, close, volume and counts of each symbol and day, sorted by both."""
    day = rows.at // US_PER_DAY
    order = np.lexsort((rows.at, rows.code, day))
    key = _key(day, rows.code, len(rows.names))[order]
    first = np.flatnonzero(np.diff(key, prepend=key[0] - 1))
    last = np.append(first[1:], len(key)) - 1
    return Daily(
        symbol=rows.names[rows.code[order][first]],
        day=day[order][first],
        open=rows.open[order][first],
        high=np.maximum.reduceat(rows.high[order], first),
        low=np.minimum.reduceat(rows.low[order], first),
        close=rows.close[order][last],
        volume=np.add.reduceat(rows.volume[order], first),
        bars=_count_minutes(rows, key[first]),
        quotes=(last - first + 1) * rows.quotes_a_row,
    )


def compare(expected: Daily, stored: Daily) -> Comparison:
    """Every figure of every symbol and day: prices and counts to the last bit, volume to the share.

    A volume in fractions of shares is compared to one part in a thousand million, since their sum
    depends on its order.
    """
    names = np.array(sorted({*expected.symbol, *stored.symbol}), dtype=object)
    code_of = {name: code for code, name in enumerate(names.tolist())}
    ours_key, theirs_key = (
        _key(side.day, np.array([code_of[n] for n in side.symbol], np.int64), len(names))
        for side in (expected, stored)
    )
    _, left, right = np.intersect1d(ours_key, theirs_key, assume_unique=True, return_indices=True)
    mismatches = [
        *_absent(expected, np.setdiff1d(np.arange(len(expected)), left), stored=False),
        *_absent(stored, np.setdiff1d(np.arange(len(stored)), right), stored=True),
    ]
    for figure in COMPARED:
        ours, theirs = getattr(expected, figure)[left], getattr(stored, figure)[right]
        for row in np.flatnonzero(_differ(figure, ours, theirs)).tolist():
            day, symbol = _date(expected.day[left[row]]), expected.symbol[left[row]]
            mismatches.append(Mismatch(day, symbol, figure, float(ours[row]), float(theirs[row])))
    mismatches.sort(key=lambda m: (m.day, m.symbol))
    return Comparison(_totals(expected, stored, mismatches), mismatches)


def read_stored(dsn: str, expected: Daily) -> Daily:
    """The stored figures of the symbols and the span of days that are expected.

    Raises:
        UserError: the database has no such view or cannot be read.
        TimescaleError: the database cannot be reached.
    """
    start = from_us(int(expected.day.min()) * US_PER_DAY)
    end = from_us((int(expected.day.max()) + 1) * US_PER_DAY)
    symbols = sorted(set(expected.symbol.tolist()))
    query = """
        SELECT symbol, extract(epoch FROM "timestamp")::bigint / 86400, open, high, low, close,
               volume::float8, bar_count, quote_count
        FROM security_data_daily
        WHERE "timestamp" >= %s AND "timestamp" < %s AND symbol = ANY(%s) AND bar_count > 0
        ORDER BY 2, 1
    """
    with connect(dsn) as connection:
        try:
            found = connection.execute(query, (start, end, symbols)).fetchall()
        except psycopg.errors.UndefinedTable:
            raise UserError(
                "the database has no security_data_daily: run catalyst migrate"
            ) from None
        except psycopg.Error as exc:
            raise UserError(f"the daily figures cannot be read: {one_line(exc)}") from None
    return daily_from_rows(found)


def daily_from_rows(rows: Sequence[tuple[Any, ...]]) -> Daily:
    """Figures from rows of symbol, day, open, high, low, close, volume, bars, quotes."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9

    def numbers(column: int) -> Floats:
        return np.array(columns[column], np.float64)

    def counts(column: int) -> Ints:
        return np.array(columns[column], np.int64)

    return Daily(
        np.array(columns[0], dtype=object),
        counts(1),
        open=numbers(2),
        high=numbers(3),
        low=numbers(4),
        close=numbers(5),
        volume=numbers(6),
        bars=counts(7),
        quotes=counts(8),
    )


def _rows_of_bars(source: BarQuotes) -> Rows:
    table, columns = source.table, source.table.columns
    minute = source.times(np.arange(len(table))) // US_PER_MINUTE
    code = table.code.astype(np.int64)
    return Rows(
        names=table.names,
        code=code,
        # The end of a bar is the first moment after it, perhaps the next day's.
        at=table.ts - 1,
        **columns,
        minute=minute.ravel(),
        minute_code=np.repeat(code, QUOTES_A_BAR),
        quotes_a_row=QUOTES_A_BAR,
    )


def _rows_of_quotes(
    names: NDArray[np.object_], code: Ints, ts: Ints, price: Floats, volume: Floats
) -> Rows:
    minute = ts // US_PER_MINUTE
    return Rows(names, code, ts, price, price, price, price, volume, minute, code)


def _rows_of_batches(batches: list[QuoteColumns]) -> Rows:
    symbols = [symbol for batch in batches for symbol in batch.symbol]
    names = np.array(sorted(set(symbols)), dtype=object)
    code_of = {name: code for code, name in enumerate(names.tolist())}
    code = np.fromiter(map(code_of.__getitem__, symbols), np.int64, len(symbols))
    ts = np.concatenate([batch.ts for batch in batches])
    price, bid, ask, volume = (
        np.concatenate([getattr(batch, name) for batch in batches])
        for name in ("price", "bid", "ask", "volume")
    )
    content = np.stack([code, ts, price, np.nan_to_num(bid, nan=-1.0), volume], axis=1)
    content = np.column_stack([content, np.nan_to_num(ask, nan=-1.0)])
    # The same quote twice is a duplicate, and counts once.
    _, once = np.unique(content, axis=0, return_index=True)
    once.sort()
    return _rows_of_quotes(names, code[once], ts[once], price[once], volume[once])


def _count_minutes(rows: Rows, keys: Ints) -> Ints:
    """How many minutes with a quote each symbol and day has (n,); ``keys`` (n,) are sorted."""
    count = len(rows.names)
    minutes = np.unique(rows.minute * count + rows.minute_code)
    minute, code = np.divmod(minutes, count)
    found, counts = np.unique(_key(minute // MINUTES_A_DAY, code, count), return_counts=True)
    bars = np.zeros(len(keys), np.int64)
    here = np.isin(keys, found)
    bars[here] = counts[np.searchsorted(found, keys[here])]
    return bars


def _key(day: Ints, code: Ints, count: int) -> Ints:
    return day * max(count, 1) + code


def _differ(figure: str, expected: Floats, stored: Floats) -> NDArray[np.bool_]:
    differ: NDArray[np.bool_] = ~(expected == stored)
    if figure == "volume":
        fractional = expected != np.floor(expected)
        differ &= ~(fractional & np.isclose(expected, stored, rtol=1e-9, atol=0))
    return differ


def _absent(side: Daily, rows: NDArray[np.intp], *, stored: bool) -> list[Mismatch]:
    return [
        Mismatch(
            _date(side.day[row]),
            side.symbol[row],
            "bars",
            None if stored else float(side.bars[row]),
            float(side.bars[row]) if stored else None,
        )
        for row in rows.tolist()
    ]


def _totals(expected: Daily, stored: Daily, mismatches: list[Mismatch]) -> list[DayTotals]:
    wrong = Counter(mismatch.day for mismatch in mismatches)
    totals = []
    for day in np.union1d(expected.day, stored.day).tolist():
        ours, theirs = expected.day == day, stored.day == day
        totals.append(
            DayTotals(
                _date(day),
                (int(ours.sum()), int(theirs.sum())),
                (int(expected.bars[ours].sum()), int(stored.bars[theirs].sum())),
                (float(expected.volume[ours].sum()), float(stored.volume[theirs].sum())),
                wrong[_date(day)],
            )
        )
    return totals


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(day))
