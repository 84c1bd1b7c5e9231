"""How far a run has come: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from schemas.times import iso
from streams.producing.quotes import Progress

_LINE_S = 5.0
Report = Callable[[Progress], None]


@contextmanager
def show_progress(what: str, *, quiet: bool) -> Iterator[Report | None]:
    """Something to call with the progress, on standard error; None when ``quiet``."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}/s  {task.fields[event]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=None, rate="0", event="")

        def report(progress: Progress) -> None:
            bars.update(
                task,
                completed=progress.quotes,
                total=progress.total,
                rate=f"{progress.quotes / max(progress.seconds, 1e-9):,.0f}",
                event=_event(progress),
            )

        yield report


def _lines(what: str) -> Report:
    last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _LINE_S:
            return
        last = now
        share = f" {100 * progress.quotes / progress.total:.0f}%" if progress.total else ""
        rate = progress.quotes / max(progress.seconds, 1e-9)
        line = f"{what}:{share} {progress.quotes:,} at {rate:,.0f}/s, {_event(progress)}"
        print(line, file=sys.stderr, flush=True)

    return report


def _event(progress: Progress) -> str:
    return "" if progress.event_us is None else iso(progress.event_us // 1_000_000 * 1_000_000)
