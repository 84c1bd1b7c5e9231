"""A market with known answers: realistic, with planted patterns and look-alikes."""

from streams.sources.planted.market import PlantedMarket
from streams.sources.planted.truth import KINDS, STRENGTHS, Episode, read_truth, write_truth

__all__ = ["KINDS", "STRENGTHS", "Episode", "PlantedMarket", "read_truth", "write_truth"]
