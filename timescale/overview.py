"""The questions about the state of the whole system: what is tracked, by whom, how far, how much.

Each is a :class:`timescale.queries.Query` for :meth:`timescale.readers.Reader.ask`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from timescale.queries import Pattern, Query

# Larger relations are not counted but estimated: a count reads every row.
COUNTED_BYTES = 8 << 20

COUNTED = (
    "security_ticks",
    "security_data_high_freq",
    "security_latest",
    "security_tracking_state",
    "tier_changes",
    "scans",
    "news",
    "ml_pattern_discoveries",
)
_HYPERTABLES = ("security_ticks", "security_data_high_freq")


@dataclass(frozen=True)
class ServiceHealth:
    """What a service last said of itself; `age_s` by the clock of the database."""

    name: str
    status: str
    since: datetime
    updated_at: datetime
    age_s: float
    metrics: dict[str, Any]


@dataclass(frozen=True)
class StoredScan:
    """A scan with the request that forced it, if one did; the lists are of candidates."""

    scan_id: str
    timestamp: datetime
    mode: str
    trading_candidates: list[dict[str, Any]]
    tracked_securities: list[dict[str, Any]]
    total_universe: int
    execution_time: float | None
    request: str | None


@dataclass(frozen=True)
class CycleAnswer:
    """What became of a request: the status of its cycle, and its scan when it is stored."""

    status: str
    scan: StoredScan | None


def tracked_securities() -> Query[list[dict[str, Any]]]:
    """The tracked securities as of their newest quotes, highest score first, then by symbol.

    Until a scanner has decided anything, every security that was quoted is tracked.
    """
    names = (
        "symbol", "ts", "last", "bid", "ask", "spread", "volume", "volatility",
        "relative_volume", "imbalance", "collection_frequency", "tracking_reason", "score",
    )  # fmt: skip
    statement = """
    SELECT coalesce(l.symbol, s.symbol), l."timestamp", l.price, l.bid, l.ask, l.spread, l.volume,
           l.volatility, l.relative_volume, l.imbalance,
           s.collection_frequency, s.tracking_reason, s.last_catalyst_score
    FROM security_latest l FULL JOIN security_tracking_state s USING (symbol)
    WHERE s.tracked OR NOT EXISTS (SELECT FROM security_tracking_state)
    ORDER BY s.last_catalyst_score DESC NULLS LAST, 1"""
    return Query(statement, {}, lambda rows: [dict(zip(names, row, strict=True)) for row in rows])


def service_health() -> Query[list[ServiceHealth]]:
    """Every service, by name."""
    statement = """
    SELECT service_name, status, since, updated_at,
           greatest(0, extract(epoch FROM clock_timestamp() - updated_at))::float8, metrics
    FROM service_health ORDER BY service_name"""
    return Query(statement, {}, lambda rows: [ServiceHealth(*row) for row in rows])


_SCAN = """
    s.scan_id, s."timestamp", s.mode, s.trading_candidates, s.tracked_securities,
    s.total_universe, s.execution_time"""


def last_scan() -> Query[StoredScan | None]:
    """The newest scan."""
    statement = f"""
    SELECT {_SCAN}, (SELECT c.data->>'request' FROM trading_cycles c
                     WHERE c.data->>'scan_id' = s.scan_id LIMIT 1)
    FROM scans s ORDER BY s."timestamp" DESC, s.scan_id DESC LIMIT 1"""  # noqa: S608
    return Query(statement, {}, lambda rows: StoredScan(*rows[0]) if rows else None)


def cycle_of_request(request: str) -> Query[CycleAnswer | None]:
    """The cycle that a request opened; None: not yet."""
    statement = f"""
    SELECT c.status, {_SCAN}, c.data->>'request'
    FROM trading_cycles c LEFT JOIN scans s ON s.scan_id = c.data->>'scan_id'
    WHERE c.data->>'request' = %(request)s LIMIT 1"""  # noqa: S608

    def decode(rows: list[tuple[Any, ...]]) -> CycleAnswer | None:
        if not rows:
            return None
        status, *scan = rows[0]
        return CycleAnswer(status, None if scan[0] is None else StoredScan(*scan))

    return Query(statement, {"request": request}, decode)


def event_time() -> Query[datetime | None]:
    """The time of the newest quote that is stored."""
    statement = 'SELECT max("timestamp") FROM security_latest'
    return Query(statement, {}, lambda rows: rows[0][0])


def is_known(symbol: str) -> Query[bool]:
    """Whether a security was ever quoted or tracked."""
    statement = """
    SELECT EXISTS (SELECT FROM security_latest WHERE symbol = %(symbol)s)
        OR EXISTS (SELECT FROM security_tracking_state WHERE symbol = %(symbol)s)"""
    return Query(statement, {"symbol": symbol}, lambda rows: bool(rows[0][0]))


def pattern(pattern_id: str) -> Query[Pattern | None]:
    """One pattern."""
    statement = """
    SELECT id, pattern_type, discovery_date, securities_involved, pattern_confidence,
           trigger_conditions, predicted_outcome, actual_outcome, window_start, window_end,
           evidence, model_version, backtest_results
    FROM ml_pattern_discoveries WHERE id = %(id)s"""
    return Query(statement, {"id": pattern_id}, lambda rows: Pattern(*rows[0]) if rows else None)


def patterns_called(beginning: str) -> Query[list[str]]:
    """The ids that begin like this, at most a few; or the very one."""
    statement = """
    SELECT id FROM ml_pattern_discoveries WHERE starts_with(id, %(beginning)s)
    ORDER BY id <> %(beginning)s, id LIMIT 6"""
    return Query(statement, {"beginning": beginning}, lambda rows: [row[0] for row in rows])


def headlines(news: Sequence[str]) -> Query[dict[str, str]]:
    """The headlines of these news items, by id, as far as they are stored."""
    statement = "SELECT id, headline FROM news WHERE id = ANY(%(ids)s)"
    return Query(statement, {"ids": list(news)}, lambda rows: dict(rows))


def relation_bytes() -> Query[dict[str, int]]:
    """The size of each counted relation with its indexes."""
    sizes = [
        f"SELECT '{name}', "
        + (f"hypertable_size('{name}')" if name in _HYPERTABLES else
           f"pg_total_relation_size('{name}')")
        for name in COUNTED
    ]  # fmt: skip
    return Query(" UNION ALL ".join(sizes), {}, lambda rows: {n: int(b or 0) for n, b in rows})


def row_counts(relations: Sequence[str]) -> Query[dict[str, int]]:
    """The rows of some of the counted relations, every one of them read."""
    counts = [f"SELECT '{_counted(name)}', count(*) FROM {name}" for name in relations]  # noqa: S608
    return Query(" UNION ALL ".join(counts), {}, lambda rows: {n: int(c) for n, c in rows})


def estimated_rows(relation: str) -> Query[int]:
    """What the planner believes, from the size of the relation; it reads no row."""
    statement = f"EXPLAIN (FORMAT JSON) SELECT FROM {_counted(relation)}"
    return Query(statement, {}, lambda rows: int(rows[0][0][0]["Plan"]["Plan Rows"]))


def _counted(relation: str) -> str:
    if relation not in COUNTED:
        raise ValueError(f"{relation} is not counted")
    return relation
