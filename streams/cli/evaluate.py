"""``catalyst evaluate``: how well patterns are found in markets of which the answers are known."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any, TextIO

import click
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from agents.market.engine import MarketEngine
from agents.profile import exchange_time
from schemas.signals import Outcome, Pattern
from schemas.times import US_PER_S
from streams.cli.options import with_settings
from streams.evaluating import UNLABELLED, Score, score, told_of
from streams.pipeline import engine_config
from streams.replaying import Input, Tally, bars_of, play
from streams.settings import Settings
from streams.sources.planted import PlantedMarket

# A day as the figures count it.
_SECURITIES_A_DAY = 150


@click.command(
    epilog="""\b
Examples:
  catalyst evaluate
  catalyst evaluate --seeds 5 --json | jq .macro_f1
  catalyst evaluate --seeds 1 --plant pump_and_dump,hard
  catalyst evaluate --plant none              look-alikes only: every signal is a false alarm

\b
Each seed is a market of its own: 150 securities, four weeks of minutes, quotes with the flaws of
real feeds, headlines, planted patterns and what only looks like them. Nothing is told of the
first four days. Neither broker nor database is used.
Exit code: 0 evaluated, whatever the figures; 2 an error.
"""
)
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Markets.")
@click.option("--first-seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--securities", type=click.IntRange(min=1), default=150, show_default=True)
@click.option("--days", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--plant", default="mixed", show_default=True, help="As for produce quotes.")
@click.option(
    "--variant", type=click.IntRange(min=0), help="The kind of world; else another one a seed."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings("top_candidates_to_track", "lateness_s", "pattern_discovery_interval")
def evaluate(
    settings: Settings,
    seeds: int,
    first_seed: int,
    securities: int,
    days: int,
    plant: str,
    variant: int | None,
    as_json: bool,
) -> None:
    """Score the patterns found in planted markets: precision, recall, delay, calibration.

    A signal finds an episode of its type that is under way in securities that it names; the first
    one counts. Of every false alarm it is told which look-alike it fell on.
    """
    total = Score()
    by_seed: list[dict[str, Any]] = []
    for seed in range(first_seed, first_seed + seeds):
        began = time.monotonic()
        market = PlantedMarket(seed, securities, days, variant=variant, plant=plant)
        found = evaluated(market, settings, _progress(seed, sys.stderr))
        total.add(found)
        by_seed.append(
            {
                "seed": seed,
                "seconds": round(time.monotonic() - began, 1),
                "macro_f1": found.macro_f1,
                "false_alarms_a_day": found.false_alarms,
            }
        )
    if as_json:
        click.echo(json.dumps(total.as_dict() | {"seeds": by_seed}))
    else:
        show(total, Console())


def evaluated(market: PlantedMarket, settings: Settings, report: Any = None) -> Score:
    """Replay a market as a worker would see it and score what was found.

    Raises:
        UserError: the settings contradict each other.
    """
    engine = MarketEngine(engine_config(settings))
    bars = bars_of(market, int(settings.lateness_s * US_PER_S), Tally())
    inputs = chain[Input](market.securities(), market.news(), bars)
    patterns: list[Pattern] = []
    outcomes: list[Outcome] = []
    minutes: list[int] = []
    for step in play(engine, inputs):
        patterns += step.out.patterns
        outcomes += step.out.outcomes
        if step.out.minutes:
            minutes.append(engine.clock.time)
            if report is not None:
                report(engine.clock.time)
    sessions = np.unique([exchange_time(end - 1).toordinal() for end in minutes])
    warm = sessions[: market.warm_up_days]
    last_warm = warm[-1] if len(warm) else 0
    warm_until = max(
        (end for end in minutes if exchange_time(end - 1).toordinal() <= last_warm), default=0
    )
    return score(
        told_of(patterns, outcomes),
        market.truth(),
        np.array(minutes, np.int64),
        warm_until=warm_until,
        days=(len(sessions) - len(warm)) * market.count / _SECURITIES_A_DAY,
    )


def _progress(seed: int, stream: TextIO) -> Any:
    day = 0

    def report(now: int) -> None:
        nonlocal day
        local = exchange_time(now)
        if local.toordinal() != day:
            day = local.toordinal()
            stream.write(f"seed {seed}: {local:%Y-%m-%d}\n")
            stream.flush()

    return report


def show(total: Score, console: Console) -> None:
    """Print the figures as tables."""
    title = f"{total.days:.3g} days of {_SECURITIES_A_DAY} securities; delay in minutes of trading"
    table = Table(title=title, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("pattern", no_wrap=True, min_width=max(map(len, total.types)))
    for name in ("planted", "found", "false", "precision", "recall", "F1", "delay"):
        table.add_column(name, justify="right")
    for kind, tally in total.types.items():
        if tally.f1 is not None:
            counts = (tally.planted, tally.found, tally.false)
            shares = (tally.precision, tally.recall, tally.f1)
            delay = "-" if tally.delay is None else f"{tally.delay:.0f}"
            table.add_row(kind, *map(str, counts), *map(_share, shares), delay)
    console.print(table)
    for line in _summary(total):
        console.print(line, highlight=False, soft_wrap=True)


def _summary(total: Score) -> Iterator[str]:
    figures = total.as_dict()
    yield (
        f"macro-F1 {_share(total.macro_f1)} (without {UNLABELLED}), "
        f"false alarms {_share(total.false_alarms)} a day per {_SECURITIES_A_DAY} securities"
    )
    yield (
        f"calibration error {_share(figures['calibration_error'])} of finding an episode, "
        f"{_share(figures['calibration_error_of_outcomes'])} of the prediction coming true"
    )
    for item in figures["fell_on"]:
        yield f"  {item['count']} of {item['pattern_type']} fell on {item['on']}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
