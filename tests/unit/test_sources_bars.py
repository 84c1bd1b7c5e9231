"""Bars replay as quotes that make the same bars again."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.errors import UserError
from streams.sources.bars import BAR_COLUMNS, BarQuotes, infer_interval_us, share_out
from streams.sources.tables import Table

START = 1_518_791_400 * US_PER_S
SYMBOLS = ("AAA", "BB", "CCC")

Bar = tuple[str, int, float, float, float, float, float]


@st.composite
def bars(draw: st.DrawFn) -> list[Bar]:
    cents = st.integers(100, 20_000)
    rows = []
    for symbol in SYMBOLS[: draw(st.integers(1, 3))]:
        for minute in draw(st.sets(st.integers(1, 2000), min_size=1, max_size=12)):
            low, *inner, high = sorted(draw(st.tuples(cents, cents, cents, cents)))
            opened, close = inner if draw(st.booleans()) else inner[::-1]
            prices = (opened / 100, high / 100, low / 100, close / 100)
            volume = draw(st.integers(0, 10**9))
            rows.append((symbol, START + minute * US_PER_MINUTE, *prices, float(volume)))
    return draw(st.permutations(rows))


def table_of(rows: list[Bar]) -> Table:
    names = np.array(sorted({row[0] for row in rows}), dtype=object)
    code = np.array([names.tolist().index(row[0]) for row in rows], np.int32)
    columns = {
        name: np.array([row[2 + i] for row in rows], np.float64)
        for i, name in enumerate(BAR_COLUMNS)
    }
    return Table(Path("bars.csv"), names, code, np.array([r[1] for r in rows], np.int64), columns)


@given(bars(), st.sampled_from([4, 12, 1 << 16]))
def test_quotes_make_the_same_bars(rows: list[Bar], batch_rows: int) -> None:
    source = BarQuotes(table_of(rows), US_PER_MINUTE, batch_rows=batch_rows)
    built: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    times: list[int] = []
    last: dict[str, int] = {}
    for batch in source:
        assert np.isnan(batch.bid).all() and np.isnan(batch.ask).all()
        assert not (batch.ts % US_PER_MS).any()
        quotes = zip(
            batch.symbol,
            batch.ts.tolist(),
            batch.price.tolist(),
            batch.volume.tolist(),
            strict=True,
        )
        for symbol, ts, price, volume in quotes:
            assert ts > last.get(symbol, 0)
            last[symbol] = ts
            times.append(ts)
            built[symbol, ts // US_PER_MINUTE].append((price, volume))
    assert times == sorted(times)
    assert len(times) == source.total == 4 * len(rows)
    found = {
        key: (q[0][0], max(p for p, _ in q), min(p for p, _ in q), q[-1][0], sum(v for _, v in q))
        for key, q in built.items()
    }
    # ts is the end of a bar, so its minute is the one before.
    assert found == {(r[0], r[1] // US_PER_MINUTE - 1): tuple(r[2:]) for r in rows}


@given(st.lists(st.floats(0, 2**50, allow_subnormal=False), min_size=1))
def test_every_share_is_given_out_once(volumes: list[float]) -> None:
    volume = np.array([*volumes, *map(np.floor, volumes)])
    parts = share_out(volume)
    whole = volume == np.floor(volume)
    assert (parts >= 0).all()
    assert (parts[whole] == np.floor(parts[whole])).all()
    assert (parts[whole].sum(axis=1) == volume[whole]).all()
    np.testing.assert_allclose(parts.sum(axis=1), volume, rtol=1e-12)


def test_low_comes_first_in_a_rising_bar_and_high_in_a_falling_one() -> None:
    rising = ("AAA", START, 10.0, 12.0, 9.0, 11.0, 8.0)
    falling = ("AAA", START + US_PER_MINUTE, 11.0, 12.0, 9.0, 10.0, 8.0)
    (batch,) = BarQuotes(table_of([falling, rising]))
    assert batch.price.tolist() == [10, 9, 12, 11, 11, 12, 9, 10]
    assert batch.volume.tolist() == [2.0] * 8


def test_a_repeated_bar_adds_its_quotes_instead_of_losing_them() -> None:
    one = ("AAA", START, 10.0, 10.0, 10.0, 10.0, 6.0)
    (batch,) = BarQuotes(table_of([one, one]))
    assert len(set(batch.ts.tolist())) == 8
    assert batch.volume.sum() == 12


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [([1, 2, 4], 1), ([5, 10, 395], 5), ([7], 1), ([4, 8], 1), ([60, 120], 60)],
)
def test_the_interval_is_the_longest_that_fits(minutes: list[int], expected: int) -> None:
    ends = START - START % (3600 * US_PER_S) + np.array(minutes) * US_PER_MINUTE
    assert infer_interval_us(ends) == expected * US_PER_MINUTE


def test_five_minute_bars_stay_inside_their_five_minutes() -> None:
    ends = [START + k * 5 * US_PER_MINUTE for k in (1, 2, 3)]
    (batch,) = BarQuotes(table_of([("AAA", end, 1.0, 2.0, 0.5, 1.0, 9.0) for end in ends]))
    interval = (batch.ts - START) // (5 * US_PER_MINUTE)
    assert interval.tolist() == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize(
    ("bar", "complaint"),
    [
        ((10.0, 9.0, 9.5, 9.2, 1.0), "row 2, column high: is below low"),
        ((13.0, 12.0, 9.0, 9.2, 1.0), "row 2, column open: is not between low and high"),
        ((10.0, 12.0, 9.0, 8.0, 1.0), "row 2, column close: is not between low and high"),
        ((10.0, 12.0, 0.0, 11.0, 1.0), "row 2, column low: is not a positive price"),
        ((10.0, 12.0, 9.0, 11.0, -1.0), "row 2, column volume: is negative"),
    ],
)
def test_what_is_no_bar_is_named(bar: tuple[float, ...], complaint: str) -> None:
    good: Bar = ("AAA", START, 10.0, 12.0, 9.0, 11.0, 1.0)
    bad: Bar = ("AAA", START + US_PER_MINUTE, *bar)  # type: ignore[assignment]
    with pytest.raises(UserError, match=complaint):
        BarQuotes(table_of([good, bad]))


def test_bars_that_overlap_at_a_forced_interval_are_named() -> None:
    rows = [("AAA", START + k * US_PER_MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0) for k in range(3)]
    with pytest.raises(UserError, match="row 2, column ts: overlaps"):
        BarQuotes(table_of(rows), 5 * US_PER_MINUTE)
