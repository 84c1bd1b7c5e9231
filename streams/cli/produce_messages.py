"""``catalyst produce news`` and ``securities``: send what comes message by message."""

from __future__ import annotations

import json
from pathlib import Path

import click

from schemas.times import US_PER_MINUTE
from streams.cli.parameters import Speed
from streams.cli.produce_options import FILE, chosen_source, partitions_of, shared_options, speed_of
from streams.producing import Delivery
from streams.producing.messages import produce_messages
from streams.producing.progress import show_progress
from streams.producing.stopping import stop_on_signals
from streams.settings import load_settings
from streams.sources.news import Message, read_news, read_securities
from streams.sources.simulated import SimulatedMarket, simulated_securities
from streams.topics import NEWS, SECURITIES, partition_of


@click.command(
    epilog="""\b
Examples:
  catalyst produce news --file news.csv.gz
  catalyst produce news --file recording.jsonl --speed 60

Columns: ts, headline, and perhaps symbols (parted by |), source, url, summary, id. The same item
has the same id whenever it is sent.
"""
)
@click.option("--source", type=click.Choice(["replay"]), default="replay", show_default=True)
@click.option("--file", "file", type=FILE, required=True, help="csv(.gz), parquet or recording.")
@click.option(
    "--speed", type=Speed(), default="max", show_default=True, help="Times real time, or max."
)
@click.option(
    "--skip-gaps",
    type=click.FloatRange(min=1),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="Longer pauses in event time are skipped.",
)
@shared_options
def news(
    source: str,
    file: Path,
    speed: float | str,
    skip_gaps: float,
    broker: str | None,
    create_topics: bool,
    as_json: bool,
) -> None:
    """Send news from a file, in order of time."""
    messages = read_news(file)
    gap_us = int(skip_gaps * US_PER_MINUTE)
    _send(NEWS, messages, broker, create_topics, as_json, speed_of(speed, source), gap_us)


@click.command(
    epilog="""\b
Examples:
  catalyst produce securities --file sectors.csv
  catalyst produce securities --source simulated
"""
)
@click.option(
    "--source",
    type=click.Choice(["replay", "simulated"]),
    help="Default: replay when --file is given.",
)
@click.option(
    "--file", "file", type=FILE, help="csv(.gz) or parquet: symbol, name, sector, industry."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Simulated: as given to produce quotes.",
)
@click.option(
    "--securities", "count", type=int, default=300, show_default=True, help="Simulated: how many."
)
@shared_options
def securities(
    source: str | None,
    file: Path | None,
    seed: int,
    count: int,
    broker: str | None,
    create_topics: bool,
    as_json: bool,
) -> None:
    """Send reference data: the name, sector and industry of each security."""
    if chosen_source(source, (file,) if file else ()) == "simulated":
        market = SimulatedMarket(seed=seed, securities=count)
        rows = list(simulated_securities(market))
        messages = [Message(None, r["symbol"].encode(), json.dumps(r).encode()) for r in rows]
    elif file is not None:
        messages = read_securities(file)
    _send(SECURITIES, messages, broker, create_topics, as_json, None, US_PER_MINUTE)


def _send(
    topic: str,
    messages: list[Message],
    broker: str | None,
    create_topics: bool,
    as_json: bool,
    speed: float | None,
    gap_us: int,
) -> None:
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    partitions = partitions_of(settings, topic, create_topics)
    with stop_on_signals() as stop, show_progress(topic, quiet=as_json) as report:
        summary = produce_messages(
            messages,
            Delivery(settings.kafka_broker, stop),
            stop,
            topic=topic,
            partition_of_key=lambda key: partition_of(key.decode(), partitions),
            speed=speed,
            gap_us=gap_us,
            total=len(messages),
            on_progress=report,
        )
    if as_json:
        click.echo(json.dumps(summary.as_dict()))
        return
    span = f", {summary.first} to {summary.last}" if summary.first else ""
    stopped = f" of {len(messages):,}: stopped" if summary.stopped else ""
    click.echo(
        f"{summary.messages:,} messages to {topic}{stopped} in {summary.seconds:.1f} s{span}"
    )
