"""Trades, quotes and last prices as quotes, one a row of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, US_PER_MS
from streams.sources.base import (
    BATCH_ROWS,
    Codes,
    Floats,
    Ints,
    strictly_increasing,
    symbol_list,
)
from streams.sources.tables import Table

_STALE_US = 60 * US_PER_MINUTE


@dataclass(slots=True)
class Ticks:
    """Quotes in any order: all arrays (n,); ``bid`` and ``ask`` are NaN where unknown."""

    names: NDArray[np.object_]
    code: Codes
    ts: Ints
    price: Floats
    bid: Floats
    ask: Floats
    volume: Floats


class TickQuotes:
    """Plays ticks in order of time, those of one symbol at strictly increasing times."""

    skipped: dict[str, int] = {}  # noqa: RUF012 - nothing is ever skipped

    def __init__(self, ticks: Ticks, name: str) -> None:
        self.ticks = ticks
        self.name = name
        self.ts, self._order = strictly_increasing(ticks.ts, ticks.code)

    @property
    def total(self) -> int:
        """Number of quotes."""
        return len(self.ts)

    def __iter__(self) -> Iterator[QuoteColumns]:
        ticks = self.ticks
        for first in range(0, len(self.ts), BATCH_ROWS):
            rows = self._order[first : first + BATCH_ROWS]
            yield QuoteColumns(
                symbol_list(ticks.names, ticks.code[rows]),
                self.ts[rows],
                ticks.price[rows],
                ticks.bid[rows],
                ticks.ask[rows],
                ticks.volume[rows],
            )


def from_trades(table: Table) -> Ticks:
    """Trades (``price``, ``size``): their size is the volume."""
    return _priced(table, "size")


def from_priced(table: Table) -> Ticks:
    """Quotes that carry a ``price``, and perhaps ``bid``, ``ask`` and ``volume``."""
    return _priced(table, "volume")


def from_last_prices(table: Table) -> Ticks:
    """Last prices (``close``) at the end of an interval: quotes just inside it, without volume."""
    close = table.columns["close"]
    table.reject(close <= 0, "close", "is not a positive price")
    unknown, none = np.full(len(table), np.nan), np.zeros(len(table))
    return Ticks(table.names, table.code, table.ts - US_PER_MS, close, unknown, unknown, none)


def from_bid_ask(table: Table) -> Ticks:
    """Quotes (``bid``, ``ask``) priced at their middle, without volume.

    A row with one side only (an update of that side) is joined with the last known other side; the
    price before both were seen is the known side.
    """
    bid, ask = (_side(table, name) for name in ("bid", "ask"))
    table.reject(np.isnan(bid) & np.isnan(ask), "bid", "is empty, and so is ask")
    by_symbol = np.lexsort((table.ts, table.code))
    bid, ask = (_carry_forward(side, table.code, by_symbol) for side in (bid, ask))
    middle = (bid + ask) / 2
    price = np.where(np.isnan(bid), ask, np.where(np.isnan(ask), bid, middle))
    return Ticks(table.names, table.code, table.ts, price, bid, ask, np.zeros(len(table)))


def with_prevailing(trades: Ticks, quotes: Ticks) -> Ticks:
    """Trades with the bid and ask of the newest quote of their symbol at or before them.

    Where there is none, or only one over an hour old (of the day before), both are unknown.
    """
    bid, ask = np.full(len(trades.ts), np.nan), np.full(len(trades.ts), np.nan)
    known = {name: code for code, name in enumerate(quotes.names.tolist())}
    for code, name in enumerate(trades.names.tolist()):
        if name not in known:
            continue
        mine = np.flatnonzero(trades.code == code)
        theirs = np.flatnonzero(quotes.code == known[name])
        theirs = theirs[np.argsort(quotes.ts[theirs], kind="stable")]
        at = np.searchsorted(quotes.ts[theirs], trades.ts[mine], side="right") - 1
        fresh = (at >= 0) & (trades.ts[mine] - quotes.ts[theirs[at]] <= _STALE_US)
        mine, newest = mine[fresh], theirs[at[fresh]]
        bid[mine], ask[mine] = quotes.bid[newest], quotes.ask[newest]
    return replace(trades, bid=bid, ask=ask)


def concatenated(parts: list[Ticks]) -> Ticks:
    """All ticks of several files, with one set of symbols."""
    if len(parts) == 1:
        return parts[0]
    names = np.array(sorted({name for part in parts for name in part.names}), dtype=object)
    code_of = {name: code for code, name in enumerate(names.tolist())}
    codes = [
        np.array([code_of[name] for name in part.names], np.int32)[part.code] for part in parts
    ]
    return Ticks(
        names,
        np.concatenate(codes),
        np.concatenate([part.ts for part in parts]),
        np.concatenate([part.price for part in parts]),
        np.concatenate([part.bid for part in parts]),
        np.concatenate([part.ask for part in parts]),
        np.concatenate([part.volume for part in parts]),
    )


def _priced(table: Table, volume_name: str) -> Ticks:
    price = table.columns["price"]
    table.reject(price <= 0, "price", "is not a positive price")
    volume = table.columns.get(volume_name, np.zeros(len(table)))
    table.reject(volume < 0, volume_name, "is negative")
    table.reject(~np.isfinite(volume), volume_name, "is empty or not a finite number")
    bid, ask = (_side(table, name) for name in ("bid", "ask"))
    return Ticks(table.names, table.code, table.ts, price, bid, ask, volume)


def _side(table: Table, name: str) -> Floats:
    side = table.columns.get(name)
    if side is None:
        return np.full(len(table), np.nan)
    table.reject(side < 0, name, "is negative")
    table.reject(np.isinf(side), name, "is not a finite number")
    return side


def _carry_forward(side: Floats, code: Codes, by_symbol: NDArray[np.intp]) -> Floats:
    """``side`` with each gap filled by the last value before it of the same symbol."""
    values, codes = side[by_symbol], code[by_symbol]
    newest = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    same = (newest >= 0) & (codes[newest] == codes)
    filled = np.empty_like(side)
    filled[by_symbol] = np.where(same, values[newest], np.nan)
    return filled
