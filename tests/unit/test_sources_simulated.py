"""The simulated market: the same for the same seed, and shaped like a market."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import numpy as np
import pytest

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, from_us, to_us
from streams.errors import UserError
from streams.sources.simulated import (
    SECTORS,
    SESSION_MINUTES,
    SimulatedMarket,
    SimulatedQuotes,
    simulated_securities,
)


def batches(market: SimulatedMarket) -> Iterator[QuoteColumns]:
    return iter(SimulatedQuotes(market))


def test_the_same_seed_gives_the_same_market() -> None:
    one, same = (list(batches(SimulatedMarket(seed=7, minutes=3))) for _ in range(2))
    other = list(batches(SimulatedMarket(seed=8, minutes=3)))
    for a, b in zip(one, same, strict=True):
        assert a.symbol == b.symbol
        for name in ("ts", "price", "bid", "ask", "volume"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert one[0].price.tolist() != other[0].price.tolist()


def test_it_has_300_securities_in_11_sectors() -> None:
    rows = list(simulated_securities(SimulatedMarket()))
    assert len({row["symbol"] for row in rows}) == 300
    assert {row["sector"] for row in rows} == {name for name, _ in SECTORS}
    assert len(SECTORS) == 11
    seen = {symbol for batch in batches(SimulatedMarket(minutes=10)) for symbol in batch.symbol}
    assert seen == {row["symbol"] for row in rows}


def test_quotes_are_in_order_in_cents_and_inside_their_spread() -> None:
    last = 0
    for batch in batches(SimulatedMarket(minutes=5, rate=3)):
        assert batch.ts[0] >= last
        assert (np.diff(batch.ts) >= 0).all()
        last = int(batch.ts[-1])
        assert len({*zip(batch.symbol, batch.ts.tolist(), strict=True)}) == len(batch)
        for column in (batch.price, batch.bid, batch.ask):
            np.testing.assert_allclose(column * 100, np.round(column * 100), atol=1e-6)
        assert ((batch.bid <= batch.price) & (batch.price <= batch.ask)).all()
        assert (batch.bid < batch.ask).all()
        assert ((batch.volume >= 0) & (batch.volume == np.floor(batch.volume))).all()


def test_sessions_follow_each_other_at_the_opening_of_weekdays() -> None:
    # A Friday before the change to summer time: Monday opens an hour earlier in UTC.
    friday = SimulatedMarket(start_us=to_us(datetime(2025, 3, 7, 14, 30)), securities=3)
    calendar = list(islice(SimulatedQuotes(friday).calendar(), SESSION_MINUTES + 1))
    starts = [from_us(start).isoformat() for start, _, _ in calendar]
    assert starts[0] == "2025-03-07T14:30:00+00:00"
    assert starts[-2] == "2025-03-07T20:59:00+00:00"
    assert starts[-1] == "2025-03-10T13:30:00+00:00"
    assert calendar[-1][1:] == (1, 0)


def test_a_market_may_start_within_a_session() -> None:
    market = SimulatedMarket(start_us=to_us(datetime(2025, 3, 7, 20, 58)), securities=3)
    calendar = list(islice(SimulatedQuotes(market).calendar(), 3))
    assert [minute for _, _, minute in calendar] == [388, 389, 0]


def test_volume_is_heavier_at_the_open_and_the_close_than_at_noon() -> None:
    volume = [b.volume.sum() for b in batches(SimulatedMarket(minutes=SESSION_MINUTES, rate=0.2))]
    assert len(volume) == SESSION_MINUTES
    noon = np.mean(volume[180:210])
    assert np.mean(volume[:15]) > 1.5 * noon
    assert np.mean(volume[-15:]) > 1.5 * noon


def test_securities_of_a_sector_move_more_alike_than_others() -> None:
    source = SimulatedQuotes(SimulatedMarket(minutes=SESSION_MINUTES, rate=1, securities=44))
    price = np.full((SESSION_MINUTES, 44), np.nan)
    place = {name: i for i, name in enumerate(source.universe.names.tolist())}
    for minute, batch in enumerate(source):
        price[minute, [place[s] for s in batch.symbol]] = (batch.bid + batch.ask) / 2
    known = price[:, ~np.isnan(price[0])]
    sector = source.universe.sector[~np.isnan(price[0])]
    for minute in range(1, SESSION_MINUTES):
        gap = np.isnan(known[minute])
        known[minute, gap] = known[minute - 1, gap]
    matrix = np.corrcoef(np.diff(np.log(known[::5]), axis=0).T)
    same = (sector[:, None] == sector) & ~np.eye(len(sector), dtype=bool)
    assert matrix[same].mean() > matrix[sector[:, None] != sector].mean() + 0.05
    assert matrix[sector[:, None] != sector].mean() > 0.05


def test_it_is_endless_unless_told() -> None:
    assert len(list(islice(batches(SimulatedMarket(securities=2)), 900))) == 900
    assert len(list(batches(SimulatedMarket(securities=2, minutes=4)))) == 4


@pytest.mark.parametrize(
    "wrong", [{"securities": 0}, {"rate": 0}, {"rate": 1e9}, {"start_us": US_PER_MINUTE + 1}]
)
def test_what_cannot_be_simulated_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError):
        SimulatedMarket(**wrong)  # type: ignore[arg-type]
