"""``catalyst produce``: send quotes, news or reference data into Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from confluent_kafka.admin import AdminClient

from schemas.times import US_PER_MINUTE, US_PER_S
from streams.cli.parameters import Moment, Speed, broker_option
from streams.cli.planting import Companions, check_options, open_planted, plant_options
from streams.errors import UserError
from streams.producing import Delivery, Packing, ProduceSummary, QuoteProducer
from streams.producing.messages import produce_messages
from streams.producing.progress import show_progress
from streams.producing.stopping import stop_on_signals
from streams.settings import Settings, load_settings
from streams.sources.base import Source
from streams.sources.news import Message, read_news, read_securities
from streams.sources.planted import PlantedMarket
from streams.sources.replay import KINDS, open_replay
from streams.sources.sample import open_sample
from streams.sources.simulated import (
    DEFAULT_START,
    SESSION_MINUTES,
    SimulatedMarket,
    SimulatedQuotes,
    simulated_securities,
)
from streams.sources.window import Windowed
from streams.topics import (
    NEWS,
    QUOTES,
    SECURITIES,
    all_topics,
    ensure_topics,
    partition_of,
    topic_partitions,
)

SOURCES = ("replay", "simulated", "sample")
SECURITIES_SIMULATED = 300
FILE = click.Path(path_type=Path)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")(
        command
    )
    command = click.option(
        "--create-topics", is_flag=True, help="Create the topics that are missing."
    )(command)
    return broker_option(command)


@click.group()
def produce() -> None:
    """Send quotes, news or reference data into Kafka.

    Quotes come from history files and recordings (replay), from the 2013 sample that ships along
    (sample), or from a simulated market (simulated).
    """


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
@_shared
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
    chosen = _chosen(source, files)
    check_options(chosen, plant)
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    partitions = _partitions(settings, QUOTES, create_topics)
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
                settings.kafka_broker, stop, lambda t: _partitions(settings, t, False), planted
            )
            opened = companions.accompany(opened, start_us, end_us)
        producer = QuoteProducer(
            Delivery(settings.kafka_broker, stop),
            packing,
            topic=QUOTES,
            speed=_speed(speed, chosen),
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


@produce.command(
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
@_shared
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
    _send(NEWS, messages, broker, create_topics, as_json, _speed(speed, source), gap_us)


@produce.command(
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
@_shared
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
    if _chosen(source, (file,) if file else ()) == "simulated":
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
    partitions = _partitions(settings, topic, create_topics)
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


def _chosen(source: str | None, files: Iterable[Path]) -> str:
    if source is None and not files:
        raise click.UsageError("name a --file to replay, or a --source that needs none")
    chosen = source or "replay"
    if chosen == "replay" and not files:
        raise click.UsageError("--source replay needs a --file")
    if chosen != "replay" and files:
        raise click.UsageError(f"--file goes with --source replay, not with {chosen}")
    return chosen


def _speed(speed: float | str | None, source: str) -> float | None:
    if speed is None:
        return 1.0 if source == "simulated" else None
    return None if isinstance(speed, str) else speed


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


def _partitions(settings: Settings, topic: str, create: bool) -> int:
    """How many partitions ``topic`` has; it must exist, or be created now."""
    broker = settings.kafka_broker
    if create:
        ensure_topics(broker, all_topics(settings))
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    found = topic_partitions(admin, broker, 10.0).get(topic)
    if not found:
        raise UserError(
            f"there is no topic {topic} at {broker}: run catalyst topics, or add --create-topics"
        )
    return found
