"""pathway: a bar for each security and minute as a reduction, kept up to date.

Less than the others do: no variance and no imbalance, which its reducers do not say.
"""

from __future__ import annotations

from typing import Any

import pathway as pw

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import MINUTE_MS


class Quote(pw.Schema):
    """A single quote."""

    symbol: str
    ts: int
    price: float
    bid: float
    ask: float
    volume: float


def main() -> None:
    """Run until the quotes are taken."""
    chosen = arguments()
    if chosen.frames:
        raise SystemExit("pathway reads one row a message: it has no frames")
    meter = Meter(chosen.quotes)
    quotes = pw.io.kafka.read(
        {
            "bootstrap.servers": chosen.broker,
            "group.id": chosen.group,
            "auto.offset.reset": "earliest",
        },
        topic=chosen.topic,
        format="json",
        schema=Quote,
        autocommit_duration_ms=100,
    )
    timed = quotes.with_columns(minute=pw.this.ts // MINUTE_MS)
    bars = timed.groupby(pw.this.symbol, pw.this.minute).reduce(
        pw.this.symbol,
        pw.this.minute,
        count=pw.reducers.count(),
        open=pw.reducers.earliest(pw.this.price),
        high=pw.reducers.max(pw.this.price),
        low=pw.reducers.min(pw.this.price),
        close=pw.reducers.latest(pw.this.price),
        volume=pw.reducers.sum(pw.this.volume),
        spread=pw.reducers.sum(pw.this.ask - pw.this.bid),
    )
    taken = 0

    def changed(key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:
        nonlocal taken
        taken += row["count"] if is_addition else -row["count"]

    def settled(time: int) -> None:
        if meter.reached(taken):
            meter.tell_and_leave(taken)

    pw.io.subscribe(bars, on_change=changed, on_time_end=settled)
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    main()
