"""What the second stage decides, as rows for the database and records for the topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from agents.collection.collector import CollectedRows
from agents.discovery.casebook import Case, plain
from agents.discovery.consolidation import Consolidated
from agents.market.engine import MarketEngine, Outputs, ReadNews
from agents.profile import SLOT_S
from agents.scanning.book import Entry
from agents.scanning.desk import Update
from schemas.news import Catalyst
from schemas.times import from_us, to_us
from schemas.tracking import Scan, TierChange


class SignalTopics(NamedTuple):
    """Where patterns go, by type, and their outcomes."""

    patterns: Mapping[str, str]
    outcomes: str


class Record(NamedTuple):
    """One record to publish; a value of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None


def collected_rows(rows: CollectedRows) -> dict[str, Any]:
    """Columns of ``security_data_high_freq``."""
    return {
        "symbol": rows.symbol,
        "timestamp": rows.timestamp,
        "interval_s": rows.interval_s,
        **rows.values,
    }


def news_rows(items: list[ReadNews]) -> dict[str, Any]:
    """Columns of ``news``."""
    return {
        "id": [item.news.id for item in items],
        "timestamp": [to_us(item.news.ts) for item in items],
        "headline": [item.news.headline for item in items],
        "summary": [item.news.summary for item in items],
        "url": [item.news.url for item in items],
        "source": [item.news.source for item in items],
        "symbols": [item.symbols or item.news.symbols for item in items],
        "metadata": [
            {"duplicate_of": item.duplicate_of} if item.duplicate_of else None for item in items
        ],
    }


def scan_rows(scan: Scan) -> dict[str, Any]:
    """Columns of ``scans``."""
    return {
        "scan_id": [scan.scan_id],
        "timestamp": [scan.timestamp],
        "mode": [scan.mode],
        "trading_candidates": [msgspec.to_builtins(scan.trading_candidates)],
        "tracked_securities": [msgspec.to_builtins(scan.tracked_securities)],
        "total_universe": [scan.total_universe],
        "execution_time": [scan.execution_time],
    }


def tier_change_rows(changes: list[TierChange]) -> dict[str, Any]:
    """Columns of ``tier_changes``."""
    return {
        "symbol": [change.symbol for change in changes],
        "timestamp": [change.timestamp for change in changes],
        "from_tier": [change.from_tier for change in changes],
        "to_tier": [change.to_tier for change in changes],
        "reason": [change.reason for change in changes],
        "details": [change.details for change in changes],
    }


def tracking_rows(engine: MarketEngine, update: Update) -> dict[str, Any]:
    """Columns of ``security_tracking_state`` for the securities that ``update`` is about."""
    symbols = [s.symbol for s in update.universe] + update.left + update.archived
    entries = [engine.desk.book.entries[symbol] for symbol in symbols]
    market = engine.desk.market
    catalyst = {
        candidate.symbol: candidate.parts.get("catalyst", 0.0)
        for candidate in (update.scan.tracked_securities if update.scan else [])
    }
    return {
        "symbol": symbols,
        "first_seen": [entry.first_seen for entry in entries],
        "last_updated": [entry.updated for entry in entries],
        "collection_frequency": [_frequency(entry) for entry in entries],
        "data_points_collected": [engine.points[symbol] for symbol in symbols],
        "price_volatility": market.deviations(symbols),
        "volume_profile": [_profile(engine, symbol) for symbol in symbols],
        "tracking_reason": [entry.reason for entry in entries],
        "last_catalyst_score": [catalyst.get(symbol) for symbol in symbols],
        "tracked": [not entry.left for entry in entries],
        "last_price": market.last[market.rows(symbols)],
    }


def _frequency(entry: Entry) -> str:
    return "archived" if entry.archived else entry.tier


def _profile(engine: MarketEngine, symbol: str) -> dict[str, Any] | None:
    """Usual shares by slot of the exchange day, from the first slot that has any."""
    market = engine.desk.market
    mean = np.nan_to_num(market.profile.mean[market.rows([symbol])[0]])
    used = np.flatnonzero(mean > 0)
    if not len(used):
        return None
    first, last = int(used[0]), int(used[-1]) + 1
    return {"slot_s": SLOT_S, "first_slot": first, "shares": mean[first:last].round().tolist()}


def pattern_rows(cases: list[Case]) -> dict[str, Any]:
    """Columns of ``ml_pattern_discoveries``."""
    patterns = [case.pattern for case in cases]
    return {
        "id": [p.id for p in patterns],
        "discovery_date": [p.detected_at for p in patterns],
        "pattern_type": [p.pattern_type for p in patterns],
        "securities_involved": [p.securities for p in patterns],
        "pattern_confidence": [p.confidence for p in patterns],
        "trigger_conditions": [p.trigger_conditions for p in patterns],
        "predicted_outcome": [msgspec.to_builtins(p.predicted_outcome) for p in patterns],
        "actual_outcome": [None if c.outcome is None else c.outcome.actual() for c in cases],
        "backtest_results": [case.backtest for case in cases],
        "window_start": [p.window_start for p in patterns],
        "window_end": [p.window_end for p in patterns],
        "evidence": [p.evidence for p in patterns],
        "model_version": [p.model_version for p in patterns],
        "updated_at": [case.updated for case in cases],
    }


def model_rows(done: Consolidated, snapshot: bytes) -> dict[str, Any]:
    """Columns of ``models``: what sets confidence."""
    return {
        "name": ["confidence"],
        "version": [done.version],
        "created_at": [done.at],
        "snapshot": [snapshot],
        "metadata": [plain(done.metadata)],
    }


def signal_records(out: Outputs, topics: SignalTopics) -> list[Record]:
    """Records of patterns and of outcomes."""
    records = [
        Record(topics.patterns[p.pattern_type], p.id.encode(), msgspec.json.encode(p))
        for p in out.patterns
    ]
    records += [
        Record(topics.outcomes, o.id.encode(), msgspec.json.encode(o)) for o in out.outcomes
    ]
    return records


def catalyst_records(topic: str, catalysts: list[Catalyst]) -> list[Record]:
    """Records of ``catalysts``."""
    return [Record(topic, c.symbol.encode(), msgspec.json.encode(_with_z(c))) for c in catalysts]


def _with_z(catalyst: Catalyst) -> Catalyst:
    """Time is written as ISO, whatever form the news item had."""
    return msgspec.structs.replace(catalyst, ts=from_us(to_us(catalyst.ts)))


def update_records(update: Update, topics: tuple[str, str, str]) -> list[Record]:
    """Records of an update on the topics of scans, of the universe, and of candidates."""
    scans, universe, candidates = topics
    records = []
    if update.scan is not None:
        scan_id = update.scan.scan_id.encode()
        records.append(Record(scans, scan_id, msgspec.json.encode(update.scan)))
    for state in update.universe:
        records.append(Record(universe, state.symbol.encode(), msgspec.json.encode(state)))
    records += [Record(universe, symbol.encode(), None) for symbol in update.left]
    if update.candidates is not None:
        scan_id = update.candidates.scan_id.encode()
        records.append(Record(candidates, scan_id, msgspec.json.encode(update.candidates)))
    return records
