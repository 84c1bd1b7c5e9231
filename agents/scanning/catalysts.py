"""Recent catalysts of the whole market, as columns in order of event time."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.news import Catalyst
from schemas.times import US_PER_S, to_us

# A long weekend: from a Friday's close to the open of the Tuesday after.
RETENTION_US = 96 * 3600 * US_PER_S

_DTYPES: dict[str, type[np.generic]] = {
    "ts": np.int64,
    "row": np.int64,
    "key": np.int64,
    "materiality": np.float64,
    "sentiment": np.float64,
    "source_tier": np.float64,
    "half_life": np.float64,
}

_SEEN = ("ts", "row", "materiality", "sentiment", "source_tier", "half_life")


@dataclass(slots=True)
class NewsColumns:
    """Catalysts as arrays of shape (k,), oldest first.

    ``row`` is the symbol's row; ``half_life`` is in microseconds.
    """

    ts: NDArray[np.int64]
    row: NDArray[np.int64]
    materiality: NDArray[np.float64]
    sentiment: NDArray[np.float64]
    source_tier: NDArray[np.float64]
    half_life: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ts)


class CatalystLog:
    """Catalysts of the last days, ordered by time, symbol and id whatever the order of arrival.

    What is read at a time depends only on the catalysts with ``ts`` up to then, so that a sum over
    them is the same to the last bit in a live run, a replay and after a crash.
    """

    def __init__(self) -> None:
        self._columns = {name: np.zeros(0, dtype) for name, dtype in _DTYPES.items()}
        self._ids: list[str] = []
        self._seen: set[tuple[int, str]] = set()
        self._new: list[tuple[Any, ...]] = []
        self._new_ids: list[str] = []

    def __len__(self) -> int:
        return len(self._ids) + len(self._new_ids)

    def add(self, row: int, catalyst: Catalyst) -> bool:
        """Take a catalyst of the symbol in ``row``; False when it was taken before."""
        seen = (row, catalyst.news_id)
        if seen in self._seen:
            return False
        self._seen.add(seen)
        self._new.append(
            (
                to_us(catalyst.ts),
                row,
                zlib.crc32(catalyst.news_id.encode()),
                catalyst.materiality,
                catalyst.sentiment,
                catalyst.source_tier,
                catalyst.half_life_s * US_PER_S,
            )
        )
        self._new_ids.append(catalyst.news_id)
        return True

    def until(self, now: int) -> NewsColumns:
        """The catalysts of the retention period up to and with ``now`` (epoch microseconds)."""
        self._merge()
        ts = self._columns["ts"]
        first, last = np.searchsorted(ts, [now - RETENTION_US, now], side="right")
        return NewsColumns(*(self._columns[name][first:last] for name in _SEEN))

    def newest_ids(self, rows: set[int], now: int, limit: int) -> dict[int, list[str]]:
        """For each of ``rows`` the ids of up to ``limit`` catalysts until ``now``, newest first."""
        news = self.until(now)
        first = int(np.searchsorted(self._columns["ts"], now - RETENTION_US, side="right"))
        found: dict[int, list[str]] = {}
        wanted = np.flatnonzero(np.isin(news.row, list(rows)))
        for at in wanted[::-1].tolist():
            ids = found.setdefault(int(news.row[at]), [])
            if len(ids) < limit:
                ids.append(self._ids[first + at])
        return found

    def forget(self, before: int) -> None:
        """Drop the catalysts older than ``before``."""
        self._merge()
        kept = int(np.searchsorted(self._columns["ts"], before))
        if kept == 0:
            return
        dropped = zip(self._columns["row"][:kept].tolist(), self._ids[:kept], strict=True)
        self._seen.difference_update(dropped)
        self._columns = {name: column[kept:] for name, column in self._columns.items()}
        self._ids = self._ids[kept:]

    def _merge(self) -> None:
        if not self._new:
            return
        added = zip(*self._new, strict=True)
        columns = {
            name: np.concatenate([self._columns[name], np.array(values, dtype)])
            for (name, dtype), values in zip(_DTYPES.items(), added, strict=True)
        }
        order = np.lexsort((columns["key"], columns["row"], columns["ts"]))
        ids = self._ids + self._new_ids
        self._columns = {name: column[order] for name, column in columns.items()}
        self._ids = [ids[i] for i in order.tolist()]
        self._new, self._new_ids = [], []

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        self._merge()
        return {"ids": self._ids, **self._columns}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> CatalystLog:
        """The log of a snapshot."""
        log = cls()
        log._ids = list(state["ids"])
        log._columns = {name: state[name] for name in _DTYPES}
        log._seen = set(zip(log._columns["row"].tolist(), log._ids, strict=True))
        return log
