"""What a source of quotes is: batches of columns in order of event time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns

BATCH_ROWS = 1 << 16

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


class Source(Protocol):
    """Quotes to produce, a batch at a time, so that memory does not grow with their number.

    Batches follow one another in order of event time over all symbols (a recording: in order of
    arrival). ``total`` is the number of quotes where it is known before the end; ``skipped``
    counts, by reason, what the source holds but cannot be sent as a quote.
    """

    @property
    def name(self) -> str:
        """What is played, for people."""

    @property
    def total(self) -> int | None:
        """Number of quotes, None when unknown or endless."""

    @property
    def skipped(self) -> dict[str, int]:
        """Messages that are no quotes, by reason; complete when the last batch was taken."""

    def __iter__(self) -> Iterator[QuoteColumns]: ...


def symbol_list(names: NDArray[np.object_], code: NDArray[np.integer]) -> list[str]:
    """The symbols of these codes; ``names`` is an array of str objects, so nothing is copied."""
    symbols: list[str] = names[code].tolist()
    return symbols


def strictly_increasing(ts: Ints, code: NDArray[np.integer]) -> tuple[Ints, NDArray[np.intp]]:
    """Times (n,) made distinct within each symbol, and the order (n,) of event time.

    Quotes of one symbol with the same time would pass as duplicates and have no order; those after
    the first move up by single microseconds, in order of the rows. Ties between symbols are
    ordered by code.
    """
    by_symbol = np.lexsort((ts, code))
    sorted_ts, sorted_code = ts[by_symbol], code[by_symbol]
    tied = (np.diff(sorted_ts) == 0) & (np.diff(sorted_code) == 0)
    if tied.any():
        sorted_ts = _spread(sorted_ts, sorted_code)
    order = np.argsort(sorted_ts, kind="stable")
    distinct = np.empty_like(ts)
    distinct[by_symbol] = sorted_ts
    return distinct, by_symbol[order]


def _spread(ts: Ints, code: NDArray[np.integer]) -> Ints:
    spread = np.empty_like(ts)
    edges = np.flatnonzero(np.diff(code, prepend=code[0] - 1, append=code[-1] + 1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        step = np.arange(end - start)
        spread[start:end] = np.maximum.accumulate(ts[start:end] - step) + step
    return spread
