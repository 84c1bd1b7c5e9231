"""``catalyst replay``: a recording or history files through the logic of a worker, in process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from datetime import time as clock_time
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from agents.market.engine import MarketEngine
from agents.scanning.history import described, scans_at
from schemas.bars import PartitionBars
from schemas.recording import recording_line
from schemas.times import US_PER_S, iso
from schemas.tracking import Scan
from streams.cli.options import with_settings
from streams.cli.parameters import Moment
from streams.cli.signals_found import Signals
from streams.errors import UserError
from streams.pipeline import engine_config
from streams.producing.progress import show_progress
from streams.producing.quotes import Progress
from streams.producing.stopping import stop_on_signals
from streams.replaying import (
    Input,
    Step,
    Tally,
    bars_of,
    headlines_of,
    play,
    recorded,
    records_of,
    securities_of,
)
from streams.settings import Settings
from streams.sources.base import Source
from streams.sources.news import read_news, read_securities
from streams.sources.recordings import is_recording
from streams.sources.replay import KINDS, open_replay
from streams.sources.window import Windowed
from streams.topics import SCANS

FILE = click.Path(path_type=Path)
STOPPED = 130


class TimeOfDay(click.ParamType):
    """A time of the exchange's day, HH:MM."""

    name = "HH:MM"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> clock_time:
        """Hour and minute."""
        try:
            return value if isinstance(value, clock_time) else _time_of_day(value)
        except ValueError:
            self.fail(f"{value!r} is not a time of day such as 10:00", param, ctx)


def _time_of_day(text: str) -> clock_time:
    return datetime.strptime(text, "%H:%M").time()


