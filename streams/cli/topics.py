"""``catalyst topics``: create the topics, or show them."""

from __future__ import annotations

import json
from typing import Any

import click
from confluent_kafka.admin import AdminClient

from streams.cli.options import with_settings
from streams.settings import Settings
from streams.topics import all_topics, ensure_topics, topic_partitions


@click.command(
    epilog="""\b
Examples:
  catalyst topics                       create what is missing
  catalyst topics --list                every topic, whether it exists, and its purpose
  QUOTE_PARTITIONS=16 catalyst topics   for more than a few workers; fixed once created
"""
)
@click.option("--list", "listing", is_flag=True, help="Only show the topics; create nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--replication",
    type=click.IntRange(min=-1),
    default=-1,
    show_default="the broker's default",
    help="Copies of each partition.",
)
@with_settings("kafka_broker", "quote_partitions")
def topics(settings: Settings, listing: bool, as_json: bool, replication: int) -> None:
    """Create every topic, with its partitions and cleanup policy, or list them."""
    created: list[str] = []
    if not listing:
        created = ensure_topics(
            settings.kafka_broker, all_topics(settings), replication=replication
        )
    rows = describe_topics(settings)
    if as_json:
        click.echo(json.dumps({"topics": rows, "created": created}))
    elif listing:
        for row in rows:
            found = row["partitions"]
            state = "missing" if found is None else f"{found} partition{'s' * (found > 1)}"
            click.echo(f"{row['name']:<32} {state:<14} {row['description']}")
    else:
        click.echo(f"{len(created)} topics created, {len(rows)} in all at {settings.kafka_broker}")


def describe_topics(settings: Settings, timeout_s: float = 10.0) -> list[dict[str, Any]]:
    """Every topic of ours with its partitions on the broker, None where it does not exist.

    Raises:
        UserError: the broker cannot be reached.
    """
    admin = AdminClient({"bootstrap.servers": settings.kafka_broker, "log_level": 0})
    found = topic_partitions(admin, settings.kafka_broker, timeout_s)
    return [
        {
            "name": topic.name,
            "partitions": found.get(topic.name),
            "expected": topic.partitions,
            "description": topic.description,
        }
        for topic in all_topics(settings)
    ]
