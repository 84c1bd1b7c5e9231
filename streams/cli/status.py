"""``catalyst status``: how far the workers are, and what is stored."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams import topics
from streams.cli.options import with_settings
from streams.errors import UserError
from streams.settings import Settings
from timescale.connect import connect

ANSWER_S = 5.0

_RELATIONS = (
    "security_ticks",
    "security_data_high_freq",
    "security_data_hourly",
    "security_data_daily",
    "security_latest",
)
_NEWEST = """
SELECT max("timestamp") FROM (
    SELECT max("timestamp") AS "timestamp" FROM security_ticks
    UNION ALL SELECT max("timestamp") FROM security_data_high_freq
    UNION ALL SELECT max("timestamp") FROM security_latest) AS newest
"""


@dataclass(frozen=True)
class Lag:
    """A partition: where the group has acknowledged up to, and the end."""

    topic: str
    partition: int
    acknowledged: int | None
    end: int

    @property
    def lag(self) -> int:
        """Records not acknowledged."""
        return max(0, self.end - (self.acknowledged or 0))


@click.command(
    epilog="""\b
Examples:
  catalyst status
  catalyst status --json | jq .lag
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_settings("kafka_broker", "app_id", "quote_partitions")
def status(settings: Settings, as_json: bool) -> None:
    """Show the lag of the workers, what is stored, and how well discovery has done.

    Lag counts records that are not acknowledged: a worker acknowledges when what it did is durable,
    every CHECKPOINT_INTERVAL_S.
    """
    lags = group_lag(settings)
    dsn = settings.timescale_dsn.get_secret_value()
    stored = stored_rows(dsn)
    found = discovery_state(dsn)
    budget = settings.storage_budget_gb * 1e9
    if as_json:
        report = {
            "group": settings.app_id,
            "lag": sum(lag.lag for lag in lags),
            "partitions": [{**asdict(lag), "lag": lag.lag} for lag in lags],
            **stored,
            "budget_bytes": int(budget),
            "discovery": found,
        }
        click.echo(json.dumps(report, default=str))
        return
    for lag in lags:
        at = "nothing" if lag.acknowledged is None else f"{lag.acknowledged:,}"
        click.echo(f"{lag.topic}/{lag.partition:<4} lag {lag.lag:>10,}   {at} of {lag.end:,} taken")
    for name, count in stored["rows"].items():
        click.echo(f"{name:<26}{count:>14,} rows")
    click.echo(f"{'newest event':<26}{stored['newest_event'] or 'none':>14}")
    used = stored["database_bytes"]
    click.echo(f"storage {used / 1e6:,.1f} MB, {used / budget:.1%} of a year's budget")
    click.echo("\n".join(_discovery_lines(found)))


def group_lag(settings: Settings) -> list[Lag]:
    """The lag of every partition that the workers read.

    The end comes from a fetch, as not every broker answers well when asked for its latest offset.

    Raises:
        UserError: the broker does not answer, or the topics do not exist.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_broker,
            "group.id": settings.app_id,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    try:
        return _lags(consumer, settings)
    except KafkaException as exc:
        raise UserError(
            f"no Kafka broker answers at {settings.kafka_broker} ({exc.args[0].str()}): start one "
            "(catalyst up, make kafka) or set KAFKA_BROKER"
        ) from None
    finally:
        consumer.close()


def _lags(consumer: Consumer, settings: Settings) -> list[Lag]:
    found = consumer.list_topics(timeout=ANSWER_S).topics
    wanted = []
    for name in (topics.QUOTES, topics.BARS):
        if name not in found:
            raise UserError(f"there is no topic {name}: run catalyst topics")
        wanted += [TopicPartition(name, number) for number in found[name].partitions]
    committed = consumer.committed(wanted, timeout=ANSWER_S)
    at = {(p.topic, p.partition): p.offset if p.offset >= 0 else None for p in committed}
    ends = _ends(consumer, at)
    return [Lag(name, number, at[name, number], end) for (name, number), end in ends.items()]


def _ends(
    consumer: Consumer, start: dict[tuple[str, int], int | None]
) -> dict[tuple[str, int], int]:
    consumer.assign([TopicPartition(t, p, offset or 0) for (t, p), offset in start.items()])
    ends: dict[tuple[str, int], int] = {}
    deadline = time.monotonic() + ANSWER_S
    while len(ends) < len(start):
        if time.monotonic() > deadline:
            raise UserError(f"the broker gave no answer within {ANSWER_S:.0f} s: try again")
        message = consumer.poll(0.1)
        if message is None:
            continue
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            continue
        key = (message.topic() or "", message.partition() or 0)
        if error is not None:
            ends.setdefault(key, message.offset() or 0)
        else:
            reached = TopicPartition(*key)
            # From the answer to the fetch that brought this message.
            ends[key] = consumer.get_watermark_offsets(reached, cached=True)[1]
            consumer.pause([reached])
    return {key: ends[key] for key in start}


def discovery_state(dsn: str) -> dict[str, Any] | None:
    """What the worker that discovers last said of it; None: none has yet.

    ``last_run`` is when it was consolidated last, ``types`` the figures of each type of which
    outcomes are known.

    Raises:
        TimescaleError: the database does not answer.
    """
    from timescale import overview
    from timescale.readers import fetch

    with connect(dsn) as connection:
        services = fetch(connection, overview.service_health())
    said = [
        service
        for service in services
        if service.name.startswith("market@") and "discovery" in service.metrics
    ]
    newest = max(said, key=lambda service: service.updated_at, default=None)
    return None if newest is None else dict(newest.metrics["discovery"])


def _discovery_lines(found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        yield "discovery has not run yet"
        return
    yield (
        f"discovery of {found['securities']} securities: last consolidated "
        f"{found['last_run'] or 'never'}, model {found['model_version']}, "
        f"{found['waiting']} predictions open"
    )
    for name, told in found["types"].items():
        yield (
            f"  {name:<24}{told['outcomes']:>6,} outcomes   precision {told['precision']:.2f}   "
            f"confidence {told['confidence']:.2f}   calibration error "
            f"{told['calibration_error']:.2f}   drifts {told['drifts']}"
        )


def stored_rows(dsn: str) -> dict[str, Any]:
    """Rows by relation, the newest event time and the size of the database in bytes.

    Raises:
        UserError: the schema is not there.
        TimescaleError: the database does not answer.
    """
    from psycopg import errors, sql

    with connect(dsn) as connection:
        try:
            rows = {}
            for name in _RELATIONS:
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
                found = connection.execute(query).fetchone()
                rows[name] = int(found[0]) if found else 0
            newest = connection.execute(_NEWEST).fetchone()
        except errors.UndefinedTable:
            raise UserError("the schema is not in the database yet: run catalyst migrate") from None
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return {
        "rows": rows,
        "newest_event": newest[0].isoformat() if newest and newest[0] else None,
        "database_bytes": int(size[0]) if size else 0,
    }
