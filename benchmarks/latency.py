"""From a quote to the bar, the signal and the row that it leads to, at parts of the capacity.

``python -m benchmarks.latency [--quick] [--broker tansu|kafka] [--json FILE]``

A minute can be closed when every partition has a quote of its end and the allowed lateness later;
from when the last of these was sent it is measured until a subscriber has the bars of the minute,
and the scan made of them, which was made durable first as every signal is. Event time runs so fast
that a minute takes about a second, with a scan every minute. Rows are ticks, all of them stored.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import msgspec
import numpy as np
import psycopg

from benchmarks import feed as feeds
from benchmarks import places
from benchmarks.harness import Case, Measures, Options, Section, alternate, number, options, report
from benchmarks.throughput import PARTITIONS, run_worker
from schemas.times import US_PER_MINUTE, US_PER_S, to_us
from streams.producing.delivery import Delivery
from streams.producing.packing import FramePacker, Packed, Packing
from streams.topics import BARS, QUOTES, SCANS

LEVELS = (0.1, 0.5, 0.8)
LATENESS = 5 * US_PER_S
MINUTE_S = 1.0
# Frames hold what has come within so many seconds.
TICK_S = 0.02
# Minutes in which a worker still imports what learning needs and the database plans its first
# statements; how long a start takes is measured elsewhere.
WARM_UP = 3
ROWS_PER_S = 5_000
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Scale:
    """How many quotes the capacity is measured with, how many minutes follow, how many seconds."""

    capacity: int = 4_000_000
    minutes: int = 60
    rows_s: int = 20
    securities: int = 100

    @classmethod
    def of(cls, chosen: Options) -> Scale:
        """A fraction for a quick look."""
        return cls(1_500_000, 25, 8) if chosen.quick else cls()


class _Bars(msgspec.Struct):
    minute: datetime
    partition: int


class _Scan(msgspec.Struct):
    timestamp: datetime


class _Due(NamedTuple):
    """Records to be sent so many seconds after the first, with what they bring events to."""

    at: float
    records: list[Packed]
    newest: int
    total: int


def schedule(feed: feeds.Feed, speed: float) -> list[_Due]:
    """The feed packed beforehand, to be sent at ``speed`` seconds of events a second."""
    packer = FramePacker(Packing(PARTITIONS))
    pieces = max(1, round(1 / speed / TICK_S))
    found, total = [], 0
    for batch in feed:
        for part in np.array_split(np.arange(len(batch)), pieces):
            if not len(part):
                continue
            piece = batch.take(part)
            newest = int(piece.ts[-1])
            total += len(piece)
            records = [*packer.add(piece), *packer.flush()]
            found.append(_Due((newest - feeds.START) / US_PER_S / speed, records, newest, total))
    end = found[-1]
    return [*found, end._replace(records=list(packer.finish()))]


class Sender(Thread):
    """Sends on time; ``closed`` says when each minute could be closed (wall clock), ``sent`` how
    many quotes had been sent when.
    """

    def __init__(self, broker: str, due: list[_Due]) -> None:
        super().__init__(daemon=True)
        self._broker, self._due = broker, due
        self.closed: dict[int, float] = {}
        self.sent: list[tuple[float, int]] = []
        self.error: BaseException | None = None
        self._halt = Event()

    def halt(self) -> None:
        """Send nothing more; returns when that is so."""
        self._halt.set()
        self.join()

    def run(self) -> None:
        """Send all of it."""
        try:
            self._send()
        except BaseException as exc:
            self.error = exc

    def _send(self) -> None:
        delivery = Delivery(self._broker, Event())
        first, *rest = self._due
        for record in first.records:
            delivery.send(QUOTES, record)
        # The producer's own start takes up to a second, which is no delay of the worker.
        delivery.flush()
        began = time.monotonic() - first.at
        self.sent.append((time.time(), first.total))
        for due in rest:
            if self._halt.wait(max(0.0, began + due.at - time.monotonic())):
                break
            now = time.time()
            for record in due.records:
                delivery.send(QUOTES, record)
            delivery.poll()
            self.sent.append((now, due.total))
            minute = (due.newest - LATENESS) // US_PER_MINUTE * US_PER_MINUTE
            self.closed.setdefault(minute, now)
        delivery.flush()


def at_level(place: places.Place, kind: str, scale: Scale, quotes_per_s: float) -> Measures:
    """Milliseconds to bars and to scans at a rate."""
    feed = feeds.Feed(scale.securities, int(quotes_per_s * MINUTE_S * scale.minutes), scale.minutes)
    due = schedule(feed, 60 / MINUTE_S)
    with place.anew(kind) as place:
        bars = places.TopicReader(place.bootstrap, BARS)
        scans = places.TopicReader(place.bootstrap, SCANS)
        try:
            with place.worker(STORE_TICKS="none", TRACKING_CACHE_TTL="60") as worker:
                places.until(worker.ready, 60, "worker ready")
                sender = Sender(place.bootstrap, due)
                sender.start()
                seen = _follow(sender, bars, scans, scale.minutes - 1)
        finally:
            bars.close()
            scans.close()
        return _measures(sender, *seen)


def _follow(
    sender: Sender, bars: places.TopicReader, scans: places.TopicReader, minutes: int
) -> tuple[dict[int, float], dict[int, float]]:
    """When each minute's last bars and its scan were had, by the end of the minute."""
    parts: dict[int, set[int]] = {}
    at_bars: dict[int, float] = {}
    at_scan: dict[int, float] = {}
    deadline = time.monotonic() + minutes * MINUTE_S + _PATIENCE_S
    while len(at_scan) < minutes and time.monotonic() < deadline:
        for _, value in bars.read(0.002):
            message = msgspec.json.decode(value, type=_Bars)
            end = to_us(message.minute) + US_PER_MINUTE
            parts.setdefault(end, set()).add(message.partition)
            if len(parts[end]) == PARTITIONS:
                at_bars.setdefault(end, time.time())
        for _, value in scans.read(0.002):
            at_scan.setdefault(to_us(msgspec.json.decode(value, type=_Scan).timestamp), time.time())
        if sender.error is not None:
            raise sender.error
    return at_bars, at_scan


