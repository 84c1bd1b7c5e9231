"""The account of a demo: what was produced, processed and stored, and whether they agree."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from streams.demo.audit import Barred, Sent, Stored
from streams.demo.observe import Observation


@dataclass(frozen=True)
class Counts:
    """What the parts know, gathered at one moment after the producer has ended."""

    reported: int | None
    sent: Sent
    seen: Observation
    barred: Barred
    due_in_rows: int
    stored: Stored
    ticks_kept: bool
    fresh: bool


def problems(counts: Counts) -> list[str]:
    """Every disagreement, in words; empty when all that was produced is stored."""
    sent, stored, barred, seen = counts.sent, counts.stored, counts.barred, counts.seen
    found = []

    def equal(what: str, left: float, right: float) -> None:
        if not math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-6):
            found.append(f"{what}: {left:,.10g} is not {right:,.10g}")

    if counts.reported is None:
        found.append("the producer left no summary")
    else:
        equal("quotes delivered and quotes in the topic", counts.reported, sent.quotes)
    if not sent.quotes:
        found.append("nothing was produced")
    equal("quotes in the topic and quotes processed", sent.quotes, seen.quotes or 0)
    equal("quotes in bars and distinct quotes", barred.quotes, sent.distinct)
    equal("volume in bars and volume sent", barred.volume, sent.volume)
    if counts.ticks_kept and counts.fresh:
        equal("ticks stored and distinct quotes", stored.ticks, sent.distinct)
        equal("volume of ticks and volume sent", stored.tick_volume, sent.volume)
    elif counts.ticks_kept and stored.ticks < sent.distinct:
        equal("ticks stored and distinct quotes", stored.ticks, sent.distinct)
    if counts.fresh or stored.collected_quotes < counts.due_in_rows:
        equal("quotes in collected rows and in bars", stored.collected_quotes, counts.due_in_rows)
    for name, value in (("late", seen.late), ("rejected", seen.rejected)):
        if value:
            found.append(f"{value} records were {name}: see the dead-letter topics")
    return found


@dataclass
class Summary:
    """What ``--json`` prints; memory in bytes, times in seconds."""

    ok: bool
    problems: list[str]
    source: str
    elapsed_s: float
    first_light_s: float | None
    quotes_produced: int
    quotes_processed: int
    distinct_quotes: int
    ticks_stored: int
    bars: int
    collected_rows: int
    hourly_rows: int
    daily_rows: int
    signals: dict[str, int] = field(default_factory=dict)
    peak_memory_bytes: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