@click.command(
    epilog="""\b
Examples:
  catalyst replay --file bars_1min.parquet --news news.csv.gz --securities sectors.csv
  catalyst replay --file day.jsonl.gz --at 15:45
  catalyst replay --file bars.csv --from 2018-02-26 --to 2018-03-01 --json | jq .summary
  catalyst replay --file bars.csv --news news.csv --signals-out signals.jsonl

\b
Files are recognised as by `catalyst produce quotes`; a .jsonl is a recording, of which quotes,
news, securities and scan_requests are replayed in their order. Neither broker nor database is used.
Exit code: 0 replayed to the end, 2 an error, 130 stopped by Ctrl-C (what was found is printed).
"""
)
@click.option("--file", "files", type=FILE, multiple=True, required=True, help="May be repeated.")
@click.option("--kind", type=click.Choice(KINDS), help="As given to produce quotes.")
@click.option("--interval", type=float, metavar="SECONDS", help="As given to produce quotes.")
@click.option("--news", "news", type=FILE, multiple=True, help="csv(.gz), parquet or recording.")
@click.option("--securities", type=FILE, help="csv(.gz) or parquet: names that headlines use.")
@click.option("--from", "start_us", type=Moment(), help="Leave out quotes before.")
@click.option("--to", "end_us", type=Moment(), help="Leave out this time and what is after.")
@click.option(
    "--at",
    "shown",
    type=TimeOfDay(),
    multiple=True,
    default=("10:00", "15:30"),
    show_default=True,
    help="Show the trading candidates at this time of New York; may be repeated.",
)
@click.option("--scans-out", type=FILE, help="Write every scan here, a JSON message a line.")
@click.option(
    "--signals-out", type=FILE, help="Write what goes to signals.* topics here, as JSONL."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings(
    "top_candidates_to_track",
    "top_candidates_to_trade",
    "tracking_cache_ttl",
    "lateness_s",
    "quote_partitions",
)
@click.pass_context
def replay(
    ctx: click.Context,
    settings: Settings,
    files: tuple[Path, ...],
    kind: Any,
    interval: float | None,
    news: tuple[Path, ...],
    securities: Path | None,
    start_us: int | None,
    end_us: int | None,
    shown: tuple[clock_time, ...],
    scans_out: Path | None,
    signals_out: Path | None,
    as_json: bool,
) -> None:
    """Run a recording or history files through the logic of a worker, at full speed.

    For each day it prints the trading candidates at the times asked for, with the parts of their
    scores and the reasons, then the patterns that were found, what became of them, and how true
    their confidence was. The result is that of a worker fed the same.
    """
    _check_grid(shown, settings.tracking_cache_ttl)
    tally = Tally()
    found: list[Scan] = []
    signals = Signals()
    market, total = _market(files, kind, interval, (start_us, end_us), settings, tally)
    reference = securities_of(read_securities(securities) if securities else (), tally)
    headlines = headlines_of((m for path in news for m in _before(path, end_us)), tally)
    engine = MarketEngine(engine_config(settings))
    steps = play(engine, chain[Input](reference, headlines, market))
    name = " + ".join(path.name for path in files)
    began = time.monotonic()
    with ExitStack() as stack:
        write = stack.enter_context(_writing(scans_out, signals_out))
        stop = stack.enter_context(stop_on_signals())
        report = stack.enter_context(show_progress(name, quiet=as_json))
        for step in steps:
            tally.count(step)
            found += scans_at(step.out.updates, shown)
            signals.take(step.out)
            write(step)
            if report is not None and isinstance(step.input, PartitionBars):
                passed = time.monotonic() - began
                report(Progress(tally.quotes, total, step.input.minute or None, passed))
            if stop.is_set():
                break
        stopped = stop.is_set()
    if not (tally.bars or stopped):
        raise UserError("nothing was replayed: no quotes are in the span of --from and --to")
    summary = _summary(tally, time.monotonic() - began, stopped)
    figures = engine.discovery.figures()
    if as_json:
        scans = [_as_dict(scan) for scan in found]
        click.echo(json.dumps({"shown": scans, "summary": summary | signals.as_dict(figures)}))
    else:
        _show(found, shown)
        click.echo("\n".join(signals.lines(figures)))
        _show_counts(summary)
    ctx.exit(STOPPED if stopped else 0)


def _check_grid(shown: Iterable[clock_time], ttl_s: int) -> None:
    for at in shown:
        if 3600 % ttl_s == 0 and at.minute * 60 % ttl_s:
            raise click.UsageError(
                f"no scan is made at {at:%H:%M}: with --tracking-cache-ttl {ttl_s} they are "
                f"{ttl_s / 60:g} minutes apart, from the full hour on"
            )


def _market(
    files: tuple[Path, ...],
    kind: Any,
    interval: float | None,
    window: tuple[int | None, int | None],
    settings: Settings,
    tally: Tally,
) -> tuple[Iterator[Input], int | None]:
    """The market as inputs, and the number of its quotes where it is known."""
    lateness_us = int(settings.lateness_s * US_PER_S)
    interval_us = None if interval is None else int(interval * US_PER_S)
    source: Source = open_replay(list(files), kind=kind, interval_us=interval_us)
    is_part = window != (None, None)
    if kind == "recording" or is_recording(files[0]):
        if is_part:
            raise click.UsageError("a recording is replayed whole: --from and --to are for history")
        return recorded(files[0], lateness_us, settings.quote_partitions, tally), None
    total = source.total
    if is_part:
        source, total = Windowed(source, *window), None
    return bars_of(source, lateness_us, tally), total


def _before(path: Path, end_us: int | None) -> Iterator[Any]:
    for message in read_news(path):
        if end_us is None or message.ts is None or message.ts < end_us:
            yield message


@contextmanager
def _writing(scans: Path | None, signals: Path | None) -> Iterator[Any]:
    """What writes the decisions of a step to the files that were asked for."""
    with ExitStack() as stack:
        outputs = [
            (is_wanted, stack.enter_context(_create(path)))
            for path, is_wanted in ((scans, _is_scan), (signals, _is_signal))
            if path is not None
        ]

        def write(step: Step) -> None:
            for record in records_of(step.out) if outputs else ():
                for is_wanted, file in outputs:
                    if is_wanted(record.topic):
                        file.write(recording_line(*record) + b"\n")

        yield write


def _is_scan(topic: str) -> bool:
    return topic == SCANS


def _is_signal(topic: str) -> bool:
    return topic.startswith("signals.")


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as exc:
        raise UserError(f"{path}: cannot be written ({exc.strerror})") from None


def _summary(tally: Tally, seconds: float, stopped: bool) -> dict[str, Any]:
    return {
        **asdict(tally),
        "rejected": dict(tally.rejected),
        "first": iso(tally.first) if tally.first else None,
        "last": iso(tally.last) if tally.last else None,
        "seconds": round(seconds, 3),
        "bars_per_s": round(tally.bars / max(seconds, 1e-9)),
        "stopped": stopped,
    }


def _as_dict(scan: Scan) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(scan)
    told["tracked_securities"] = [candidate.symbol for candidate in scan.tracked_securities]
    return told


def _show(found: list[Scan], shown: Iterable[clock_time]) -> None:
    for scan in found:
        click.echo("\n".join(described(scan)))
    if not found:
        times = " or ".join(f"{at:%H:%M}" for at in shown)
        click.echo(f"no scan at {times} New York")


def _show_counts(summary: dict[str, Any]) -> None:
    counted = (
        "minutes",
        "bars",
        "news",
        "duplicates",
        "catalysts",
        "scans",
        "tier_changes",
        "rows",
        "patterns",
        "outcomes",
    )
    counts = ", ".join(f"{summary[name]:,} {name.replace('_', ' ')}" for name in counted)
    if summary["stopped"]:
        click.echo("stopped before the end")
    click.echo(
        f"{counts}; {summary['first']} to {summary['last']} in {summary['seconds']:.1f} s "
        f"({summary['bars_per_s']:,} bars/s)"
    )
    left_out = {
        "quotes that came too late": summary["late"],
        "exact repeats of a quote": summary["repeated"],
        **{f"messages rejected ({why})": count for why, count in summary["rejected"].items()},
    }
    for what, count in left_out.items():
        if count:
            click.echo(f"left out: {count:,} {what}")
