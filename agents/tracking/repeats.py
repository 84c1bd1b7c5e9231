"""Quotes of one symbol and one instant: exact repeats are dropped, the others are numbered."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.tracking.buffer import QuoteRows


class Numbered(NamedTuple):
    """Which rows are no repeats, and the number of each among those of its symbol and instant."""

    keep: NDArray[np.bool_]
    seq: NDArray[np.int32]


def number_instants(rows: QuoteRows, held: QuoteRows | None) -> Numbered:
    """Number ``rows``, in order of arrival, behind those ``held`` before, of any symbols.

    The first of its symbol and instant is 0; a row that equals an earlier one is a repeat. Unknown
    sides are equal.
    """
    before = 0 if held is None else len(held)
    everything = rows if held is None else QuoteRows.concat([held, rows])
    bid, ask = (np.nan_to_num(side, nan=-1.0) for side in (everything.bid, everything.ask))
    contents = (everything.volume, ask, bid, everything.price, everything.ts, everything.ids)
    # Stable: of equal rows the first to arrive comes first, and is the one that is kept.
    order = np.lexsort(contents)
    repeats = np.zeros(len(order), np.bool_)
    repeats[order[1:]] = np.logical_and.reduce(
        [column[order[1:]] == column[order[:-1]] for column in contents]
    )
    first_seen = np.flatnonzero(~repeats)
    by_instant = first_seen[np.lexsort((everything.ts[first_seen], everything.ids[first_seen]))]
    ids, ts = everything.ids[by_instant], everything.ts[by_instant]
    begins = np.ones(len(by_instant), np.bool_)
    begins[1:] = (ids[1:] != ids[:-1]) | (ts[1:] != ts[:-1])
    place = np.arange(len(by_instant))
    seq = np.zeros(len(order), np.int32)
    seq[by_instant] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return Numbered(~repeats[before:], seq[before:])
