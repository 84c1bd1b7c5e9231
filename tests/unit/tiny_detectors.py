"""Detectors that find something in any market, for tests of what is done with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.discovery.candidate import Candidate, Detector
from agents.discovery.scene import Scene
from schemas.signals import PatternType
from schemas.times import US_PER_MINUTE


class Loudest:
    """Every few minutes, the securities with the largest own move; it remembers how often it did.

    The state is read by what it finds, so that one that is lost shows.
    """

    def __init__(self, name: PatternType, every: int) -> None:
        self.name: PatternType = name
        self.every = every
        self.looks = 0

    def look(self, scene: Scene) -> list[Candidate]:
        self.looks += 1
        moves = np.abs(scene.panel.window.total("m", 10))
        if not len(moves) or moves.max() <= 0:
            return []
        first, second = (scene.panel.symbols[i] for i in np.argsort(-moves)[:2])
        return [
            Candidate(
                self.name,
                (first,),
                [first, second],
                scene.now - 10 * US_PER_MINUTE,
                1.0 + self.looks % 5,
                {first: 1},
                1800,
                conditions={"move": moves.max(), "looks": self.looks, "news": len(scene.news)},
            )
        ]

    def snapshot(self) -> dict[str, Any]:
        return {"looks": self.looks}

    def load(self, state: dict[str, Any]) -> None:
        self.looks = state["looks"]


class Failing(Loudest):
    """Fails at every look."""

    def look(self, scene: Scene) -> list[Candidate]:
        raise RuntimeError("on purpose")


def tiny_detectors() -> list[Detector]:
    """The second is explained by the first where both see the same security."""
    return [Loudest("pump_and_dump", 7), Loudest("correlation_breaks", 5)]
