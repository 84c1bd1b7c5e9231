"""Quotes to measure with: the same for the same numbers, as many securities as are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import numpy as np
import orjson
from confluent_kafka import Producer

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.producing.delivery import Delivery
from streams.producing.packing import FramePacker, Packing
from streams.topics import QUOTES, partition_of

START = 1_736_173_800 * US_PER_S  # Monday 6 January 2025, 14:30 UTC


@dataclass(frozen=True, slots=True)
class Feed:
    """About ``quotes`` of ``securities`` over ``minutes``: cents that walk, some traded far more.

    Times are whole milliseconds, so that a busy security has several quotes of one instant.
    """

    securities: int
    quotes: int
    minutes: int
    seed: int = 1

    @property
    def names(self) -> list[str]:
        """Tickers of five characters."""
        return [f"S{number:04X}" for number in range(self.securities)]

    def __iter__(self) -> Iterator[QuoteColumns]:
        """A batch for each second of event time."""
        rng = np.random.default_rng([self.seed, self.securities])
        names = np.array(self.names, object)
        activity = rng.lognormal(0, 1, self.securities).cumsum()
        cents = rng.integers(1_000, 30_000, self.securities)
        seconds = self.minutes * 60
        edges = np.linspace(0, self.quotes, seconds + 1).astype(int)
        for second, size in enumerate(np.diff(edges).tolist()):
            chosen = np.searchsorted(activity, rng.random(size) * activity[-1])
            np.add.at(cents, chosen, rng.integers(-2, 3, size))
            np.maximum(cents, 100, out=cents)
            ms = np.sort(rng.integers(0, 1_000, size))
            price = (cents[chosen] + rng.integers(-1, 2, size)) / 100
            # An exact repeat would be dropped by some and counted by others.
            shares = rng.integers(1, 900, size)
            repeats = np.unique(np.stack([chosen, ms, shares]), axis=1, return_index=True)[1]
            kept = np.sort(repeats)
            chosen, ms, price, shares = (a[kept] for a in (chosen, ms, price, shares))
            yield QuoteColumns(
                names[chosen].tolist(),
                START + second * US_PER_S + ms * US_PER_MS,
                price,
                np.round(price - 0.01, 2),
                np.round(price + 0.01, 2),
                shares.astype(np.float64),
            )

    def closing_ms(self) -> int:
        """The end of the last minute, epoch milliseconds."""
        return (START + self.minutes * US_PER_MINUTE) // US_PER_MS


def send_frames(broker: str, feed: Feed, partitions: int, frame: int) -> int:
    """The feed on ``quotes`` as producers of ours send it; how many quotes arrived."""
    delivery = Delivery(broker, Event())
    packer = FramePacker(Packing(partitions, max_quotes=frame))
    for batch in feed:
        for record in packer.add(batch):
            delivery.send(QUOTES, record)
    for record in packer.finish():
        delivery.send(QUOTES, record)
    delivery.flush()
    return delivery.quotes_delivered


def send_singles(broker: str, topic: str, feed: Feed, partitions: int) -> int:
    """The feed with one quote a message and the symbol as key, as others send it."""
    producer = Producer(
        {"bootstrap.servers": broker, "linger.ms": 20, "queue.buffering.max.messages": 500_000}
    )
    places = {name: partition_of(name, partitions) for name in feed.names}
    sent = 0
    for batch in feed:
        columns = (batch.ts // US_PER_MS, batch.price, batch.bid, batch.ask, batch.volume)
        rows = zip(batch.symbol, *(column.tolist() for column in columns), strict=True)
        for symbol, ts, price, bid, ask, volume in rows:
            quote = {
                "symbol": symbol, "ts": ts, "price": price, "bid": bid, "ask": ask,
                "volume": volume,
            }  # fmt: skip
            producer.produce(topic, orjson.dumps(quote), symbol.encode(), places[symbol])
            sent += 1
        producer.poll(0)
        if len(producer) > 200_000:
            producer.flush(60)
    if producer.flush(60):
        raise RuntimeError(f"not everything arrived on {topic}")
    return sent
