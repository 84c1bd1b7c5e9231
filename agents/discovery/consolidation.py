"""The hourly run: what need not be done at every minute, and a record that it was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.discovery.confidence import Confidence
from agents.discovery.episodes import Episode
from agents.discovery.panel import Panel
from agents.state import pack_state
from schemas.times import US_PER_S, iso

INTERVAL_S = 3600
# A run that is late by as much as its interval is overdue.
_OVERDUE = 2

# A minute's correlation with a sector that is no accident of the few days it is taken over, and by
# how much it must be above that with any other sector.
_KIN = 0.12
_MARGIN = 0.06
_ENOUGH_MIN = 390


@dataclass(frozen=True, slots=True)
class Consolidated:
    """What one run did; ``at`` is the event time up to which it ran, epoch microseconds.

    ``model`` is the snapshot of what sets confidence, None if it learned nothing since the last
    run; it is the model called ``confidence`` of this ``version``. ``sectors`` are those learned
    for securities of which none is listed. ``figures`` are those of :class:`Confidence`.
    """

    at: int
    version: str
    model: bytes | None
    ended: list[str]
    open_episodes: int
    waiting: int
    sectors: dict[str, str]
    figures: dict[str, dict[str, Any]]

    @property
    def metadata(self) -> dict[str, Any]:
        """What is kept beside the model, as plain values."""
        return {"at": iso(self.at), "figures": self.figures}


@dataclass(slots=True)
class Consolidation:
    """Runs in the first minute of each interval of event time, and in the first one seen.

    ``interval_us`` is configuration, to be set after a restart too.
    """

    interval_us: int = INTERVAL_S * US_PER_S
    last_run: int = 0
    runs: int = 0
    version: str = ""
    _ended: list[str] = field(default_factory=list)

    def close(self, ended: list[Episode]) -> None:
        """Note episodes that came to their end since the last run."""
        self._ended += [episode.id for episode in ended]

    def is_due(self, now: int) -> bool:
        """Whether an interval has begun since the last run."""
        return now // self.interval_us > self.last_run // self.interval_us

    def is_overdue(self, now: int) -> bool:
        """Whether it is missing for longer than it may be, at event time ``now``."""
        return now - self.last_run > _OVERDUE * self.interval_us

    def run(
        self, now: int, panel: Panel, confidence: Confidence, open_episodes: int, waiting: int
    ) -> Consolidated:
        """Learn sectors, take a snapshot of what sets confidence if it is new, note the run."""
        changed = confidence.version != self.version
        done = Consolidated(
            now,
            confidence.version,
            pack_state(confidence.snapshot()) if changed else None,
            self._ended,
            open_episodes,
            waiting,
            learn_sectors(panel),
            confidence.figures(),
        )
        self.last_run, self.version, self._ended = now, confidence.version, []
        self.runs += 1
        return done

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "last_run": self.last_run,
            "runs": self.runs,
            "version": self.version,
            "ended": self._ended,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Consolidation:
        """The run of a snapshot; its interval is the usual one until it is set."""
        run = cls(last_run=state["last_run"], runs=state["runs"], version=state["version"])
        run._ended = list(state["ended"])
        return run


def learn_sectors(panel: Panel) -> dict[str, str]:
    """Give securities without a listed sector the one that they clearly move with.

    Returns those that have one now, by symbol. A sector once learned is left only for another that
    is clearly nearer.
    """
    listed = panel.securities.listed_sector >= 0
    unlisted = np.flatnonzero(~listed & (panel.seen >= _ENOUGH_MIN))
    if len(unlisted) and panel.sector_names:
        near = panel.model.exposures.sector_correlation()[unlisted]
        order = np.argsort(-near, axis=1, kind="stable")
        rows = np.arange(len(unlisted))
        best = near[rows, order[:, 0]]
        second = near[rows, order[:, 1]] if near.shape[1] > 1 else np.zeros(len(unlisted))
        clear = (best > _KIN) & (best - second > _MARGIN)
        for row, sector in zip(unlisted[clear], order[clear, 0], strict=True):
            if panel.sector[row] != sector:
                panel.learn_sector(row, sector)
    learned = np.flatnonzero(~listed & (panel.sector >= 0))
    return {panel.symbols[i]: panel.sector_names[panel.sector[i]] for i in learned}
