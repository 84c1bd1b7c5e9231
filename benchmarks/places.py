"""Where things are measured: real brokers, real databases, real workers, each started for it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.harness import UnavailableError
from ops.kafka import KafkaCluster, KafkaUnavailable
from streams.embedded.broker import EmbeddedBroker
from streams.settings import Settings
from streams.topics import QUOTES, all_topics, ensure_topics
from timescale.embedded import EmbeddedTimescale
from timescale.migrate import migrate

ROOT = Path(__file__).parents[1]

# What a worker remembers of an earlier run.
_MEMORY = """
TRUNCATE security_ticks, security_data_high_freq, security_latest, checkpoints, news, scans,
         tier_changes, security_tracking_state, trading_cycles, workflow_log, service_health,
         ml_pattern_discoveries, models
"""


def until(condition: Callable[[], Any], seconds: float, what: str, every: float = 0.05) -> Any:
    """Poll until ``condition`` is true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every)
    raise RuntimeError(f"not within {seconds:.0f} s: {what}")


@contextlib.contextmanager
def broker(kind: str) -> Iterator[str]:
    """The address of a broker of this kind."""
    with tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory:
        if kind == "tansu":
            with EmbeddedBroker(Path(directory)) as embedded:
                yield embedded.address
            return
        cluster = KafkaCluster(1, Path(directory))
        try:
            cluster.check_prerequisites()
        except KafkaUnavailable as exc:
            raise UnavailableError(str(exc)) from None
        with cluster:
            yield cluster.bootstrap


@contextlib.contextmanager
def database() -> Iterator[tuple[str, str]]:
    """An empty database with our schema, and its kind.

    With ``TIMESCALE_DSN`` it is made on that server and dropped again; else it is the embedded one.
    """
    given = os.environ.get("TIMESCALE_DSN")
    if given:
        with _database_on(given) as dsn:
            migrate(dsn)
            yield dsn, "server"
        return
    with (
        tempfile.TemporaryDirectory(prefix="catalyst-bench-") as directory,
        EmbeddedTimescale(Path(directory) / "db") as server,
    ):
        migrate(server.dsn)
        yield server.dsn, "embedded"


@contextlib.contextmanager
def _database_on(dsn: str) -> Iterator[str]:
    name = f"catalyst_bench_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield psycopg.conninfo.make_conninfo(dsn, dbname=name)
    finally:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Place:
    """A broker with our topics and a database, for one worker after the other."""

    bootstrap: str
    dsn: str
    directory: Path
    partitions: int = 4
    extra: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._topics = all_topics(Settings(_env_file=None, quote_partitions=self.partitions))
        ensure_topics(self.bootstrap, self._topics)

    def forget(self, *, quotes: bool = False) -> None:
        """Let the next worker begin anew: all topics but ``quotes``, and the database."""
        names = [topic.name for topic in self._topics if quotes or topic.name != QUOTES]
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        for future in admin.delete_topics(names, operation_timeout=20).values():
            future.result()

        def gone() -> bool:
            return not set(names) & admin.list_topics(timeout=10).topics.keys()

        until(gone, 30, "topics deleted")
        until(self._create, 30, "topics created")
        self._empty_database()

    @contextlib.contextmanager
    def anew(self, kind: str) -> Iterator[Place]:
        """The same database, empty, with another broker of this kind.

        The embedded one now and then refuses records for a topic that was deleted and made again.
        """
        self._empty_database()
        with broker(kind) as address:
            yield replace(self, bootstrap=address)

    def _empty_database(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(_MEMORY)

    def _create(self) -> bool:
        try:
            ensure_topics(self.bootstrap, self._topics)
        except KafkaException:
            return False
        return True

    @contextlib.contextmanager
    def worker(self, app_id: str | None = None, **settings: str) -> Iterator[WorkerProcess]:
        """A ``catalyst worker`` of this place, ended when it is left."""
        process = WorkerProcess(self, app_id or f"bench-{uuid.uuid4().hex[:8]}", settings)
        try:
            yield process.start()
        finally:
            process.kill()


@dataclass
class WorkerProcess:
    """A worker as users run it."""

    place: Place
    app_id: str
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0

    @property
    def log(self) -> Path:
        """What it says."""
        return self.place.directory / f"worker-{self.port}.log"

    def start(self) -> WorkerProcess:
        """Start it; whether it is ready, ``ready`` tells."""
        environment = {
            "KAFKA_BROKER": self.place.bootstrap,
            "TIMESCALE_DSN": self.place.dsn,
            "DATA_DIR": str(self.place.directory),
            "APP_ID": self.app_id,
            "QUOTE_PARTITIONS": str(self.place.partitions),
            "WEB_PORT": str(self.port),
            "LOG_LEVEL": "warning",
            **self.place.extra,
            **self.settings,
        }
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", "worker"],
                env=os.environ | environment,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        return self

    def check(self) -> None:
        """Raise RuntimeError when it has ended."""
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the worker ended: {self.log.read_text()[-2000:]}")

    def get(self, path: str) -> str:
        """What it answers over HTTP."""
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def ready(self) -> bool:
        """Whether it takes records."""
        self.check()
        try:
            return bool(json.loads(self.get("/ready"))["ready"])
        except (URLError, OSError):
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while it does not answer."""
        try:
            lines = self.get("/metrics").splitlines()
        except (URLError, OSError):
            return 0.0
        found = [line for line in lines if line.startswith(name) and line[len(name)] in " {"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def cpu_s(self) -> float:
        """Seconds of processor that it has taken."""
        times = psutil.Process(self._pid()).cpu_times()
        return float(times.user + times.system)

    def memory_mb(self) -> float:
        """Memory that is its own."""
        return float(psutil.Process(self._pid()).memory_info().rss / 1e6)

    def _pid(self) -> int:
        self.check()
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class TopicReader:
    """Reads a topic of one partition from its beginning, on and on."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"bench-{uuid.uuid4().hex[:8]}",
                "fetch.queue.backoff.ms": 5,
                # The embedded broker looks for news a few times in this span.
                "fetch.wait.max.ms": 10,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, 0)])

    def read(self, timeout_s: float = 0.1) -> list[tuple[float, bytes]]:
        """New records: when they were sent (seconds of the wall clock), and their values."""
        return [
            (message.timestamp()[1] / 1000, message.value())
            for message in self._consumer.consume(1000, timeout=timeout_s)
            if message.error() is None and message.value() is not None
        ]

    def close(self) -> None:
        """Let go."""
        self._consumer.close()
