"""The planted market as a feed: the same for the same seed, ordered but for its flaws."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.quotes import QuoteColumns
from schemas.times import US_PER_S, from_us
from streams.errors import UserError
from streams.sources.planted import KINDS, PlantedMarket
from streams.sources.simulated import SESSION_MINUTES
from tests.unit.planted_minutes import Minutes

LATENESS = 5 * US_PER_S


@pytest.fixture(scope="module")
def market() -> PlantedMarket:
    return PlantedMarket(seed=11, days=8, plant="none")


@pytest.fixture(scope="module")
def minutes(market: PlantedMarket) -> Minutes:
    return Minutes.of(market)


def same(one: Iterator[QuoteColumns], other: Iterator[QuoteColumns]) -> bool:
    return all(
        a.symbol == b.symbol
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for name in ("ts", "price", "bid", "ask", "volume")
        )
        for a, b in zip(one, other, strict=True)
    )


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers(0, 10_000), securities=st.integers(1, 40), warm_up=st.integers(0, 2))
def test_the_same_seed_gives_the_same_market_however_it_is_read(
    seed: int, securities: int, warm_up: int
) -> None:
    one, other = (PlantedMarket(seed, securities, 3, warm_up) for _ in range(2))
    begun = list(islice(one.quotes(), 5))
    news, truth = one.news(), one.truth()
    assert len(begun) == 5
    assert same(one.quotes(), other.quotes())
    assert (other.truth(), other.news()) == (truth, news)
    assert other.securities() == one.securities()
    another = next(PlantedMarket(seed + 1, securities, 3, warm_up).quotes())
    assert another.price.tolist() != begun[0].price.tolist()


def test_a_variant_is_a_kind_of_world_with_many_histories() -> None:
    kinds = [PlantedMarket(seed, variant=7).parameters for seed in (1, 2)]
    assert kinds[0] == kinds[1]
    assert PlantedMarket(1, variant=8).parameters != kinds[0]
    assert PlantedMarket(1).parameters != PlantedMarket(2).parameters
    first = [next(PlantedMarket(seed, 20, 5, variant=7).quotes()) for seed in (1, 2)]
    assert first[0].price.tolist() != first[1].price.tolist()


def test_prices_are_in_cents_inside_a_spread(market: PlantedMarket) -> None:
    for batch in market.quotes():
        for column in (batch.price, batch.bid, batch.ask):
            np.testing.assert_allclose(column * 100, np.round(column * 100), atol=1e-6)
        assert (batch.bid < batch.ask).all()
        assert ((batch.price == batch.bid) | (batch.price == batch.ask)).all()
        assert (batch.bid > 0).all()
        assert ((batch.volume >= 1) & (batch.volume == np.floor(batch.volume))).all()


def test_quotes_come_in_order_but_for_the_few_late_and_repeated_ones(
    market: PlantedMarket,
) -> None:
    newest, late, overtaken, total = 0, 0, 0, 0
    seen: set[tuple[str, int]] = set()
    repeated = 0
    for batch in market.quotes():
        before = np.maximum.accumulate(np.concatenate([[newest], batch.ts]))[:-1]
        behind = before - batch.ts
        late += int((behind > LATENESS).sum())
        overtaken += int(((behind > 0) & (behind <= LATENESS)).sum())
        newest = max(newest, int(batch.ts.max()))
        keys = set(zip(batch.symbol, batch.ts.tolist(), strict=True))
        repeated += len(batch) - len(keys - seen)
        seen |= keys
        total += len(batch)
    assert 0.0002 < late / total < 0.006
    assert 0.0002 < repeated / total < 0.006
    assert 0.005 < overtaken / total < 0.05


def test_most_minutes_are_quoted_and_the_thin_miss_some(minutes: Minutes) -> None:
    quoted = minutes.quoted.mean(axis=0)
    assert np.median(quoted) > 0.95
    assert quoted.min() < 0.9
    assert quoted.min() > 0.3


def test_sessions_are_those_of_new_york(market: PlantedMarket) -> None:
    days = {from_us(int(ts)).date() for batch in market.quotes() for ts in batch.ts[:1]}
    assert len(days) == market.days
    assert all(day.weekday() < 5 for day in days)


def test_it_looks_like_a_market(minutes: Minutes) -> None:
    moves = np.diff(np.log(minutes.price), axis=0)
    within = np.delete(moves, np.arange(SESSION_MINUTES - 1, len(moves), SESSION_MINUTES), axis=0)
    kurtosis = (within**4).mean(axis=0) / (within**2).mean(axis=0) ** 2
    assert np.median(kurtosis) > 4, "fat tails"
    size = np.abs(within).mean(axis=1)
    assert np.corrcoef(size[:-30], size[30:])[0, 1] > 0.05, "volatility comes in clusters"
    a_day = minutes.volume.reshape(-1, SESSION_MINUTES, minutes.volume.shape[1]).mean(axis=(0, 2))
    assert min(a_day[:15].mean(), a_day[-15:].mean()) > 1.4 * a_day[180:220].mean(), "U shape"
    busy = minutes.volume[1:] / minutes.volume.mean(axis=0)
    linked = [np.corrcoef(np.abs(moves[:, k]), busy[:, k])[0, 1] for k in range(20)]
    assert np.mean(linked) > 0.1, "volume goes with volatility"
    nights = np.abs(moves[SESSION_MINUTES - 1 :: SESSION_MINUTES]).mean()
    assert nights > 3 * np.abs(within).mean(), "gaps over night"


def test_sectors_and_industries_move_together(market: PlantedMarket, minutes: Minutes) -> None:
    securities = market.securities()
    blocks = minutes.excess.reshape(-1, 15, len(securities)).sum(axis=1)
    matrix = np.corrcoef(blocks.T)
    sector = np.array([security.sector or security.symbol for security in securities])
    industry = np.array([security.industry or security.symbol for security in securities])
    other = sector[:, None] != sector
    kin = (industry[:, None] == industry) & ~np.eye(len(sector), dtype=bool)
    assert matrix[kin].mean() > matrix[other].mean() + 0.1


@pytest.mark.parametrize("plant", ["", "sometimes", "easy,none", "mixed,pumps"])
def test_what_cannot_be_planted_is_refused(plant: str) -> None:
    with pytest.raises(UserError):
        PlantedMarket(plant=plant)


@pytest.mark.parametrize("wrong", [{"days": 4}, {"days": 0}, {"securities": 10**6}])
def test_what_has_no_room_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError):
        PlantedMarket(**wrong).truth()  # type: ignore[arg-type]


def test_only_what_is_asked_for_is_planted() -> None:
    found = {
        (episode.kind, episode.strength)
        for episode in PlantedMarket(3, 80, 10, plant="hard,easy,pump_and_dump").truth()
        if episode.planted
    }
    assert found == {("pump_and_dump", "easy"), ("pump_and_dump", "hard")}
    nothing = PlantedMarket(3, 80, 10, plant="none").truth()
    assert nothing
    assert not any(episode.planted for episode in nothing)
    assert {e.kind for e in PlantedMarket(3).truth() if e.planted} == set(KINDS)
