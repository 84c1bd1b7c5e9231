"""Everything a detector may look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.discovery.kinship import Kinship
from agents.discovery.newslog import NewsLog
from agents.discovery.panel import Panel


@dataclass(slots=True)
class Scene:
    """The market as it stands after a minute: returns and volumes, news, who is kin to whom."""

    panel: Panel = field(default_factory=Panel)
    news: NewsLog = field(default_factory=NewsLog)
    kin: Kinship = field(default_factory=Kinship)

    @property
    def now(self) -> int:
        """The end of the newest minute, epoch microseconds."""
        return self.panel.now
