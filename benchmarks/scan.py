"""How long a scan takes, and a minute's intake, against the size of the universe.

``python -m benchmarks.scan`` prints medians; with ``--json`` one JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np

from agents.minutes import MarketMinute
from agents.scanning.desk import Desk
from schemas.bars import BarColumns
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, US_PER_S, from_us

OPEN = 1_518_791_400 * US_PER_S
DAY = 86_400 * US_PER_S
DAYS, MINUTES = 2, 90
GOALS_MS = {500: 5.0, 10_000: 50.0}
SIZES = (100, 500, 1_000, 2_500, 5_000, 10_000)


def market_minutes(size: int) -> list[MarketMinute]:
    """Two days with a profile learned from the first; two thirds trade each minute."""
    rng = np.random.default_rng(size)
    names = np.array([f"S{i:05d}" for i in range(size)])
    price, usual = rng.uniform(5, 300, size), rng.lognormal(8, 2, size)
    out = []
    for minute in range(DAYS * MINUTES):
        at = np.flatnonzero(rng.random(size) < 0.67)
        close = price[at] * np.exp(rng.standard_t(4, len(at)) * 7e-4)
        volume = np.round(usual[at] * rng.exponential(1, len(at)))
        count = np.ones(len(at), np.int64)
        high, low = np.maximum(price[at], close), np.minimum(price[at], close)
        bars = BarColumns(
            names[at].tolist(), price[at], high, low, close, volume, (high + low) / 2,
            close - 0.01, close + 0.01, np.full(len(at), 0.02), volume / 2, count, count,
        )  # fmt: skip
        start = OPEN + (minute // MINUTES) * DAY + (minute % MINUTES) * US_PER_MINUTE
        out.append(MarketMinute(start, bars))
        price[at] = close
    return out


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


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """The median time of ``work`` in milliseconds."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def measure(size: int, repeats: int) -> dict[str, float]:
    """Medians for one size of the universe."""
    desk, minutes = Desk(), market_minutes(size)
    intake = []
    for item in catalysts(size, minutes[-1].start):
        desk.inform(item)
    for minute in minutes:
        desk.advance(minute.start)
        began = time.perf_counter()
        desk.market.take(minute)
        intake.append(time.perf_counter() - began)
    desk.advance(minutes[-1].start + US_PER_MINUTE)
    return {
        "securities": size,
        "news": 2 * size,
        "scan_ms": round(median_ms(lambda: desk.force("normal"), repeats), 3),
        "minute_ms": round(1e3 * statistics.median(intake), 3),
        "snapshot_ms": round(median_ms(desk.snapshot, 3), 3),
    }


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not chosen.json:
        print("securities  news   scan ms  goal ms  minute ms  snapshot ms")
    for size in chosen.sizes:
        found = measure(size, chosen.repeats)
        goal = GOALS_MS.get(size)
        if chosen.json:
            print(json.dumps({**found, "goal_ms": goal}))
        else:
            print(
                f"{size:10d} {found['news']:6.0f} {found['scan_ms']:8.2f} {goal or '':>8} "
                f"{found['minute_ms']:10.2f} {found['snapshot_ms']:12.2f}"
            )


if __name__ == "__main__":
    main()
