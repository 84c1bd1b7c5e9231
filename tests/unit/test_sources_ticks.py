"""Trades, quotes and last prices: nothing is lost, and nothing looks ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import US_PER_MS, US_PER_S
from streams.errors import UserError
from streams.sources.base import strictly_increasing
from streams.sources.replay import open_replay
from streams.sources.sample import open_sample

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"

TRADES = """ts,symbol,price,size
2013-10-08T13:30:00.500Z,AAA,10.00,100
2013-10-08T13:30:00.500Z,AAA,10.00,100
2013-10-08T13:30:02.000Z,AAA,10.02,50
2013-10-08T13:30:02.000Z,BBB,5.00,1
2013-10-08T13:30:01.000Z,AAA,10.01,7
"""
QUOTES = """ts,symbol,bid,ask,bid_size,ask_size
2013-10-08T13:30:01Z,AAA,10.00,10.02,1,1
2013-10-08T13:30:02Z,AAA,10.01,10.03,1,1
2013-10-08T13:30:02.001Z,AAA,99,99,1,1
"""


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 5).map(lambda ms: ms * US_PER_MS)),
        min_size=1,
        max_size=60,
    )
)
def test_times_of_a_symbol_become_distinct_and_keep_their_order(
    rows: list[tuple[int, int]],
) -> None:
    code = np.array([row[0] for row in rows], np.int32)
    ts = np.array([row[1] for row in rows], np.int64)
    distinct, order = strictly_increasing(ts, code)
    assert (np.diff(distinct[order]) >= 0).all()
    assert (distinct >= ts).all()
    assert (distinct // US_PER_MS == ts // US_PER_MS).all()
    for symbol in set(code.tolist()):
        mine = np.flatnonzero(code == symbol)
        by_time = mine[np.argsort(ts[mine], kind="stable")]
        assert (np.diff(distinct[by_time]) > 0).all()


def test_trades_at_one_moment_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TRADES)
    (batch,) = open_replay([path])
    assert batch.volume.sum() == 258
    assert batch.symbol == ["AAA", "AAA", "AAA", "AAA", "BBB"]
    assert np.diff(batch.ts[:2]).tolist() == [1]
    assert np.isnan(batch.bid).all()


def test_trades_carry_the_quote_at_or_before_them(tmp_path: Path) -> None:
    trades, quotes = tmp_path / "t.csv", tmp_path / "q.csv"
    trades.write_text(TRADES)
    quotes.write_text(QUOTES)
    (batch,) = open_replay([quotes, trades])
    assert batch.price.tolist() == [10.0, 10.0, 10.01, 10.02, 5.0]
    np.testing.assert_equal(batch.bid, [np.nan, np.nan, 10.0, 10.01, np.nan])
    np.testing.assert_equal(batch.ask, [np.nan, np.nan, 10.02, 10.03, np.nan])


def test_a_quote_of_the_day_before_does_not_prevail(tmp_path: Path) -> None:
    trades, quotes = tmp_path / "t.csv", tmp_path / "q.csv"
    trades.write_text(TRADES)
    quotes.write_text(QUOTES.replace("10-08", "10-07"))
    (batch,) = open_replay([trades, quotes])
    assert np.isnan(batch.bid).all()


def test_quotes_are_priced_at_their_middle_and_one_sided_updates_joined(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text(
        "ts,symbol,bid,ask\n"
        "2013-10-08T14:00:00Z,AAA,10,\n"
        "2013-10-08T14:00:01Z,AAA,,11\n"
        "2013-10-08T14:00:01Z,BBB,,7\n"
        "2013-10-08T14:00:02Z,AAA,10.5,\n"
    )
    (batch,) = open_replay([path])
    assert batch.price.tolist() == [10.0, 10.5, 7.0, 10.75]
    np.testing.assert_equal(batch.ask, [np.nan, 11, 7, 11])
    path.write_text("ts,symbol,bid,ask\n2013-10-08T14:00:00Z,AAA,,\n")
    with pytest.raises(UserError, match="row 1, column bid: is empty, and so is ask"):
        open_replay([path])


def test_last_prices_lie_just_inside_the_minute_that_they_end(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("ts,symbol,close\n2016-07-26T13:31:00Z,AAA,35.98\n")
    (batch,) = open_replay([path])
    assert batch.ts[0] % (60 * US_PER_S) == 60 * US_PER_S - US_PER_MS
    assert batch.volume.tolist() == [0.0]


def test_the_sample_is_a_day_of_four_securities() -> None:
    sample = open_sample()
    batches = list(sample)
    assert sample.total == sum(len(batch) for batch in batches) > 200_000
    assert {symbol for batch in batches for symbol in batch.symbol} == {"AIG", "BAC", "IBM", "SPY"}
    ts = np.concatenate([batch.ts for batch in batches])
    assert (np.diff(ts) >= 0).all()


@pytest.mark.data
def test_the_sample_is_what_its_provenance_says() -> None:
    files = [SHARED / "trades_tick_2013.parquet", SHARED / "quotes_1s_2013.parquet"]
    if not files[0].exists():
        pytest.skip("../shared/data is absent")
    day = np.array(["2013-10-08", "2013-10-09"], "datetime64[us]").astype(np.int64)
    original, sample = open_replay(files), open_sample()
    for name in ("ts", "price", "bid", "ask", "volume"):
        columns = [np.concatenate([getattr(b, name) for b in s]) for s in (original, sample)]
        times = np.concatenate([batch.ts for batch in original])
        here = (times >= day[0]) & (times < day[1])
        np.testing.assert_array_equal(columns[0][here], columns[1])
