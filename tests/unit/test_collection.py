"""Rows cover event time without gap or overlap, and their sums are exact."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.collection.collector import CollectedRows, Collector
from agents.minutes import MarketClock, MarketMinute
from agents.state import pack_state, unpack_state
from agents.tracking.tracker import for_successor
from schemas.bars import BarColumns, PartitionBars
from schemas.times import US_PER_MINUTE, US_PER_S
from tests.unit.markets import (
    START,
    Partition,
    Row,
    market_minutes,
    markets,
    naive_bars,
    records,
)

INTERVAL = 120


def collect(minutes: list[MarketMinute], *, crash_at: int | None = None) -> list[CollectedRows]:
    collector, out = Collector(INTERVAL), []
    for i, minute in enumerate(minutes):
        if i == crash_at:
            state = unpack_state(pack_state(collector.snapshot()))
            collector = Collector.restore(INTERVAL, state)
        out.append(collector.take(minute))
    out.append(collector.advance(minutes[-1].start + 10 * INTERVAL * US_PER_S))
    return [rows for rows in out if rows is not None]


def as_dicts(batches: list[CollectedRows]) -> list[dict[str, object]]:
    return [
        {
            "symbol": symbol,
            "timestamp": int(batch.timestamp[i]),
            **{name: repr(column[i]) for name, column in batch.values.items()},
        }
        for batch in batches
        for i, symbol in enumerate(batch.symbol)
    ]


@given(markets(), st.integers(0, 8))
def test_rows_are_the_quotes_of_their_interval(rows: list[Row], crash_at: int) -> None:
    minutes = market_minutes(
        Partition.new().feed(records(rows, np.random.default_rng(0))).published
    )
    batches = collect(minutes)
    expected: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        expected[row.symbol, row.ts - row.ts % (INTERVAL * US_PER_S)].append(row)
    traded = {
        (symbol, int(batch.timestamp[i])): tuple(
            float(batch.values[name][i])
            for name in ("open", "high", "low", "price", "volume", "quote_count")
        )
        for batch in batches
        for i, symbol in enumerate(batch.symbol)
        if batch.values["bar_count"][i]
    }
    assert traded == {
        key: (
            q[0].price, max(r.price for r in q), min(r.price for r in q), q[-1].price,
            sum(r.volume for r in q), float(len(q)),
        )
        for key, q in expected.items()
    }  # fmt: skip
    assert as_dicts(collect(minutes, crash_at=crash_at)) == as_dicts(batches)


@given(markets())
def test_every_known_security_has_a_row_in_every_interval_that_traded(rows: list[Row]) -> None:
    minutes = market_minutes(
        Partition.new().feed(records(rows, np.random.default_rng(0))).published
    )
    known: set[str] = set()
    batches = {int(b.timestamp[0]): b for b in collect(minutes)}
    intervals = sorted({minute // (INTERVAL * US_PER_S) for minute, _ in naive_bars(rows)})
    assert sorted(batches) == [i * INTERVAL * US_PER_S for i in intervals]
    for start in sorted(batches):
        known |= {r.symbol for r in rows if r.ts - r.ts % (INTERVAL * US_PER_S) == start}
        batch = batches[start]
        assert sorted(batch.symbol) == sorted(known)
        silent = batch.values["bar_count"] == 0
        assert np.isnan(batch.values["open"][silent]).all()
        assert not np.isnan(batch.values["price"]).any(), "the last price is carried"


def bars(*symbols: str) -> BarColumns:
    one, count = np.ones(len(symbols)), np.ones(len(symbols), np.int64)
    return BarColumns(list(symbols), *(one.copy() for _ in range(10)), count, count)


def message(partition: int, minute: int, *symbols: str, idle: bool = False) -> PartitionBars:
    return PartitionBars(START + minute * US_PER_MINUTE, partition, 2, idle, bars(*symbols))


def test_a_minute_waits_for_every_live_partition() -> None:
    clock = MarketClock()
    assert clock.take(message(0, 0, "B")) == ([], True)
    (minute,), in_time = clock.take(message(1, 0, "A"))
    assert minute.bars.symbol == ["A", "B"]
    assert in_time
    assert clock.take(message(1, 1)) == ([], True)
    assert clock.take(message(1, 0, "A")) == ([], True), "a repeat changes nothing"


def test_an_idle_partition_lets_pass_what_others_have_closed_and_no_more() -> None:
    clock = MarketClock()
    idle = message(1, -1, idle=True)
    clock.take(message(0, 0, "B"))
    assert clock.take(idle) == ([], True), "it must have had time to be heard"
    (minute,), _ = clock.take(idle)
    assert minute.start == START
    assert clock.take(message(0, 1, "B")) == ([], True), "its word was about the time before"
    assert clock.take(idle) == ([], True)
    (minute,), _ = clock.take(idle)
    assert minute.start == START + US_PER_MINUTE
    clock.take(message(0, 2, "B"))
    minutes, in_time = clock.take(message(1, 2, "A"))
    assert [m.bars.symbol for m in minutes] == [["A", "B"]]
    assert in_time


def test_bars_of_a_minute_already_taken_are_late() -> None:
    clock = MarketClock()
    clock.take(message(0, 5, "B"))
    clock.take(message(1, -1, idle=True))
    clock.take(message(1, -1, idle=True))
    minutes, in_time = clock.take(message(1, 3, "A"))
    assert not minutes
    assert not in_time


def test_an_idle_word_read_again_after_a_crash_releases_no_more_than_it_did() -> None:
    idle = message(1, 0, idle=True)
    feed = [message(0, 0, "B"), message(0, 1, "B"), message(1, 0), idle, idle, message(0, 2, "B")]
    clock = MarketClock()
    for i, item in enumerate(feed):
        clock.take(item, i)
    resume = clock.resume_offset(len(feed))
    clock = MarketClock.restore(clock.snapshot())
    for i in range(resume, len(feed)):
        assert clock.take(feed[i], i) == ([], True)
    (minute,), in_time = clock.take(message(1, 2, "A"), len(feed))
    assert minute.bars.symbol == ["A", "B"]
    assert in_time


def test_a_worker_that_has_to_catch_up_cannot_let_its_partition_pass() -> None:
    clock = MarketClock()
    for item in (message(0, 0, "B"), message(1, 0, "A"), message(0, 1, "B")):
        clock.take(item)
    assert clock.take(message(1, -1, idle=True)) == ([], True), "it knows less than was said"
    (minute,), in_time = clock.take(message(1, 1, "A"))
    assert minute.bars.symbol == ["A", "B"]
    assert in_time


def test_a_successor_repeats_the_bars_of_a_silent_partition_but_not_its_silence() -> None:
    said = [message(1, 0, "A"), message(1, 1, "A", idle=True)]
    clock, seen = MarketClock(), []
    for item in (*said, message(0, 0, "B"), message(0, 1, "B"), message(0, 2, "B")):
        seen += clock.take(item)[0]
    for item in (*for_successor(said), message(1, 2, "A")):
        minutes, in_time = clock.take(item)
        seen += minutes
        assert in_time
    assert [m.bars.symbol for m in seen] == [["A", "B"]] * 3


@pytest.mark.parametrize("crash_after", range(6))
def test_the_clock_survives_a_crash(crash_after: int) -> None:
    feed = [message(p, m, f"S{p}") for m in range(3) for p in (0, 1)]
    clock, seen = MarketClock(), []
    for i in range(crash_after):
        seen += [(m.start, m.bars.symbol) for m in clock.take(feed[i], i)[0]]
    resume = clock.resume_offset(crash_after)
    clock = MarketClock.restore(unpack_state(pack_state(clock.snapshot())))
    for i in range(resume, len(feed)):
        minutes, in_time = clock.take(feed[i], i)
        assert in_time
        seen += [(m.start, m.bars.symbol) for m in minutes]
    assert seen == [(START + m * US_PER_MINUTE, ["S0", "S1"]) for m in range(3)]


def test_in_a_silent_market_long_rows_end_and_go_on_from_there() -> None:
    collector = Collector(120, everything=False)
    collector.follow({"A": 3600, "B": 120}, START)
    for minute in range(5):
        collector.take(MarketMinute(START + minute * US_PER_MINUTE, bars("A", "B")))
    silence = START + 5 * US_PER_MINUTE
    settled = collector.settle(silence)
    assert settled is not None
    assert settled.symbol == ["A"], "short rows end soon by themselves"
    assert settled.interval_s.tolist() == [300]
    assert settled.values["bar_count"].tolist() == [5]
    assert collector.settle(silence) is None
    again = START + 6 * US_PER_MINUTE
    collector.take(MarketMinute(again, bars("A")))
    rows = collector.advance(START + 3600 * US_PER_S)
    assert rows is not None
    later = dict(zip(rows.symbol, zip(rows.timestamp, rows.interval_s, strict=True), strict=True))
    assert later["A"] == (silence, 1500), "until the whole hour"


def test_a_market_is_silent_when_every_partition_says_so() -> None:
    clock = MarketClock()
    clock.take(message(0, 0, "B", idle=True))
    assert not clock.is_silent
    clock.take(message(1, 0, "A", idle=True))
    assert clock.is_silent
    assert MarketClock.restore(clock.snapshot()).is_silent
    clock.take(message(1, 1, "A"))
    assert not clock.is_silent
