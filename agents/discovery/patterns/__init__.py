"""One detector a file."""

from __future__ import annotations

from agents.discovery.candidate import Detector
from agents.discovery.patterns.accumulation_patterns import AccumulationPatterns
from agents.discovery.patterns.catalyst_sympathy import CatalystSympathy
from agents.discovery.patterns.correlation_breaks import CorrelationBreaks
from agents.discovery.patterns.emergent_clusters import EmergentClusters
from agents.discovery.patterns.news_arbitrage import NewsArbitrage
from agents.discovery.patterns.pump_and_dump import PumpAndDump
from agents.discovery.patterns.sector_rotation import SectorRotation


def detectors() -> list[Detector]:
    """A new detector of each type, in order of precedence: the first explains what it covers."""
    return [
        CatalystSympathy(),
        NewsArbitrage(),
        PumpAndDump(),
        AccumulationPatterns(),
        SectorRotation(),
        CorrelationBreaks(),
        EmergentClusters(),
    ]
