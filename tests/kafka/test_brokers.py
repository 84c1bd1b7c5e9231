"""Apache Kafka from its jars, and what both kinds of broker must do for a group of workers."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import TopicPartition as Partition
from confluent_kafka.admin import AdminClient

from ops.kafka import KafkaCluster
from ops.kafka.jars import KafkaUnavailable, find_java, kafka_jars
from streams.errors import UserError
from tests.brokers import create_topic, unique

DEADLINE = 180.0

MEMBER = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener

class Tell(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        pass
    def on_partitions_assigned(self, assigned):
        print("assigned", *sorted(p.partition for p in assigned), flush=True)

async def main(bootstrap, topic, group):
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest",
        enable_auto_commit=False, session_timeout_ms=6000, heartbeat_interval_ms=1000,
        rebalance_timeout_ms=5000,
    )
    consumer.subscribe([topic], listener=Tell())
    await consumer.start()
    async for message in consumer:
        await consumer.commit()
        print("read", message.partition, message.offset, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


class Member:
    """A consumer in a process of its own, which tells what it is assigned and what it reads."""

    def __init__(self, bootstrap: str, topic: str, group: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MEMBER, bootstrap, topic, group],
                stdout=out,
                stderr=subprocess.DEVNULL,
            )

    def lines(self, kind: str) -> list[list[int]]:
        complete = self.log.read_text().rpartition("\n")[0].splitlines()
        words = (line.split() for line in complete)
        return [[int(word) for word in rest] for first, *rest in words if first == kind]

    def assigned(self) -> list[int]:
        told = self.lines("assigned")
        return told[-1] if told else []

    def read(self) -> set[tuple[int, int]]:
        return {(partition, offset) for partition, offset in self.lines("read")}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def members(bootstrap: str, topic: str, logs: Path) -> Iterator[list[Member]]:
    """Two members of a group of their own."""
    group = unique("members")
    with ExitStack() as stack:
        both: list[Member] = []
        for name in ("first", "second"):
            member = Member(bootstrap, topic, group, logs / name)
            stack.callback(member.kill)
            both.append(member)
        yield both


def wait_until(what: str, done: Callable[[], bool], seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def produce(bootstrap: str, topic: str, values: list[str], partition: int = 0) -> list[str]:
    """Produce with acks=all; return the errors."""
    errors: list[str] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            errors.append(error.name())

    producer = Producer(
        {"bootstrap.servers": bootstrap, "acks": "all", "message.timeout.ms": 20_000}
    )
    for value in values:
        producer.produce(topic, value, partition=partition, on_delivery=delivered)
    left = producer.flush(30)
    return errors + ["NOT_SENT"] * left


def consume(bootstrap: str, topic: str, count: int) -> list[str]:
    """Read `count` records of partition 0 from the start."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": unique("read")})
    consumer.assign([Partition(topic, 0, OFFSET_BEGINNING)])
    values: list[str] = []
    deadline = time.monotonic() + DEADLINE
    try:
        while len(values) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                values.append((message.value() or b"").decode())
    finally:
        consumer.close()
    return values


@pytest.mark.kafka
def test_confluent_kafka_reads_what_it_wrote(kafka_broker: KafkaCluster) -> None:
    topic = create_topic(kafka_broker.bootstrap, "confluent")
    values = [f"{number}" for number in range(1000)]
    assert produce(kafka_broker.bootstrap, topic, values) == []
    assert consume(kafka_broker.bootstrap, topic, len(values)) == values


@pytest.mark.asyncio
async def test_aiokafka_reads_what_it_wrote(broker: str) -> None:
    topic = create_topic(broker, "aiokafka", partitions=2)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await producer.start()
    try:
        for number in range(100):
            await producer.send(
                topic, b"%d" % number, key=b"k", partition=1, headers=[("h", b"%d" % number)]
            )
        await producer.flush()
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 1)])
        async with asyncio.timeout(DEADLINE):
            records = [await consumer.getone() for _ in range(100)]
    finally:
        await consumer.stop()
    assert [record.value for record in records] == [b"%d" % number for number in range(100)]
    assert [record.headers for record in records] == [(("h", b"%d" % n),) for n in range(100)]


def test_a_group_hands_over_when_a_member_is_killed(broker: str, tmp_path: Path) -> None:
    topic = create_topic(broker, "handover", partitions=4)
    for partition in range(4):
        assert produce(broker, topic, ["before"], partition) == []
    with members(broker, topic, tmp_path) as (first, second):
        wait_until(
            "both share the partitions",
            lambda: (
                len(first.assigned()) == 2
                and sorted(first.assigned() + second.assigned()) == [0, 1, 2, 3]
            ),
        )
        wait_until("all is read", lambda: len(first.read() | second.read()) == 4)
        first.process.send_signal(signal.SIGKILL)
        for partition in range(4):
            assert produce(broker, topic, ["after"], partition) == []
        wait_until("the other takes all over", lambda: second.assigned() == [0, 1, 2, 3])
        wait_until(
            "nothing is left unread",
            lambda: {(partition, 1) for partition in range(4)} <= first.read() | second.read(),
        )


