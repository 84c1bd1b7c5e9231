"""Compares what was sent with what is stored, from the topics and the database themselves.

Nothing here asks the worker: the quotes are counted in the ``quotes`` topic, the bars in ``bars``,
the rest in the database.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from numpy.typing import NDArray

from schemas.bars import decode_bars
from schemas.errors import InvalidMessage
from schemas.quotes import decode_quotes
from schemas.times import US_PER_MINUTE, US_PER_S, from_us
from streams import topics
from streams.errors import UserError
from streams.settings import Settings
from timescale.connect import connect

BATCH = 500
POLL_S = 0.2
ANSWER_S = 5.0
SILENCE_S = 15.0


class TopicReader:
    """Reads topics from their beginning to their present end, and on from there the next time."""

    def __init__(self, bootstrap: str, names: list[str], stop: Event) -> None:
        self._stop = stop
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "catalyst-demo-audit",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "log_level": 0,
            }
        )
        found = self._consumer.list_topics(timeout=ANSWER_S).topics
        self._open = [
            TopicPartition(name, partition, 0)
            for name in names
            for partition in found[name].partitions
        ]

    def read(self) -> Iterator[Message]:
        """What is new since the last call.

        Raises:
            UserError: the broker gives nothing more before the end is reached.
        """
        self._consumer.assign(self._open)
        at_end: set[tuple[str, int]] = set()
        position = {(p.topic, p.partition): p.offset for p in self._open}
        heard = time.monotonic()
        while len(at_end) < len(position) and not self._stop.is_set():
            messages = self._consumer.consume(BATCH, POLL_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_S:
                raise UserError(f"the broker has been silent for {SILENCE_S:.0f} s: start again")
            for message in messages:
                key = (message.topic() or "", message.partition() or 0)
                error = message.error()
                if error is None:
                    position[key] = (message.offset() or 0) + 1
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    at_end.add(key)
        self._open = [TopicPartition(t, p, offset) for (t, p), offset in position.items()]

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


@dataclass
class Sent:
    """The quotes in the topic: ``distinct`` by symbol and time, with their span and volume."""

    quotes: int = 0
    distinct: int = 0
    volume: float = 0.0
    first_us: int = 0
    last_us: int = 0


def read_sent(bootstrap: str, stop: Event) -> Sent:
    """Count the quotes that the producer sent."""
    code: dict[str, int] = {}
    columns: list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]] = []
    reader = TopicReader(bootstrap, [topics.QUOTES], stop)
    for message in reader.read():
        quotes = decode_quotes(message.value())
        codes = [code.setdefault(symbol, len(code)) for symbol in quotes.symbol]
        columns.append((np.array(codes, np.int32), quotes.ts, quotes.volume))
    reader.close()
    if not any(len(ts) for _, ts, _ in columns):
        return Sent()
    symbol, ts, volume = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    order = np.lexsort((ts, symbol))
    symbol, ts, volume = symbol[order], ts[order], volume[order]
    new = np.ones(len(ts), np.bool_)
    new[1:] = (np.diff(ts) != 0) | (np.diff(symbol) != 0)
    return Sent(len(ts), int(new.sum()), float(volume[new].sum()), int(ts.min()), int(ts.max()))


@dataclass
class Barred:
    """The bars in the topic, each counted once however often it was sent."""

    bars: int = 0
    quotes: int = 0
    volume: float = 0.0
    by_interval: Counter[int] = field(default_factory=Counter)
    closed_us: int = 0


class BarsAudit:
    """Follows the ``bars`` topic."""

    def __init__(self, settings: Settings, bootstrap: str, stop: Event) -> None:
        self._reader = TopicReader(bootstrap, [topics.BARS], stop)
        self._interval_us = settings.high_freq_interval * US_PER_S
        self._seen: set[tuple[int, int]] = set()
        self._closed: dict[int, int] = {}
        self.found = Barred()

    def update(self) -> Barred:
        """Take in what is new."""
        for message in self._reader.read():
            try:
                minute = decode_bars(message.value())
            except InvalidMessage:
                continue
            end = minute.minute + US_PER_MINUTE
            self._closed[minute.partition] = max(self._closed.get(minute.partition, 0), end)
            key = (minute.partition, minute.minute)
            if key in self._seen or not len(minute.bars):
                continue
            self._seen.add(key)
            count = int(minute.bars.count.sum())
            self.found.bars += len(minute.bars)
            self.found.quotes += count
            self.found.volume += float(minute.bars.volume.sum())
            self.found.by_interval[minute.minute // self._interval_us] += count
        self.found.closed_us = min(self._closed.values(), default=0)
        return self.found

    def due_in_rows(self) -> int:
        """Quotes whose collection interval has ended, so that they must be in collected rows."""
        ended = self.found.closed_us // self._interval_us
        return sum(n for interval, n in self.found.by_interval.items() if interval < ended)

    def close(self) -> None:
        """Let go of the broker."""
        self._reader.close()


@dataclass(frozen=True)
class Stored:
    """What the database holds of the span of time that was produced."""

    ticks: int
    tick_volume: float
    collected_rows: int
    collected_quotes: int
    hourly_rows: int
    daily_rows: int


_TICKS = """
SELECT count(*), coalesce(sum(volume), 0) FROM security_ticks WHERE "timestamp" BETWEEN %s AND %s
"""
_ROWS = """
SELECT count(*), coalesce(sum(quote_count), 0)::bigint FROM security_data_high_freq
WHERE "timestamp" BETWEEN %s - make_interval(secs => %s) AND %s
"""
_HOURLY = """
SELECT count(*) FROM security_data_hourly WHERE "timestamp" BETWEEN date_trunc('hour', %s) AND %s
"""
_DAILY = """
SELECT count(*) FROM security_data_daily WHERE "timestamp" BETWEEN date_trunc('day', %s) AND %s
"""


def read_stored(dsn: str, sent: Sent, interval_s: int) -> Stored:
    """Count what the database holds.

    Raises:
        TimescaleError: it cannot be reached.
    """
    first, last = from_us(sent.first_us), from_us(sent.last_us)
    with connect(dsn) as connection:

        def row(query: str, *values: Any) -> tuple[Any, ...]:
            return connection.execute(query, values).fetchone() or ()

        ticks, volume = row(_TICKS, first, last)
        rows, quotes = row(_ROWS, first, interval_s, last)
        (hourly,) = row(_HOURLY, first, last)
        (daily,) = row(_DAILY, first, last)
    return Stored(ticks, float(volume), rows, quotes, hourly, daily)


def count_signals(bootstrap: str, stop: Event) -> dict[str, int]:
    """Messages in each signal topic."""
    names = [*topics.SIGNALS, topics.TRADING_CANDIDATES, topics.OUTCOMES, topics.ALERTS]
    counts = dict.fromkeys((name.removeprefix("signals.") for name in names), 0)
    reader = TopicReader(bootstrap, names, stop)
    for message in reader.read():
        counts[str(message.topic()).removeprefix("signals.")] += 1
    reader.close()
    return counts
