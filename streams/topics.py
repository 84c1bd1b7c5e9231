"""Every topic, declared once, and the partitioner that producers of ours share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import get_args

from aiokafka.partitioner import murmur2
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic
from msgspec import Struct

from schemas.bars import Bars
from schemas.news import Catalyst, News, Security
from schemas.quotes import Quote, QuoteFrame
from schemas.signals import Alert, Outcome, Pattern, PatternType
from schemas.tracking import Scan, ScanRequest, TrackingState, TradingCandidates
from streams.errors import UserError
from streams.settings import Settings

PATTERN_TYPES: tuple[str, ...] = get_args(PatternType)
MAX_MESSAGE_BYTES = 4 << 20


@dataclass(frozen=True)
class Topic:
    """A topic as it must exist before a worker starts."""

    name: str
    description: str
    message: tuple[type[Struct], ...] = ()
    partitions: int = 1
    config: dict[str, str] = field(default_factory=dict)


QUOTES = "quotes"
NEWS = "news"
SECURITIES = "securities"
BARS = "bars"
CATALYSTS = "catalysts"
UNIVERSE = "universe"
SCANS = "scans"
SCAN_REQUESTS = "scan_requests"
ALERTS = "signals.alerts"
OUTCOMES = "signals.outcomes"
TRADING_CANDIDATES = "signals.trading_candidates"
PATTERNS = {name: f"signals.{name}" for name in PATTERN_TYPES}
SIGNALS = tuple(PATTERNS.values())

_DEFAULTS = {"cleanup.policy": "delete", "max.message.bytes": str(MAX_MESSAGE_BYTES)}
_COMPACTED = {"cleanup.policy": "compact"}
_INPUTS = (QUOTES, NEWS, SECURITIES, BARS, CATALYSTS, SCAN_REQUESTS)


def dead_letter(topic: str) -> str:
    """Where rejected records of ``topic`` go."""
    return f"{topic}.dlq"


def dead_letter_topic(topic: str) -> Topic:
    """The topic for rejected records of ``topic``, also of one that is not ours."""
    return Topic(dead_letter(topic), f"rejected records of {topic}", config=_DEFAULTS)


def all_topics(settings: Settings) -> list[Topic]:
    """Every topic with its partitions and policy."""
    topics = [
        Topic(
            QUOTES, "quotes, single or in frames", (Quote, QuoteFrame), settings.quote_partitions
        ),
        Topic(NEWS, "news items", (News,)),
        Topic(SECURITIES, "reference data", (Security,), config=_COMPACTED),
        Topic(CATALYSTS, "news as it bears on one symbol", (Catalyst,)),
        Topic(BARS, "one-minute bars of each quotes partition", (Bars,)),
        Topic(UNIVERSE, "state of tracked symbols", (TrackingState,), config=_COMPACTED),
        Topic(SCANS, "scan results", (Scan,)),
        Topic(SCAN_REQUESTS, "scans that are asked for before they are due", (ScanRequest,)),
        *(Topic(name, "discovered patterns", (Pattern,)) for name in SIGNALS),
        Topic(TRADING_CANDIDATES, "changes of the top candidates", (TradingCandidates,)),
        Topic(OUTCOMES, "actual outcomes of patterns", (Outcome,)),
        Topic(ALERTS, "operational alerts", (Alert,)),
        *map(dead_letter_topic, _INPUTS),
    ]
    return [replace(topic, config={**_DEFAULTS, **topic.config}) for topic in topics]


def ensure_topics(
    bootstrap: str, topics: list[Topic], *, replication: int = -1, timeout_s: float = 15.0
) -> list[str]:
    """Create the topics that do not exist yet; return the names of those created.

    ``replication`` -1 takes the broker's default.

    Raises:
        UserError: the broker cannot be reached, or a topic exists with other partitions.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    existing = topic_partitions(admin, bootstrap, timeout_s)
    _check_partitions(topics, existing)
    missing = [topic for topic in topics if topic.name not in existing]
    requests = [
        NewTopic(t.name, t.partitions, replication_factor=replication, config=t.config)
        for t in missing
    ]
    if requests:
        for name, future in admin.create_topics(requests, operation_timeout=timeout_s).items():
            try:
                future.result()
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise UserError(f"topic {name} not created: {exc.args[0].str()}") from None
    return [topic.name for topic in missing]


def topic_partitions(admin: AdminClient, bootstrap: str, timeout_s: float) -> dict[str, int]:
    """How many partitions each existing topic has."""
    try:
        metadata = admin.list_topics(timeout=timeout_s)
    except KafkaException as exc:
        raise UserError(
            f"no Kafka broker answers at {bootstrap} ({exc.args[0].str()}): "
            "start one (catalyst up, make kafka) or set KAFKA_BROKER"
        ) from None
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def check_topics(bootstrap: str, topics: list[Topic], timeout_s: float = 15.0) -> dict[str, str]:
    """The id that the broker gave each topic at its creation.

    A topic that was deleted and made again, or a broker that lost its memory, has another id: what
    is remembered by offset must be remembered by this id too.

    Raises:
        UserError: no broker answers, or a topic is missing or has other partitions.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    existing = topic_partitions(admin, bootstrap, timeout_s)
    missing = [topic.name for topic in topics if topic.name not in existing]
    if missing:
        raise UserError(f"no topic {missing[0]} ({len(missing)} missing): run catalyst topics")
    _check_partitions(topics, existing)
    names = TopicCollection([topic.name for topic in topics])
    futures = admin.describe_topics(names, request_timeout=timeout_s)
    return {name: str(future.result().topic_id) for name, future in futures.items()}


def _check_partitions(topics: list[Topic], existing: dict[str, int]) -> None:
    for topic in topics:
        found = existing.get(topic.name, topic.partitions)
        if found != topic.partitions:
            raise UserError(
                f"topic {topic.name} has {found} partitions, not {topic.partitions}: "
                f"set QUOTE_PARTITIONS={found} or delete the topic"
            )


def partition_of(symbol: str, partitions: int) -> int:
    """The partition of a symbol: murmur2 of the key, as Kafka's Java clients choose it."""
    return int(murmur2(symbol.encode()) & 0x7FFFFFFF) % partitions
