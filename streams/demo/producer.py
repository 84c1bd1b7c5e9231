"""The producer of a demo: how it is called, and the summary that it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = "sample"
SIMULATED = "simulated"


@dataclass(frozen=True)
class ProducerPlan:
    """What is produced, and how many seconds of market pass in one."""

    source: str
    speed: float

    @property
    def title(self) -> str:
        """For people."""
        if self.source == SIMULATED:
            return "a simulated market of 300 securities"
        return "8 October 2013: the trades of AIG, BAC and IBM, and of SPY in its first hour"

    def arguments(self) -> list[str]:
        """The arguments of ``catalyst``."""
        return [
            *("produce", "quotes", "--source", self.source),
            *("--speed", f"{self.speed:g}", "--json"),
        ]


def produced(log: Path) -> dict[str, Any] | None:
    """The summary that the producer printed last, None when there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                return None
            return found if isinstance(found, dict) and "quotes" in found else None
    return None
