"""Scanning days that are over, in process: the same objects as in a worker, at full speed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agents.minutes import MarketMinute
from agents.scanning.desk import Desk, Update
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, to_us


def scan_history(
    minutes: Iterable[MarketMinute], catalysts: Iterable[Catalyst], desk: Desk | None = None
) -> Iterator[Update]:
    """What ``desk`` makes of market minutes in order of time and catalysts in any order.

    A scan sees what was published by its time; after the last minute one more is taken if due.
    """
    desk = desk or Desk()
    waiting = sorted(catalysts, key=lambda c: (to_us(c.ts), c.symbol, c.news_id))
    told, end = 0, 0
    for minute in minutes:
        end = minute.start + US_PER_MINUTE
        while told < len(waiting) and to_us(waiting[told].ts) <= end:
            desk.inform(waiting[told])
            told += 1
        yield from desk.take(minute)
    yield from desk.advance(end)
