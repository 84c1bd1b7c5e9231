"""A PostgreSQL of the machine, such as Debian's packages install, for what the embedded one cannot.

It need not have TimescaleDB: the table of ticks is made with its key and without its chunks then.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from timescale.migrate import MIGRATIONS
from timescale.statements import split_statements

_PATIENCE_S = 60


def binaries() -> Path | None:
    """Where ``initdb`` and ``postgres`` are, None where they are not installed."""
    found = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else versions[-1].parent if versions else None


def make_ticks(dsn: str) -> None:
    """The table of ticks as the migration has it, but for what is TimescaleDB's."""
    statements = split_statements((MIGRATIONS / "0002_ticks.sql").read_text())
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            if "create_hypertable" not in statement:
                connection.execute(statement.encode())


class NativePostgres:
    """A server on a directory of its own, on loopback, which trusts everybody."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._directory = Path(tempfile.mkdtemp(prefix="catalyst-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._account: dict[str, Any] = {}
        if os.geteuid() == 0:  # as whom it refuses to run
            nobody = pwd.getpwnam("nobody")
            os.chown(self._directory, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    @property
    def dsn(self) -> str:
        """Its address."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        data = self._directory / "data"
        if not data.exists():
            self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        log = (self._directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", data, "-p", str(self._port),
                    "-k", self._directory, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
                ],
                stdout=log, stderr=log, start_new_session=True,
                cwd=self._directory, **self._account,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self.dsn).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError((self._directory / "log").read_text()[-2000:]) from None
                time.sleep(0.05)

    def kill(self) -> None:
        """End it at once with all its sessions, as a crash would."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End it in order, without waiting for its sessions."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE_S)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(
            command, check=True, cwd=self._directory, capture_output=True, **self._account
        )
