"""What verify expects of a file, and that it sees every difference."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import US_PER_MINUTE
from streams.sources.base import Source
from streams.sources.replay import open_replay
from streams.verify import COMPARED, US_PER_DAY, Daily, compare, daily, daily_from_rows, rows_of

HEADER = {
    "bars.csv": "ts,symbol,open,high,low,close,volume\n",
    "trades.csv": "ts,symbol,price,size\n",
    "quotes.csv": "ts,symbol,price,volume\n",
    "prices.csv": "ts,symbol,close\n",
    "bidask.csv": "ts,symbol,bid,ask\n",
}
DAY = 1_518_739_200_000  # 2018-02-16
LINES = {
    "bars.csv": ["{ts},{symbol},{p},{q},{p},{q},{v}"],
    "trades.csv": ["{ts},{symbol},{p},{v}", "{ts},{symbol},{q},{v}"],
    "quotes.csv": ["{ts},{symbol},{p},{v}", "{ts},{symbol},{p},{v}"],
    "prices.csv": ["{ts},{symbol},{p}"],
    "bidask.csv": ["{ts},{symbol},{p},{q}"],
    "recording.jsonl": [
        '{{"_topic":"quotes","symbol":"{symbol}","ts":{ts},"price":{p},"volume":{v}}}'
    ],
}


def market(name: str, directory: Path) -> Path:
    """Three symbols over three days, a minute apart, each day's last bar ending at midnight."""
    rng = np.random.default_rng(3)
    lines = []
    for day in range(3):
        for symbol in ("AAA", "BBB", "CCC")[: 3 - day % 2]:
            for minute in (*range(871, 880), 1440):
                low = int(rng.integers(100, 900)) / 100
                fields = {
                    "ts": DAY + (day * 1440 + minute) * 60_000,
                    "symbol": symbol,
                    "p": low,
                    "q": low + int(rng.integers(0, 90)) / 100,
                    "v": int(rng.integers(0, 500)),
                }
                lines += [line.format(**fields) for line in LINES[name]]
    path = directory / name
    path.write_text(HEADER.get(name, "") + "\n".join(lines) + "\n")
    return path


def naive(source: Source) -> dict[tuple[str, int], tuple[float, ...]]:
    """The figures of the quotes as they are sent, one at a time."""
    quotes: dict[tuple[str, int], list[tuple[float, float, int]]] = defaultdict(list)
    for batch in source:
        rows = zip(
            batch.symbol,
            batch.ts.tolist(),
            batch.price.tolist(),
            batch.volume.tolist(),
            strict=True,
        )
        for symbol, ts, price, volume in rows:
            quotes[symbol, ts // US_PER_DAY].append((price, volume, ts // US_PER_MINUTE))
    return {
        key: (
            rows[0][0],
            max(price for price, _, _ in rows),
            min(price for price, _, _ in rows),
            rows[-1][0],
            sum(volume for _, volume, _ in rows),
            len({minute for _, _, minute in rows}),
            len(rows),
        )
        for key, rows in quotes.items()
    }


def as_dict(figures: Daily) -> dict[tuple[str, int], tuple[float, ...]]:
    columns = [getattr(figures, n).tolist() for n in ("open", "high", "low", "close", "volume")]
    counts = [figures.bars.tolist(), figures.quotes.tolist()]
    keys = zip(figures.symbol.tolist(), figures.day.tolist(), strict=True)
    return dict(zip(keys, zip(*columns, *counts, strict=True), strict=True))


@pytest.mark.parametrize("name", LINES)
def test_every_kind_of_file_expects_what_its_quotes_hold(name: str, tmp_path: Path) -> None:
    source = open_replay([market(name, tmp_path)])
    assert as_dict(daily(rows_of(source))) == naive(source)


def test_a_bar_that_ends_at_midnight_belongs_to_the_day_before(tmp_path: Path) -> None:
    figures = daily(rows_of(open_replay([market("bars.csv", tmp_path)])))
    assert sorted(set(figures.day.tolist())) == [DAY // 86_400_000 + day for day in range(3)]
    assert figures.bars.tolist() == [10] * len(figures)


def test_the_same_recorded_quote_counts_once(tmp_path: Path) -> None:
    path = market("recording.jsonl", tmp_path)
    once = daily(rows_of(open_replay([path])))
    path.write_text("".join(line * 2 for line in path.read_text().splitlines(keepends=True)))
    assert compare(once, daily(rows_of(open_replay([path])))).equal


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Daily:
    path = market("bars.csv", tmp_path_factory.mktemp("verify"))
    return daily(rows_of(open_replay([path])))


def test_equal_figures_are_equal(figures: Daily) -> None:
    comparison = compare(figures, figures)
    assert comparison.equal
    assert [d.day for d in comparison.days] == [date(2018, 2, day) for day in (16, 17, 18)]
    assert [d.symbols for d in comparison.days] == [(3, 3), (2, 2), (3, 3)]
    assert sum(d.volume[0] for d in comparison.days) == figures.volume.sum()


@given(st.sampled_from(COMPARED), st.integers(0, 7), st.booleans())
def test_the_smallest_difference_is_seen(figures: Daily, figure: str, row: int, down: bool) -> None:
    column = getattr(figures, figure).copy()
    if column.dtype == np.int64 or figure == "volume":
        column[row] += -1 if down else 1
    else:
        column[row] = np.nextafter(column[row], 0 if down else np.inf)
    comparison = compare(figures, replace(figures, **{figure: column}))
    (mismatch,) = comparison.mismatches
    assert (mismatch.symbol, mismatch.figure) == (figures.symbol[row], figure)
    assert mismatch.expected == getattr(figures, figure)[row]
    assert sum(day.mismatches for day in comparison.days) == 1


def test_a_row_that_is_missing_or_too_much_is_seen(figures: Daily) -> None:
    fewer = daily_from_rows([(*key, *row) for key, row in as_dict(figures).items()][1:])
    (missing,) = compare(figures, fewer).mismatches
    assert (missing.symbol, missing.stored) == ("AAA", None)
    (extra,) = compare(fewer, figures).mismatches
    assert (extra.symbol, extra.expected) == ("AAA", None)
    assert len(compare(figures, daily_from_rows([])).mismatches) == len(figures)


def test_a_price_that_is_not_stored_differs(figures: Daily) -> None:
    rows = [(*key, *row) for key, row in as_dict(figures).items()]
    rows[0] = (*rows[0][:2], None, *rows[0][3:])  # type: ignore[assignment]
    (mismatch,) = compare(figures, daily_from_rows(rows)).mismatches
    assert mismatch.figure == "open"


def test_fractions_of_shares_may_differ_by_the_order_of_their_sum(figures: Daily) -> None:
    fraction = replace(figures, volume=figures.volume + 0.1)
    assert compare(fraction, replace(fraction, volume=fraction.volume * (1 + 1e-12))).equal
    assert not compare(fraction, replace(fraction, volume=fraction.volume + 0.01)).equal
