"""Scanning days that are over, in process: the same objects as in a worker, at full speed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import time

from agents.minutes import MarketMinute
from agents.profile import exchange_time
from agents.scanning.desk import Desk, Update
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, to_us
from schemas.tracking import Scan


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


def scans_at(updates: Iterable[Update], times: Collection[time]) -> Iterator[Scan]:
    """The scans that were made at these times of the exchange's day and found something."""
    for update in updates:
        scan = update.scan
        if scan and scan.tracked_securities and exchange_time(update.time).time() in times:
            yield scan


def described(scan: Scan) -> list[str]:
    """The trading candidates of a scan as lines of text: scores, their parts, and reasons."""
    local = exchange_time(to_us(scan.timestamp))
    lines = [
        f"{local:%Y-%m-%d %H:%M} {scan.mode}: {len(scan.tracked_securities)} tracked of "
        f"{scan.total_universe}"
    ]
    for candidate in scan.trading_candidates:
        parts = "  ".join(f"{name} {part:5.2f}" for name, part in candidate.parts.items())
        lines.append(
            f"  {candidate.symbol:6s} {candidate.score:6.2f} = {parts}  {candidate.reason}"
        )
    return lines
