"""What is usual for a figure that is looked at again and again, so that the unusual stands out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.discovery.robust import Floats

# Beyond so many deviations a figure teaches, and counts, as this many only.
CAP = 6.0


class Habit:
    """EW mean and deviation of figures of shape (windows, securities).

    ``rate`` is the weight of a new figure, ``least`` what no deviation falls below. A mean starts
    at zero, a variance at the mean of the securities'; both weigh as much as ``prior`` looks, for
    overlapping windows say the same thing many times over; it may differ by window, of shape
    (windows, 1).
    """

    def __init__(self, windows: int, *, rate: float, least: float, prior: float | Floats) -> None:
        self._rate, self._least, self._prior = rate, least, prior
        self.mean: Floats = np.zeros((windows, 0))
        self.square: Floats = np.zeros((windows, 0))
        self.seen: Floats = np.zeros((windows, 0))

    def take(self, found: Floats) -> Floats:
        """How many deviations ``found`` is above its mean so far; then learn from it.

        Shapes (windows, securities); what is NaN is 0 deviations away and teaches nothing.
        """
        self._resize(found.shape[1])
        known = np.isfinite(found)
        away = np.where(known, found - self.mean, 0.0)
        deviation = self.deviation()
        limit = np.where(self.seen > 0, CAP / 2 * deviation, np.inf)
        pulled = np.clip(away, -limit, limit)
        self.mean += self._step(known, self._prior) * pulled
        self.square += self._step(known, 1.0) * (pulled**2 - self.square)
        self.seen += known
        return np.clip(away / deviation, -CAP, CAP)

    def _step(self, known: NDArray[np.bool_], prior: float | Floats) -> Floats:
        return np.asarray(np.where(known, np.maximum(1 / (self.seen + prior), self._rate), 0.0))

    def deviation(self) -> Floats:
        """The usual deviation as it is known now, shape (windows, securities)."""
        own = np.minimum(self.seen, 1 / self._rate)
        taught = np.maximum((self.seen > 0).sum(axis=1, keepdims=True), 1)
        usual = self.square.sum(axis=1, keepdims=True) / taught
        variance = (own * self.square + self._prior * usual) / (own + self._prior)
        return np.asarray(np.maximum(np.sqrt(variance), self._least))

    def _resize(self, securities: int) -> None:
        grow = securities - self.mean.shape[1]
        if grow > 0:
            for name in ("mean", "square", "seen"):
                setattr(self, name, np.pad(getattr(self, name), ((0, 0), (0, grow))))

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"mean": self.mean, "square": self.square, "seen": self.seen}

    def load(self, state: dict[str, Any]) -> None:
        """Take over the state of a snapshot."""
        self.mean, self.square, self.seen = state["mean"], state["square"], state["seen"]
