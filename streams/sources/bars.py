"""Bars as quotes: open, low and high, close inside the bar's own interval, no share lost."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MS, US_PER_S
from streams.errors import UserError
from streams.sources.base import BATCH_ROWS, Floats, Ints, symbol_list
from streams.sources.tables import Table

BAR_COLUMNS = ("open", "high", "low", "close", "volume")
QUOTES_A_BAR = 4
_STANDARD_INTERVALS_S = (86400, 3600, 1800, 900, 600, 300, 60)


def check_bars(table: Table) -> None:
    """Raise UserError for the first row that cannot be a bar."""
    for name in ("open", "high", "low", "close"):
        _reject_price(table, name)
    columns = table.columns
    table.reject(columns["volume"] < 0, "volume", "is negative")
    table.reject(columns["high"] < columns["low"], "high", "is below low")
    for name in ("open", "close"):
        outside = (columns[name] > columns["high"]) | (columns[name] < columns["low"])
        table.reject(outside, name, "is not between low and high")


def _reject_price(table: Table, name: str) -> None:
    table.reject(table.columns[name] <= 0, name, "is not a positive price")


def infer_interval_us(ts: Ints) -> int:
    """The length of the bars that end at ``ts`` (n,): the longest usual one that fits all ends."""
    ends = np.unique(ts)
    if len(ends) < 2:
        return 60 * US_PER_S
    common = int(np.gcd.reduce(np.diff(ends)))
    for seconds in _STANDARD_INTERVALS_S:
        if common % (seconds * US_PER_S) == 0:
            return seconds * US_PER_S
    return common


class BarQuotes:
    """The quotes of a table of bars whose ``ts`` is their end.

    Each bar gives four quotes at whole milliseconds, one in each quarter of its interval: open,
    then low and high (high first when the bar closes below its open), then close. Bid and ask are
    unknown. A whole volume is shared out in whole shares.
    """

    skipped: dict[str, int] = {}  # noqa: RUF012 - nothing is ever skipped

    def __init__(
        self, table: Table, interval_us: int | None = None, *, batch_rows: int = BATCH_ROWS
    ) -> None:
        """Raise UserError when a row is no bar or the interval is too short for four quotes."""
        check_bars(table)
        self.table = table
        self._batch_bars = max(1, batch_rows // QUOTES_A_BAR)
        self.interval_us = interval_us or infer_interval_us(table.ts)
        if self.interval_us < 8 * US_PER_MS:
            raise UserError(
                f"{table.path}: its ts are {self.interval_us / US_PER_S:g} s apart, too close for "
                "bars; say how long a bar is with --interval"
            )
        if interval_us:
            _check_overlap(table, interval_us)
        self.order = np.lexsort((table.code, table.ts))
        self._rank = _rank_of_repeats(table, self.order)
        quarter_ms = self.interval_us // (QUOTES_A_BAR * US_PER_MS)
        # Symbols are spread over the quarter, the same wherever else they appear in the file.
        offsets = [zlib.crc32(name.encode()) % quarter_ms for name in table.names.tolist()]
        steps = np.arange(QUOTES_A_BAR) * (quarter_ms * US_PER_MS)
        self._offset = np.array(offsets, np.int64)[:, None] * US_PER_MS + steps

    @property
    def name(self) -> str:
        """What is played, for people."""
        return self.table.path.name

    @property
    def total(self) -> int:
        """Number of quotes."""
        return QUOTES_A_BAR * len(self.table)

    def times(self, rows: NDArray[np.intp]) -> Ints:
        """The times (k, 4) of the quotes of these rows of the table."""
        start = self.table.ts[rows] - self.interval_us + self._rank[rows]
        times: Ints = start[:, None] + self._offset[self.table.code[rows]]
        return times

    def __iter__(self) -> Iterator[QuoteColumns]:
        size, ends, count = self._batch_bars, self.table.ts, len(self.table)
        held = np.empty((4, 0))
        for first in range(0, count, size):
            rows = self.order[first : first + size]
            quotes = np.concatenate([held, self._quotes(rows)], axis=1)
            last = first + size >= count
            # What begins with the next bar may lie before the end of these.
            limit = np.inf if last else ends[self.order[first + size]] - self.interval_us
            ready = quotes[0] < limit
            held = quotes[:, ~ready]
            if ready.any():
                yield self._batch(quotes[:, ready])

    def _quotes(self, rows: NDArray[np.intp]) -> Floats:
        """Time, code, price and volume (4, 4k); microseconds fit a float64 exactly."""
        columns = {name: column[rows] for name, column in self.table.columns.items()}
        falling = columns["close"] < columns["open"]
        price = np.stack(
            [
                columns["open"],
                np.where(falling, columns["high"], columns["low"]),
                np.where(falling, columns["low"], columns["high"]),
                columns["close"],
            ],
            axis=1,
        )
        code = np.repeat(self.table.code[rows], QUOTES_A_BAR)
        volume = share_out(columns["volume"])
        times = self.times(rows).ravel()
        return np.stack([times, code, price.ravel(), volume.ravel()])

    def _batch(self, quotes: Floats) -> QuoteColumns:
        order = np.lexsort((quotes[1], quotes[0]))
        ts, code, price, volume = (quotes[row][order] for row in range(4))
        unknown = np.full(len(order), np.nan)
        symbols = symbol_list(self.table.names, code.astype(np.int32))
        return QuoteColumns(symbols, ts.astype(np.int64), price, unknown, unknown, volume)


def share_out(volume: Floats) -> Floats:
    """Volumes (n,) in four parts (n, 4) that sum to them: whole shares where they are whole."""
    whole = volume == np.floor(volume)
    base, rest = np.divmod(volume, QUOTES_A_BAR)
    parts = base[:, None] + (np.arange(QUOTES_A_BAR) < rest[:, None])
    parts[~whole] = volume[~whole, None] / QUOTES_A_BAR
    return parts


def _check_overlap(table: Table, interval_us: int) -> None:
    by_symbol = np.lexsort((table.ts, table.code))
    gap, other = np.diff(table.ts[by_symbol]), np.diff(table.code[by_symbol]) != 0
    overlapping = np.zeros(len(table), np.bool_)
    overlapping[by_symbol[1:]] = (gap > 0) & (gap < interval_us) & ~other
    table.reject(overlapping, "ts", f"overlaps the bar before it, at {interval_us / US_PER_S:g} s")


def _rank_of_repeats(table: Table, order: NDArray[np.intp]) -> Ints:
    """How many rows above share a row's symbol and end (n,); it sets repeated bars apart."""
    ts, code = table.ts[order], table.code[order]
    first = np.r_[True, (np.diff(ts) != 0) | (np.diff(code) != 0)]
    position = np.arange(len(order))
    start = np.maximum.accumulate(np.where(first, position, 0))
    rank = np.empty(len(order), np.int64)
    rank[order] = position - start
    return rank
