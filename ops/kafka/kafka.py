"""A Kafka cluster of one or three brokers on loopback, each a Java process."""

import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.kafka.jars import find_java, kafka_jars
from streams.embedded.process import GuardedProcess
from streams.errors import UserError

HOST = "127.0.0.1"
CLUSTER_ID = "Y2F0YWx5c3Qtc3RyZWFtcw"  # 16 bytes in base64, as Kafka wants it
START_SECONDS = 90.0
STOP_SECONDS = 5.0
_LOGGING = Path(__file__).with_name("log4j2.properties")
_JVM = ("-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")


class KafkaCluster:
    """Apache Kafka in KRaft mode, every broker a controller too; one broker or three.

    `data_dir` takes logs and data and is created when missing; a directory that already holds a
    cluster of ours is gone on with. Without `port` free ports are chosen, with it broker `i`
    listens on `port + i`. Brokers are named by their index from 0. All of them end with this
    process, however it ends.
    """

    def __init__(self, brokers: int, data_dir: Path, port: int = 0) -> None:
        if brokers not in (1, 3):
            raise UserError(f"A cluster has one broker or three, not {brokers}.")
        self._data_dir = data_dir
        self._wanted_port = port
        self._count = brokers
        self._ports: list[int] = []
        self._processes: dict[int, GuardedProcess] = {}

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, `host:port,..`."""
        return ",".join(f"{HOST}:{port}" for port in self._ports[: self._count])

    def pid(self, index: int) -> int:
        """Process id of a running broker; KeyError when it does not run."""
        return self._processes[index].pid

    def poll(self) -> int | None:
        """Exit code of a broker that has ended by itself, None while all run."""
        codes = (process.poll() for process in self._processes.values())
        return next((code for code in codes if code is not None), None)

    def log_file(self, index: int) -> Path:
        """What a broker says, in all its runs."""
        return self._data_dir / f"broker-{index}.log"

    def check_prerequisites(self) -> None:
        """Find Java and the jars, which Maven fetches the first time.

        Raises KafkaUnavailable without Java or Maven, UserError when the jars cannot be fetched.
        """
        self._java = find_java()
        self._jars = kafka_jars()

    def start(self) -> Self:
        """Format the storage, start all brokers and wait until they answer.

        Raises KafkaUnavailable without Java or Maven, UserError when a broker does not come up.
        """
        self.check_prerequisites()
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._ports = _choose_ports(self._count, self._wanted_port)
            for index in range(self._count):
                self._config_file(index).write_text(self._config(index))
        except OSError as error:
            raise UserError(
                f"{self._data_dir} cannot be written ({error.strerror}); choose another directory."
            ) from error
        try:
            self._format_all()
            for index in range(self._count):
                self._launch(index)
            self._wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all brokers, at the latest by force after five seconds. May be called again."""
        for process in self._processes.values():
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._processes:
            _, process = self._processes.popitem()
            process.stop(max(0.0, deadline - time.monotonic()))

    def kill_broker(self, index: int) -> None:
        """End one broker as a crash would; KeyError when it does not run."""
        self._processes.pop(index).kill()

    def stop_broker(self, index: int, grace: float = 30.0) -> None:
        """Shut one broker down in order, so that it hands over what it leads first."""
        self._processes.pop(index).stop(grace)

    def restart_broker(self, index: int) -> None:
        """Start a broker that was killed or stopped, on its own data, and wait until it is in."""
        if index in self._processes:
            raise UserError(f"Broker {index} runs; kill or stop it first.")
        self._launch(index)
        self._wait_ready()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _config_file(self, index: int) -> Path:
        return self._data_dir / f"broker-{index}.properties"

    def _config(self, index: int) -> str:
        controllers = self._ports[self._count :]
        voters = (f"{i + 1}@{HOST}:{port}" for i, port in enumerate(controllers))
        replicas = self._count
        settings = {
            "process.roles": "broker,controller",
            "node.id": index + 1,
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{HOST}:{self._ports[index]},"
            f"CONTROLLER://{HOST}:{controllers[index]}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self._ports[index]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._data_dir / f"data-{index}",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min(2, replicas),
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": min(2, replicas),
            "group.initial.rebalance.delay.ms": 0,
            # A dead broker is noticed in three seconds instead of nine.
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,
            # The default takes 128 MB of the heap at the start.
            "log.cleaner.dedupe.buffer.size": 8 << 20,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _java_command(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={_LOGGING}"
        return [self._java, *_JVM, logging, "-cp", f"{self._jars}/*", main, *arguments]

    def _format_all(self) -> None:
        for index in range(self._count):
            options = ["--cluster-id", CLUSTER_ID, "--ignore-formatted"]
            options += ["--config", str(self._config_file(index))]
            command = self._java_command("kafka.tools.StorageTool", "format", *options)
            self._processes[index] = GuardedProcess(command, self.log_file(index))
        self._wait(START_SECONDS, "format its storage", self._all_formatted)
        self.stop()

    def _all_formatted(self) -> bool:
        codes = [process.poll() for process in self._processes.values()]
        for index, code in enumerate(codes):
            if code:
                raise _ended(index, code, self.log_file(index))
        return all(code == 0 for code in codes)

    def _launch(self, index: int) -> None:
        command = self._java_command("kafka.Kafka", str(self._config_file(index)))
        self._processes[index] = GuardedProcess(command, self.log_file(index))

    def _wait_ready(self) -> None:
        self._wait(START_SECONDS, "answer", self._all_joined)

    def _all_joined(self) -> bool:
        """Whether every started broker knows every other one."""
        for index, process in self._processes.items():
            if (code := process.poll()) is not None:
                raise _ended(index, code, self.log_file(index))
        wanted = {index + 1 for index in self._processes}
        return all(wanted <= _known_brokers(self._ports[index]) for index in self._processes)

    def _wait(self, seconds: float, what: str, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise UserError(
                    f"Apache Kafka did not {what} within {seconds:.0f} s; {self._data_dir}/*.log"
                    " say why."
                )
            time.sleep(0.05)


def _known_brokers(port: int) -> set[int]:
    """Ids of the brokers that the one at `port` lists; empty while it does not answer."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            pass
        admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0})
        return set(admin.list_topics(timeout=2).brokers)
    except (OSError, KafkaException):
        return set()


def _choose_ports(count: int, first: int) -> list[int]:
    """Ports for the clients of each broker, then for the controllers."""
    wanted: Sequence[int] = [first + i if first else 0 for i in range(count)] + [0] * count
    probes: list[socket.socket] = []
    try:
        for port in wanted:
            try:
                probes.append(socket.create_server((HOST, port)))
            except (OSError, OverflowError):
                raise UserError(
                    f"Port {port} on {HOST} is in use; stop the program that listens there or"
                    " choose another port (0 takes free ones)."
                ) from None
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _ended(index: int, code: int, log: Path) -> UserError:
    return UserError(f"Kafka broker {index} ended at once (exit code {code}); {log} says why.")
