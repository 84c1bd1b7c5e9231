"""``catalyst produce``: send quotes, news or reference data into Kafka."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from schemas.times import US_PER_MINUTE, US_PER_S
from streams.cli.parameters import Moment, Speed
from streams.cli.planting import Companions, check_options, open_planted, plant_options
from streams.cli.produce_messages import news, securities
from streams.cli.produce_options import FILE, chosen_source, partitions_of, shared_options, speed_of
from streams.producing import Delivery, Packing, ProduceSummary, QuoteProducer
from streams.producing.progress import show_progress
from streams.producing.stopping import stop_on_signals
from streams.settings import load_settings
from streams.sources.base import Source
from streams.sources.planted import PlantedMarket
from streams.sources.replay import KINDS, open_replay
from streams.sources.sample import open_sample
from streams.sources.simulated import (
    DEFAULT_START,
    SESSION_MINUTES,
    SimulatedMarket,
    SimulatedQuotes,
)
from streams.sources.window import Windowed
from streams.topics import QUOTES

SOURCES = ("replay", "simulated", "sample")
SECURITIES_SIMULATED = 300


@click.group()
def produce() -> None:
    """Send quotes, news or reference data into Kafka.

    Quotes come from history files and recordings (replay), from the 2013 sample that ships along
    (sample), or from a simulated market (simulated).
    """


produce.add_command(news)
produce.add_command(securities)


@produce.command(
    epilog="""\b
Examples:
  catalyst produce quotes --source sample --speed 60
  catalyst produce quotes --file bars_1min.parquet            as fast as the broker takes it
  catalyst produce quotes --file trades.parquet --file bidask.parquet
  catalyst produce quotes --file recording.jsonl
  catalyst produce quotes --file bars.csv.gz --from 2018-02-16 --to 2018-02-17 --speed 600
  catalyst produce quotes --source simulated --rate 5 --speed 1
  catalyst produce quotes --source simulated --plant mixed --truth truth.jsonl --speed max

\b
A file is recognised by its columns; all have ts and symbol, in any order of rows:
  bars       open, high, low, close, volume; ts is the end of the bar
  trades     price, size
  quotes     price, perhaps bid, ask, volume
  bidask     bid, ask; the price is their middle (with a file of trades: their bid and ask)
  prices     close
  recording  .jsonl, one message a line in order of arrival, with its topic in _topic
