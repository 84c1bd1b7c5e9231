"""Which securities belong together: by industry, by sector, and by how they move."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.discovery.panel import Panel
from agents.discovery.robust import Floats
from agents.discovery.session import SESSION_MIN

STEP_MIN = 5
# Half-life of the long correlation, in minutes of trading.
_HALF_LIFE = 4 * SESSION_MIN
_KEEP = 0.5 ** (STEP_MIN / _HALF_LIFE)
_CAP = 4.0


class Kinship:
    """EW correlations of five-minute returns net of the market and of market and sector.

    Returns are standardised and capped, so that a jump of one security or a burst of the whole
    market does not make or break a correlation. Shapes are (securities, securities).
    """

    def __init__(self) -> None:
        self.cross: dict[str, Floats] = {name: np.zeros((0, 0)) for name in ("zm", "z")}
        self.weight = 0.0

    def take(self, panel: Panel) -> None:
        """Take in the last five minutes, when five have passed."""
        if panel.minute_of_session % STEP_MIN or panel.minute_of_session < STEP_MIN:
            return
        self.weight = _KEEP * self.weight + 1.0
        for name, cross in self.cross.items():
            step = np.clip(panel.window.total(name, STEP_MIN) / np.sqrt(STEP_MIN), -_CAP, _CAP)
            grow = len(step) - len(cross)
            if grow > 0:
                cross = np.pad(cross, ((0, grow), (0, grow)))
            self.cross[name] = _KEEP * cross + np.outer(step, step)

    @property
    def observations(self) -> float:
        """Five-minute steps that the correlations rest on, at most about 450."""
        return self.weight

    def correlation(self, name: str = "zm") -> Floats:
        """Correlation of five-minute returns net of the market (``zm``) or also sector (``z``)."""
        cross = self.cross[name]
        scale = np.sqrt(np.maximum(np.diag(cross), 1e-12))
        return np.asarray(cross / np.outer(scale, scale))

    def correlation_with(self, row: int, name: str = "zm") -> Floats:
        """That of one security with all, shape (securities,)."""
        cross = self.cross[name]
        scale = np.sqrt(np.maximum(np.diag(cross), 1e-12))
        return np.asarray(cross[row] / (scale * scale[row]))

    def peers(self, panel: Panel, row: int) -> NDArray[np.intp]:
        """Securities of the same industry or that move like ``row``, itself left out."""
        return np.union1d(self.of_industry(panel, row), self.moving_like(panel, row))

    def of_industry(self, panel: Panel, row: int) -> NDArray[np.intp]:
        """Securities of the same industry, ``row`` left out."""
        same = (panel.industry == panel.industry[row]) & (panel.industry[row] >= 0)
        same[row] = False
        return np.flatnonzero(same)

    def moving_like(self, panel: Panel, row: int) -> NDArray[np.intp]:
        """Securities that have long moved like ``row``, itself left out."""
        like = np.zeros(len(panel), bool)
        if row < len(self.cross["zm"]) and self.weight > _ENOUGH:
            with_row = self.correlation_with(row)
            like[: len(with_row)] = with_row > _ALIKE
        like[row] = False
        return np.flatnonzero(like)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"cross": self.cross, "weight": self.weight}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Kinship:
        """The kinship of a snapshot."""
        kin = cls()
        kin.cross, kin.weight = dict(state["cross"]), state["weight"]
        return kin


# Enough steps for a correlation to mean something, and one that makes kin.
_ENOUGH = 78.0
_ALIKE = 0.35
