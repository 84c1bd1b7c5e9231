"""Which row of an agent's arrays belongs to which symbol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from schemas.quotes import QuoteColumns
from schemas.symbols import KNOWN


class SymbolRows(ABC):
    """Base of what keeps arrays by symbol: row ``i`` of each belongs to ``symbols[i]``."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._row: dict[str, int] = {}
        self._row_of_known = np.zeros(0, np.intp)

    def __len__(self) -> int:
        return len(self.symbols)

    def rows(self, symbols: Collection[str]) -> NDArray[np.intp]:
        """The row of each symbol; those new get one, in order of name."""
        row = self._row
        try:
            return np.fromiter(map(row.__getitem__, symbols), np.intp, len(symbols))
        except KeyError:
            self._append(sorted(set(symbols) - row.keys()))
            return np.fromiter(map(row.__getitem__, symbols), np.intp, len(symbols))

    def rows_of(self, quotes: QuoteColumns) -> NDArray[np.intp]:
        """The row of each quote's symbol, as :meth:`rows`, by the symbols' numbers if they came."""
        if quotes.numbers is None:
            return self.rows(quotes.symbol)
        new = len(KNOWN) - len(self._row_of_known)
        if new:
            self._row_of_known = np.append(self._row_of_known, np.full(new, -1))
        rows = self._row_of_known[quotes.numbers]
        if rows.min(initial=0) < 0:
            rows = self._row_of_known[quotes.numbers] = self.rows(quotes.symbol)
        return rows

    def _append(self, new: Collection[str]) -> None:
        for symbol in new:
            self._row[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        if new:
            self._grow(len(new))

    @abstractmethod
    def _grow(self, new: int) -> None:
        """Make every array ``new`` rows longer."""
