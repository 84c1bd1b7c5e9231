"""A foreign feed in frames: whatever its partitions and their lag, the bars stay the same."""

from __future__ import annotations

import json
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tracking.tracker import PartitionTracker
from schemas.bars import PartitionBars
from schemas.errors import InvalidMessage
from schemas.quote_batches import decode_singles
from schemas.quotes import QuoteColumns, decode_quotes, encode_frame
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.framing.merging import SourceMerge
from streams.framing.packing import Repacker
from streams.producing.packing import Packed
from streams.topics import partition_of
from tests.unit.markets import LATENESS, START, Row, columns, markets, naive_bars, shuffled_within

T0 = START // US_PER_MS
SETTLE, IDLE = 0.02, 2.0

GOOD = [
    b'{"symbol":"AIG","ts":%d,"price":5}' % T0,
    b'{"symbol":"BAC","ts":"2018-02-16T14:30:00.5Z","price":5.5,"bid":null,"ask":6,"x":[1]}',
    b'{"symbol":"SPY","ts":%d,"price":1e2,"volume":7,"bid":99.5}' % T0,
]
BAD = [
    b"not json",
    b"",
    None,
    b'{"symbol":"AIG","ts":%d}' % T0,
    b'{"symbol":"AIG","ts":%d,"price":-5}' % T0,
    b'{"symbol":"AIG","ts":%d,"price":1e999}' % T0,
    b'{"symbol":"AIG","ts":17,"price":5}',
    b'{"symbol":"AIG","ts":9223372036854775807,"price":5}',
    b'{"symbol":"AIG","ts":%d,"price":5,"volume":-1}' % T0,
    b'{"symbol":"A B","ts":%d,"price":5}' % T0,
    b'{"symbol":"\xff","ts":%d,"price":5}' % T0,
    b'{"symbol":"AIG","ts":%d,"price":5}{}' % T0,
    b'{"headline":"' + b"x" * 70_000 + b'"}',
    b'{"symbol":"AIG","ts":%d,"price":5,"bid":"6"}' % T0,
]


def same(one: QuoteColumns, other: QuoteColumns) -> bool:
    arrays = ("ts", "price", "bid", "ask", "volume")
    return one.symbol == other.symbol and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in arrays
    )


@given(st.lists(st.sampled_from([*GOOD, *BAD]), max_size=12))
def test_a_batch_decodes_as_its_records_do_one_by_one(values: list[bytes | None]) -> None:
    found = decode_singles(values)
    taken = dict(zip(found.record.tolist(), range(len(found.quotes)), strict=True))
    refused = dict(found.rejected)
    for at, value in enumerate(values):
        if at in taken:
            row = found.quotes.take(np.array([taken[at]]))
            assert same(row, decode_quotes(value))
        else:
            with pytest.raises(InvalidMessage) as told:
                decode_quotes(value)
            assert (refused[at].reason, str(refused[at])) == (told.value.reason, str(told.value))
    assert len(taken) + len(refused) == len(values)


def test_every_example_is_as_good_as_it_says() -> None:
    assert decode_singles(GOOD).rejected == []
    assert len(decode_singles(BAD).quotes) == 0


def test_a_frame_and_a_quote_of_tomorrow_are_rejected() -> None:
    frame = encode_frame(decode_quotes(GOOD[0]))
    found = decode_singles([frame, *GOOD], latest_us=START + 1000)
    assert [(at, why.reason) for at, why in found.rejected] == [(0, "frame"), (2, "timestamp")]
    assert found.record.tolist() == [1, 3]


class Feed:
    """A foreign topic read with a wall clock of its own; frames go to ``partitions`` trackers."""

    def __init__(self, sources: int, partitions: int, max_rows: int) -> None:
        self.now = 0.0
        self.merge = SourceMerge(list(range(sources)), self.now, SETTLE)
        self.packer = Repacker(partitions, max_rows, 30.0)
        self.trackers = [PartitionTracker(p, partitions, LATENESS) for p in range(partitions)]
        self.bars: list[PartitionBars] = []
        self.late = self.duplicates = 0
        self.sizes: list[int] = []

    def step(self, *, mark: bool) -> None:
        self.now += SETTLE
        released = self.merge.release(self.now)
        if released is not None:
            self.deliver(list(self.packer.add(released)))
        clock = self.merge.clock(self.now, IDLE)
        if mark and clock is not None:
            self.deliver(list(self.packer.mark(clock, promise=True)))

    def deliver(self, records: list[Packed]) -> None:
        for record in records:
            frame = decode_quotes(record.value)
            tracker = self.trackers[record.partition]
            assert all(
                partition_of(s, len(self.trackers)) == record.partition for s in frame.symbol
            )
            self.sizes.append(len(frame))
            taken = tracker.take(frame, tracker.next_offset)
            self.late += len(taken.late)
            self.duplicates += taken.duplicates
            self.bars += tracker.close_due()

    def finish(self) -> None:
        self.deliver(list(self.packer.flush()))
        for tracker in self.trackers:
            self.bars += tracker.close_idle()

    def table(self) -> dict[tuple[int, str], tuple[float, ...]]:
        found = {}
        for message in self.bars:
            b = message.bars
            figures = (b.open, b.high, b.low, b.close, b.volume, b.count)
            for symbol, *row in zip(b.symbol, *(f.tolist() for f in figures), strict=True):
                found[message.minute, symbol] = tuple(row)
        return found


