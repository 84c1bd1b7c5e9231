"""Recent minutes of every security in columns, oldest first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


class Window:
    """The last ``length`` rows of several fields, each of shape (length, securities).

    It starts full of zeros: nothing happened before the first minute. Twice the room is kept, so
    that a row is written in place and moved only every ``length`` rows.
    """

    def __init__(self, fields: tuple[str, ...], length: int) -> None:
        self.fields = fields
        self.length = length
        self._end = length
        self._rows: dict[str, Rows] = {
            name: np.zeros((2 * length, 0), np.float32) for name in fields
        }

    def resize(self, securities: int) -> None:
        """Make room for ``securities`` columns."""
        for name, rows in self._rows.items():
            grow = securities - rows.shape[1]
            if grow > 0:
                more = np.zeros((len(rows), grow), np.float32)
                self._rows[name] = np.hstack([rows, more])

    def append(self, **row: Floats) -> None:
        """Add one row; each field has shape (securities,)."""
        if self._end == 2 * self.length:
            for rows in self._rows.values():
                rows[: self.length] = rows[self.length :]
            self._end = self.length
        for name in self.fields:
            self._rows[name][self._end] = row[name]
        self._end += 1

    def last(self, name: str, count: int) -> Rows:
        """The last ``count`` rows of a field, shape (count, securities); a view."""
        count = min(count, self.length)
        return self._rows[name][self._end - count : self._end]

    def total(self, name: str, count: int) -> Floats:
        """The sum of the last ``count`` rows, shape (securities,)."""
        return np.asarray(self.last(name, count).sum(axis=0, dtype=np.float64))

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {name: self.last(name, self.length) for name in self.fields}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the rows of a snapshot."""
        self._end = self.length
        for name in self.fields:
            rows = np.asarray(state[name], np.float32)
            self._rows[name] = np.vstack([np.zeros_like(rows), rows])
            self._end = 2 * self.length
