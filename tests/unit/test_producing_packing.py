"""However quotes are packed, every partition holds the same quotes in order, and its marks."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.quotes import QuoteColumns, decode_quotes
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.producing import FramePacker, Packed, Packing
from streams.topics import partition_of

START = 1_518_791_400 * US_PER_S
SYMBOLS = ("AAA", "BB", "CCC", "D", "EEE", "FFF", "GGG")
LATENESS = 5 * US_PER_S

Row = tuple[str, int, float, float]


class Sent(NamedTuple):
    rows: dict[str, list[tuple[int, float, float]]]
    clocks: list[list[tuple[int, float | None]]]


@st.composite
def markets(draw: st.DrawFn) -> list[Row]:
    steps = st.integers(0, 40_000) | st.sampled_from([0, 59_000, 2_000_000, 60_000_000])
    ts, rows = START, []
    for _ in range(draw(st.integers(1, 60))):
        ts += draw(steps) * US_PER_MS
        symbol = draw(st.sampled_from(SYMBOLS))
        rows.append((symbol, ts, draw(st.integers(1, 999)) / 100, float(draw(st.integers(0, 9)))))
    return rows


def columns(rows: list[Row]) -> QuoteColumns:
    unknown = np.full(len(rows), np.nan)
    return QuoteColumns(
        [row[0] for row in rows],
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows]),
        unknown,
        unknown,
        np.array([row[3] for row in rows]),
    )


def decoded(records: list[Packed], partitions: int) -> Sent:
    """What arrives; each clock must come after every quote before it."""
    rows: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    clocks: list[list[tuple[int, float | None]]] = [[] for _ in range(partitions)]
    for record in records:
        frame = decode_quotes(record.value)
        assert len(frame) == record.quotes
        assert not frame.rejected
        told = clocks[record.partition][-1][0] if clocks[record.partition] else 0
        assert (frame.ts >= told - LATENESS - US_PER_MS).all()
        for symbol, *row in zip(frame.symbol, frame.ts, frame.price, frame.volume, strict=True):
            assert partition_of(symbol, partitions) == record.partition
            rows[symbol].append((int(row[0]), float(row[1]), float(row[2])))
        if frame.clock is not None:
            clocks[record.partition].append((frame.clock, frame.hold_s))
    return Sent(dict(rows), clocks)


@given(
    rows=markets(),
    partitions=st.integers(1, 5),
    max_quotes=st.integers(1, 9),
    batches=st.integers(1, 20),
    pauses=st.sets(st.integers(0, 19)),
)
def test_any_packing_carries_the_same_quotes_and_closes_every_partition(
    rows: list[Row], partitions: int, max_quotes: int, batches: int, pauses: set[int]
) -> None:
    packer = FramePacker(Packing(partitions, LATENESS, max_quotes))
    records: list[Packed] = []
    size = -(-len(rows) // batches)
    for number, first in enumerate(range(0, len(rows), size)):
        records += packer.add(columns(rows[first : first + size]))
        if number in pauses:
            records += packer.flush() if number % 2 else packer.mark()
    records += packer.finish()
    assert max(record.quotes for record in records) <= max_quotes
    assert packer.pending == 0

    sent = decoded(records, partitions)
    expected: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for symbol, ts, price, volume in rows:
        expected[symbol].append((ts, price, volume))
    assert sent.rows == expected
    assert sum(packer.packed) == len(rows)

    minute_end = (rows[-1][1] // US_PER_MINUTE + 1) * US_PER_MINUTE
    final = (minute_end + LATENESS + US_PER_MS, None)
    for clocks in sent.clocks:
        assert clocks[-1] == final
        assert all(hold == 30.0 for _, hold in clocks[:-1])
        times = [clock for clock, _ in clocks]
        assert times == sorted(times)


def test_every_partition_is_told_of_every_minute_once() -> None:
    packer = FramePacker(Packing(3, LATENESS))
    rows = [("AAA", START + k * 20 * US_PER_S, 1.0, 1.0) for k in range(7)]
    records = [*packer.add(columns(rows)), *packer.finish()]
    sent = decoded(records, 3)
    minutes = [START + k * US_PER_MINUTE for k in (1, 2)]
    for clocks in sent.clocks:
        assert [clock for clock, _ in clocks[:-1] if clock > START] == minutes
    # The quotes of a minute carry its clock; a mark of its own is for partitions without quotes.
    assert len([r for r in records if r.partition == partition_of("AAA", 3) and r.quotes]) == 3


def test_a_night_costs_one_mark_that_closes_the_last_minute() -> None:
    packer = FramePacker(Packing(2, LATENESS))
    morning = START + 18 * 3600 * US_PER_S
    rows = [("AAA", START, 1.0, 1.0), ("AAA", morning, 1.0, 1.0)]
    sent = decoded(list(packer.add(columns(rows))), 2)
    closed = START + US_PER_MINUTE + LATENESS + US_PER_MS
    told = [[clock for clock, _ in clocks if clock > START] for clocks in sent.clocks]
    assert told == [[closed]] * 2


def test_time_that_passes_without_quotes_is_told() -> None:
    packer = FramePacker(Packing(2, LATENESS))
    assert list(packer.advance(START)) == []
    opening = list(packer.add(columns([("AAA", START + US_PER_S, 1.0, 1.0)])))
    assert all(r.quotes == 0 and decode_quotes(r.value).clock == START for r in opening)
    assert list(packer.advance(START + 59 * US_PER_S)) == []
    records = list(packer.advance(START + 61 * US_PER_S))
    assert [r.quotes for r in sorted(records)] in ([0, 1], [1, 0])
    assert all(decode_quotes(r.value).clock == START + US_PER_MINUTE for r in records)


def test_late_quotes_of_a_recording_stay_in_their_place() -> None:
    rows = [("AAA", START + s * US_PER_S, float(s + 1), 1.0) for s in (1, 62, 50, 63)]
    packer = FramePacker(Packing(1, LATENESS))
    records = [*packer.add(columns(rows)), *packer.finish()]
    prices = [p for r in records for p in decode_quotes(r.value).price.tolist()]
    assert prices == [2.0, 63.0, 51.0, 64.0]


def test_single_records_are_as_foreign_producers_send_them() -> None:
    packer = FramePacker(Packing(4, single=True))
    rows = [("AAA", START, 1.5, 7.0), ("BB", START + US_PER_MINUTE + 1, 2.0, 0.0)]
    records = [*packer.add(columns(rows)), *packer.finish()]
    assert [r.key for r in records] == [b"AAA", b"BB"]
    assert [r.partition for r in records] == [partition_of("AAA", 4), partition_of("BB", 4)]
    assert orjson.loads(records[0].value) == {
        "symbol": "AAA",
        "ts": START // US_PER_MS,
        "price": 1.5,
        "bid": None,
        "ask": None,
        "volume": 7.0,
    }
    assert decode_quotes(records[1].value).ts.tolist() == [START + US_PER_MINUTE + 1]


@pytest.mark.parametrize("finish", ["finish", "mark", "flush"])
def test_nothing_is_said_before_the_first_quote(finish: str) -> None:
    packer = FramePacker(Packing(3))
    assert list(getattr(packer, finish)()) == []
