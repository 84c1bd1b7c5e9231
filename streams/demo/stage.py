"""The parts of a demo and the directory they live in."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from streams.demo.producer import ProducerPlan
from streams.errors import UserError
from streams.instance import Addresses, InstanceLock, running_owner
from streams.servers import start_servers
from streams.settings import Settings
from streams.supervisor import Member, Program, Supervisor
from streams.topics import all_topics, ensure_topics
from timescale.migrate import migrate

PREFIX = "catalyst-demo-"
STALE_S = 60.0
REMOVE_S = 2.0

Report = Callable[[str], None]


@dataclass
class Stage:
    """Starts the parts in order and ends them; ``close`` may be called at any moment."""

    settings: Settings
    data_dir: Path
    keep: bool
    report: Report
    supervisor: Supervisor = field(default_factory=Supervisor)
    addresses: Addresses | None = None
    producer: Program | None = None
    web_port: int = 0
    _lock: InstanceLock | None = None

    @classmethod
    def open(cls, settings: Settings, data_dir: Path | None, report: Report) -> Stage:
        """Take a directory for this run alone: a fresh one, or ``data_dir``, which is kept.

        Raises:
            UserError: it cannot be written, or another instance uses it.
        """
        remove_stale()
        try:
            place = data_dir or Path(tempfile.mkdtemp(prefix=PREFIX))
        except OSError as exc:
            raise UserError(
                f"no temporary directory can be made ({exc.strerror}): free some space, "
                "or choose a directory with --data-dir"
            ) from None
        stage = cls(settings, place, data_dir is not None, report)
        stage._lock = InstanceLock(place, "demo")
        return stage

    def start(self, plan: ProducerPlan, flags: dict[str, Any]) -> None:
        """Start everything; returns when the market is being produced.

        Raises:
            UserError, TimescaleError: a part cannot start.
        """
        self.web_port = claim_port(self.settings.web_host, self.settings.web_port)
        self.report("starting broker and database")
        self.addresses = start_servers(self.data_dir, self.supervisor, on_progress=self.report)
        if self._lock is not None:
            self._lock.publish(self.addresses)
        self.report("creating topics")
        ensure_topics(self.addresses.kafka_broker, all_topics(self.settings))
        self.report("migrating the database")
        migrate(self.addresses.timescale_dsn)
        env = self._environment(self.addresses, flags)
        self.report("starting worker and producer")
        self._program("worker", ["worker"], env)
        self.producer = self._program("producer", plan.arguments(), env, ends=True)

    def close(self) -> None:
        """End all parts, remove what was temporary, give up the lock."""
        if self.keep:
            self.supervisor.stop()
        else:
            self.supervisor.kill()
            self._remove()
        if self._lock is not None:
            self._lock.release()

    def _remove(self) -> None:
        """Remove the directory, as far as that is done soon; the next demo removes the rest."""
        work = Thread(target=shutil.rmtree, args=(self.data_dir, True), daemon=True)
        work.start()
        work.join(REMOVE_S)

    @property
    def producer_log(self) -> Path:
        """What the producer says; its summary is the last line."""
        return self.data_dir / "producer.log"

    def _program(
        self, name: str, command: list[str], env: dict[str, str], *, ends: bool = False
    ) -> Program:
        log = self.data_dir / f"{name}.log"
        log.unlink(missing_ok=True)
        program = Program([sys.executable, "-m", "streams.cli", *command], log, env)
        self.supervisor.add(Member(name, program, log, expected_to_end=ends))
        return program

    def _follow_everything(self) -> dict[str, str]:
        """The account at the end holds every quote against the rows: none may be left out.

        Rows of all tiers end with those of ``high_freq``, so that it is known when they are due.
        """
        interval = str(self.settings.high_freq_interval)
        return {
            "TOP_CANDIDATES_TO_TRACK": "10000",
            "MEDIUM_FREQ_INTERVAL": interval,
            "LOW_FREQ_INTERVAL": interval,
        }

    def _environment(self, addresses: Addresses, flags: dict[str, Any]) -> dict[str, str]:
        # By environment, not by argument: the arguments of a process are public, a DSN is not.
        return {
            **os.environ,
            "LOG_FORMAT": "console",
            **self._follow_everything(),
            **{name.upper(): str(value) for name, value in flags.items()},
            "KAFKA_BROKER": addresses.kafka_broker,
            "TIMESCALE_DSN": addresses.timescale_dsn,
            "DATA_DIR": str(self.data_dir),
            "WEB_PORT": str(self.web_port),
            "NO_COLOR": "1",
        }


def claim_port(host: str, port: int) -> int:
    """``port`` if it can be opened, a free one for 0.

    Raises:
        UserError: it cannot be opened.
    """
    try:
        with socket.create_server((host, port)) as probe:
            chosen: int = probe.getsockname()[1]
            return chosen
    except OSError as exc:
        raise UserError(
            f"port {port} on {host} cannot be opened ({exc.strerror}): end what uses it (another "
            "catalyst demo or worker?), or choose one with --web-port (0: a free one)"
        ) from None


def remove_stale() -> None:
    """Remove the directories of demos that were killed before they could."""
    now = time.time()
    for place in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            status = place.lstat()
            ours = status.st_uid == os.getuid() and now - status.st_mtime > STALE_S
        except OSError:
            continue
        if ours and place.is_dir() and not place.is_symlink() and running_owner(place) is None:
            shutil.rmtree(place, ignore_errors=True)