@pytest.mark.kafka
def test_topics_are_not_made_by_asking_for_them(kafka_broker: KafkaCluster) -> None:
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    name = unique("unknown")
    assert admin.list_topics(name, timeout=10).topics[name].error is not None
    assert name not in admin.list_topics(timeout=10).topics


@pytest.mark.kafka
def test_messages_above_the_topics_limit_are_refused(kafka_broker: KafkaCluster) -> None:
    topic = create_topic(kafka_broker.bootstrap, "limit", max_message_bytes="2000")
    assert produce(kafka_broker.bootstrap, topic, ["x" * 1000]) == []
    assert produce(kafka_broker.bootstrap, topic, ["x" * 3000]) == ["MSG_SIZE_TOO_LARGE"]


@pytest.mark.kafka
def test_one_dead_broker_of_three_does_not_stop_a_topic(kafka_cluster3: KafkaCluster) -> None:
    bootstrap = kafka_cluster3.bootstrap
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = create_topic(bootstrap, "replicated", replicas=3, min_insync_replicas="2")
    assert produce(bootstrap, topic, ["all three"]) == []
    leader = admin.list_topics(topic, timeout=10).topics[topic].partitions[0].leader
    killed = leader - 1

    def in_sync() -> set[int]:
        try:
            return set(admin.list_topics(topic, timeout=10).topics[topic].partitions[0].isrs)
        except KafkaException:
            return set()

    wait_until("all replicas are in sync", lambda: in_sync() == {1, 2, 3})
    kafka_cluster3.kill_broker(killed)
    try:
        assert produce(bootstrap, topic, ["two", "two again"]) == []
        wait_until("the dead one is out", lambda: in_sync() == {1, 2, 3} - {leader})
    finally:
        kafka_cluster3.restart_broker(killed)
    wait_until("it has caught up", lambda: in_sync() == {1, 2, 3})
    assert produce(bootstrap, topic, ["three again"]) == []
    assert consume(bootstrap, topic, 4) == ["all three", "two", "two again", "three again"]


@pytest.mark.kafka
def test_a_restarted_broker_keeps_its_records(kafka_broker: KafkaCluster, tmp_path: Path) -> None:
    # `kafka_broker` only skips the test where Kafka cannot run.
    with KafkaCluster(1, tmp_path) as cluster:
        topic = create_topic(cluster.bootstrap, "durable")
        assert produce(cluster.bootstrap, topic, ["kept"]) == []
        cluster.kill_broker(0)
        cluster.restart_broker(0)
        assert consume(cluster.bootstrap, topic, 1) == ["kept"]


@pytest.mark.kafka
def test_brokers_die_with_their_parent(kafka_broker: KafkaCluster, tmp_path: Path) -> None:
    # `kafka_broker` only skips the test where Kafka cannot run.
    with subprocess.Popen(
        [sys.executable, "-m", "ops.kafka", "--port", "0", "--data-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as command:
        assert command.stdout is not None
        said = next(line for line in command.stdout if "answers at" in line)
        bootstrap = said.split("answers at ")[1].split(";")[0]
        topic = create_topic(bootstrap, "orphan")
        assert produce(bootstrap, topic, ["x"]) == []
        command.kill()
        command.wait()

    def silent() -> bool:
        try:
            AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=0.5)
        except KafkaException:
            return True
        return False

    wait_until("the broker has gone", silent, 15)


@pytest.mark.kafka
def test_the_command_stops_kafka_on_ctrl_c(kafka_broker: KafkaCluster, tmp_path: Path) -> None:
    # `kafka_broker` only skips the test where Kafka cannot run.
    with subprocess.Popen(
        [sys.executable, "-m", "ops.kafka", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as command:
        assert command.stdout is not None
        next(line for line in command.stdout if "answers at" in line)
        assert list(tmp_path.iterdir())
        command.send_signal(signal.SIGINT)
        assert "has stopped" in command.stdout.read()
        assert command.wait(10) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kafka
def test_a_port_in_use_is_one_line(kafka_broker: KafkaCluster, tmp_path: Path) -> None:
    port = int(kafka_broker.bootstrap.rpartition(":")[2])
    with pytest.raises(UserError, match=f"Port {port} on 127.0.0.1 is in use; "):
        KafkaCluster(1, tmp_path, port).start()


def test_two_brokers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one broker or three, not 2"):
        KafkaCluster(2, tmp_path)


def test_a_machine_without_java_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(KafkaUnavailable, match="needs Java 17 or newer; install it"):
        KafkaCluster(1, tmp_path / "data").start()


def test_an_old_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'java version \"1.8.0_402\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(KafkaUnavailable, match="is 8; install a newer one"):
        find_java()


def test_a_machine_without_maven_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(KafkaUnavailable, match="Maven fetches"):
        kafka_jars()
