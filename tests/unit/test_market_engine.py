"""The second stage alone: what it knew when, whatever came in which order."""

from __future__ import annotations

import pytest

from agents.market.engine import EngineConfig, MarketEngine
from agents.scanning.scanner import ScanConfig
from agents.state import pack_state, unpack_state
from agents.tracking.tracker import PartitionTracker
from schemas.bars import PartitionBars
from schemas.news import News
from schemas.times import US_PER_S, from_us
from schemas.tracking import Scan
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes

CONFIG = EngineConfig(ScanConfig(track=6, trade=2))


def messages(days: int = 2, minutes: int = 40) -> list[PartitionBars]:
    """Bars of the last minutes of a session and the first of the next, with a night between."""
    start = SimulatedMarket().start_us + (390 - minutes // 2) * 60 * US_PER_S
    market = SimulatedMarket(4, start, securities=12, rate=0.1, minutes=minutes)
    tracker, out = PartitionTracker(0, 1, 5 * US_PER_S), []
    for offset, batch in enumerate(SimulatedQuotes(market)):
        tracker.take(batch, offset)
        out += tracker.close_due()
    out += tracker.close_idle()
    # Without the empty ones time comes to the next morning with its first bars, in one step.
    return [message for message in out if len(message.bars)]


def news_at(us: int, symbol: str, n: int) -> News:
    return News(f"n{n}", from_us(us), f"{symbol} agrees to be acquired in cash", [symbol], "AP")


def scans(engine: MarketEngine, feed: list[object]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for item in feed:
        out = engine.take_news(item) if isinstance(item, News) else engine.take_bars(item)  # type: ignore[arg-type]
        found += [told(update.scan) for update in out.updates if update.scan is not None]
    return found


def told(scan: Scan) -> tuple[object, ...]:
    return (scan.scan_id, [(c.symbol, c.score, tuple(c.news)) for c in scan.tracked_securities])


def test_news_of_the_night_gives_the_same_scans_whether_it_waited_or_came_live() -> None:
    bars = messages()
    symbols = sorted({s for m in bars for s in m.bars.symbol})
    gap = max(range(1, len(bars)), key=lambda i: bars[i].minute - bars[i - 1].minute)
    night = bars[gap - 1].minute + 3 * 3600 * US_PER_S
    items = [news_at(night + i * 1800 * US_PER_S, symbols[i], i) for i in range(4)]
    waited = scans(MarketEngine(CONFIG), [*items, *bars])
    live = MarketEngine(CONFIG)
    found = scans(live, [*bars[:gap], *items])
    released = live.release_news()
    found += [told(update.scan) for update in released.updates if update.scan is not None]
    found += scans(live, [*bars[gap:]])
    assert found == waited
    assert any(news for _, tracked in waited for _, _, news in tracked)  # type: ignore[attr-defined]


@pytest.mark.parametrize("crash_at", [0, 7, 19, 33])
def test_a_restart_changes_nothing(crash_at: int) -> None:
    bars = messages()
    items = [news_at(bars[i].minute, bars[i].bars.symbol[0], i) for i in (2, 9, 30)]
    unharmed = scans(MarketEngine(CONFIG), [*items, *bars])
    engine = MarketEngine(CONFIG)
    found = scans(engine, [*items, *bars[:crash_at]])
    engine = MarketEngine.restore(unpack_state(pack_state(engine.snapshot())), CONFIG)
    assert found + scans(engine, [*bars[crash_at:]]) == unharmed


def test_securities_find_room_at_once_until_the_places_are_taken() -> None:
    bars = messages()
    engine = MarketEngine(CONFIG)
    rows = [row for message in bars for row in engine.take_bars(message).rows]
    first = {symbol for row in rows[:1] for symbol in row.symbol}
    assert len(first) == CONFIG.scan.track
    assert len(engine.desk.book.tracked) == CONFIG.scan.track
    assert sum(engine.tiers().values()) == CONFIG.scan.track


def test_a_forced_scan_has_its_mode_and_an_empty_market_gives_an_empty_one() -> None:
    engine = MarketEngine(CONFIG)
    (update,) = engine.force_scan("aggressive").updates
    assert update.scan is not None
    assert (update.scan.mode, update.scan.total_universe) == ("aggressive", 0)
    scans(engine, [*messages()])
    (update,) = engine.force_scan("premarket").updates
    assert update.scan is not None
    assert update.scan.total_universe == 12
    assert len(update.scan.trading_candidates) == 2
