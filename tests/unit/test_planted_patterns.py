"""What the truth says was planted can be measured in the quotes that come out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pytest

from schemas.times import to_us
from streams.sources.planted import KINDS, Episode, PlantedMarket
from streams.sources.simulated import SESSION_MINUTES
from tests.unit.planted_minutes import Minutes

SEED = 5
WARM_UP = 4


@pytest.fixture(scope="module")
def market() -> PlantedMarket:
    return PlantedMarket(SEED, plant="easy", warm_up_days=WARM_UP)


@pytest.fixture(scope="module")
def minutes(market: PlantedMarket) -> Minutes:
    return Minutes.of(market)


def episodes(market: PlantedMarket, kind: str) -> Iterator[Episode]:
    found = [episode for episode in market.truth() if episode.kind == kind]
    assert found, f"there is a {kind}"
    yield from found


def mostly(values: list[float], above: float, share: float = 0.8) -> bool:
    """Noise of the market may hide one or the other, not most of them."""
    return float(np.mean(np.array(values) > above)) >= share


def move(minutes: Minutes, symbol: str, first: int, end: int) -> float:
    """An excess log return over the minutes from ``first`` up to ``end``."""
    return float(minutes.excess[first:end, minutes.place[symbol]].sum())


def test_nothing_begins_in_the_warm_up_and_times_are_in_order(market: PlantedMarket) -> None:
    known = {security.symbol for security in market.securities()}
    first = sorted({int(b.ts.min()) // 86_400_000_000 for b in market.quotes()})[WARM_UP]
    for seed in (SEED, SEED + 1):
        for episode in PlantedMarket(seed).truth():
            assert episode.start <= episode.deadline <= episode.end
            assert episode.start[:10] >= np.datetime64(first, "D").astype(str)
            assert (episode.kind in KINDS) == episode.planted
    for episode in market.truth():
        assert {*episode.securities, *episode.leaders} <= known
        assert set(episode.leaders) <= set(episode.securities)


def test_a_pump_rises_ever_faster_and_collapses(market: PlantedMarket, minutes: Minutes) -> None:
    volumes = []
    for episode in episodes(market, "pump_and_dump"):
        (symbol,) = episode.securities
        span, peak = minutes.span(episode), minutes.at(episode.deadline)
        half = (span.start + peak) // 2
        rise, late = move(minutes, symbol, span.start, peak), move(minutes, symbol, half, peak)
        assert rise > 0.6 * episode.detail["rise"]
        assert late > 0.5 * rise
        assert move(minutes, symbol, peak, span.stop) < -0.4 * rise
        volume = minutes.volume[:, minutes.place[symbol]]
        volumes.append(volume[span.start : peak].mean() / np.median(volume[volume > 0]))
    assert mostly(volumes, 3)


def test_accumulation_is_bought_on_volume_at_a_flat_price(
    market: PlantedMarket, minutes: Minutes
) -> None:
    drifts, lifts = [], []
    for episode in episodes(market, "accumulation_patterns"):
        (row,) = minutes.rows(episode.securities)
        span = minutes.span(episode)
        volume, bought = minutes.volume[:, row], minutes.bought[:, row]
        assert bought[span].sum() > 0.62 * volume[span].sum()
        assert bought.sum() < 0.6 * volume.sum()
        usual = volume.reshape(-1, SESSION_MINUTES)
        at = np.arange(span.start, span.stop) % SESSION_MINUTES
        lifts.append(volume[span].sum() / np.median(usual, axis=0)[at].sum())
        length = span.stop - span.start
        usual_move = minutes.deviation(30)[row] * np.sqrt(length / 30)
        drifts.append(abs(move(minutes, episode.securities[0], span.start, span.stop)) / usual_move)
    assert np.median(drifts) < 1
    assert mostly(lifts, 1.5)


def test_followers_move_after_their_leader_and_its_way(
    market: PlantedMarket, minutes: Minutes
) -> None:
    led, moved = [], []
    for episode in episodes(market, "catalyst_sympathy"):
        (leader,), start = episode.leaders, minutes.at(episode.start)
        sign, half_hour = episode.detail["direction"], minutes.deviation(30)
        led.append(
            sign * move(minutes, leader, start, start + 12) / half_hour[minutes.place[leader]]
        )
        for symbol, begins in episode.detail["followers"].items():
            begin, usual = minutes.at(begins), half_hour[minutes.place[symbol]]
            assert begin > start
            assert symbol != leader
            moved.append(sign * move(minutes, symbol, begin, begin + 40) / usual)
    assert mostly(led, 3)
    assert mostly(moved, 2)


def test_a_lone_leader_has_peers_that_stay_put(market: PlantedMarket, minutes: Minutes) -> None:
    along, leads = [], []
    half_hour = minutes.deviation(30)
    for episode in episodes(market, "lone_leader"):
        (leader,), start = episode.leaders, minutes.at(episode.start)
        led = move(minutes, leader, start, start + 12)
        leads.append(abs(led) / half_hour[minutes.place[leader]])
        for symbol in episode.detail["peers"]:
            own = move(minutes, symbol, start, start + 30) / half_hour[minutes.place[symbol]]
            along.append(np.sign(led) * own)
    assert mostly(leads, 3)
    assert abs(np.mean(along)) < 0.8
    assert not mostly(along, 2, share=0.2)


def test_the_price_waits_for_the_drift_that_news_brings(
    market: PlantedMarket, minutes: Minutes
) -> None:
    drifts, waits = [], []
    for episode in episodes(market, "news_arbitrage"):
        laggard, sign = episode.detail["laggard"], episode.detail["direction"]
        span, drift = minutes.span(episode), minutes.at(episode.detail["drift_start"])
        usual = minutes.deviation(30)[minutes.place[laggard]]
        assert episode.deadline == episode.detail["drift_start"]
        assert drift - span.start >= 10
        after = sign * move(minutes, laggard, drift, span.stop)
        drifts.append(after / usual)
        waits.append(after / usual - abs(move(minutes, laggard, span.start, drift)) / usual)
    assert mostly(drifts, 2.5)
    assert mostly(waits, 1)


def test_money_rotates_from_one_sector_to_the_other(
    market: PlantedMarket, minutes: Minutes
) -> None:
    sector_of = {security.symbol: security.sector for security in market.securities()}
    gaps = []
    for episode in episodes(market, "sector_rotation"):
        span = minutes.span(episode)
        sides = {
            side: [s for s in episode.securities if sector_of[s] == episode.detail[side]]
            for side in ("from_sector", "to_sector")
        }
        gain = {
            side: np.mean([move(minutes, symbol, span.start, span.stop) for symbol in symbols])
            for side, symbols in sides.items()
        }
        gaps.append(float(gain["to_sector"] - gain["from_sector"]))
    assert min(gaps) > 0
    assert mostly(gaps, 0.01)


def test_a_correlation_breaks_and_was_there_before(market: PlantedMarket, minutes: Minutes) -> None:
    fell = []
    for episode in episodes(market, "correlation_breaks"):
        broke = minutes.place[episode.detail["broke"]]
        partners, span = minutes.rows(episode.detail["partners"]), minutes.span(episode)
        before = slice(max(0, span.start - 4 * SESSION_MINUTES), span.start)
        was, now = (minutes.correlation([broke], partners, part) for part in (before, span))
        fell.append(was - now)
    assert mostly(fell, 0.15)
    assert np.mean(fell) > 0.35


def test_a_cluster_begins_to_move_together(market: PlantedMarket, minutes: Minutes) -> None:
    for episode in episodes(market, "emergent_clusters"):
        rows, span = minutes.rows(episode.securities), minutes.span(episode)
        before = slice(max(0, span.start - 4 * SESSION_MINUTES), span.start)
        together = [
            np.mean([minutes.correlation([a], [b], part) for a in rows for b in rows if a < b])
            for part in (before, span)
        ]
        assert together[1] > together[0] + 0.2


def test_harder_is_smaller() -> None:
    easy, hard = (
        [e.detail["rise"] for e in PlantedMarket(SEED, plant=f"{plant},pump_and_dump").truth()
         if e.planted]
        for plant in ("easy", "hard")
    )  # fmt: skip
    assert min(easy) > max(hard)


def test_in_a_burst_of_volatility_all_moves_grow(market: PlantedMarket, minutes: Minutes) -> None:
    bursts = []
    for episode in episodes(market, "volatility_burst"):
        rows = minutes.rows(episode.securities) or list(minutes.place.values())
        span = minutes.span(episode)
        within = np.abs(np.diff(np.log(minutes.price[span][:, rows]), axis=0)).mean()
        begin = max(0, span.start - SESSION_MINUTES)
        usual = np.abs(np.diff(np.log(minutes.price[begin : span.start][:, rows]), axis=0)).mean()
        bursts.append(float(within / usual))
    assert mostly(bursts, 1.1)


def test_what_is_halted_is_not_quoted(market: PlantedMarket, minutes: Minutes) -> None:
    for episode in episodes(market, "halt"):
        (row,) = minutes.rows(episode.securities)
        resumed = minutes.at(episode.detail["resumed"])
        assert not minutes.quoted[minutes.at(episode.start) : resumed, row].any()
        assert minutes.quoted[resumed : resumed + 10, row].any()


def test_run_ups_stick_and_markets_move_as_one(market: PlantedMarket, minutes: Minutes) -> None:
    kept = []
    for episode in episodes(market, "runup_that_sticks"):
        (symbol,), span = episode.securities, minutes.span(episode)
        kept.append(move(minutes, symbol, span.start, span.stop) / episode.detail["rise"])
    assert mostly(kept, 0.3)
    for episode in episodes(market, "market_wide_move"):
        span = minutes.span(episode)
        moved = np.log(minutes.price[span.stop - 1] / minutes.price[max(0, span.start - 1)])
        agree = np.sign(moved) == np.sign(episode.detail["move"])
        assert agree.mean() > 0.7


def test_material_news_is_there_where_it_should_be_and_nowhere_else(
    market: PlantedMarket,
) -> None:
    moments: dict[str, list[int]] = {s.symbol: [] for s in market.securities()}
    for item in market.news():
        for symbol in item.symbols:
            moments[symbol].append(to_us(item.ts))
    for episode in market.truth():
        start, end = _us(episode.start), _us(episode.end)
        if episode.kind in ("pump_and_dump", "accumulation_patterns"):
            assert not any(start <= ts <= end for s in episode.securities for ts in moments[s])
        if episode.kind in ("catalyst_sympathy", "news_arbitrage", "lone_leader"):
            assert any(to_us(item.ts) == start for item in market.news())


def _us(moment: str) -> int:
    return to_us(datetime.fromisoformat(moment))
