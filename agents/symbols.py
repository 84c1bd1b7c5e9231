"""Which row of an agent's arrays belongs to which symbol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray


class SymbolRows(ABC):
    """Base of what keeps arrays by symbol: row ``i`` of each belongs to ``symbols[i]``."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._row: dict[str, int] = {}

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

    def _append(self, new: Collection[str]) -> None:
        for symbol in new:
            self._row[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        if new:
            self._grow(len(new))

    @abstractmethod
    def _grow(self, new: int) -> None:
        """Make every array ``new`` rows longer."""
