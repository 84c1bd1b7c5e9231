"""bytewax: a stream keyed by symbol and a stateful map over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import Market, Security

_decode = msgspec.json.Decoder().decode
Row = tuple[int, float, float | None, float | None, float]


def one(message: KafkaSourceMessage) -> tuple[str, Row]:
    """A single quote by its symbol."""
    q = _decode(message.value)
    return q["symbol"], (q["ts"], q["price"], q["bid"], q["ask"], q["volume"])


def many(message: KafkaSourceMessage) -> Iterator[tuple[str, Row]]:
    """The quotes of a frame by their symbols."""
    frame = _decode(message.value)
    if "symbol" not in frame:
        return iter(())
    rows = zip(*(frame[name] for name in ("ts", "price", "bid", "ask", "volume")), strict=True)
    return zip(frame["symbol"], rows, strict=True)


class Count(StatelessSinkPartition[Any]):
    """Looks after every batch whether it was the last."""

    def __init__(self, meter: Meter, market: Market) -> None:
        self.meter, self.market = meter, market

    def write_batch(self, items: list[Any]) -> None:
        """End when all is taken."""
        if self.meter.reached(self.market.quotes):
            self.meter.tell_and_leave(self.market.quotes, bars=self.market.bars)


class Counting(DynamicSink[Any]):
    """One such part for each worker of bytewax."""

    def __init__(self, meter: Meter, market: Market) -> None:
        self.meter, self.market = meter, market

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Count:
        """The part of a worker."""
        return Count(self.meter, self.market)


def main() -> None:
    """Run the flow until it has taken the quotes."""
    chosen = arguments()
    meter, market = Meter(chosen.quotes), Market()

    def update(security: Security | None, row: Row) -> tuple[Security, Any]:
        market.quotes += 1
        security = security or Security()
        return security, market.update(security, *row)

    flow = Dataflow("tracking")
    source = KafkaSource([chosen.broker], [chosen.topic], batch_size=20 if chosen.frames else 2_000)
    messages = op.input("quotes", flow, source)
    rows = op.flat_map("rows", messages, many) if chosen.frames else op.map("row", messages, one)
    op.output("count", op.stateful_map("track", rows, update), Counting(meter, market))
    run_main(flow)


if __name__ == "__main__":
    main()
