"""``catalyst frame`` on real brokers: what a foreign feed says comes through, crash or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import orjson
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.tracking.tracker import PartitionTracker
from schemas.bars import PartitionBars
from schemas.quotes import QuoteColumns, decode_quotes
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S
from streams.embedded.broker import EmbeddedBroker
from streams.errors import UserError
from streams.framing import Framer, Framing
from streams.framing.source import ForeignTopic
from streams.producing import Delivery
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from streams.topics import all_topics, ensure_topics, partition_of
from tests.brokers import create_topic
from tests.unit.markets import as_table, market_minutes
from tests.workers import PARTITIONS, Settings, Site, until

SOURCES = 3
TOPICS = all_topics(Settings(_env_file=None, quote_partitions=PARTITIONS))


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("frame")) as started:
        ensure_topics(started.address, TOPICS)
        yield started


def command(source: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "streams.cli", "frame", "--from", source, *arguments]


def run(address: str, source: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        command(source, *arguments),
        env=os.environ | {"KAFKA_BROKER": address},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def singles(batch: QuoteColumns) -> list[tuple[str, bytes]]:
    """Each quote as a foreign producer writes it."""
    columns = (batch.ts, batch.price, batch.bid, batch.ask, batch.volume)
    return [
        (
            symbol,
            orjson.dumps(
                {
                    "type": "trade",
                    "symbol": symbol,
                    "ts": ts // US_PER_MS,
                    "price": price,
                    "bid": bid,
                    "ask": ask,
                    "volume": volume,
                }
            ),
        )
        for symbol, ts, price, bid, ask, volume in zip(
            batch.symbol, *(column.tolist() for column in columns), strict=True
        )
    ]


def send(address: str, topic: str, values: list[tuple[str, bytes]]) -> None:
    """By another partitioner than ours: neighbours in the alphabet share a partition."""
    producer = Producer({"bootstrap.servers": address, "linger.ms": 2})
    for symbol, value in values:
        producer.produce(topic, value, symbol.encode(), ord(symbol[0]) % SOURCES)
    assert producer.flush(20) == 0


class Reader:
    """Reads ``quotes`` on and on."""

    def __init__(self, address: str) -> None:
        self.consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
        self.consumer.assign([TopicPartition("quotes", p, 0) for p in range(PARTITIONS)])
        self.frames: list[tuple[int, QuoteColumns]] = []
        self.newest = 0

    def read(self) -> int:
        """How many quotes have come so far."""
        for message in self.consumer.consume(1000, timeout=0.02):
            if message.error() is None:
                frame = decode_quotes(message.value())
                self.frames.append((message.partition(), frame))
                self.newest = max(self.newest, *frame.ts.tolist(), 0)
        return sum(len(frame) for _, frame in self.frames)


def expected_bars(batches: list[QuoteColumns]) -> list[PartitionBars]:
    """Bars of the same quotes, sent directly to one tracker."""
    tracker, messages = PartitionTracker(0, 1, 5 * US_PER_S), []
    for offset, batch in enumerate(batches):
        tracker.take(batch, offset)
        messages += tracker.close_due()
    return messages + tracker.close_idle()


def test_killed_twice_it_gives_the_bars_of_the_quotes_sent_directly(site: Site) -> None:
    site.extra = {"IDLE_AFTER": "1"}
    environment = os.environ | site.environment
    starting = ThreadPoolExecutor(1).submit(site.worker)
    batches = list(SimulatedQuotes(SimulatedMarket(7, securities=12, minutes=12)))
    *backlog, flow = batches
    topic = create_topic(site.bootstrap, "trades", SOURCES)
    for batch in backlog:
        send(site.bootstrap, topic, singles(batch))
    reader = Reader(site.bootstrap)

    def feed() -> None:
        """The last minute, twenty times as fast as it was."""
        second = flow.ts % US_PER_MINUTE // US_PER_S
        for first in range(0, 60, 2):
            part = flow.take((second >= first) & (second < first + 2))
            send(site.bootstrap, topic, singles(part))
            time.sleep(0.1)

    feeding = threading.Thread(target=feed)
    # The first dies with some sent and nothing committed, the second in the flow.
    for reached in (0, int(flow.ts[0]) + 15 * US_PER_S):
        framer = subprocess.Popen(command(topic), env=environment, stderr=subprocess.DEVNULL)
        try:
            until(reader.read, 30, "the first frames")
            if reached:
                feeding.start()
                until(lambda: reader.read() and reader.newest >= reached, 30, "the flow")  # noqa: B023
        finally:
            framer.kill()
            framer.wait()
    last = subprocess.Popen(command(topic, "--json"), env=environment, stdout=subprocess.PIPE)
    try:
        worker = starting.result(60)
        expected = as_table(expected_bars(batches))
        until(lambda: len(as_table(market_minutes(site.bars()))) >= len(expected), 60, "every bar")
        last.send_signal(signal.SIGTERM)
        out, _ = last.communicate(timeout=20)
    finally:
        last.kill()
        feeding.join()
    assert as_table(market_minutes(site.bars())) == expected
    assert last.returncode == 0
    assert json.loads(out)["stopped"] is True
    total = sum(map(len, batches))
    taken_in = worker.metric("catalyst_quotes_total")
    repeats = sum(worker.metric(f"catalyst_{why}_total") for why in ("duplicates", "late"))
    assert taken_in - repeats == total
    until(lambda: reader.read() == taken_in, 20, "all that was framed")


def test_quotes_are_framed_and_bad_records_set_aside(own_broker: EmbeddedBroker) -> None:
    address = own_broker.address
    topic = create_topic(address, "trades", SOURCES)
    batches = list(SimulatedQuotes(SimulatedMarket(3, securities=20, minutes=5)))
    good = [one for batch in batches for one in singles(batch)]
    bad = {
        b"not json": "not_json",
        b'{"symbol":"AIG","price":5}': "invalid",
        b'{"symbol":"AIG","ts":17,"price":5}': "timestamp",
        b'{"frame":1,"symbol":[],"ts":[],"price":[]}': "frame",
        b'{"headline":"' + b"x" * 900_000 + b'"}': "too_large",
    }
    send(address, topic, [*good[:500], *(("K", value) for value in bad), *good[500:]])
    arguments = ("--until-end", "--json", "--max-rows", "100")
    code, out, err = run(address, topic, *arguments)
    assert (code, err) == (0, "")
    summary = json.loads(out)
    counts = {"messages": len(good) + len(bad), "quotes": len(good), "rejected": len(bad)}
    assert {name: summary[name] for name in counts} == counts

    reader = Reader(address)
    until(lambda: reader.read() >= len(good), 20)
    found = [frame for _, frame in reader.frames]
    assert max(map(len, found)) == 100
    rows = sorted(
        row
        for frame in found
        for row in zip(frame.symbol, frame.ts.tolist(), frame.price.tolist(), strict=True)
    )
    assert rows == sorted(
        row
        for batch in batches
        for row in zip(batch.symbol, batch.ts.tolist(), batch.price.tolist(), strict=True)
    )
    for partition, frame in reader.frames:
        assert {partition_of(symbol, PARTITIONS) for symbol in frame.symbol} <= {partition}
    newest = max(int(batch.ts[-1]) for batch in batches)
    last = dict(reader.frames)
    assert {(f.clock, f.hold_s) for f in last.values()} == {(newest, None)}

    site = Site(address, "", Path())
    rejected = site.records(f"{topic}.dlq")
    assert {record.value(): record.key() for record in rejected} == dict.fromkeys(bad, b"K")
    for record in rejected:
        headers = {name: value.decode() for name, value in record.headers()}
        assert headers["reason"] == bad[record.value()]
        assert (headers["topic"], headers["partition"]) == (topic, str(ord("K") % SOURCES))
        assert int(headers["offset"]) >= 0
        assert headers["error"]

    code, out, _ = run(address, topic, *arguments)
    assert (code, json.loads(out)["messages"]) == (0, 0), "it goes on where it stopped"


def test_mistakes_are_told_in_one_line(own_broker: EmbeddedBroker) -> None:
    for arguments, told in (
        (("nowhere",), "no topic nowhere"),
        (("news", "--to", "elsewhere"), "run catalyst topics"),
        (("quotes",), "both quotes"),
    ):
        code, out, err = run(own_broker.address, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert told in err


def test_a_second_reader_is_refused(own_broker: EmbeddedBroker) -> None:
    topic = create_topic(own_broker.address, "trades", 1)
    commits = Consumer({"bootstrap.servers": own_broker.address, "group.id": "catalyst-frame"})
    begun, done = Event(), Event()

    def keep_committing() -> None:
        offset = 0
        while not done.wait(0.1):
            offset += 1
            commits.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
            begun.set()

    first = threading.Thread(target=keep_committing)
    first.start()
    try:
        assert begun.wait(20)
        with pytest.raises(UserError, match="stop it first"):
            ForeignTopic(own_broker.address, topic, 1, "catalyst-frame", "now", 20)
    finally:
        done.set()
        first.join()
        commits.close()


def test_a_lost_broker_ends_the_run_in_one_line(tmp_path: Path) -> None:
    stop = Event()
    with EmbeddedBroker(tmp_path) as lost:
        ensure_topics(lost.address, TOPICS)
        topic = create_topic(lost.address, "trades", SOURCES)
        for batch in SimulatedQuotes(SimulatedMarket(3, securities=20, minutes=2)):
            send(lost.address, topic, singles(batch))
        source = ForeignTopic(lost.address, topic, SOURCES, "g", "beginning", 20)
        framing = Framing(topic, "quotes", PARTITIONS)
        framer = Framer(
            source,
            Delivery(lost.address, stop, timeout_s=1),
            framing,
            on_progress=lambda _: lost.stop(),
        )
        with pytest.raises(UserError, match=r"not delivered|not acknowledged") as refused:
            framer.run(stop)
    assert "\n" not in str(refused.value)
