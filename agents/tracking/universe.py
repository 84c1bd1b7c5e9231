"""Whose ticks are kept: the tracked securities as the database knows them, for every worker."""

from __future__ import annotations

from typing import Literal

import numpy as np
import structlog
from numpy.typing import NDArray

from timescale.errors import TimescaleError
from timescale.tracked import candidate_symbols, tracked_symbols

log = structlog.get_logger(__name__)

StoreTicks = Literal["none", "candidates", "tracked", "all"]


class TickUniverse:
    """Chooses quotes to keep as ticks.

    While fewer than ``places`` securities are tracked, every security is: there is room for it.
    """

    def __init__(self, dsn: str, mode: StoreTicks, places: int) -> None:
        self._dsn = dsn
        self._mode = mode
        self._places = places
        self._chosen: frozenset[str] | None = frozenset() if mode == "none" else None

    async def refresh(self) -> None:
        """Ask who is tracked now; without an answer the choice stays as it is."""
        if self._mode not in ("tracked", "candidates"):
            return
        try:
            if self._mode == "tracked":
                tracked = await tracked_symbols(self._dsn)
                self._chosen = tracked if len(tracked) >= self._places else None
            else:
                self._chosen = await candidate_symbols(self._dsn)
        except TimescaleError as exc:
            log.warning("the tracked securities are not known anew", reason=str(exc))

    @property
    def chosen(self) -> frozenset[str] | None:
        """Whose quotes to keep; None for all."""
        return self._chosen


class KeptRows:
    """The choice as it concerns one table of symbols, which only grows."""

    def __init__(self, universe: TickUniverse, symbols: list[str]) -> None:
        self._universe = universe
        self._symbols = symbols
        self._chosen: frozenset[str] | None = None
        self._mask = np.zeros(0, np.bool_)

    def keep(self, ids: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        """Which of the quotes of symbol ``ids`` to keep, shape (n,); None for all of them."""
        chosen = self._universe.chosen
        if chosen is None:
            return None
        symbols = self._symbols
        if chosen is not self._chosen or len(self._mask) != len(symbols):
            self._chosen = chosen
            self._mask = np.fromiter((s in chosen for s in symbols), np.bool_, len(symbols))
        kept: NDArray[np.bool_] = self._mask[ids]
        return kept
