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
        return QuoteRows(*(getattr(self, f.name)[index] for f in fields(self)))

    @classmethod
    def concat(cls, parts: list[QuoteRows]) -> QuoteRows:
        """All rows of ``parts``, which must not be empty, in their order."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


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

    def at_instants(self, ts: NDArray[np.int64]) -> QuoteRows | None:
        """The kept quotes stamped with any of ``ts``."""
        oldest = int(ts.min())
        found = [
            chunk.rows.take(mask)
            for chunk in self._chunks
            if chunk.newest >= oldest and (mask := np.isin(chunk.rows.ts, ts)).any()
        ]
        return QuoteRows.concat(found) if found else None
