"""Starts and stops the embedded TimescaleDB server."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil

from timescale.embedded.engine import HERE, TEMPLATE, ensure_engine, node_executable
from timescale.errors import TimescaleError

SERVER_NAME = "embedded TimescaleDB"  # begins the lines of the front in the log
USER = "postgres"
DATABASE = "catalyst"
START_TIMEOUT_S = 120.0  # a WAL replay after a crash can be long
STOP_TIMEOUT_S = 10.0


class EmbeddedTimescale:
    """One TimescaleDB server process on a data directory of its own.

    The data directory holds the cluster (`pgdata`), the `password` (mode 0600), `server.json` (the
    address, while it runs), `server.lock` and `server.log`. The process ends with its parent.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str | None = None,
        idle_in_transaction_timeout_s: float = 60.0,
        cache_dir: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.host = host
        self.port = port
        self._password = password
        self._idle_s = idle_in_transaction_timeout_s
        self._cache_dir = cache_dir
        self._process: subprocess.Popen[str] | None = None
        self._log_begin = 0

    @property
    def dsn(self) -> str:
        """The address with user and password, for psycopg. Known once started."""
        if self._password is None or self.port == 0:
            raise TimescaleError("the embedded TimescaleDB has not been started")
        return _dsn(self.host, self.port, self._password)

    @property
    def pid(self) -> int | None:
        """The server's process id, also after its end."""
        return self._process.pid if self._process else None

    @property
    def returncode(self) -> int | None:
        """The exit code once the server has ended, None before."""
        return self.poll()

    @property
    def log_file(self) -> Path:
        """What the server and its engine had to say."""
        return self.data_dir / "server.log"

    def poll(self) -> int | None:
        """The exit code once the server has ended, None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> Self:
        """Returns when the server takes connections. Raises TimescaleError when it cannot."""
        if self._process and self._process.poll() is None:
            return self
        engine = ensure_engine(self._cache_dir)
        try:
            self._prepare_directory(engine)
            self._process = self._spawn(engine)
        except OSError as error:
            raise TimescaleError(f"cannot use {self.data_dir}: {error.strerror}") from error
        self.port = self._await_ready(self._process)
        self._password = (self.data_dir / "password").read_text().strip()
        return self

    def stop(self) -> None:
        """Ends the server: open transactions are rolled back, the data is closed cleanly."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:  # in the middle of a long statement
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _prepare_directory(self, engine: Path) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        cluster = self.data_dir / "pgdata"
        if cluster.exists():
            return
        with tempfile.TemporaryDirectory(prefix=".pgdata-", dir=self.data_dir) as draft:
            copy = Path(draft) / "pgdata"
            shutil.copytree(engine / TEMPLATE, copy)
            try:
                copy.rename(cluster)
            except OSError:
                # When another process was faster, its cluster stands; the lock decides who runs.
                if not cluster.exists():
                    raise

    def _spawn(self, engine: Path) -> subprocess.Popen[str]:
        options = {
            "engine": engine,
            "data-dir": self.data_dir,
            "host": self.host,
            "port": self.port,
            "idle-in-transaction-timeout": self._idle_s,
        }
        command = [str(node_executable()), str(HERE / "front.mjs"), "--exit-with-parent"]
        command += [f"--{name}={value}" for name, value in options.items()]
        environment = dict(os.environ)
        if self._password is not None:
            environment["CATALYST_TIMESCALE_PASSWORD"] = self._password
        with self.log_file.open("ab") as log:
            self._log_begin = log.tell()
            return subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                # Ctrl-C in a terminal is for the parent, which then stops the server in order.
                start_new_session=True,
            )

    def _await_ready(self, process: subprocess.Popen[str]) -> int:
        alarm = threading.Timer(START_TIMEOUT_S, process.kill)
        alarm.start()
        try:
            line = process.stdout.readline() if process.stdout else ""
        finally:
            alarm.cancel()
        if line:
            return int(json.loads(line)["port"])
        code = process.wait()
        self.stop()
        raise TimescaleError(self._failure(code))

    def _failure(self, code: int) -> str:
        with self.log_file.open("rb") as log:
            log.seek(self._log_begin)
            lines = log.read().decode(errors="replace").splitlines()
        ours = [line for line in lines if line.startswith(SERVER_NAME)]
        if ours:
            return ours[-1]
        last = lines[-1] if lines else f"exit code {code}"
        return f"{SERVER_NAME}: did not start: {last} (see {self.log_file})"


def dsn_of(data_dir: Path) -> str:
    """The address of the server that runs on a data directory, started by any process.

    Raises TimescaleError when none runs there.
    """
    try:
        address = json.loads((data_dir / "server.json").read_text())
        if not psutil.pid_exists(address["pid"]):
            raise ProcessLookupError(address["pid"])
        password = (data_dir / "password").read_text().strip()
    except (OSError, ValueError, KeyError) as error:
        raise TimescaleError(f"no embedded TimescaleDB runs on {data_dir}") from error
    return _dsn(address["host"], address["port"], password)


def _dsn(host: str, port: int, password: str) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@{host}:{port}/{DATABASE}"
