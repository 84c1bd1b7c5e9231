"""A bare confluent-kafka consumer: the limit. With ``--columns`` our tracker, else plain Python.

``--columns`` is what a worker does to a record of ``quotes`` but for Faust, checkpoints and the
database: decoding, tracking, bars sent to a topic.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec import Struct

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import Market

BARS = "bench.bars"


class Quote(Struct, gc=False):
    """A single quote."""

    symbol: str
    ts: int
    price: float
    bid: float | None = None
    ask: float | None = None
    volume: float = 0.0


class Frame(Struct):
    """Quotes as columns."""

    symbol: list[str] = []
    ts: list[int] = []
    price: list[float] = []
    bid: list[float | None] = []
    ask: list[float | None] = []
    volume: list[float] = []


def records(broker: str, topic: str, partitions: int, at_once: int) -> Iterator[list[Any]]:
    """Every record of the topic, some at a time."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": f"bare-{time.time_ns()}",
            "fetch.queue.backoff.ms": 5,
            "queued.max.messages.kbytes": 64 << 10,
            "fetch.message.max.bytes": 8 << 20,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    while True:
        yield [m for m in consumer.consume(at_once, timeout=0.05) if m.error() is None]


def plain(batches: Iterator[list[Any]], meter: Meter, frames: bool, send: Any) -> None:
    """Python per quote."""
    market = Market()
    take = _frames(market) if frames else _singles(market)
    for batch in batches:
        for bar in take(batch):
            send(BARS, msgspec.json.encode(bar))
        if meter.reached(market.quotes):
            break
    meter.tell(market.quotes, bars=market.bars, volume=market.volume)


def _singles(market: Market) -> Callable[[list[Any]], list[Any]]:
    decode = msgspec.json.Decoder(Quote).decode

    def take(batch: list[Any]) -> list[Any]:
        bars = []
        for message in batch:
            q = decode(message.value())
            bar = market.take(q.symbol, q.ts, q.price, q.bid, q.ask, q.volume)
            if bar is not None:
                bars.append(bar)
        return bars

    return take


def _frames(market: Market) -> Callable[[list[Any]], list[Any]]:
    decode = msgspec.json.Decoder(Frame).decode

    def take(batch: list[Any]) -> list[Any]:
        bars = []
        for message in batch:
            f = decode(message.value())
            for quote in zip(f.symbol, f.ts, f.price, f.bid, f.ask, f.volume, strict=True):
                bar = market.take(*quote)
                if bar is not None:
                    bars.append(bar)
        return bars

    return take


def columns(batches: Iterator[list[Any]], meter: Meter, partitions: int, send: Any) -> None:
    """Our tracker."""
    from agents.tracking.tracker import PartitionTracker
    from schemas.bars import encode_bars
    from schemas.quotes import decode_quotes

    trackers = [PartitionTracker(number, partitions, 5_000_000) for number in range(partitions)]
    taken = bars = 0
    for batch in batches:
        for message in batch:
            tracker = trackers[message.partition()]
            quotes = decode_quotes(message.value())
            tracker.take(quotes, message.offset())
            taken += len(quotes)
            for closed in tracker.close_due():
                bars += len(closed.bars)
                send(BARS, encode_bars(closed))
        if meter.reached(taken):
            break
    meter.tell(taken, bars=bars)


def main() -> None:
    """Take the quotes."""
    with_columns = "--columns" in sys.argv
    if with_columns:
        sys.argv.remove("--columns")
    chosen = arguments()
    gc.set_threshold(200_000)
    producer = Producer({"bootstrap.servers": chosen.broker, "linger.ms": 20})
    at_once = 20 if chosen.frames or with_columns else 10_000
    batches = records(chosen.broker, chosen.topic, chosen.partitions, at_once)
    meter = Meter(chosen.quotes)

    def send(topic: str, value: bytes) -> None:
        producer.produce(topic, value)
        producer.poll(0)

    if with_columns:
        columns(batches, meter, chosen.partitions, send)
    else:
        plain(batches, meter, chosen.frames, send)
    producer.flush(10)


if __name__ == "__main__":
    main()
