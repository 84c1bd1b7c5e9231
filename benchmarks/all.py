"""Every benchmark, one after the other: ``python -m benchmarks.all [--quick] [--docs]``.

``--docs`` renews the tables of docs/performance.md; ``--quick`` takes under ten minutes.
"""

from __future__ import annotations

import time

from benchmarks import latency, market, rows, running, throughput
from benchmarks.harness import Options, Section, options, report, say

MEASURES = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "rows": rows.measure,
    "market": market.measure,
    "running": running.measure,
}


def measure(chosen: Options) -> list[Section]:
    """The tables of all of them."""
    sections = []
    for name, one in MEASURES.items():
        began = time.monotonic()
        sections += one(chosen)
        say(f"{name}: {time.monotonic() - began:.0f} s")
    return sections


def main() -> None:
    """Measure and print."""
    report("tables", options(__doc__), measure)


if __name__ == "__main__":
    main()
