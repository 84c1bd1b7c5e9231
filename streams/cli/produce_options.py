"""What the commands of ``catalyst produce`` share: options, and how they are understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from confluent_kafka.admin import AdminClient

from streams.cli.parameters import broker_option
from streams.errors import UserError
from streams.settings import Settings
from streams.topics import all_topics, ensure_topics, topic_partitions

FILE = click.Path(path_type=Path)


def shared_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command."""
    command = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")(
        command
    )
    command = click.option(
        "--create-topics", is_flag=True, help="Create the topics that are missing."
    )(command)
    return broker_option(command)


def chosen_source(source: str | None, files: Iterable[Path]) -> str:
    """The source that is asked for, by name or by files."""
    if source is None and not files:
        raise click.UsageError("name a --file to replay, or a --source that needs none")
    chosen = source or "replay"
    if chosen == "replay" and not files:
        raise click.UsageError("--source replay needs a --file")
    if chosen != "replay" and files:
        raise click.UsageError(f"--file goes with --source replay, not with {chosen}")
    return chosen


def speed_of(speed: float | str | None, source: str) -> float | None:
    """Times real time; None for as fast as possible."""
    if speed is None:
        return 1.0 if source == "simulated" else None
    return None if isinstance(speed, str) else speed


def partitions_of(settings: Settings, topic: str, create: bool) -> int:
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
