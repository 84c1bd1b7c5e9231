"""``catalyst demo``: everything on this machine alone."""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streams.cli.options import flags_given, with_settings
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.demo.screen import Screen
    from streams.demo.summary import Summary

SPEEDS = {"sample": 60.0, "simulated": 10.0}


@click.command(
    epilog="""\b
Examples:
  catalyst demo                              8 October 2013, an hour in a minute
  catalyst demo --source simulated           300 securities, ten times faster than real time
  catalyst demo --seconds 60 --json          for a program: ends by itself, prints an account
  catalyst demo --data-dir ~/catalyst-demo   keep the database and the logs

Exit code 1 when what was produced is not what was stored, or when a part dies.
"""
)
@click.option(
    "--source",
    type=click.Choice(list(SPEEDS)),
    default="sample",
    show_default=True,
    help="The market: the real day that ships along, or a simulated one.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds of market in one second.  [default: 60 for sample, 10 for simulated]",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="End by itself, when so many seconds were played, or all of the sample, and it is stored.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON; needs --seconds.")
@click.option(
    "--data-dir",
    "place",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep database and logs here.  [default: a temporary directory, removed at the end]",
)
@with_settings("web_host", "web_port", "quote_partitions", "store_ticks", "high_freq_interval")
def demo(
    settings: Settings,
    source: str,
    speed: float | None,
    seconds: float | None,
    as_json: bool,
    place: Path | None,
) -> int:
    """Play a market through broker, worker and database, and watch it."""
    started = time.monotonic()
    if as_json and seconds is None:
        raise click.UsageError("--json prints an account at the end: say when with --seconds")
    from streams.demo.producer import ProducerPlan
    from streams.demo.run import Demo, PartDied
    from streams.demo.stage import Stage
    from streams.supervisor import StopRequested, ignore_signals, stop_on_signals

    plan = ProducerPlan(source, speed or SPEEDS[source])
    screen = _screen(plan.title, as_json)
    running: Demo | None = None
    stage: Stage | None = None
    try:
        stop_on_signals()
        stage = Stage.open(settings, place, screen.say)
        running = Demo(stage, plan, screen, seconds, started)
        return _report(running.run(flags_given()), as_json, screen)
    except StopRequested as request:
        # Without --seconds, Ctrl-C is how a demo is meant to end.
        meant = request.number == signal.SIGINT and seconds is None
        return 0 if meant else 128 + request.number
    except PartDied as exc:
        screen.close()
        click.echo(f"catalyst: {exc}; everything was ended", err=True)
        return 1
    finally:
        ignore_signals()
        screen.close()
        if running is not None:
            running.close()
        elif stage is not None:
            stage.close()


def _screen(title: str, as_json: bool) -> Screen:
    from streams.demo.screen import LineScreen, LiveScreen

    return LiveScreen(title) if sys.stdout.isatty() and not as_json else LineScreen(title)


def _report(summary: Summary, as_json: bool, screen: Screen) -> int:
    screen.close()
    if as_json:
        click.echo(json.dumps(asdict(summary)))
    else:
        _print(summary)
    return 0 if summary.ok else 1


def _print(summary: Summary) -> None:
    for name, value in asdict(summary).items():
        if name in ("ok", "problems"):
            continue
        if name == "peak_memory_bytes":
            parts = ", ".join(f"{part} {size / 1e6:,.0f} MB" for part, size in value.items())
            click.echo(f"{'peak memory':<18}{parts}")
        elif name == "signals":
            found = ", ".join(f"{kind} {n:,}" for kind, n in value.items() if n) or "none"
            click.echo(f"{'signals':<18}{found}")
        else:
            text = f"{value:,}" if isinstance(value, int) else str(value)
            click.echo(f"{name.replace('_', ' '):<18}{text}")
    for problem in summary.problems:
        click.echo(f"catalyst: {problem}", err=True)
    if summary.ok:
        click.echo("all that was produced is stored")
