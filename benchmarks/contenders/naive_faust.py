"""Faust as its tutorial has it: a Record for each event, one update of a table for each event."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from tempfile import mkdtemp

import faust

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import Market, Security

STATE = tuple(sorted(Security.__slots__))


class Quote(faust.Record, serializer="json"):
    """A single quote."""

    symbol: str
    ts: int
    price: float
    bid: float | None = None
    ask: float | None = None
    volume: float = 0.0


def main() -> None:
    """Run a worker until it has taken the quotes."""
    chosen = arguments()
    meter, market = Meter(chosen.quotes), Market()
    app = faust.App(
        chosen.group,
        broker=f"kafka://{chosen.broker}",
        store="memory://",
        datadir=str(Path(mkdtemp()) / "faust"),
        topic_partitions=chosen.partitions,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    topic = app.topic(chosen.topic, value_type=Quote)
    table = app.Table("securities", default=dict, partitions=chosen.partitions)

    @app.agent(topic)
    async def track(quotes: faust.StreamT) -> None:
        async for quote in quotes:
            security, known = Security(), table[quote.symbol]
            for name, value in known.items():
                setattr(security, name, value)
            market.quotes += 1
            market.update(security, quote.ts, quote.price, quote.bid, quote.ask, quote.volume)
            table[quote.symbol] = {name: getattr(security, name, None) for name in STATE}
            if meter.reached(market.quotes):
                meter.tell_and_leave(market.quotes, bars=market.bars)

    logging.getLogger("faust").setLevel(logging.WARNING)
    sys.argv = [sys.argv[0], "worker", "--without-web", "-l", "warn"]
    app.main()


if __name__ == "__main__":
    main()
