"""Cutting and joining columns of quotes."""

from __future__ import annotations

import numpy as np

from schemas.quotes import QuoteColumns
from streams.topics import partition_of


class PartitionCache(dict[str, int]):
    """The partition of each symbol that was asked for."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self.partitions = partitions

    def __missing__(self, symbol: str) -> int:
        partition = self[symbol] = partition_of(symbol, self.partitions)
        return partition


def rows_between(columns: QuoteColumns, start: int, end: int) -> QuoteColumns:
    """Rows ``start`` to ``end``, without clock and promise."""
    return QuoteColumns(
        columns.symbol[start:end],
        columns.ts[start:end],
        columns.price[start:end],
        columns.bid[start:end],
        columns.ask[start:end],
        columns.volume[start:end],
    )


def concatenated(pieces: list[QuoteColumns]) -> QuoteColumns:
    """All rows of ``pieces``, which must not be empty, in their order."""
    if len(pieces) == 1:
        return pieces[0]
    return QuoteColumns(
        [symbol for piece in pieces for symbol in piece.symbol],
        np.concatenate([piece.ts for piece in pieces]),
        np.concatenate([piece.price for piece in pieces]),
        np.concatenate([piece.bid for piece in pieces]),
        np.concatenate([piece.ask for piece in pieces]),
        np.concatenate([piece.volume for piece in pieces]),
    )
