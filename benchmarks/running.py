"""What a worker costs to have: memory, time to start, time to take over after a ``kill -9``.

``python -m benchmarks.running [--quick] [--broker tansu|kafka] [--json FILE]``
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from benchmarks import feed as feeds
from benchmarks import places
from benchmarks.harness import Case, Measures, Options, Section, alternate, number, options, report
from benchmarks.latency import Sender, schedule
from benchmarks.throughput import PARTITIONS, follow
from streams.topics import BARS

FEW, MANY = 100, 10_000
SHARED_S = 90
_QUOTES_EACH = 40
_PACE = 2_000


class _Bars(msgspec.Struct):
    partition: int
    symbol: list[str] = []


@contextmanager
def _fresh(broker: str) -> Iterator[places.Place]:
    with (
        tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory,
        places.broker(broker) as address,
        places.database() as (dsn, _),
    ):
        yield places.Place(address, dsn, Path(directory), PARTITIONS)


def memory(broker: str, securities: int) -> Measures:
    """Megabytes of one worker that follows so many, all stages in it, with their bars published."""
    with _fresh(broker) as place:
        feed = feeds.Feed(securities, securities * _QUOTES_EACH, 20)
        quotes = feeds.send_frames(place.bootstrap, feed, PARTITIONS, 1_000)
        reader = places.TopicReader(place.bootstrap, BARS)
        try:
            with place.worker(STORE_TICKS="none") as worker:
                follow(worker, reader, quotes)
                # The market stage is behind by what waits in its topic.
                places.until(lambda: _taken(worker) >= 19, 60, "every minute taken")
                return {"memory_mb": worker.memory_mb()}
        finally:
            reader.close()


def _taken(worker: places.WorkerProcess) -> float:
    return worker.metric("catalyst_market_minutes_total")


def start(place: places.Place, kind: str) -> Measures:
    """Seconds from the start of the process to its first quote."""
    with place.anew(kind) as place:
        feeds.send_frames(place.bootstrap, feeds.Feed(FEW, 10_000, 2), PARTITIONS, 1_000)
        with place.worker() as worker:
            places.until(lambda: _quotes(worker), 60, "a quote", 0.02)
            return {"start_s": time.monotonic() - worker.started}


def takeover(place: places.Place, kind: str) -> Measures:
    """Seconds from the death of one of two workers to the last bars of its partitions going on.

    The one that dies has the market stage; a minute of events passes every half second.
    """
    minutes = 2 * SHARED_S
    due = schedule(feeds.Feed(FEW, _PACE * SHARED_S, minutes), 120.0)
    with place.anew(kind) as place:
        reader = places.TopicReader(place.bootstrap, BARS)
        group = f"bench-{time.time_ns()}"
        sender = Sender(place.bootstrap, due)
        try:
            with place.worker(app_id=group) as one, place.worker(app_id=group) as other:
                workers = (one, other)
                places.until(lambda: all(w.ready() for w in workers), 60, "both ready")
                sender.start()
                places.until(lambda: all(map(_quotes, workers)), 60, "both at work")
                places.until(lambda: any(map(_taken, workers)), 60, "minutes taken")
                victim, heir = sorted(workers, key=_taken, reverse=True)
                minutes_before = _taken(heir)
                killed, at = time.monotonic(), time.time()
                victim.kill()
                waiting = set(range(PARTITIONS))
                while waiting and time.monotonic() - killed < SHARED_S:
                    for sent, value in reader.read():
                        if sent > at:
                            waiting.discard(msgspec.json.decode(value, type=_Bars).partition)
                bars_s = time.monotonic() - killed
                places.until(lambda: _taken(heir) > minutes_before, 60, "the market taken over")
                return {"bars_s": bars_s, "market_s": time.monotonic() - killed}
        finally:
            if sender.is_alive():
                sender.halt()
            reader.close()


def _quotes(worker: places.WorkerProcess) -> float:
    return worker.metric("catalyst_quotes_total")


def measure(chosen: Options) -> list[Section]:
    """All three."""
    rounds = 1 if chosen.quick else chosen.rounds
    sizes = {n: Case(f"memory {n}", partial(memory, chosen.broker, n)) for n in (FEW, MANY)}
    wanted = [case for case in sizes.values() if chosen.wants(case.name)]
    results = alternate(wanted, 1) if wanted else {}
    with _fresh(chosen.broker) as place:
        times = [
            Case("start", partial(start, place, chosen.broker)),
            Case("takeover", partial(takeover, place, chosen.broker)),
        ]
        times = [case for case in times if chosen.wants(case.name)]
        results |= alternate(times, rounds) if times else {}
    return [section(results)]


def section(results) -> Section:
    """One line for each figure."""
    few, many = (results.get(f"memory {n}") for n in (FEW, MANY))
    rows = []
    for size, result in ((FEW, few), (MANY, many)):
        if result is not None:
            megabytes = number(result.median("memory_mb"), 0, " MB")
            rows.append([f"memory with {size:,} securities", megabytes])
    if few is not None and many is not None:
        each = (many.median("memory_mb") - few.median("memory_mb")) / (MANY - FEW) * 1e3
        rows.append(["memory of one security more", number(each, 1, " kB")])
    for name, measure, label in (
        ("start", "start_s", "start to the first quote"),
        ("takeover", "bars_s", "takeover: bars of every partition go on"),
        ("takeover", "market_s", "takeover: the market stage goes on"),
    ):
        if name in results:
            rows.append([label, number(results[name].median(measure), 1, " s")])
    data = {name: dict(result.rounds) for name, result in results.items()}
    return Section("A worker", [], ["", "median"], rows, data)


def main() -> None:
    """Measure and print."""
    report("running", options(__doc__), measure)


if __name__ == "__main__":
    main()
