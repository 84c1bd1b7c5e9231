"""Everything a detector may look at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.discovery.kinship import Kinship
from agents.discovery.newslog import NewsLog
from agents.discovery.panel import Panel
from agents.discovery.topics import Topics


@dataclass(slots=True)
class Scene:
    """The market as it stands after a minute: returns and volumes, news, and who is kin."""

    panel: Panel = field(default_factory=Panel)
    news: NewsLog = field(default_factory=NewsLog)
    kin: Kinship = field(default_factory=Kinship)
    topics: Topics = field(default_factory=Topics)

    @property
    def now(self) -> int:
        """The end of the newest minute, epoch microseconds."""
        return self.panel.now

    def peers(self, row: int) -> NDArray[np.intp]:
        """Kin of a security by industry, by how they move, or by what is said of them."""
        panel = self.panel
        told = self.topics.peers(panel.symbols[row])
        rows = [panel.row[symbol] for symbol in told if symbol in panel.row]
        return np.union1d(self.kin.peers(panel, row), np.array(rows, np.intp))

    def groups(self, row: int) -> list[NDArray[np.intp]]:
        """The same kin apart: by industry, by how they move, and by each topic, none twice."""
        panel = self.panel
        told = self.topics.groups(panel.symbols[row]).values()
        groups = [self.kin.of_industry(panel, row), self.kin.moving_like(panel, row)]
        groups += [
            np.array(sorted(panel.row[s] for s in names if s in panel.row), np.intp)
            for names in told
        ]
        apart = {tuple(group.tolist()): group for group in groups}
        return [group for group in apart.values() if len(group)]
