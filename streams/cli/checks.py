"""What ``catalyst doctor`` looks at; every failing check says what to do."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from confluent_kafka.admin import AdminClient

from streams.cli.topics import describe_topics
from streams.errors import UserError
from streams.settings import Settings
from streams.topics import topic_partitions
from timescale.connect import connect, one_line
from timescale.errors import TimescaleError
from timescale.migrate import migration_status

ANSWER_S = 5.0
FREE_GB = 1.0


@dataclass(frozen=True)
class Check:
    """One finding; ``detail`` of a failed one ends with what to do."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    detail: str


def run_checks(settings: Settings) -> list[Check]:
    """Every check, in the order in which one would put things right."""
    broker = _guarded("broker", lambda: check_broker(settings))
    database = _guarded("database", lambda: check_database(settings))
    checks = [broker, _after(broker, "topics", lambda: check_topics(settings)), database]
    checks.append(_after(database, "timescaledb", lambda: check_extension(settings)))
    checks.append(_after(database, "migrations", lambda: check_migrations(settings)))
    checks.append(_guarded("disk", lambda: check_disk(settings)))
    checks.append(_guarded("web port", lambda: check_web_port(settings)))
    return checks


def check_broker(settings: Settings) -> str:
    """A broker answers."""
    admin = AdminClient({"bootstrap.servers": settings.kafka_broker, "log_level": 0})
    topic_partitions(admin, settings.kafka_broker, ANSWER_S)
    brokers = len(admin.list_topics(timeout=ANSWER_S).brokers)
    return f"{brokers} broker{'s' * (brokers > 1)} at {settings.kafka_broker}"


def check_topics(settings: Settings) -> str:
    """Every topic exists with the partitions that the settings say."""
    rows = describe_topics(settings, ANSWER_S)
    missing = [row["name"] for row in rows if row["partitions"] is None]
    if missing:
        first = ", ".join(missing[:3]) + (" .." if len(missing) > 3 else "")
        raise UserError(f"{len(missing)} topics are missing ({first}): run catalyst topics")
    for row in rows:
        if row["partitions"] != row["expected"]:
            raise UserError(
                f"topic {row['name']} has {row['partitions']} partitions, not {row['expected']}: "
                "set QUOTE_PARTITIONS to what it has, or delete the topic"
            )
    quotes = next(row for row in rows if row["name"] == "quotes")
    return f"{len(rows)} topics, quotes with {quotes['partitions']} partitions"


def check_database(settings: Settings) -> str:
    """The database lets us in."""
    with _connect(settings) as connection:
        (version,) = _row(connection, "SELECT current_setting('server_version')")
    if str(version).startswith("15.20"):
        raise UserError(
            "PostgreSQL 15.20 breaks the background jobs of TimescaleDB: use another minor version"
        )
    return f"PostgreSQL {version}"


def check_extension(settings: Settings) -> str:
    """TimescaleDB 2 is there, and none of its jobs fails."""
    query = "SELECT max(extversion) FROM pg_extension WHERE extname = 'timescaledb'"
    with _connect(settings) as connection:
        (version,) = _row(connection, query)
        if version is None:
            raise UserError("the extension is not in this database yet: run catalyst migrate")
        (failing,) = _row(
            connection,
            "SELECT count(*) FROM timescaledb_information.job_stats"
            " WHERE last_run_status = 'Failed'",
        )
    if int(str(version).split(".")[0]) < 2:
        raise UserError(f"TimescaleDB {version} is too old: install 2.x")
    if failing:
        raise UserError(
            f"{failing} background jobs fail: see timescaledb_information.job_errors for why"
        )
    return f"TimescaleDB {version}"


def check_migrations(settings: Settings) -> str:
    """The schema is the one that this version writes."""
    states = migration_status(settings.timescale_dsn.get_secret_value())
    pending = [item.name for item in states if item.state != "applied"]
    if pending:
        raise UserError(f"{len(pending)} of {len(states)} are to be applied: run catalyst migrate")
    return f"{len(states)} applied"


def check_disk(settings: Settings) -> str:
    """There is room beside the embedded parts, logs and worker state."""
    place = settings.data_dir.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    if free < FREE_GB:
        raise UserError(f"{free:.1f} GB free at {place}: free some space, or set DATA_DIR")
    return f"{free:.1f} GB free at {place}"


def check_web_port(settings: Settings) -> str:
    """A worker can open its port, or one of ours has."""
    host, port = settings.web_host, settings.web_port
    try:
        with socket.create_server((host, port)):
            return f"{host}:{port} is free"
    except OSError as exc:
        if _is_worker(host, port):
            return f"a worker answers at http://{host}:{port}/"
        raise UserError(
            f"{host}:{port} cannot be opened ({exc.strerror}): set WEB_PORT to another port"
        ) from None


def _is_worker(host: str, port: int) -> bool:
    try:
        with urlopen(f"http://{host}:{port}/metrics", timeout=2) as answer:
            return b"catalyst_" in answer.read()
    except (URLError, OSError, ValueError):
        return False


def _guarded(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", check())
    except (UserError, TimescaleError) as exc:
        return Check(name, "failed", str(exc))
    except psycopg.Error as exc:
        return Check(name, "failed", f"{one_line(exc)}: may TIMESCALE_DSN's user read it?")


def _after(first: Check, name: str, check: Callable[[], str]) -> Check:
    if first.state != "ok":
        return Check(name, "skipped", f"the {first.name} has to answer first")
    return _guarded(name, check)


def _connect(settings: Settings) -> psycopg.Connection[tuple[Any, ...]]:
    return connect(settings.timescale_dsn.get_secret_value())


def _row(connection: psycopg.Connection[tuple[Any, ...]], query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise UserError("the database gave no answer: is something between it and us?")
    return row
