import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.integration.timescale_db import migrated_server, store
from tests.integration.timescale_rows import US, Rows, figures, make_rows, midnight
from timescale.aging import age
from timescale.connect import connect
from timescale.errors import TimescaleError
from timescale.queries import Bars, Tier, history, returns
from timescale.readers import Reader, fetch
from timescale.relations import DISCOVERIES, TICKS, TRACKING_STATE
from timescale.writer import RowWriter

DAYS = 12
START = datetime(2024, 3, 1, tzinfo=UTC)
END = START + timedelta(days=DAYS)
SYMBOLS = ["AA", "BB", "CC"]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return make_rows(SYMBOLS, midnight("2024-03-01"), DAYS)


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Iterator[str]:
    """Twelve days, aged: two of rows, five of hours, five of days."""
    with migrated_server(tmp_path_factory.mktemp("readers")) as server:
        store(server.dsn, rows)
        asyncio.run(age(server.dsn))
        asyncio.run(write_others(server.dsn))
        yield server.dsn


async def write_others(dsn: str) -> None:
    writer = RowWriter(dsn)
    await writer.start()
    us = midnight("2024-03-13") + 5 * US
    await writer.put(
        TICKS, {"symbol": ["AA", "AA"], "timestamp": [us, us], "seq": [0, 1], "price": [1.0, 2.0]}
    )
    await writer.put(
        TRACKING_STATE,
        {
            "symbol": ["AA", "BB", "XX"],
            "first_seen": [0] * 3,
            "last_updated": [us] * 3,
            "collection_frequency": ["high_freq"] * 3,
            "tracked": [True, True, False],
        },
    )
    for number, (kind, symbols) in enumerate(
        [("pump_and_dump", ["AA"]), ("sector_rotation", ["BB", "CC"]), ("pump_and_dump", ["CC"])]
    ):
        await writer.put(DISCOVERIES, discovery(number, kind, symbols))
    await writer.stop()


def discovery(number: int, kind: str, symbols: list[str]) -> dict[str, Any]:
    return {
        "id": [f"p{number}"],
        "discovery_date": [START + timedelta(hours=number)],
        "pattern_type": [kind],
        "securities_involved": [symbols],
        "pattern_confidence": [0.5 + number / 10],
        "trigger_conditions": [{"z": number}],
        "predicted_outcome": [{"horizon_s": 600}],
        "evidence": [["n1", "b2"]],
        "updated_at": [START],
    }


def asked(dsn: str, method: str, *arguments: Any, **options: Any) -> Any:
    async def ask() -> Any:
        async with Reader(dsn) as reader:
            return await getattr(reader, method)(*arguments, **options)

    return asyncio.run(ask())


def test_latest_is_the_newest_tick_or_row_of_the_tracked(dsn: str, rows: Rows) -> None:
    found = asked(dsn, "latest")
    assert [(q.symbol, q.source, q.timestamp) for q in found] == [
        ("AA", "tick", END + timedelta(seconds=5)),
        ("BB", "row", END),
    ]
    assert found[0].price == 2.0  # the higher seq of the same instant
    assert found[1].price == rows.columns["price"][rows.columns["symbol"] == 1][-1]
    assert [quote.symbol for quote in asked(dsn, "latest", ["CC", "ZZ"])] == ["CC"]


def test_history_has_no_gap_and_no_overlap_at_the_seams(dsn: str, rows: Rows) -> None:
    bars: Bars = asked(dsn, "history", "BB", START, END)
    ends = bars.timestamp + bars.interval_s.astype("timedelta64[s]")
    assert (ends[:-1] == bars.timestamp[1:]).all()
    assert bars.timestamp[0] == np.datetime64("2024-03-01")
    assert ends[-1] == np.datetime64("2024-03-13")
    assert {str(t): int((bars.tier == t).sum()) for t in np.unique(bars.tier)} == {
        "daily": 4,
        "hourly": 6 * 24,
        "high_freq": 2 * 96,
    }
    mine = rows.where(rows.columns["symbol"] == 1).columns
    assert bars.volume.sum() == mine["volume"].sum()
    assert np.nanmax(bars.high) == np.nanmax(mine["high"])
    assert bars.close[-1] == mine["price"][-1]
    vwap = np.nansum(bars.vwap * bars.volume) / bars.volume.sum()
    assert vwap == pytest.approx(mine["notional"].sum() / mine["volume"].sum(), rel=1e-12)


