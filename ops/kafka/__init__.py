"""Apache Kafka itself, from its Maven jars, for the tests and for a try on one machine."""

from ops.kafka.jars import KafkaUnavailable
from ops.kafka.kafka import KafkaCluster

__all__ = ["KafkaCluster", "KafkaUnavailable"]
