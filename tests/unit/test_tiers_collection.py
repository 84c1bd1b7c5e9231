"""Rows follow the tier at once: event time is tiled, and every sum is that of the bars."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.collection.collector import CollectedRows, Collector
from agents.minutes import MarketMinute
from agents.state import pack_state, unpack_state
from schemas.times import US_PER_MINUTE, US_PER_S
from tests.unit.scanning_markets import OPEN, bars

SYMBOLS = ["AAA", "BB", "CCC"]
INTERVALS = [None, 60, 900, 3600, 86_400]
MIDNIGHT = OPEN - OPEN % (86_400 * US_PER_S)

Change = dict[str, int | None]


def minute_at(index: int, traded: Mapping[str, tuple[float, float]]) -> MarketMinute:
    names = sorted(traded)
    close = np.array([traded[s][0] for s in names])
    volume = np.array([traded[s][1] for s in names])
    return MarketMinute(OPEN + index * US_PER_MINUTE, bars(names, close, volume))


@st.composite
def tapes(draw: st.DrawFn) -> list[tuple[MarketMinute, Change]]:
    """Minutes, some skipped by the whole market, and the tier changes made after each."""
    tape, index = [], draw(st.integers(0, 30))
    for _ in range(draw(st.integers(1, 25))):
        names = draw(st.lists(st.sampled_from(SYMBOLS), min_size=1, unique=True))
        traded = {
            s: (draw(st.integers(900, 1100)) / 100, float(draw(st.integers(0, 50)))) for s in names
        }
        change = draw(
            st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from(INTERVALS), max_size=3)
            if draw(st.booleans())
            else st.just({})
        )
        tape.append((minute_at(index, traded), change))
        index += draw(st.sampled_from([1, 1, 1, 2, 7, 20, 70, 1000]))
    return tape


def collect(tape: list[tuple[MarketMinute, Change]], crash_at: int = -1) -> list[CollectedRows]:
    collector, out = Collector(900, everything=False), []
    for i, (minute, change) in enumerate(tape):
        if i == crash_at:
            state = unpack_state(pack_state(collector.snapshot()))
            collector = Collector.restore(900, state)
        out.append(collector.take(minute))
        if change:
            out.append(collector.follow(change, minute.start + US_PER_MINUTE))
    out.append(collector.advance(tape[-1][0].start + 3 * 86_400 * US_PER_S))
    return [rows for rows in out if rows is not None]


def by_symbol(batches: list[CollectedRows]) -> dict[str, list[dict[str, float]]]:
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for batch in batches:
        for i, symbol in enumerate(batch.symbol):
            start = int(batch.timestamp[i])
            end = start + int(batch.interval_s[i]) * US_PER_S
            values = {name: float(column[i]) for name, column in batch.values.items()}
            rows[symbol].append({"start": start, "end": end, **values})
    return rows


@settings(deadline=None)
@given(tapes())
def test_any_changes_of_tier_tile_event_time_and_keep_every_sum(
    tape: list[tuple[MarketMinute, Change]],
) -> None:
    rows = by_symbol(collect(tape))
    interval: dict[str, int | None] = dict.fromkeys(SYMBOLS)
    priced: set[str] = set()
    due: dict[str, list[MarketMinute]] = defaultdict(list)
    for minute, change in tape:
        priced |= set(minute.bars.symbol)
        for symbol in SYMBOLS:
            if interval[symbol] and symbol in priced:
                due[symbol].append(minute)
        interval.update(change)
    for symbol in SYMBOLS:
        mine = rows[symbol]
        assert all(a["end"] <= b["start"] for a, b in pairwise(mine))
        for minute in due[symbol]:
            covering = [
                r
                for r in mine
                if r["start"] <= minute.start and minute.start + US_PER_MINUTE <= r["end"]
            ]
            assert len(covering) == 1, "every minute that traded lies in one row, whole"
        for row in mine:
            inside = [
                (m.bars, m.bars.symbol.index(symbol))
                for m in due[symbol]
                if row["start"] <= m.start < row["end"] and symbol in m.bars.symbol
            ]
            assert row["bar_count"] == len(inside)
            assert row["volume"] == sum(b.volume[i] for b, i in inside)
            assert row["notional"] == pytest.approx(
                sum(b.close[i] * b.volume[i] for b, i in inside)
            )
            if inside:
                assert row["open"] == inside[0][0].open[inside[0][1]]
                assert row["price"] == inside[-1][0].close[inside[-1][1]]
                assert row["high"] == max(b.high[i] for b, i in inside)
                assert row["low"] == min(b.low[i] for b, i in inside)


@settings(deadline=None)
@given(tapes(), st.integers(0, 25))
def test_a_crash_changes_no_row(tape: list[tuple[MarketMinute, Change]], crash_at: int) -> None:
    once, again = by_symbol(collect(tape)), by_symbol(collect(tape, crash_at))
    assert repr(dict(once)) == repr(dict(again))


def test_rows_are_contiguous_through_every_tier_while_the_market_trades() -> None:
    collector, batches = Collector(900, everything=False), []
    changes: dict[int, int | None] = {7: 60, 12: 3600, 95: 900, 100: 86_400, 130: 60}
    for i in range(200):
        rows = collector.take(minute_at(i, {"AAA": (10 + i / 100, 5.0)}))
        named = {"AAA": changes[i]} if i in changes else {}
        moved = collector.follow(named, OPEN + (i + 1) * US_PER_MINUTE)
        batches += [b for b in (rows, moved) if b is not None]
    mine = by_symbol(batches)["AAA"]
    assert mine[0]["start"] == OPEN + 8 * US_PER_MINUTE
    assert all(a["end"] == b["start"] for a, b in pairwise(mine))
    until = (mine[-1]["end"] - mine[0]["start"]) / US_PER_MINUTE
    assert sum(row["volume"] for row in mine) == 5 * until
    lengths = [(row["end"] - row["start"]) // US_PER_MINUTE for row in mine]
    assert lengths.count(1) == 5 + 69, "a row a minute in the highest tier"
    assert [n for n in lengths if n > 1] == [17, 60, 6, 5, 30], "cut at the grid and by changes"


def test_a_day_has_96_rows_of_each_high_frequency_symbol() -> None:
    names = [f"S{i:03d}" for i in range(100)]
    collector, batches = Collector(900, everything=False), []
    collector.follow(dict.fromkeys(names, 900), MIDNIGHT)
    rng = np.random.default_rng(1)
    volume: Counter[str] = Counter()
    for i in range(24 * 60):
        at = names if i == 0 else [s for s in names if rng.random() < 0.05] or names[:1]
        minute = MarketMinute(
            MIDNIGHT + i * US_PER_MINUTE, bars(at, np.full(len(at), 10.0), np.ones(len(at)))
        )
        volume.update(at)
        batches.append(collector.take(minute))
    batches.append(collector.advance(MIDNIGHT + 86_400 * US_PER_S))
    rows = by_symbol([b for b in batches if b is not None])
    for name in names:
        starts = [row["start"] for row in rows[name]]
        assert starts == [MIDNIGHT + k * 900 * US_PER_S for k in range(96)]
        assert sum(row["volume"] for row in rows[name]) == volume[name]


def test_the_first_choice_ends_the_collection_of_all_else() -> None:
    collector = Collector(900)
    collector.take(minute_at(0, {"AAA": (10.0, 1.0), "BB": (20.0, 2.0)}))
    rows = collector.follow({"AAA": 900}, OPEN + US_PER_MINUTE)
    assert rows is not None
    assert rows.symbol == ["BB"]
    assert collector.take(minute_at(1, {"BB": (20.0, 2.0), "CCC": (1.0, 1.0)})) is None
    rows = collector.advance(OPEN + 900 * US_PER_S)
    assert rows is not None
    assert rows.symbol == ["AAA"]


def test_news_counts_once_in_the_row_of_its_time() -> None:
    collector = Collector(900)
    collector.take(minute_at(0, {"AAA": (10.0, 1.0)}))
    for minute in (3, 14, 15, 20):
        collector.mention("AAA", OPEN + minute * US_PER_MINUTE)
    first = collector.take(minute_at(16, {"AAA": (10.0, 1.0)}))
    second = collector.advance(OPEN + 30 * US_PER_MINUTE)
    assert first is not None
    assert second is not None
    assert first.values["news_mentions"].tolist() == [2]
    assert second.values["news_mentions"].tolist() == [2]


def test_an_interval_off_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit whole minutes"):
        Collector(900).follow({"AAA": 90}, OPEN)
    with pytest.raises(ValueError, match="do not fit whole minutes"):
        Collector(900).follow({"AAA": 7 * 60}, OPEN)
