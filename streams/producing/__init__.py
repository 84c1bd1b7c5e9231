"""Producing into Kafka: frames with marks for quotes, single messages for news and securities."""

from streams.producing.delivery import Delivery
from streams.producing.packing import FramePacker, Packed, Packing
from streams.producing.quotes import ProduceSummary, Progress, QuoteProducer

__all__ = [
    "Delivery",
    "FramePacker",
    "Packed",
    "Packing",
    "ProduceSummary",
    "Progress",
    "QuoteProducer",
]
