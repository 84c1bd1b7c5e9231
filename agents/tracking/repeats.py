"""Quotes of one symbol and one instant: exact repeats are dropped, the others are numbered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.tracking.buffer import QuoteRows

# Quotes of one instant are compared with so many before them.
_FAR = 16


class Numbered(NamedTuple):
    """Which rows are no repeats, and the number of each among those of its symbol and instant."""

    keep: NDArray[np.bool_]
    seq: NDArray[np.int32]


def numbers_of_distinct(
    ids: NDArray[np.intp],
    ts: NDArray[np.int64],
    price: NDArray[np.float64],
    volume: NDArray[np.float64],
) -> NDArray[np.int32] | None:
    """The same number for rows in order of symbol, time and arrival that are clearly no repeats.

    None where one may be: those of an instant agree in price and shares, or are very many. Nearly
    always they are few and differ, which is soon seen where they are neighbours.
    """
    same = (ids[1:] == ids[:-1]) & (ts[1:] == ts[:-1])
    together = same
    for lag in range(1, _FAR):
        if not together.any():
            break
        alike = (price[lag:] == price[:-lag]) & (volume[lag:] == volume[:-lag])
        if (together & alike).any():
            return None
        together = together[:-1] & same[lag:]
    else:
        return None
    place = np.arange(len(ids), dtype=np.int32)
    begin = place.copy()
    begin[1:][same] = 0
    return place - np.maximum.accumulate(begin)


def number_instants(rows: QuoteRows, held: QuoteRows | None) -> Numbered:
    """Number ``rows``, in order of arrival, behind those ``held`` before, of any symbols.

    The first of its symbol and instant is 0; a row that equals an earlier one is a repeat. Unknown
    sides are equal.
    """
    before = 0 if held is None else len(held)
    everything = rows if held is None else QuoteRows.concat([held, rows])
    contents = _contents(everything)
    # Stable: of equal rows the first to arrive comes first, and is the one that is kept.
    order = np.lexsort(contents)
    ordered = contents[:, order]
    repeats = np.zeros(len(order), np.bool_)
    repeats[order[1:]] = (ordered[:, 1:] == ordered[:, :-1]).all(axis=0)
    kept = np.flatnonzero(~repeats)
    by_instant = kept[np.lexsort(contents[_INSTANT][:, kept])]
    instants = contents[_INSTANT][:, by_instant]
    place = np.arange(len(by_instant), dtype=np.int32)
    begin = place.copy()
    begin[1:][(instants[:, 1:] == instants[:, :-1]).all(axis=0)] = 0
    seq = np.zeros(len(order), np.int32)
    seq[by_instant] = place - np.maximum.accumulate(begin)
    return Numbered(~repeats[before:], seq[before:])


_INSTANT = slice(4, 6)


def _contents(rows: QuoteRows) -> NDArray[np.int64]:
    """What makes rows equal, shape (6, n): numbers by their bits, so that unknown equals unknown.

    The last two rows are the instant: time and symbol.
    """
    contents = np.empty((6, len(rows)), np.int64)
    for row, column in zip(contents, (rows.volume, rows.ask, rows.bid, rows.price), strict=False):
        np.add(column, 0.0, out=row.view(np.float64))  # makes -0 the same as 0
    contents[4], contents[5] = rows.ts, rows.ids
    return contents