"""
)
@click.option("--source", type=click.Choice(SOURCES), help="Default: replay when --file is given.")
@click.option("--file", "files", type=FILE, multiple=True, help="To replay; may be repeated.")
@click.option("--kind", type=click.Choice(KINDS), help="What the files hold, if not as recognised.")
@click.option(
    "--interval", type=float, metavar="SECONDS", help="Length of the bars, if not as inferred."
)
@click.option(
    "--speed",
    type=Speed(),
    help="Times real time, or max. At a number, pauses in event time over --skip-gaps minutes "
    "(nights, weekends) are skipped.  [default: 1 for simulated, else max]",
)
@click.option(
    "--skip-gaps",
    type=click.FloatRange(min=1),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="Event time without a quote that counts as a closed market.",
)
@click.option("--from", "start_us", type=Moment(), help="Leave out what is before.")
@click.option("--to", "end_us", type=Moment(), help="Leave out this time and what is after.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Simulated: another seed, another market.",
)
@click.option(
    "--rate",
    type=float,
    default=1.0,
    show_default=True,
    help="Simulated: quotes a second of each security, on average.",
)
@click.option(
    "--securities",
    type=int,
    help="Simulated: how many.  [default: 300; with --plant 150]",
)
@click.option(
    "--start",
    "market_start_us",
    type=Moment(),
    default=DEFAULT_START,
    show_default=True,
    help="Simulated: the first minute; later days open at 09:30 New York.",
)
@click.option(
    "--minutes", type=click.IntRange(min=1), help="Simulated: end after so many minutes of trading."
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    help="Simulated: end after so many sessions.  [default: endless; with --plant 20]",
)
@plant_options
@click.option(
    "--single",
    is_flag=True,
    help="One quote a record, keyed by symbol, without clock marks, as foreign producers do.",
)
@shared_options
def quotes(
    source: str | None,
    files: tuple[Path, ...],
    kind: Any,
    interval: float | None,
    speed: float | str | None,
    skip_gaps: float,
    start_us: int | None,
    end_us: int | None,
    single: bool,
    broker: str | None,
    create_topics: bool,
    as_json: bool,
    plant: str | None,
    truth: Path | None,
    variant: int | None,
    **simulation: Any,
) -> None:
    """Send quotes, packed in frames, in order of event time.

    With --plant a market with known answers: the headlines go to news in step with the quotes, the
    reference data to securities before them, and patterns begin after four days of warm-up.

    Ctrl-C ends in order: what was read is sent, and the open bars are closed.
    """
    chosen = chosen_source(source, files)
    check_options(chosen, plant)
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    partitions = partitions_of(settings, QUOTES, create_topics)
    opened: Source
    planted: PlantedMarket | None = None
    if plant is not None:
        opened = planted = open_planted(plant, truth, variant, **_of_planted(**simulation))
    elif chosen == "simulated":
        opened = SimulatedQuotes(_market(**simulation))
    elif chosen == "sample":
        opened = open_sample()
    else:
        interval_us = None if interval is None else int(interval * US_PER_S)
        opened = open_replay(list(files), kind=kind, interval_us=interval_us)
    if start_us is not None or end_us is not None:
        opened = Windowed(opened, start_us, end_us)
    packing = Packing(
        partitions,
        lateness_us=int(settings.lateness_s * US_PER_S),
        gap_us=int(skip_gaps * US_PER_MINUTE),
        single=single,
    )
    companions: Companions | None = None
    with stop_on_signals() as stop, show_progress(opened.name, quiet=as_json) as report:
        if planted is not None:
            companions = Companions(
                settings.kafka_broker, stop, lambda t: partitions_of(settings, t, False), planted
            )
            opened = companions.accompany(opened, start_us, end_us)
        producer = QuoteProducer(
            Delivery(settings.kafka_broker, stop),
            packing,
            topic=QUOTES,
            speed=speed_of(speed, chosen),
            on_progress=report,
        )
        summary = producer.run(opened, stop)
        if companions is not None:
            companions.finish()
    _report(summary, companions, as_json)


def _report(summary: ProduceSummary, companions: Companions | None, as_json: bool) -> None:
    sent = {}
    if companions is not None:
        sent = {"news": companions.news, "securities": companions.securities}
    if as_json:
        click.echo(json.dumps(summary.as_dict() | sent))
        return
    rate = summary.quotes / max(summary.seconds, 1e-9)
    click.echo(
        f"{'stopped after ' if summary.stopped else ''}{summary.quotes:,} quotes of "
        f"{summary.source} in {summary.records:,} records, {summary.seconds:.1f} s "
        f"({rate:,.0f}/s), {summary.first} to {summary.last}; by partition: "
        f"{', '.join(f'{count:,}' for count in summary.partitions)}"
    )
    for reason, count in summary.skipped.items():
        click.echo(f"left out: {count:,} recorded messages that are no quotes ({reason})")
    for topic, count in sent.items():
        click.echo(f"{count:,} messages to {topic}")


def _of_planted(
    seed: int, securities: int | None, days: int | None, market_start_us: int, **_: Any
) -> dict[str, Any]:
    return {"seed": seed, "securities": securities, "days": days, "start_us": market_start_us}


def _market(
    seed: int,
    rate: float,
    securities: int | None,
    market_start_us: int,
    minutes: int | None,
    days: int | None,
) -> SimulatedMarket:
    if days is not None:
        minutes = min(minutes or days * SESSION_MINUTES, days * SESSION_MINUTES)
    count = SECURITIES_SIMULATED if securities is None else securities
    return SimulatedMarket(seed, market_start_us, count, rate, minutes)
