"""The laws: order within the lateness, frames, partitions and crashes change no bar."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.state import pack_state, unpack_state
from agents.tracking import tracker
from agents.tracking.tracker import PartitionTracker
from schemas.quotes import encode_frame
from schemas.times import US_PER_MINUTE
from streams.topics import partition_of
from tests.unit.markets import (
    LATENESS,
    Partition,
    Row,
    as_table,
    columns,
    market_minutes,
    markets,
    naive_bars,
    records,
    shuffled_within,
)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@pytest.fixture(scope="module", params=[1, 7, tracker.FOLD_QUOTES], autouse=True)
def fold_quotes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Quotes go into open bars one by one, a few at a time, or when the minute closes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "FOLD_QUOTES", request.param)
        yield


@given(markets(), seeds)
def test_when_quotes_go_into_their_bar_changes_no_bit_of_it(
    rows: list[Row], rng: np.random.Generator
) -> None:
    log = records(shuffled_within(rows, LATENESS, rng), rng)
    done = Partition.new().feed(log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "FOLD_QUOTES", 10**9)
        assert as_table(done.published) == as_table(Partition.new().feed(log).published)


@given(markets(), seeds)
def test_bars_equal_a_plain_computation(rows: list[Row], rng: np.random.Generator) -> None:
    done = Partition.new().feed(records(rows, rng))
    bars = {row[:2]: (*row[2:6], row[6], row[12]) for row in as_table(done.published)}
    assert bars == naive_bars(rows)
    assert done.tracker.open_quotes == 0


@given(markets(), seeds, seeds)
def test_frames_and_order_of_arrival_change_nothing(
    rows: list[Row], one: np.random.Generator, other: np.random.Generator
) -> None:
    straight = Partition.new().feed(records(rows, one))
    late_ones = Partition.new().feed(records(shuffled_within(rows, LATENESS, other), other))
    assert as_table(late_ones.published) == as_table(straight.published)
    assert not any(len(taken.late) for taken in late_ones.taken)
    for name in ("variance", "signed", "flow", "close", "last_price", "last_ts"):
        a = dict(
            zip(straight.tracker.table.symbols, getattr(straight.tracker.table, name), strict=True)
        )
        b = dict(
            zip(
                late_ones.tracker.table.symbols, getattr(late_ones.tracker.table, name), strict=True
            )
        )
        assert a == b, name


@given(markets(), seeds, st.integers(1, 5))
def test_any_number_of_partitions_gives_the_same_market(
    rows: list[Row], rng: np.random.Generator, partitions: int
) -> None:
    whole = market_minutes(Partition.new().feed(records(rows, rng)).published)
    messages = []
    for p in range(partitions):
        own = [row for row in rows if partition_of(row.symbol, partitions) == p]
        log = records(own, rng, final=False) + records(rows, rng)[-1:]
        messages.append(Partition.new(p, partitions).feed(log).published)
    mixed = []
    while any(messages):
        queue = messages[int(rng.integers(partitions))]
        if queue:
            mixed.append(queue.pop(0))
    assert as_table(market_minutes(mixed)) == as_table(whole)


@settings(max_examples=200)
@given(markets(), seeds, st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_a_crash_anywhere_repeats_but_changes_nothing(
    rows: list[Row], rng: np.random.Generator, crashes: list[int]
) -> None:
    log = records(shuffled_within(rows, LATENESS, rng), rng)
    unharmed = Partition.new().feed(log)
    part = Partition.new()
    for crash in sorted(crashes):
        part.feed(log[:crash])
        resume, state = part.tracker.resume_point(), pack_state(part.tracker.snapshot())
        assert resume.offset <= resume.processed
        # What was taken in after the checkpoint is lost with the process.
        part.feed(log[: crash + 3])
        part.tracker = PartitionTracker.restore(0, 1, LATENESS, unpack_state(state), resume)
    part.feed(log)
    assert as_table(market_minutes(part.published)) == as_table(market_minutes(unharmed.published))
    assert _ticks(part) == _ticks(unharmed)


def _ticks(part: Partition) -> set[tuple[object, ...]]:
    """Stored ticks under their key, as the database keeps them."""
    symbols = part.tracker.table.symbols
    return {
        (symbols[i], ts, seq, price, volume)
        for taken in part.taken
        for i, ts, seq, price, volume in zip(
            taken.ticks.ids.tolist(), taken.ticks.ts.tolist(), taken.ticks.seq.tolist(),
            taken.ticks.price.tolist(), taken.ticks.volume.tolist(), strict=True,
        )
    }  # fmt: skip


@given(markets(), seeds, st.data())
def test_exact_repeats_are_dropped_and_ticks_keep_their_number(
    rows: list[Row], rng: np.random.Generator, data: st.DataObject
) -> None:
    clean = Partition.new().feed(records(rows, rng))
    doubled = [r for row in rows for r in [row] * data.draw(st.integers(1, 2))]
    dirty = Partition.new().feed(records(doubled, rng))
    assert as_table(dirty.published) == as_table(clean.published)
    assert sum(t.duplicates for t in dirty.taken) == len(doubled) - len(rows)
    assert sum(len(t.ticks) for t in dirty.taken) == len(rows) == len(_ticks(dirty))


@given(markets(), seeds)
def test_repeats_out_of_order_are_dropped_however_they_are_framed(
    rows: list[Row], rng: np.random.Generator
) -> None:
    twice = shuffled_within([row for row in rows for _ in range(2)], LATENESS, rng)
    parts = [Partition.new().feed(records(twice, rng)), Partition.new().feed([])]
    parts[1].tracker.take(columns(twice), 0)
    assert parts[1].tracker.open_quotes == len(rows)
    assert sum(taken.duplicates for taken in parts[0].taken) == len(rows)
    assert as_table(parts[1].tracker.close_idle()) == as_table(parts[0].published)
    assert len(_ticks(parts[0])) == len(rows)


@given(markets(), seeds)
def test_late_quotes_change_no_published_bar_and_are_reported(
    rows: list[Row], rng: np.random.Generator
) -> None:
    log = records(rows, rng)
    late = Row("AAA", rows[0].ts - LATENESS - 1, 7.0, None, None, 5.0)
    part = Partition.new().feed([*log, encode_frame(columns([late]))])
    assert part.taken[-1].late.tolist() == [0]
    assert len(part.taken[-1].ticks) == 0
    assert as_table(part.published) == as_table(Partition.new().feed(log).published)


@given(markets(), seeds)
def test_a_silent_partition_closes_its_bars_and_takes_up_time_again(
    rows: list[Row], rng: np.random.Generator
) -> None:
    part = Partition.new().feed(records(rows, rng, final=False))
    messages = part.tracker.close_idle()
    assert messages[-1].idle
    assert part.tracker.open_quotes == 0
    bars = {row[:2]: row[6] for row in as_table(part.published + messages)}
    assert bars == {key: bar[4] for key, bar in naive_bars(rows).items()}
    newest = max(row.ts for row in rows)
    again = Row("AAA", newest, 9.99, None, None, 3.25)
    taken = part.tracker.take(columns([again]), part.tracker.next_offset)
    assert taken.late.tolist() == [0], "its minute is closed"
    assert not part.tracker.idle, "it holds time back again"
    fresh = Row("AAA", newest + US_PER_MINUTE, 9.99, None, None, 3.25)
    assert len(part.tracker.take(columns([fresh]), part.tracker.next_offset).ticks) == 1
