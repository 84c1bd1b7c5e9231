"""Quotes a second: a worker, a bare consumer, naive Faust and four peers, on the same topics.

``python -m benchmarks.throughput [--quick] [--broker tansu|kafka] [--json FILE]``

The worker is a whole ``catalyst worker``: tracking with its bars, table and checkpoints, and behind
it the market stage on those bars; only ticks are not stored (``STORE_TICKS=none``). All others run
until they have taken the quotes, most of them fewer, and do nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka.admin import AdminClient, NewTopic

from benchmarks import feed as feeds
from benchmarks import places
from benchmarks.harness import (
    Case,
    Measures,
    Options,
    Result,
    Section,
    UnavailableError,
    alternate,
    number,
    options,
    report,
    say,
)
from streams.topics import BARS, QUOTES

PARTITIONS = 4
FRAME = 1_000
SINGLES = "trades"
BARE, LIMIT = "bare consumer", "bare consumer with our tracker"
PEERS = ("faststream", "bytewax", "pathway", "quixstreams")
PEER_PYTHON = places.ROOT / ".venv-bench" / "bin" / "python"
_WAIT_S = 240
# A worker is timed between these parts of the quotes: before, it may still import what learning
# needs, and the last bars may wait for silence.
_FROM, _TO = 0.25, 0.9


@dataclass(frozen=True, slots=True)
class Scale:
    """How many quotes each contender takes, by what it is."""

    framed: int = 4_000_000
    single: int = 1_500_000
    peers: int = 400_000
    quixstreams: int = 60_000
    naive: int = 40_000
    minutes: int = 20
    frame: int = FRAME
    securities: Sequence[int] = (100, 5_000)
    peers_run: Sequence[str] = PEERS
    slow_rounds: int = 2

    @classmethod
    def of(cls, chosen: Options) -> Scale:
        """A fraction for a quick look."""
        if not chosen.quick:
            return cls()
        return cls(3_000_000, 500_000, 200_000, 20_000, 10_000, 15, slow_rounds=1)


class _Counts(msgspec.Struct):
    count: list[int] = []


_counts = msgspec.json.Decoder(_Counts).decode


def run_worker(place: places.Place, quotes: int) -> Measures:
    """From the first quarter of the quotes to the last tenth, by the bars of a whole worker."""
    place.forget()
    reader = places.TopicReader(place.bootstrap, BARS)
    try:
        with place.worker(STORE_TICKS="none") as worker:
            return follow(worker, reader, quotes)
    finally:
        reader.close()


def follow(worker: places.WorkerProcess, reader: places.TopicReader, quotes: int) -> Measures:
    """Read the bars of a worker until they hold so many quotes; its rate meanwhile."""
    taken, marks = 0, []
    deadline = time.monotonic() + _WAIT_S
    while taken < quotes:
        worker.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{taken} of {quotes} quotes in {_WAIT_S} s")
        before = taken
        for sent, value in reader.read():
            taken += sum(_counts(value).count)
            if taken > before and _FROM * quotes <= taken <= _TO * quotes:
                marks.append((sent, worker.cpu_s(), taken))
    return _rates(marks[0], marks[-1])


def _rates(first: Sequence[float], last: Sequence[float]) -> Measures:
    """Between two marks of (seconds, processor seconds, quotes)."""
    (began, cpu, taken), (ended, cpu_after, taken_after) = first, last
    done = taken_after - taken
    if not done:
        raise RuntimeError("all quotes were taken at once: too few to time")
    return {"quotes_per_s": done / (ended - began), "cpu_us": 1e6 * (cpu_after - cpu) / done}


def run_framed(place: places.Place, quotes: int) -> Measures:
    """The same behind ``catalyst frame``, which reads single quotes: two processes."""
    place.forget(quotes=True)
    reader = places.TopicReader(place.bootstrap, BARS)
    group = f"bench-{time.time_ns()}"
    command = ["-m", "streams.cli", "frame", "--from", SINGLES, "--group", group, "--until-end"]
    try:
        with place.worker(STORE_TICKS="none") as worker:
            places.until(worker.ready, 60, "worker ready")
            framer = subprocess.Popen(
                [sys.executable, *command, "--kafka-broker", place.bootstrap, "--json"],
                stdout=subprocess.DEVNULL,
                env=os.environ | {"LOG_LEVEL": "warning"},
            )
            try:
                return follow(worker, reader, quotes)
            finally:
                framer.kill()
                framer.wait()
    finally:
        reader.close()


@dataclass(frozen=True, slots=True)
class Contender:
    """A program of :mod:`benchmarks.contenders`."""

    module: str
    topic: str
    quotes: int
    flags: Sequence[str] = ()
    python: Path = field(default_factory=lambda: Path(sys.executable))

    def run(self, broker: str) -> Measures:
        """Its rate between its marks.

        Raises:
            UnavailableError: it cannot be run here.
        """
        found = self._run(broker)
        first, last = found["marks"]
        if last[2] < self.quotes:
            raise RuntimeError(f"{self.module} took {last[2]} of {self.quotes} quotes")
        return _rates(first, last)

    def _run(self, broker: str) -> Any:
        command = [
            str(self.python), "-m", f"benchmarks.contenders.{self.module}",
            "--broker", broker, "--topic", self.topic, "--partitions", str(PARTITIONS),
            "--quotes", str(self.quotes), *self.flags,
        ]  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory:
            environment = os.environ | {"PYTHONPATH": str(places.ROOT), "TMPDIR": directory}
            try:
                done = subprocess.run(
                    command, cwd=directory, env=environment, capture_output=True, text=True,
                    timeout=_WAIT_S, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise UnavailableError(f"not done in {_WAIT_S} s") from None
        lines = [line for line in done.stdout.splitlines() if line.startswith('{"marks"')]
        if not lines:
            last = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()[-1]
            raise UnavailableError(f"ended with {done.returncode}: {last[:200]}")
        return json.loads(lines[0])


def _run_peer(contender: Contender, broker: str) -> Measures:
    if not contender.python.exists():
        raise UnavailableError("the peers are not installed: make bench installs them")
    return contender.run(broker)


def framed_cases(
    place: places.Place, scale: Scale, quotes: int, peers: Sequence[str]
) -> list[Case]:
    """The contenders on frames; the peers read them as messages that are lists."""
    run = place.bootstrap
    bare = partial(Contender, "bare", QUOTES, quotes)
    found = [
        Case(BARE, partial(bare(["--frames"]).run, run)),
        Case(LIMIT, partial(bare(["--columns"]).run, run)),
        Case("worker", partial(run_worker, place, quotes)),
    ]
    # pathway reads one row a message.
    for name in [name for name in peers if name != "pathway"]:
        part = 2 * scale.peers
        contender = Contender(f"peer_{name}", QUOTES, part, ["--frames"], PEER_PYTHON)
        found.append(Case(name, partial(_run_peer, contender, run), scale.slow_rounds))
    return found


def single_cases(place: places.Place, scale: Scale, quotes: int) -> list[Case]:
    """The contenders on single quotes, as foreign producers send them."""
    run = place.bootstrap
    found = [
        Case(BARE, partial(Contender("bare", SINGLES, quotes).run, run)),
        Case("catalyst frame, then worker", partial(run_framed, place, quotes)),
    ]
    for name in scale.peers_run:
        part = scale.quixstreams if name == "quixstreams" else scale.peers
        contender = Contender(f"peer_{name}", SINGLES, part, [], PEER_PYTHON)
        found.append(Case(name, partial(_run_peer, contender, run), scale.slow_rounds))
    naive = Contender("naive_faust", SINGLES, scale.naive)
    found.append(Case("naive Faust", partial(naive.run, run), scale.slow_rounds))
    return found


def measure(chosen: Options) -> list[Section]:
    """Every contender, on as many securities as the scale says."""
    return run(chosen, Scale.of(chosen))


def run(chosen: Options, scale: Scale) -> list[Section]:
    """The same at a scale of one's own."""
    sections = []
    for securities in scale.securities:
        with _place(chosen) as place:
            say(f"frames of {scale.frame} quotes, {securities} securities: sending")
            feed = feeds.Feed(securities, scale.framed, scale.minutes)
            quotes = feeds.send_frames(place.bootstrap, feed, PARTITIONS, scale.frame)
            peers = scale.peers_run if securities == scale.securities[0] else ()
            results = _alternate(chosen, framed_cases(place, scale, quotes, peers))
            title = f"Frames of {scale.frame:,} quotes, {securities:,} securities"
            sections.append(section(title, results, quotes))
    securities = scale.securities[0]
    with _place(chosen) as place:
        say(f"single quotes, {securities} securities: sending")
        create_singles(place.bootstrap)
        feed = feeds.Feed(securities, scale.single, scale.minutes)
        quotes = feeds.send_singles(place.bootstrap, SINGLES, feed, PARTITIONS)
        results = _alternate(chosen, single_cases(place, scale, quotes))
        title = f"One quote a message, {securities:,} securities"
        sections.append(section(title, results, quotes))
    return sections


