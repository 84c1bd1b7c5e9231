"""Quotes of the minutes that are still open, kept as they arrived until their minute closes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class QuoteRows:
    """Quotes as columns of shape (n,): symbol id, epoch microseconds, prices, shares.

    ``seq`` tells quotes of one symbol and instant apart, in order of arrival.
    """

    ids: NDArray[np.intp]
    ts: NDArray[np.int64]
    price: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    volume: NDArray[np.float64]
    seq: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> QuoteRows:
        """The rows that a mask or indices select."""
        return QuoteRows(*(getattr(self, name)[index] for name in _COLUMNS))

    @classmethod
    def concat(cls, parts: list[QuoteRows]) -> QuoteRows:
        """All rows of ``parts``, which must not be empty, in their order."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in _COLUMNS))

    def rows_between(self, start: int, stop: int) -> QuoteRows:
        """Rows ``start:stop``, as views."""
        return QuoteRows(*(getattr(self, name)[start:stop] for name in _COLUMNS))


_COLUMNS = tuple(column.name for column in fields(QuoteRows))


def order_by_symbol(ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """The stable order of rows by symbol id; by radix, which is far faster, up to 65,536 ids."""
    narrow = ids.astype(np.uint16) if len(ids) and int(ids.max()) < 1 << 16 else ids
    return np.argsort(narrow, kind="stable")


@dataclass(slots=True)
class _Chunk:
    rows: QuoteRows
    newest: int
    offset: int
    clock_before: int


class OpenQuotes:
    """The buffer of open minutes of one partition, by record.

    It knows from which record on the stream must be read again to fill it as it is, and what the
    partition's clock said before that record.
    """

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []

    def __len__(self) -> int:
        return sum(len(chunk.rows) for chunk in self._chunks)

    def add(self, rows: QuoteRows, offset: int, clock_before: int) -> None:
        """Keep ``rows`` of the record at ``offset``."""
        if len(rows):
            self._chunks.append(_Chunk(rows, int(rows.ts.max()), offset, clock_before))

    def take_before(self, boundary: int) -> QuoteRows | None:
        """Remove and return the quotes before ``boundary``, in order of arrival."""
        taken: list[QuoteRows] = []
        kept: list[_Chunk] = []
        for chunk in self._chunks:
            if chunk.newest < boundary:
                taken.append(chunk.rows)
                continue
            before = chunk.rows.ts < boundary
            if before.any():
                taken.append(chunk.rows.take(before))
                chunk.rows = chunk.rows.take(~before)
            kept.append(chunk)
        self._chunks = kept
        return QuoteRows.concat(taken) if taken else None

    def resume_point(self) -> tuple[int, int] | None:
        """Offset of the oldest record still needed and the clock before it; None when empty."""
        if not self._chunks:
            return None
        return self._chunks[0].offset, self._chunks[0].clock_before

    def newest(self) -> int:
        """The newest timestamp kept (the buffer must not be empty)."""
        return max(chunk.newest for chunk in self._chunks)

    def since(self, oldest: int, chosen: NDArray[np.bool_]) -> QuoteRows | None:
        """The kept quotes stamped ``oldest`` or later of chosen symbols, a mask by symbol id."""
        found = [
            chunk.rows.take(mask)
            for chunk in self._chunks
            if chunk.newest >= oldest
            and (mask := (chunk.rows.ts >= oldest) & chosen[chunk.rows.ids]).any()
        ]
        return QuoteRows.concat(found) if found else None
