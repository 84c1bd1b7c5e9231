"""``catalyst produce quotes --plant``: a market with known answers, with its news."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import Any

import click
import msgspec
from click.core import ParameterSource

from schemas.times import EARLIEST_US, LATEST_US, iso, to_us
from streams.producing import Delivery
from streams.producing.companions import Accompanied
from streams.producing.packing import Packed
from streams.sources.base import Source
from streams.sources.news import Message
from streams.sources.planted import PlantedMarket, write_truth
from streams.topics import NEWS, SECURITIES, partition_of

SECURITIES_PLANTED = 150
DAYS_PLANTED = 20
_ONLY_PLAIN = ("rate", "minutes")
_ONLY_PLANTED = ("truth", "variant")


def plant_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a planted market."""
    command = click.option(
        "--variant",
        type=click.IntRange(min=0),
        help="Planted: the kind of world; by default another one for every seed.",
    )(command)
    command = click.option(
        "--truth",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Planted: write here what was planted, and the look-alikes, as JSONL.",
    )(command)
    return click.option(
        "--plant",
        metavar="WHAT",
        help="Simulated: plant patterns with known answers, and send the headlines and the "
        "reference data too. mixed, none (look-alikes only), easy, medium, hard, or types such as "
        "pump_and_dump; several parted by commas.",
    )(command)


def check_options(chosen: str, plant: str | None) -> None:
    """Refuse options that have no say in what was chosen.

    Raises:
        UsageError: there is one.
    """
    context = click.get_current_context()
    if plant is not None and chosen != "simulated":
        raise click.UsageError("--plant goes with --source simulated")
    for name in _ONLY_PLANTED if plant is None else _ONLY_PLAIN:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            goes = "needs --plant" if plant is None else "does not go with --plant"
            raise click.UsageError(f"--{name} {goes}")


def open_planted(
    plant: str,
    truth: Path | None,
    variant: int | None,
    seed: int,
    securities: int | None,
    days: int | None,
    start_us: int,
) -> PlantedMarket:
    """The market; its truth is written at once, so that it is there whenever the run ends.

    Raises:
        UserError: it cannot be made, or the truth cannot be written.
    """
    market = PlantedMarket(
        seed=seed,
        securities=SECURITIES_PLANTED if securities is None else securities,
        days=days or DAYS_PLANTED,
        variant=variant,
        plant=plant,
        start_us=start_us,
    )
    if truth is not None:
        write_truth(truth, market.truth())
    return market


class Companions:
    """The reference data and the headlines of a planted market, on their way to Kafka."""

    def __init__(
        self, broker: str, stop: Event, partitions_of: Callable[[str], int], market: PlantedMarket
    ) -> None:
        self._delivery = Delivery(broker, stop)
        self._partitions = {topic: partitions_of(topic) for topic in (NEWS, SECURITIES)}
        self._market = market
        self.securities = 0
        self.news = 0

    def accompany(self, source: Source, start_us: int | None, end_us: int | None) -> Accompanied:
        """Send the reference data; give ``source`` with the headlines of that span of time."""
        for security in self._market.securities():
            value = msgspec.json.encode(security)
            self._send(SECURITIES, Message(None, security.symbol.encode(), value))
            self.securities += 1
        self._delivery.flush()
        first = EARLIEST_US if start_us is None else start_us
        end = LATEST_US if end_us is None else end_us
        messages = [m for m in news_messages(self._market) if first <= (m.ts or 0) < end]
        return Accompanied(source, messages, self._send_news)

    def finish(self) -> None:
        """Wait until all has arrived."""
        self._delivery.flush()

    def _send_news(self, message: Message) -> None:
        self._send(NEWS, message)
        self.news += 1

    def _send(self, topic: str, message: Message) -> None:
        partition = partition_of(message.key.decode(), self._partitions[topic])
        self._delivery.send(topic, Packed(partition, message.key, message.value, 0))


def news_messages(market: PlantedMarket) -> Iterable[Message]:
    """The headlines of a market as messages, in order of time."""
    for item in market.news():
        us = to_us(item.ts)
        value = msgspec.to_builtins(item) | {"ts": iso(us)}
        known = {name: field for name, field in value.items() if field is not None}
        yield Message(us, item.id.encode(), msgspec.json.encode(known))