@contextlib.contextmanager
def _place(chosen: Options) -> Iterator[places.Place]:
    with (
        tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory,
        places.broker(chosen.broker) as address,
        places.database() as (dsn, _),
    ):
        yield places.Place(address, dsn, Path(directory), PARTITIONS)


def _alternate(chosen: Options, cases: Sequence[Case]) -> dict[str, Result]:
    return alternate([case for case in cases if chosen.wants(case.name)], chosen.rounds)


def create_singles(bootstrap: str) -> None:
    """The topic of a foreign producer."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    # Quix Streams derives the settings of its changelog from these.
    config = {"retention.ms": str(86_400_000), "retention.bytes": "-1"}
    topic = NewTopic(SINGLES, PARTITIONS, 1, config=config)
    for future in admin.create_topics([topic]).values():
        future.result(30)


def section(title: str, results: Mapping[str, Result], quotes: int) -> Section:
    """Rates, ratios, and processor time."""
    with_limit = LIMIT in results
    rows = []
    for result in sorted(results.values(), key=lambda r: -(r.median("quotes_per_s") or 0)):
        if result.unavailable:
            rows.append([result.name, f"not measured: {result.unavailable}"])
            continue
        low, high = result.spread("quotes_per_s") or (0, 0)
        rows.append(
            [
                result.name,
                number(result.median("quotes_per_s")),
                f"{low:,.0f} to {high:,.0f}",
                number(result.ratio(results[BARE], "quotes_per_s"), 2),
                *([number(result.ratio(results[LIMIT], "quotes_per_s"), 2)] if with_limit else []),
                number(result.median("cpu_us"), 2),
            ]
        )
    header = [
        "contender", "quotes/s", "from to", "to the bare consumer",
        *(["to that with our tracker"] if with_limit else []), "CPU µs a quote",
    ]  # fmt: skip
    data = {name: {"rounds": dict(r.rounds), "why": r.unavailable} for name, r in results.items()}
    return Section(title, [], header, rows, {"quotes": quotes, "results": data})


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__)
    report("throughput", chosen, measure)


if __name__ == "__main__":
    main()