def test_history_of_a_part_and_of_nothing(dsn: str) -> None:
    middle = START + timedelta(days=6, hours=3)
    bars = asked(dsn, "history", "BB", middle, middle + timedelta(hours=2))
    assert list(bars.tier) == ["hourly", "hourly"]
    assert len(asked(dsn, "history", "nobody", START, END)) == 0


def test_bars_of_a_tier(dsn: str, rows: Rows) -> None:
    days: Bars = asked(dsn, "bars", "AA", START, END, "daily")
    expected = figures(rows, 86_400)
    for index, day in enumerate(days.timestamp.astype("datetime64[us]").tolist()):
        figure = expected["AA", day.replace(tzinfo=UTC)]
        assert days.open[index] == figure["open"]
        assert days.close[index] == figure["close"]
        assert days.volume[index] == figure["volume"]
    assert len(days) == DAYS


@pytest.mark.parametrize(
    ("tier", "step_s"), [("high_freq", 900), ("hourly", 3600), ("daily", 86400)]
)
def test_returns_equal_numpy(dsn: str, rows: Rows, tier: Tier, step_s: int) -> None:
    start = END - timedelta(days=2) if tier != "daily" else START
    with connect(dsn) as connection:
        matrix = fetch(connection, returns([*SYMBOLS, "ZZ"], start, END, tier))
    columns = rows.columns
    prices = columns["price"].reshape(-1, len(SYMBOLS))
    moments = columns["timestamp"].reshape(-1, len(SYMBOLS))[:, 0]
    traded = columns["bar_count"].reshape(-1, len(SYMBOLS)) > 0
    chosen = moments >= int(start.timestamp()) * US
    per_bucket = step_s // 900
    closes = _closes(prices[chosen], traded[chosen], per_bucket)
    assert matrix.values.shape == (len(closes) - 1, 4)
    np.testing.assert_allclose(matrix.values[:, :3], np.diff(np.log(closes), axis=0), rtol=1e-9)
    assert np.isnan(matrix.values[:, 3]).all()
    assert (np.diff(matrix.times) == np.timedelta64(step_s, "s")).all()


def _closes(prices: Any, traded: Any, per_bucket: int) -> Any:
    """The last traded price of each bucket, or the last carried one where nothing traded."""
    shape = (-1, per_bucket, prices.shape[1])
    prices, traded = prices.reshape(shape), traded.reshape(shape)
    last_traded = per_bucket - 1 - traded[:, ::-1].argmax(axis=1)
    row = np.where(traded.any(axis=1), last_traded, per_bucket - 1)
    return np.take_along_axis(prices, row[:, None], axis=1)[:, 0]


def test_returns_of_nothing(dsn: str) -> None:
    matrix = asked(dsn, "returns", ["ZZ"], START, END)
    assert matrix.values.shape == (0, 1)


def test_patterns_by_time_type_and_symbol(dsn: str) -> None:
    assert [p.id for p in asked(dsn, "patterns")] == ["p2", "p1", "p0"]
    assert [p.id for p in asked(dsn, "patterns", types=["pump_and_dump"])] == ["p2", "p0"]
    assert [p.id for p in asked(dsn, "patterns", symbols=["CC", "ZZ"])] == ["p2", "p1"]
    late = asked(dsn, "patterns", since=START + timedelta(hours=1), limit=1)
    assert [p.id for p in late] == ["p2"]
    first = asked(dsn, "patterns", until=START + timedelta(minutes=1))[0]
    assert (first.securities, first.evidence) == (["AA"], ["n1", "b2"])
    assert first.trigger_conditions == {"z": 0}


def test_without_a_database_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("timescale.readers.POOL_TIMEOUT_S", 0.2)
    with pytest.raises(TimescaleError, match=r"127\.0\.0\.1:1/x does not answer"):
        asked("postgresql://u:secret@127.0.0.1:1/x", "latest")


def test_history_query_is_one_statement() -> None:
    """One snapshot: an aging between two statements would show as a gap."""
    assert history("AA", START, END).statement.count(";") == 0
