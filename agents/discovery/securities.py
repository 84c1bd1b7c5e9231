"""Who is followed: rows of securities, and the sectors and industries that they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.symbols import SymbolRows

Codes = NDArray[np.int64]


class Securities(SymbolRows):
    """Entry ``i`` of every array belongs to ``symbols[i]``; codes are -1 where unknown.

    ``sector`` and ``industry`` are places in ``sector_names`` and ``industry_names``.
    ``listed_sector`` is the sector of the reference data; one that has none there may be given a
    ``sector`` by how it moves.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sector_names: list[str] = []
        self.industry_names: list[str] = []
        self.sector: Codes = np.zeros(0, np.int64)
        self.industry: Codes = np.zeros(0, np.int64)
        self.listed_sector: Codes = np.zeros(0, np.int64)
        self._groups: dict[str, list[str | None]] = {}

    @property
    def row(self) -> dict[str, int]:
        """The row of each symbol seen."""
        return self._row

    def reference(self, symbol: str, sector: str | None, industry: str | None) -> None:
        """Know the sector and industry of a security, seen or not."""
        self._groups[symbol] = [sector, industry]
        if symbol in self._row:
            self._place(self._row[symbol])

    def _grow(self, new: int) -> None:
        before = len(self.sector)
        self.sector, self.industry, self.listed_sector = (
            np.pad(codes, (0, new), constant_values=-1)
            for codes in (self.sector, self.industry, self.listed_sector)
        )
        for row in range(before, before + new):
            self._place(row)

    def _place(self, row: int) -> None:
        sector, industry = self._groups.get(self.symbols[row], [None, None])
        self.sector[row] = self.listed_sector[row] = _code(self.sector_names, sector)
        self.industry[row] = _code(self.industry_names, industry)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "symbols": self.symbols,
            "names": [self.sector_names, self.industry_names],
            "groups": self._groups,
            "sector": self.sector,
            "industry": self.industry,
            "listed_sector": self.listed_sector,
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> Securities:
        """The securities of a snapshot, which may hold more."""
        securities = cls()
        securities.sector_names, securities.industry_names = map(list, state["names"])
        securities._groups = dict(state["groups"])
        securities._append(state["symbols"])
        securities.sector, securities.industry = state["sector"], state["industry"]
        securities.listed_sector = state["listed_sector"]
        return securities


def _code(names: list[str], name: str | None) -> int:
    """The place of a name among those known, which it joins; -1 for none."""
    if not name:
        return -1
    if name not in names:
        names.append(name)
    return names.index(name)