def _measures(
    sender: Sender, at_bars: dict[int, float], at_scan: dict[int, float]
) -> dict[str, float]:
    found = {}
    for name, times in (("bar", at_bars), ("signal", at_scan)):
        # The first minutes pay for what is made once; the last are closed by the end of the feed.
        ends = sorted(end for end in times if end in sender.closed)[WARM_UP:]
        if not ends:
            raise RuntimeError(f"no {name} of {len(times)} could be timed")
        waits = np.array([1e3 * (times[end] - sender.closed[end]) for end in ends])
        found[f"{name}_p50"] = float(np.percentile(waits, 50))
        found[f"{name}_p99"] = float(np.percentile(waits, 99))
    return found


def to_rows(place: places.Place, kind: str, scale: Scale) -> Measures:
    """Milliseconds until quotes are rows that others can read, every quote stored."""
    feed = feeds.Feed(scale.securities, ROWS_PER_S * scale.rows_s, 1)
    seconds = scale.rows_s
    due = schedule(feed, 60 / seconds)
    with place.anew(kind) as place:
        with place.worker(STORE_TICKS="all") as worker, psycopg.connect(place.dsn) as connection:
            connection.autocommit = True
            places.until(worker.ready, 60, "worker ready")
            sender = Sender(place.bootstrap, due)
            sender.start()
            waits = []
            deadline = time.monotonic() + seconds + _PATIENCE_S
            while time.monotonic() < deadline:
                ((rows,),) = connection.execute("SELECT count(*) FROM security_ticks").fetchall()
                now = time.time()
                if waiting := [at for at, total in list(sender.sent) if total > rows]:
                    waits.append(1e3 * (now - waiting[0]))
                elif not sender.is_alive():
                    break
                time.sleep(0.02)
        if sender.error is not None:
            raise sender.error
        found = np.array(waits[len(waits) // 10 :])
        return {
            "row_p50": float(np.percentile(found, 50)),
            "row_p99": float(np.percentile(found, 99)),
        }


def measure(chosen: Options) -> list[Section]:
    """The capacity of the worker at hand first, then parts of it."""
    return run(chosen, Scale.of(chosen))


def run(chosen: Options, scale: Scale) -> list[Section]:
    """The same at a scale of one's own."""
    with (
        tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory,
        places.broker(chosen.broker) as address,
        places.database() as (dsn, _),
    ):
        place = places.Place(address, dsn, Path(directory), PARTITIONS)
        feed = feeds.Feed(scale.securities, scale.capacity, 10)
        quotes = feeds.send_frames(address, feed, PARTITIONS, 1_000)
        capacity = run_worker(place, quotes)["quotes_per_s"]
        cases = {
            f"{level:.0%} of it, {level * capacity:,.0f} quotes/s": Case(
                f"latency at {level:.0%}",
                partial(at_level, place, chosen.broker, scale, level * capacity),
            )
            for level in LEVELS
        }
        rows = Case("latency to rows", partial(to_rows, place, chosen.broker, scale))
        wanted = [case for case in [*cases.values(), rows] if chosen.wants(case.name)]
        results = alternate(wanted, 1 if chosen.quick else 2)
    header = ["load", "bar p50", "bar p99", "signal p50", "signal p99", "row p50", "row p99"]
    shown = {**cases, f"{ROWS_PER_S:,} quotes/s, all stored as ticks": rows}
    measures = [name.replace(" ", "_") for name in header[1:]]
    lines = [
        [name, *(number(results[case.name].median(m), 0) for m in measures)]
        for name, case in shown.items()
        if case.name in results
    ]
    note = f"Milliseconds. Capacity of the worker in this run: {capacity:,.0f} quotes/s."
    data = {"capacity": capacity, **{name: dict(r.rounds) for name, r in results.items()}}
    return [Section("Latency", [note], header, lines, data)]


def main() -> None:
    """Measure and print."""
    report("latency", options(__doc__), measure)


if __name__ == "__main__":
    main()
