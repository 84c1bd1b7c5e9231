"""Workers as processes on a real broker and a real database, and what they left there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.bars import PartitionBars, decode_bars
from schemas.quotes import QuoteColumns
from streams.producing import Delivery, Packing, QuoteProducer
from streams.settings import Settings
from streams.topics import QUOTES, all_topics, ensure_topics, partition_of
from tests.brokers import unique
from timescale.embedded import EmbeddedTimescale
from timescale.migrate import migrate

PARTITIONS = 4

_EMPTY = """
TRUNCATE security_ticks, security_data_high_freq, security_latest, checkpoints, news, scans,
         tier_changes, security_tracking_state, trading_cycles, workflow_log, service_health,
         ml_pattern_discoveries, models
"""


# A bound on a wait only turns a hang into a failure; a busy machine gets so many times as long.
_PATIENCE = 5


def until(condition: Callable[[], Any], seconds: float = 60, what: str = "") -> Any:
    """Poll until ``condition`` is true; its value.

    ``seconds`` is more than a machine at rest needs. What costs time to ask is asked less often,
    so as not to hold up what is waited for.
    """
    deadline = time.monotonic() + _PATIENCE * seconds
    while (asked := time.monotonic()) < deadline:
        if value := condition():
            return value
        time.sleep(max(0.1, time.monotonic() - asked))
    raise AssertionError(f"not within {_PATIENCE * seconds:g} s: {what or condition}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Worker:
    """One worker process."""

    site: Site
    command: list[str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Worker:
        settings = self.site.environment | {"WEB_PORT": str(self.port)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        until(self.ready, 60, f"worker ready; {self.log.read_text()[-2000:]}")
        return self

    @property
    def log(self) -> Path:
        return self.site.directory / f"worker-{self.port}.log"

    def get(self, path: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()

    def ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"worker ended: {self.log.read_text()[-2000:]}")
        try:
            return bool(json.loads(self.get("/ready"))["ready"])
        except (URLError, OSError):
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith(name)]
        return sum(float(x.rsplit(" ", 1)[1]) for x in lines if x[len(name)] in " {")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)


@dataclass
class Site:
    """A broker with fresh topics, a database with empty tables, and workers on them."""

    bootstrap: str
    dsn: str
    directory: Path
    workers: list[Worker] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app_id = unique("workers")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KAFKA_BROKER": self.bootstrap,
            "TIMESCALE_DSN": self.dsn,
            "DATA_DIR": str(self.directory),
            "APP_ID": self.app_id,
            "QUOTE_PARTITIONS": str(PARTITIONS),
            "CHECKPOINT_INTERVAL_S": "0.5",
            "LOG_FORMAT": "console",
            **self.extra,
        }

    def worker(self, command: list[str] | None = None) -> Worker:
        own = [sys.executable, "-m", "streams.cli", "worker"]
        self.workers.append(Worker(self, command or own))
        return self.workers[-1].start()

    def send(self, value: bytes, key: bytes | None = None, partition: int = 0) -> None:
        """One raw record on ``quotes``."""
        producer = Producer({"bootstrap.servers": self.bootstrap, "message.max.bytes": 4 << 20})
        producer.produce(QUOTES, value, key, partition)
        assert producer.flush(20) == 0

    def send_quote(self, symbol: str, ts_ms: int, price: float, volume: float = 1.0) -> None:
        """One quote as a foreign producer sends it."""
        value = {"symbol": symbol, "ts": ts_ms, "price": price, "volume": volume}
        self.send(json.dumps(value).encode(), symbol.encode(), partition_of(symbol, PARTITIONS))

    def play(self, batches: list[QuoteColumns], speed: float | None = None) -> int:
        """Send quotes as our producers do; how many were delivered."""
        stop = Event()
        delivery = Delivery(self.bootstrap, stop)
        producer = QuoteProducer(delivery, Packing(PARTITIONS), topic=QUOTES, speed=speed)
        return producer.run(_Batches(batches), stop).quotes

    def records(self, topic: str) -> list[Any]:
        """Every record of a topic, in order of partition and offset."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": unique("reader"),
                "enable.partition.eof": True,
            }
        )
        found: list[Any] = []
        try:
            for number in consumer.list_topics(topic, 10).topics[topic].partitions:
                consumer.assign([TopicPartition(topic, number, 0)])
                while (message := consumer.poll(10)) is not None and message.error() is None:
                    found.append(message)
        finally:
            consumer.close()
        return found

    def bars(self) -> list[PartitionBars]:
        """Every message of ``bars``, in order."""
        return [decode_bars(record.value()) for record in self.records("bars")]

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of the database; none while it does not answer."""
        try:
            with psycopg.connect(self.dsn, connect_timeout=60) as connection:
                return connection.execute(statement, parameters).fetchall()  # type: ignore[arg-type]
        except psycopg.OperationalError:
            return []

    def count(self, relation: str) -> int:
        rows = self.query(f"SELECT count(*) FROM {relation}")
        return int(rows[0][0]) if rows else -1


class _Batches:
    name = "test"

    def __init__(self, batches: list[QuoteColumns]) -> None:
        self.skipped: dict[str, int] = {}
        self._batches = batches
        self.total = sum(map(len, batches))

    def __iter__(self) -> Iterator[QuoteColumns]:
        return iter(self._batches)


def fresh_topics(bootstrap: str) -> None:
    """Delete every topic of ours and create it anew."""
    topics = all_topics(Settings(_env_file=None, quote_partitions=PARTITIONS))
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    existing = admin.list_topics(timeout=20).topics
    names = [topic.name for topic in topics if topic.name in existing]
    if names:
        for future in admin.delete_topics(names, operation_timeout=20).values():
            future.result()
        until(lambda: not set(names) & admin.list_topics(timeout=10).topics.keys(), 30)

    def created() -> bool:
        try:
            ensure_topics(bootstrap, topics)
        except KafkaException:
            return False
        return True

    until(created, 30, "topics created")


@pytest.fixture(scope="session")
def migrated(embedded: EmbeddedTimescale) -> EmbeddedTimescale:
    migrate(embedded.dsn)
    return embedded


@pytest.fixture
def site(broker: str, migrated: EmbeddedTimescale, tmp_path: Path) -> Iterator[Site]:
    """A clean place to work, on each kind of broker."""
    fresh_topics(broker)
    with psycopg.connect(migrated.dsn, autocommit=True) as connection:
        connection.execute(_EMPTY)
    place = Site(broker, migrated.dsn, tmp_path)
    yield place
    for worker in place.workers:
        worker.kill()


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[EmbeddedTimescale]:
    """A database for one test alone: to kill it, or to let it age."""
    with EmbeddedTimescale(tmp_path / "database") as server:
        migrate(server.dsn)
        yield server


@pytest.fixture
def own_site(broker: str, own_database: EmbeddedTimescale, tmp_path: Path) -> Iterator[Site]:
    """As ``site``, with a database of its own."""
    fresh_topics(broker)
    place = Site(broker, own_database.dsn, tmp_path)
    yield place
    for worker in place.workers:
        worker.kill()