def read_in_pieces(feed: Feed, per_source: list[list[Row]], rng: np.random.Generator) -> None:
    """Each source as a backlog: in pieces of any size, one far ahead of the other."""
    at = [0] * len(per_source)
    while any(i < len(rows) for i, rows in zip(at, per_source, strict=True)):
        number = int(rng.choice([n for n, i in enumerate(at) if i < len(per_source[n])]))
        end = min(at[number] + int(rng.integers(1, 20)), len(per_source[number]))
        piece = per_source[number][at[number] : end]
        feed.merge.add(number, columns(piece), (at[number], end), feed.now)
        assert feed.merge.position(number) is not None
        at[number] = end
        feed.step(mark=bool(rng.integers(2)))
    for number in range(len(per_source)):
        feed.merge.end(number)
    while not feed.merge.finished:
        feed.step(mark=True)
    assert [feed.merge.position(n) for n in range(len(at)) if at[n]] == [i for i in at if i]


@given(
    rows=markets(),
    sources=st.integers(1, 4),
    partitions=st.integers(1, 4),
    max_rows=st.integers(1, 9),
    seed=st.integers(0, 1 << 32),
)
def test_a_backlog_of_partitions_unequally_far_gives_the_bars_of_the_feed(
    rows: list[Row], sources: int, partitions: int, max_rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    per_source: list[list[Row]] = [[] for _ in range(sources)]
    source_of: dict[str, int] = defaultdict(lambda: int(rng.integers(sources)))
    for row in shuffled_within(rows, LATENESS, rng):
        per_source[source_of[row.symbol]].append(row)
    feed = Feed(sources, partitions, max_rows)
    # An empty partition says at once that it has nothing.
    for number in range(sources):
        if not per_source[number]:
            feed.merge.end(number)
    read_in_pieces(feed, per_source, rng)
    feed.finish()
    assert feed.late == feed.duplicates == 0
    assert max(feed.sizes) <= max_rows
    expected = naive_bars(rows)
    found = feed.table()
    assert found.keys() == expected.keys()
    for key, bar in expected.items():
        assert found[key] == pytest.approx(bar)


def quote(symbol: str, second: float) -> QuoteColumns:
    return columns([Row(symbol, START + int(second * US_PER_S), 1.0, None, None, 1.0)])


def test_what_is_sent_again_changes_no_bar() -> None:
    rows = [Row("AAA", START + k * US_PER_S, 1.0 + k, None, None, 2.0) for k in range(100)]
    feed = Feed(1, 2, 7)
    for first, end in ((0, 70), (30, 100)):
        feed.merge.add(0, columns(rows[first:end]), (first, end), feed.now)
        feed.merge.end(0)
        feed.step(mark=True)
    feed.finish()
    assert feed.table() == naive_bars(rows)
    assert feed.late + feed.duplicates == 40
    assert feed.duplicates > 0


def test_a_partition_that_may_have_earlier_quotes_holds_others_back() -> None:
    merge = SourceMerge([0, 1], 0.0, SETTLE)
    merge.add(0, quote("AAA", 10), (0, 1), 0.0)
    assert merge.release(1.0) is None
    assert merge.clock(1.0, IDLE) is None
    merge.add(1, quote("BB", 3), (5, 6), 1.0)
    released = merge.release(2.0)
    assert released is not None
    assert released.symbol == ["BB"]
    assert (merge.position(0), merge.position(1)) == (0, 6)
    merge.end(1)
    assert merge.release(2.0).symbol == ["AAA"]  # type: ignore[union-attr]
    # Read to its end, but heard a moment ago: time waits for it, not for ever.
    assert merge.clock(2.0, IDLE) == START + 3 * US_PER_S
    merge.end(0)
    assert merge.clock(2.9, IDLE) == START + 3 * US_PER_S
    assert merge.clock(3.0, IDLE) == START + 10 * US_PER_S
    assert merge.is_silent(3.0, IDLE)
    merge.add(1, quote("BB", 4), (6, 7), 4.0)
    assert not merge.is_silent(4.0, IDLE)
    assert merge.clock(4.0, IDLE) == START + 10 * US_PER_S


def test_what_was_sent_at_one_time_is_put_in_order_though_read_in_two() -> None:
    merge = SourceMerge([0, 1], 0.0, SETTLE)
    merge.end(0)
    merge.end(1)
    merge.add(0, quote("AAA", 59), (0, 1), 10.0)
    merge.end(0)
    assert merge.release(10.001) is None
    merge.add(1, quote("BB", 1), (0, 1), 10.01)
    merge.end(1)
    released = merge.release(10.001 + SETTLE)
    assert released is not None
    assert released.symbol == ["BB", "AAA"]


def test_a_mark_reaches_every_partition_behind_its_quotes() -> None:
    packer = Repacker(3, 1000, 30.0)
    assert list(packer.add(quote("AAA", 1))) == []
    records = list(packer.mark(START + US_PER_MINUTE, promise=True))
    assert sorted(r.partition for r in records) == [0, 1, 2]
    for record in records:
        frame = decode_quotes(record.value)
        assert (frame.clock, frame.hold_s) == (START + US_PER_MINUTE, 30.0)
        assert len(frame) == (record.partition == partition_of("AAA", 3))
    for record in packer.mark(START + US_PER_MINUTE, promise=False):
        assert "hold_s" not in json.loads(record.value)
