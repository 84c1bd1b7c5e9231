"""The second stage in process, against the size of the market: scan, discovery, replay.

``python -m benchmarks.market [--quick] [--json FILE]``
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from agents.discovery.discovery import Discovery
from agents.market.engine import EngineConfig, MarketEngine
from agents.minutes import MarketMinute
from agents.scanning.desk import Desk
from benchmarks.harness import Case, Measures, Options, Section, alternate, number, options, report
from schemas.bars import BarColumns
from schemas.news import Catalyst, Security
from schemas.times import US_PER_MINUTE, US_PER_S, from_us
from streams.replaying import Tally, bars_of, play
from streams.sources.bars import BarQuotes
from streams.sources.tables import Table

OPEN = 1_518_791_400 * US_PER_S
DAY = 86_400 * US_PER_S
LATENESS = 5 * US_PER_S
SECTORS = 11
SCANNED = (500, 1_000, 2_500, 5_000, 10_000)
COMPARED = (100, 300, 1_000)
REPLAYED = (100, 300)


def market_minutes(
    size: int, days: int, minutes: int, trading: float = 1.0
) -> Iterator[MarketMinute]:
    """Bars of ``size`` securities with a market and sectors; ``trading`` of them trade a minute."""
    rng = np.random.default_rng(size)
    names = np.array([f"S{i:05d}" for i in range(size)])
    price, usual = rng.uniform(5, 300, size), rng.lognormal(8, 2, size)
    for minute in range(days * minutes):
        at = np.flatnonzero(rng.random(size) < trading)
        common = rng.standard_normal(1 + SECTORS) * 3e-4
        moves = common[0] + common[1 + at % SECTORS] + rng.standard_t(4, len(at)) * 5e-4
        close = price[at] * np.exp(moves)
        volume = np.round(usual[at] * rng.exponential(1, len(at)))
        count = np.ones(len(at), np.int64)
        high, low = np.maximum(price[at], close), np.minimum(price[at], close)
        bars = BarColumns(
            names[at].tolist(), price[at], high, low, close, volume, (high + low) / 2,
            close - 0.01, close + 0.01, np.full(len(at), 0.02), volume / 2, count, count,
        )  # fmt: skip
        start = OPEN + (minute // minutes) * DAY + (minute % minutes) * US_PER_MINUTE
        yield MarketMinute(start, bars)
        price[at] = close


def securities(size: int) -> list[Security]:
    """Reference data of the same."""
    return [
        Security(f"S{i:05d}", f"Company {i:05d}", f"Sector {i % SECTORS}", None)
        for i in range(size)
    ]


def catalysts(size: int, end: int) -> list[Catalyst]:
    """Two news items a security over the last two days."""
    rng = np.random.default_rng(1)
    return [
        Catalyst(
            f"S{int(rng.integers(size)):05d}",
            from_us(end - int(rng.integers(2 * DAY // US_PER_S)) * US_PER_S),
            f"n{i}",
            float(rng.uniform(-1, 1)),
            "earnings",
            int(rng.integers(1, 4)),
            float(rng.random()),
        )
        for i in range(2 * size)
    ]


def scan(size: int, repeats: int) -> Measures:
    """A scan and the intake of a minute, with a profile learned on a day before."""
    desk, intake = Desk(), []
    minutes = list(market_minutes(size, 2, 90, 0.67))
    for item in catalysts(size, minutes[-1].start):
        desk.inform(item)
    for minute in minutes:
        desk.advance(minute.start)
        intake.append(timed(lambda minute=minute: desk.market.take(minute)))
    desk.advance(minutes[-1].start + US_PER_MINUTE)
    return {
        "scan_ms": 1e3 * statistics.median(
            timed(lambda: desk.force("normal")) for _ in range(repeats)
        ),
        "minute_ms": 1e3 * statistics.median(intake),
        "snapshot_ms": 1e3 * statistics.median(timed(desk.snapshot) for _ in range(3)),
    }  # fmt: skip


def discovery(size: int, minutes: int) -> Measures:
    """A step of discovery at one minute, once its windows are full."""
    discovery = Discovery()
    for security in securities(size):
        discovery.take_security(security)
    steps = [
        timed(lambda minute=minute: discovery.take(minute))
        for minute in market_minutes(size, 1, minutes)
    ]
    settled = np.array(steps[len(steps) // 3 :])
    return {
        "step_ms": 1e3 * float(np.median(settled)),
        "worst_ms": 1e3 * float(settled.max()),
        "bars_per_s": size * len(settled) / float(settled.sum()),
    }


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor that it takes: others on the machine do not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


def replay(size: int, days: int) -> Measures:
    """Bars of a history file through tracking and the market stage, as ``catalyst replay`` does."""
    source = BarQuotes(_table(list(market_minutes(size, days, 390))), US_PER_MINUTE)
    engine, tally = MarketEngine(EngineConfig()), Tally()
    for security in securities(size):
        engine.take_security(security)
    began = time.process_time()
    for step in play(engine, bars_of(source, LATENESS, tally)):
        tally.count(step)
    return {"bars_per_s": tally.bars / (time.process_time() - began), "patterns": tally.patterns}


def _table(minutes: list[MarketMinute]) -> Table:
    names = sorted({symbol for minute in minutes for symbol in minute.bars.symbol})
    code = {name: place for place, name in enumerate(names)}
    columns = {
        name: np.concatenate([getattr(minute.bars, name) for minute in minutes])
        for name in ("open", "high", "low", "close", "volume")
    }
    ends = [np.full(len(m.bars), m.start + US_PER_MINUTE) for m in minutes]
    codes = [code[symbol] for minute in minutes for symbol in minute.bars.symbol]
    return Table(
        Path("benchmark"), np.array(names, object), np.array(codes, np.int32),
        np.concatenate(ends), columns,
    )  # fmt: skip


def measure(chosen: Options) -> list[Section]:
    """All three, in turns."""
    minutes, days = (90, 1) if chosen.quick else (390, 2)
    return [
        _section(
            chosen, "A scan of the universe", "scan", SCANNED, lambda size: scan(size, 10),
            {"scan_ms": "scan, ms", "minute_ms": "a minute's intake, ms",
             "snapshot_ms": "snapshot, ms"},
        ),
        _section(
            chosen, "A step of discovery, one minute", "discovery", COMPARED,
            lambda size: discovery(size, minutes),
            {"step_ms": "median, ms", "worst_ms": "slowest, ms", "bars_per_s": "bars/s"},
        ),
        _section(
            chosen, "Replay in process, discovery and all", "replay", REPLAYED,
            lambda size: replay(size, days), {"bars_per_s": "bars/s", "patterns": "patterns"},
        ),
    ]  # fmt: skip


def _section(
    chosen: Options,
    title: str,
    what: str,
    sizes: Sequence[int],
    run: Callable[[int], Measures],
    shown: dict[str, str],
) -> Section:
    cases = {size: Case(f"{what} {size}", partial(run, size)) for size in sizes}
    wanted = [case for case in cases.values() if chosen.wants(case.name)]
    results = alternate(wanted, 1 if chosen.quick else min(chosen.rounds, 3)) if wanted else {}
    rows = [
        [f"{size:,}", *(number(results[case.name].median(m), _DIGITS.get(m, 1)) for m in shown)]
        for size, case in cases.items()
        if case.name in results
    ]
    data = {name: dict(result.rounds) for name, result in results.items()}
    return Section(title, [], ["securities", *shown.values()], rows, data)


_DIGITS = {"bars_per_s": 0, "patterns": 0}


def main() -> None:
    """Measure and print."""
    report("market", options(__doc__), measure)


if __name__ == "__main__":
    main()
