"""Fixtures with real brokers: the embedded one, and Apache Kafka with one broker or three.

They live for the whole session and are shared: a test takes topics and groups of its own by
`unique`.
"""

import os
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from ops.kafka import KafkaCluster, KafkaUnavailable
from streams.embedded.broker import EmbeddedBroker


def unique(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


def create_topic(
    bootstrap: str, name: str, partitions: int = 1, replicas: int = 1, **config: str
) -> str:
    """Create a topic of a unique name that begins with `name`; return the name."""
    topic = unique(name)
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    made = admin.create_topics([NewTopic(topic, partitions, replicas, config=settings)])
    made[topic].result(timeout=30)
    return topic


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with _kafka(tmp_path_factory, 1) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka_cluster3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with _kafka(tmp_path_factory, 3) as cluster:
        yield cluster


@pytest.fixture(params=["tansu", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    """Bootstrap address of each kind of broker in turn."""
    if request.param == "tansu":
        embedded: EmbeddedBroker = request.getfixturevalue("embedded_broker")
        return embedded.address
    kafka: KafkaCluster = request.getfixturevalue("kafka_broker")
    return kafka.bootstrap


def _kafka(tmp_path_factory: pytest.TempPathFactory, brokers: int) -> KafkaCluster:
    cluster = KafkaCluster(brokers, tmp_path_factory.mktemp(f"kafka{brokers}"))
    try:
        cluster.check_prerequisites()
    except KafkaUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must run the Kafka tests: {error}")
        pytest.skip(str(error))
    return cluster
