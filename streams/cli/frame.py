"""``catalyst frame``: turn a topic with one quote a message into frames."""

from __future__ import annotations

import gc
import json

import click
from confluent_kafka.admin import AdminClient

from schemas.times import US_PER_S
from streams.cli.parameters import broker_option
from streams.errors import UserError
from streams.framing import Framer, FrameSummary, Framing
from streams.framing.source import ForeignTopic, Start
from streams.producing.delivery import Delivery
from streams.producing.progress import show_progress
from streams.producing.stopping import stop_on_signals
from streams.settings import Settings, load_settings
from streams.topics import (
    QUOTES,
    all_topics,
    dead_letter,
    dead_letter_topic,
    ensure_topics,
    topic_partitions,
)

_OBJECTS = 200_000


@click.command(
    epilog="""\b
Examples:
  catalyst frame --from trades                       until Ctrl-C; a restart goes on from there
  catalyst frame --from trades --start now           leave out what is there already
  catalyst frame --from trades --until-end --json    frame what is there, and end
  catalyst frame --from trades --max-rows 200 --linger-ms 5

\b
A message of the foreign topic is what quotes takes as a single quote, whatever its key:
  {"symbol":"AIG","ts":"2018-02-16T14:30:00Z","price":61.2,"bid":61.19,"ask":61.21,"volume":100}
What is none goes to TOPIC.dlq with its bytes, and its reason and origin as headers.

\b
Why: workers take single quotes from quotes as well, but dozens of times slower. A few thousand a
second need no framing.
"""
)
@click.option("--from", "source", required=True, metavar="TOPIC", help="The foreign topic.")
@click.option("--to", "target", default=QUOTES, show_default=True, metavar="TOPIC")
@click.option(
    "--group",
    default="catalyst-frame",
    show_default=True,
    help="Consumer group under which the progress is kept. One process at a time reads a topic.",
)
@click.option(
    "--start",
    type=click.Choice(["beginning", "now"]),
    default="beginning",
    show_default=True,
    help="Where to begin when the group has no progress yet.",
)
@click.option(
    "--max-rows",
    type=click.IntRange(1, 10_000),
    default=1000,
    show_default=True,
    help="Quotes in a frame, at most.",
)
@click.option(
    "--linger-ms",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="How long a quote waits for its frame to fill.",
)
@click.option("--until-end", is_flag=True, help="End when all that is there has been framed.")
@click.option("--create-topics", is_flag=True, help="Create our topics that are missing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@broker_option
def frame(
    source: str,
    target: str,
    group: str,
    start: Start,
    max_rows: int,
    linger_ms: int,
    until_end: bool,
    create_topics: bool,
    as_json: bool,
    broker: str | None,
) -> None:
    """Turn a topic with one quote a message into frames, in order of event time.

    Offsets are committed when the frames have arrived. After a crash some quotes are sent again;
    workers drop them.
    """
    if source == target:
        raise click.UsageError(f"--from and --to are both {source}")
    settings = load_settings(**({"kafka_broker": broker} if broker else {}))
    from_partitions, to_partitions = _prepare(settings, source, target, create_topics)
    framing = Framing(
        source,
        target,
        to_partitions,
        max_rows=max_rows,
        linger_s=linger_ms / 1000,
        idle_after=settings.idle_after,
        lateness_us=int(settings.lateness_s * US_PER_S),
        max_clock_ahead_s=settings.max_clock_ahead_s,
    )
    # Every read makes ten thousand objects and no cycle: looking for one costs a third of the rate.
    gc.set_threshold(_OBJECTS)
    with stop_on_signals() as stop, show_progress(source, quiet=as_json) as report:
        topic = ForeignTopic(
            settings.kafka_broker, source, from_partitions, group, start, linger_ms
        )
        framer = Framer(topic, Delivery(settings.kafka_broker, stop), framing, on_progress=report)
        summary = framer.run(stop, until_end=until_end)
    _tell(summary, as_json)


def _prepare(settings: Settings, source: str, target: str, create_topics: bool) -> tuple[int, int]:
    """How many partitions both topics have; the one for rejected messages exists then."""
    broker = settings.kafka_broker
    if create_topics:
        ensure_topics(broker, all_topics(settings))
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    found = topic_partitions(admin, broker, 5.0)
    if not found.get(source):
        raise UserError(f"there is no topic {source} at {broker}: check the name given to --from")
    if not found.get(target):
        raise UserError(
            f"there is no topic {target} at {broker}: run catalyst topics, or add --create-topics"
        )
    if dead_letter(source) not in found:
        ensure_topics(broker, [dead_letter_topic(source)])
    return found[source], found[target]


def _tell(summary: FrameSummary, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary.as_dict()))
        return
    rate = summary.quotes / max(summary.seconds, 1e-9)
    span = f", {summary.first} to {summary.last}" if summary.first else ""
    click.echo(
        f"{'stopped after ' if summary.stopped else ''}{summary.messages:,} messages of "
        f"{summary.source}: {summary.quotes:,} quotes in {summary.frames:,} frames to "
        f"{summary.target}, {summary.seconds:.1f} s ({rate:,.0f}/s){span}"
    )
    if summary.rejected:
        click.echo(f"rejected: {summary.rejected:,}, on {dead_letter(summary.source)}")
