"""Producing, recording and verifying on a real broker and a real database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Event

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.quotes import QuoteColumns, decode_quotes
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S, to_us
from streams.cli import main
from streams.embedded.broker import EmbeddedBroker
from streams.errors import UserError
from streams.producing import Delivery, Packing, ProduceSummary, QuoteProducer
from streams.recorder import Recorder
from streams.settings import load_settings
from streams.sources.base import Source
from streams.sources.planted import PlantedMarket, read_truth
from streams.sources.replay import open_replay
from streams.sources.sample import open_sample
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from streams.topics import all_topics, ensure_topics, partition_of
from streams.verify import compare, daily, read_stored, rows_of
from tests.brokers import (  # noqa: F401 - fixtures
    broker,
    create_topic,
    embedded_broker,
    kafka_broker,
    unique,
)

PARTITIONS = 4
LATENESS = 5 * US_PER_S


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """A broker with all our topics, which the tests of the command line share."""
    with EmbeddedBroker(tmp_path_factory.mktemp("produce")) as started:
        ensure_topics(started.address, all_topics(load_settings(quote_partitions=PARTITIONS)))
        yield started


def consumed(address: str, topic: str, partitions: int) -> list[list[QuoteColumns]]:
    """Every record of each partition, decoded, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": unique("reader"),
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    records: list[list[QuoteColumns]] = [[] for _ in range(partitions)]
    ended: set[int] = set()
    deadline = time.monotonic() + 120
    while len(ended) < partitions:
        assert time.monotonic() < deadline, "the topic was not read to its end"
        for message in consumer.consume(1000, timeout=0.5):
            error, partition = message.error(), message.partition()
            if error is None:
                records[partition].append(decode_quotes(message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(partition)
    consumer.close()
    return records


def by_symbol(frames: list[QuoteColumns]) -> dict[str, list[tuple[float, ...]]]:
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for frame in frames:
        columns = (frame.ts.tolist(), frame.price.tolist(), frame.volume.tolist())
        for symbol, *row in zip(frame.symbol, *columns, strict=True):
            rows[symbol].append(tuple(row))
    return dict(rows)


def produced(
    address: str, topic: str, partitions: int, source: Source, speed: float | None = None
) -> ProduceSummary:
    stop = Event()
    packing = Packing(partitions, LATENESS)
    producer = QuoteProducer(Delivery(address, stop), packing, topic=topic, speed=speed)
    return producer.run(source, stop)


def test_a_source_arrives_whole_in_order_and_closed(broker: str) -> None:  # noqa: F811
    topic = create_topic(broker, "quotes", PARTITIONS)
    source = open_sample()
    summary = produced(broker, topic, PARTITIONS, source)
    records = consumed(broker, topic, PARTITIONS)
    sent, arrived = by_symbol(list(source)), by_symbol([f for p in records for f in p])
    assert sent == arrived
    assert summary.quotes == source.total == sum(summary.partitions)
    last = max(row[0] for rows in sent.values() for row in rows)
    final = (int(last) // US_PER_MINUTE + 1) * US_PER_MINUTE + LATENESS + US_PER_MS
    for partition, frames in enumerate(records):
        assert {s for f in frames for s in f.symbol} == {
            s for s in sent if partition_of(s, PARTITIONS) == partition
        }
        assert (frames[-1].clock, frames[-1].hold_s) == (final, None)
        assert sum(frame.clock is not None for frame in frames) >= 390


def test_paced_quotes_arrive_at_their_time_and_the_same(broker: str) -> None:  # noqa: F811
    topic = create_topic(broker, "quotes", 2)
    market = SimulatedQuotes(SimulatedMarket(minutes=2, securities=20))
    summary = produced(broker, topic, 2, market, speed=60.0)
    assert summary.seconds >= 1.5
    records = consumed(broker, topic, 2)
    assert by_symbol([f for p in records for f in p]) == by_symbol(list(market))


def test_a_night_is_skipped_at_a_finite_speed(broker: str, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "night.csv"
    path.write_text("ts,symbol,price\n2018-02-16T20:59:59Z,AAA,1\n2018-02-20T14:30:00Z,AAA,2\n")
    topic = create_topic(broker, "quotes", 2)
    summary = produced(broker, topic, 2, open_replay([path]), speed=1.0)
    assert summary.seconds < 30
    closed = to_us(datetime(2018, 2, 16, 21)) + LATENESS + US_PER_MS
    for frames in consumed(broker, topic, 2):
        assert closed in [frame.clock for frame in frames]


def test_a_throttled_producer_keeps_its_promise(broker: str, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "sparse.csv"
    path.write_text("ts,symbol,price\n2018-02-16T15:00:01Z,AAA,1\n2018-02-16T15:00:04Z,AAA,2\n")
    topic = create_topic(broker, "quotes", 2)
    stop = Event()
    packing = Packing(2, LATENESS, hold_s=1.5)
    QuoteProducer(Delivery(broker, stop), packing, topic=topic, speed=1.0).run(
        open_replay([path]), stop
    )
    for frames in consumed(broker, topic, 2):
        # Three seconds without a quote, at least one sign of life each half second or so.
        marks = [f for f in frames if f.clock is not None and f.hold_s == 1.5]
        assert len(marks) >= 4


def test_a_lost_broker_ends_the_run_in_one_line(tmp_path: Path) -> None:
    stop = Event()
    with EmbeddedBroker(tmp_path) as lost:
        topic = create_topic(lost.address, "quotes", 2)
        delivery = Delivery(lost.address, stop, timeout_s=2)
        producer = QuoteProducer(
            delivery,
            Packing(2),
            topic=topic,
            on_progress=lambda progress: lost.stop() if progress.quotes else None,
        )
        with pytest.raises(UserError, match=r"not delivered|not acknowledged") as refused:
            producer.run(SimulatedQuotes(SimulatedMarket()), stop)
    assert "\n" not in str(refused.value)


def run(*arguments: str, address: str) -> tuple[int, str]:
    environment = os.environ | {"KAFKA_BROKER": address}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_missing_topic_says_what_to_run(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as empty:
        code, text = run("produce", "quotes", "--source", "sample", address=empty.address)
        assert (code, text.count("\n")) == (2, 1)
        assert "run catalyst topics" in text
        code, text = run(
            *("produce", "quotes", "--source", "sample", "--create-topics", "--json"),
            address=empty.address,
        )
        assert code == 0
        assert json.loads(text)["quotes"] == open_sample().total


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_order(own_broker: EmbeddedBroker, number: signal.Signals) -> None:
    before = consumed(own_broker.address, "quotes", PARTITIONS)
    arguments = ("produce", "quotes", "--source", "simulated", "--json")
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", *arguments, "--broker", own_broker.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            now = consumed(own_broker.address, "quotes", PARTITIONS)
            if sum(map(len, now)) > sum(map(len, before)) + 20:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    summary = json.loads(out)
    assert summary["stopped"] is True
    after = consumed(own_broker.address, "quotes", PARTITIONS)
    new = [frames[len(old) :] for frames, old in zip(after, before, strict=True)]
    assert sum(len(frame) for frames in new for frame in frames) == summary["quotes"] > 0
    for frames in new:
        assert frames[-1].clock is not None
        assert frames[-1].hold_s is None


def test_news_and_securities_are_sent(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    news, sectors = tmp_path / "news.csv", tmp_path / "sectors.csv"
    news.write_text("ts,headline,symbols\n2018-02-16T15:00:00Z,Something happened,AAPL|MSFT\n")
    sectors.write_text("symbol,sector\nAAPL,Information Technology\n")
    for topic, path in (("news", news), ("securities", sectors)):
        code, text = run(
            "produce", topic, "--file", str(path), "--json", address=own_broker.address
        )
        assert code == 0, text
        assert json.loads(text)["messages"] == 1


def test_a_bad_file_ends_in_one_line(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("ts,symbol,price\n2018-02-16T15:00:00Z,AAA,free\n")
    code, text = run("produce", "quotes", "--file", str(path), address=own_broker.address)
    assert code == 2
    assert text == f"catalyst: {path}: row 1, column price: 'free' is not a number\n"


def test_a_recording_plays_back_the_same(broker: str, tmp_path: Path) -> None:  # noqa: F811
    topic, again = (create_topic(broker, name, PARTITIONS) for name in ("quotes", "again"))
    market = SimulatedQuotes(SimulatedMarket(minutes=10))
    produced(broker, topic, PARTITIONS, market)
    path = tmp_path / "r.jsonl"
    recorder = Recorder(broker, [topic], from_beginning=True)
    with path.open("wb") as file:
        written = recorder.run(file.write, Event(), until_end=True)
    records = consumed(broker, topic, PARTITIONS)
    assert written[topic] == sum(map(len, records))

    newest = 0
    for batch in open_replay([path], topic=topic):
        # Partitions come minute by minute, not one after the other.
        assert batch.ts[0] >= newest - US_PER_MINUTE
        newest = max(newest, int(batch.ts[-1]))
    produced(broker, again, PARTITIONS, open_replay([path], topic=topic))
    replayed = consumed(broker, again, PARTITIONS)
    for original, copy in zip(records, replayed, strict=True):
        assert by_symbol(original) == by_symbol(copy)


def test_a_recording_is_not_overwritten(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    arguments = ("record", "--until-end", "--out", str(path), "--broker", own_broker.address)
    assert run(*arguments, address="127.0.0.1:1")[0] == 0
    code, text = run(*arguments, address="127.0.0.1:1")
    assert code == 2
    assert "--force" in text


def test_verify_reads_what_the_database_holds(scratch: str, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(
        "ts,symbol,open,high,low,close,volume\n"
        "2018-02-16T14:31:00Z,AAA,10,12.34,9,11,100\n"
        "2018-02-16T14:32:00Z,AAA,11,11.5,10.1,10.2,7\n"
    )
    expected = daily(rows_of(open_replay([path])))
    with pytest.raises(UserError, match="catalyst migrate"):
        read_stored(scratch.replace("scratch,public", "scratch"), expected)
    row = ("AAA", "2018-02-16", 10.0, 12.34, 9.0, 10.2, 107.0, 2, 8)
    with psycopg.connect(scratch, autocommit=True) as database:
        database.execute(
            'CREATE TABLE security_data_daily (symbol text, "timestamp" timestamptz, open float8,'
            " high float8, low float8, close float8, volume float8, bar_count bigint,"
            " quote_count bigint)"
        )
        insert = "INSERT INTO security_data_daily VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s)"
        database.execute(insert, row)
        database.execute(insert, ("AAA", "2018-02-17", None, None, None, 10.2, 0, 0, 0))
        database.execute(insert, ("ZZZ", *row[1:]))
        assert compare(expected, read_stored(scratch, expected)).equal
        database.execute("UPDATE security_data_daily SET high = 12.35 WHERE symbol = 'AAA'")
    (mismatch,) = compare(expected, read_stored(scratch, expected)).mismatches
    assert (mismatch.figure, mismatch.expected, mismatch.stored) == ("high", 12.34, 12.35)
    environment = {"TIMESCALE_DSN": scratch}
    result = CliRunner().invoke(main, ["verify", "--file", str(path), "--json"], env=environment)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["equal"] is False
    assert np.isfinite(json.loads(result.stdout)["mismatches"][0]["stored"])
    with psycopg.connect(scratch, autocommit=True) as database:
        database.execute("UPDATE security_data_daily SET high = 12.34 WHERE symbol = 'AAA'")
    with path.open("a") as more:
        more.write("2018-02-20T14:31:00Z,AAA,10,10,10,10,1\n")
    for span, code in (((), 1), (("--to", "2018-02-20"), 0), (("--from", "2018-02-21"), 2)):
        verify = CliRunner().invoke(main, ["verify", "--file", str(path), *span], env=environment)
        assert verify.exit_code == code, "only what was produced is compared"


def test_verify_takes_no_password_as_an_argument(tmp_path: Path) -> None:
    arguments = ("verify", "--source", "sample", "--dsn", "postgresql://u:secret@127.0.0.1:1/x")
    code, text = run(*arguments, address="127.0.0.1:1")
    assert code == 2
    assert "secret" not in text
    assert "TIMESCALE_DSN" in text


def test_a_planted_market_brings_its_news_and_its_truth(
    own_broker: EmbeddedBroker, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.jsonl"
    code, text = run(
        *("produce", "quotes", "--source", "simulated", "--plant", "easy", "--speed", "max"),
        *("--days", "5", "--securities", "40", "--truth", str(truth), "--json"),
        address=own_broker.address,
    )
    assert code == 0
    summary = json.loads(text)
    market = PlantedMarket(1, 40, 5, plant="easy", start_us=to_us(datetime(2025, 1, 6, 14, 30)))
    assert summary["quotes"] == sum(map(len, market.quotes()))
    assert (summary["news"], summary["securities"]) == (len(market.news()), 40)
    assert read_truth(truth) == market.truth()
