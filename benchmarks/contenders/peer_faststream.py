"""FastStream with Confluent's client: batches to one function, state in a dictionary."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from faststream import FastStream
from faststream.confluent import KafkaBroker, TopicPartition

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import Market


async def main() -> None:
    """Run the application until it has taken the quotes."""
    chosen = arguments()
    meter, market = Meter(chosen.quotes), Market()
    broker = KafkaBroker(
        chosen.broker, logger=None, graceful_timeout=1, decoder=_values, log_level=logging.WARNING
    )

    @broker.subscriber(
        partitions=[TopicPartition(chosen.topic, p, 0) for p in range(chosen.partitions)],
        group_id=chosen.group,
        batch=True,
        max_records=20 if chosen.frames else 2_000,
        polling_interval=0.05,
        auto_offset_reset="earliest",
        no_reply=True,
    )
    async def take(batch: list) -> None:
        for quote in batch:
            if not chosen.frames:
                market.take(
                    quote["symbol"], quote["ts"], quote["price"], quote["bid"], quote["ask"],
                    quote["volume"],
                )  # fmt: skip
            elif "symbol" in quote:
                columns = (quote[n] for n in ("symbol", "ts", "price", "bid", "ask", "volume"))
                for row in zip(*columns, strict=True):
                    market.take(*row)
        if meter.reached(market.quotes):
            meter.tell_and_leave(market.quotes, bars=market.bars, volume=market.volume)

    await FastStream(broker, logger=None).run(log_level=logging.WARNING)


async def _values(message, _original):
    return [msgspec.json.decode(value) for value in message.body]


if __name__ == "__main__":
    asyncio.run(main())
