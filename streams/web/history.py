"""Stored history and patterns as they are answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from schemas.http import History, HistoryBar, PatternDetail, StoredPattern
from schemas.times import EPOCH, from_us
from timescale import overview
from timescale.queries import Bars, Pattern
from timescale.readers import Reader

_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_MEASURES = ("open", "high", "low", "close", "volume", "vwap")


async def history(
    reader: Reader,
    symbol: str,
    start: datetime | None,
    end: datetime | None,
    tier: Any,
    limit: int,
) -> History | None:
    """The newest ``limit`` bars of ``[start, end)``; None: nobody ever heard of the symbol."""
    start, end = start or EPOCH, end or _END_OF_TIME
    if tier is None:
        bars = await reader.history(symbol, start, end)
    else:
        bars = await reader.bars(symbol, start, end, tier)
    if not len(bars) and not await reader.ask(overview.is_known(symbol)):
        return None
    return History(symbol, newest(bars, limit), truncated=len(bars) > limit)


def newest(bars: Bars, limit: int) -> list[HistoryBar]:
    """The last ``limit`` bars; a NaN is null."""
    part = slice(max(0, len(bars) - limit), None)
    times = bars.timestamp[part].astype("datetime64[us]").astype(np.int64).tolist()
    columns = [getattr(bars, name)[part].tolist() for name in _MEASURES]
    rows = zip(
        times, bars.interval_s[part].tolist(), *columns, bars.tier[part].tolist(), strict=True
    )
    return [HistoryBar(from_us(us), *rest) for us, *rest in rows]


def stored_pattern(pattern: Pattern) -> StoredPattern:
    """A pattern with the names that its topic uses."""
    return StoredPattern(
        id=pattern.id,
        pattern_type=pattern.pattern_type,
        securities=pattern.securities,
        detected_at=pattern.discovered,
        window_start=pattern.window_start,
        window_end=pattern.window_end,
        confidence=pattern.confidence,
        trigger_conditions=pattern.trigger_conditions,
        predicted_outcome=pattern.predicted_outcome,
        actual_outcome=pattern.actual_outcome,
        evidence=pattern.evidence,
        model_version=pattern.model_version,
        backtest_results=pattern.backtest_results,
    )


def pattern_detail(pattern: Pattern, headlines: dict[str, str]) -> PatternDetail:
    """A pattern with the headlines of its evidence."""
    stored = stored_pattern(pattern)
    known = {name: getattr(stored, name) for name in StoredPattern.__struct_fields__}
    return PatternDetail(**known, headlines=headlines)
