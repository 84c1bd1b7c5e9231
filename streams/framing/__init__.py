"""Turning a foreign topic with one quote a message into frames on ``quotes``."""

from streams.framing.framer import Framer, FrameSummary, Framing

__all__ = ["FrameSummary", "Framer", "Framing"]
