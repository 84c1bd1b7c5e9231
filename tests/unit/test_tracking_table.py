"""The table of a partition: who is in it, and who has changed."""

from __future__ import annotations

import numpy as np

from agents.tracking.tracker import PartitionTracker
from schemas.quotes import QuoteColumns
from schemas.times import US_PER_S
from tests.unit.markets import START


def quote(symbol: str, second: int) -> QuoteColumns:
    ts, price, side = np.array([START + second * US_PER_S]), np.array([5.0]), np.array([np.nan])
    return QuoteColumns([symbol], ts, price, side, side, np.array([1.0]))


def changed(tracker: PartitionTracker) -> list[str]:
    return [tracker.table.symbols[i] for i in tracker.table.take_changed()]


def test_a_security_whose_only_quote_came_late_has_no_row_to_store() -> None:
    tracker = PartitionTracker(0, 1, 5 * US_PER_S)
    tracker.take(quote("AAA", 60), 0)
    assert changed(tracker) == ["AAA"]
    assert len(tracker.take(quote("BBB", 0), 1).late) == 1
    assert changed(tracker) == []
    tracker.take(quote("BBB", 61), 2)
    assert changed(tracker) == ["BBB"]


def test_after_a_restart_every_security_with_a_price_is_stored_again() -> None:
    tracker = PartitionTracker(0, 1, 5 * US_PER_S)
    tracker.take(quote("AAA", 0), 0)
    tracker.take(quote("BBB", 90), 1)
    tracker.close_due()
    resume = tracker.resume_point()
    again = PartitionTracker.restore(0, 1, 5 * US_PER_S, tracker.snapshot(), resume)
    assert changed(again) == ["AAA"], "of BBB only an open quote was known"
    again.take(quote("BBB", 90), resume.offset)
    assert changed(again) == ["BBB"]
