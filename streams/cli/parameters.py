"""Parameters that several commands share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from schemas.times import to_us
from streams.settings import Settings


class Speed(click.ParamType):
    """``max``, or how many times faster than real time."""

    name = "max|N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """A positive number, or ``max``."""
        if value == "max":
            return "max"
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"{value!r} is neither max nor a positive number such as 60", param, ctx)
        return speed


class Moment(click.ParamType):
    """A time in ISO 8601; UTC unless it says otherwise. Converted to epoch microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch microseconds."""
        try:
            return value if isinstance(value, int) else to_us(datetime.fromisoformat(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2018-02-16T14:30:00Z", param, ctx)


_BROKER = Settings.model_fields["kafka_broker"]
broker_option = click.option(
    "--broker",
    "--kafka-broker",
    "broker",
    metavar="HOST:PORT,..",
    help=f"{_BROKER.description}  [env: KAFKA_BROKER; default: {_BROKER.default}]",
)
