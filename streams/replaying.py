"""A replay in process: history files or a recording, through the very objects of a worker.

Inputs are iterators: :func:`securities_of`, :func:`headlines_of` and :func:`bars_of` read files,
:func:`recorded` a recording. :func:`play` gives them to an engine and yields what came of each,
so that a further stage can be hung behind it, or another engine be put in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from agents.market.engine import MarketEngine, Outputs
from agents.market.rows import Record, SignalTopics, signal_records, update_records
from agents.tracking.tracker import PartitionTracker
from schemas.bars import BarColumns, PartitionBars, decode_bars
from schemas.errors import InvalidMessage
from schemas.news import News, Security, decode_news, decode_security
from schemas.quotes import QuoteColumns
from schemas.recording import Recorded
from schemas.times import US_PER_MINUTE
from schemas.tracking import ScanMode, decode_scan_request
from streams.errors import UserError
from streams.sources.base import Source
from streams.sources.news import Message
from streams.sources.recordings import QuoteReader, read_recording
from streams.topics import (
    BARS,
    NEWS,
    OUTCOMES,
    PATTERNS,
    QUOTES,
    SCAN_REQUESTS,
    SCANS,
    SECURITIES,
    TRADING_CANDIDATES,
    UNIVERSE,
    partition_of,
)

_RECORDED = (QUOTES, NEWS, SECURITIES, SCAN_REQUESTS, BARS)
_DECISIONS = (SCANS, UNIVERSE, TRADING_CANDIDATES)
_SIGNALS = SignalTopics(PATTERNS, OUTCOMES)

# The second word of an idle partition releases what the others had closed at its first.
_WORDS = 2


class Forgotten(NamedTuple):
    """A tombstone in the reference data."""

    symbol: str


class Asked(NamedTuple):
    """A scan that was asked for when the quotes had come to ``at`` (epoch microseconds)."""

    at: int
    request: str
    mode: ScanMode


Input: TypeAlias = Security | Forgotten | News | PartitionBars | Asked


class Step(NamedTuple):
    """An input and what came of it."""

    input: Input
    out: Outputs


@dataclass(slots=True)
class Tally:
    """What went in and what came out.

    ``quotes`` counts those read, of which ``late`` came too late and ``repeated`` were exact
    repeats; ``rejected`` counts, by topic and reason, what is no message. Times are epoch
    microseconds: the start of the first minute and the end of the last, 0 before there is one.
    """

    quotes: int = 0
    late: int = 0
    repeated: int = 0
    minutes: int = 0
    bars: int = 0
    news: int = 0
    duplicates: int = 0
    catalysts: int = 0
    scans: int = 0
    tier_changes: int = 0
    rows: int = 0
    patterns: int = 0
    outcomes: int = 0
    first: int = 0
    last: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def count(self, step: Step) -> None:
        """Add what came of one input."""
        message, out = step
        if isinstance(message, PartitionBars) and len(message.bars):
            self.bars += len(message.bars)
            self.first = self.first or message.minute
            self.last = max(self.last, message.minute + US_PER_MINUTE)
        self.minutes += out.minutes
        self.news += len(out.news)
        self.duplicates += sum(item.duplicate_of is not None for item in out.news)
        self.catalysts += len(out.catalysts)
        self.rows += sum(map(len, out.rows))
        self.patterns += sum(pattern.is_first for pattern in out.patterns)
        self.outcomes += len(out.outcomes)
        for update in out.updates:
            self.scans += update.scan is not None
            self.tier_changes += len(update.tier_changes)


def play(engine: MarketEngine, inputs: Iterable[Input]) -> Iterator[Step]:
    """Give the engine everything in order; a scan that was asked for once it has come so far."""
    asked: list[Asked] = []
    for item in inputs:
        if isinstance(item, Asked):
            asked.append(item)
        else:
            yield Step(item, _take(engine, item))
        while asked and asked[0].at <= engine.clock.time:
            yield _ask(engine, asked.pop(0))
    for request in asked:
        yield _ask(engine, request)


def _take(engine: MarketEngine, item: Security | Forgotten | News | PartitionBars) -> Outputs:
    if isinstance(item, PartitionBars):
        out = engine.take_bars(item)
        for fault in out.faults:
            raise fault
        return out
    if isinstance(item, News):
        return engine.take_news(item)
    if isinstance(item, Security):
        engine.take_security(item)
    else:
        engine.forget_security(item.symbol)
    return Outputs()


def _ask(engine: MarketEngine, asked: Asked) -> Step:
    out = engine.force_scan(asked.mode)
    out.request = asked.request
    return Step(asked, out)


def records_of(out: Outputs) -> Iterator[Record]:
    """What a worker would publish of its decisions: scans, universe, signals."""
    for update in out.updates:
        yield from update_records(update, _DECISIONS)
    yield from signal_records(out, _SIGNALS)


def securities_of(messages: Iterable[Message], tally: Tally) -> Iterator[Security]:
    """The reference data in these messages."""
    for message in messages:
        try:
            yield decode_security(message.value)
        except InvalidMessage as exc:
            tally.rejected[f"{SECURITIES}: {exc.reason}"] += 1


def headlines_of(messages: Iterable[Message], tally: Tally) -> Iterator[News]:
    """The news in these messages."""
    for message in messages:
        try:
            yield decode_news(message.value)
        except InvalidMessage as exc:
            tally.rejected[f"{NEWS}: {exc.reason}"] += 1


def bars_of(source: Source, lateness_us: int, tally: Tally) -> Iterator[PartitionBars]:
    """The bars of a source of quotes, all of it one partition; the last minute is closed too."""
    tracking = _Tracking(1, lateness_us, tally)
    for batch in source:
        yield from tracking.take(batch)
    yield from tracking.close()


def recorded(
    path: Path, lateness_us: int, partitions: int, tally: Tally
) -> Iterator[Security | Forgotten | News | PartitionBars | Asked]:
    """Everything in a recording that a worker would read, in order of arrival.

    Quotes go to the ``partitions`` that producers of ours choose for their symbols: a recording
    keeps the order of a partition, but partitions may be a frame apart. Recorded bars are what the
    quotes give again, and count only when there are no quotes.

    Raises:
        UserError: it is no recording, or holds neither quotes nor bars.
    """
    market = _market_topic(path)
    tracking, reader, bars = _Tracking(partitions, lateness_us, tally), QuoteReader(), _Bars()
    for record in read_recording(path, *_RECORDED):
        if record.topic == QUOTES:
            for batch in reader.take(record.value):
                yield from tracking.take(batch)
            continue
        if record.topic == BARS and market != BARS:
            continue
        for batch in reader.flush():
            yield from tracking.take(batch)
        try:
            item = _decode(record, tracking, bars)
        except InvalidMessage as exc:
            tally.rejected[f"{record.topic}: {exc.reason}"] += 1
            continue
        yield item
    for batch in reader.flush():
        yield from tracking.take(batch)
    yield from tracking.close() if market == QUOTES else bars.close()
    tally.rejected.update({f"{QUOTES}: {why}": count for why, count in reader.skipped.items()})


def _market_topic(path: Path) -> str:
    found = ""
    for record in read_recording(path, QUOTES, BARS):
        found = record.topic
        if found == QUOTES:
            return QUOTES
    if not found:
        raise UserError(f"{path}: holds neither quotes nor bars: record --topic quotes")
    return found


def _decode(
    record: Recorded, tracking: _Tracking, bars: _Bars
) -> Security | Forgotten | News | PartitionBars | Asked:
    if record.topic == NEWS:
        return decode_news(record.value)
    if record.topic == BARS:
        return bars.take(decode_bars(record.value))
    if record.topic == SCAN_REQUESTS:
        request = decode_scan_request(record.value)
        return Asked(tracking.due or bars.due, request.request, request.mode)
    if record.value is None and record.key:
        return Forgotten(record.key.decode())
    return decode_security(record.value)


class _Tracking:
    """The first stage: quotes to the tracker of their partition, bars of closed minutes out."""

    def __init__(self, partitions: int, lateness_us: int, tally: Tally) -> None:
        self._trackers = [PartitionTracker(p, partitions, lateness_us) for p in range(partitions)]
        self._partition: dict[str, int] = {}
        self._records = 0
        self._tally = tally

    @property
    def due(self) -> int:
        """The end of the newest minute that is closed when all partitions have come so far."""
        newest = max(tracker.watermark for tracker in self._trackers)
        return newest - newest % US_PER_MINUTE

    def take(self, batch: QuoteColumns) -> Iterator[PartitionBars]:
        """Take quotes in, in order of arrival; the minutes that are closed by them."""
        self._tally.quotes += len(batch)
        for tracker, quotes in self._parted(batch):
            taken = tracker.take(quotes, self._records)
            self._tally.late += len(taken.late)
            self._tally.repeated += taken.duplicates
            yield from tracker.close_due()
        self._records += 1

    def close(self) -> Iterator[PartitionBars]:
        """The bars of the open minutes; no partition waits for another any more."""
        for tracker in self._trackers:
            yield from tracker.close_idle()
        if len(self._trackers) > 1:
            for tracker in self._trackers * _WORDS:
                yield tracker.marker()

    def _parted(self, batch: QuoteColumns) -> Iterator[tuple[PartitionTracker, QuoteColumns]]:
        if len(self._trackers) == 1:
            yield self._trackers[0], batch
            return
        known = self._partition
        for symbol in set(batch.symbol) - known.keys():
            known[symbol] = partition_of(symbol, len(self._trackers))
        partition = np.array([known[symbol] for symbol in batch.symbol], np.intp)
        for tracker in self._trackers:
            mine = np.flatnonzero(partition == tracker.partition)
            if len(mine) == len(batch):
                yield tracker, batch
            elif len(mine):
                yield tracker, batch.take(mine)


class _Bars:
    """Recorded bars, and the end that they would have come to."""

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}
        self._partitions = 0

    @property
    def due(self) -> int:
        """The end of the newest minute that any partition has closed."""
        return max(self._newest.values(), default=-US_PER_MINUTE) + US_PER_MINUTE

    def take(self, message: PartitionBars) -> PartitionBars:
        """Note how far a partition has come."""
        newest = self._newest.get(message.partition, 0)
        self._newest[message.partition] = max(message.minute, newest)
        self._partitions = max(message.partitions, self._partitions)
        return message

    def close(self) -> Iterator[PartitionBars]:
        """Word of every partition that it is silent, so that none waits for another."""
        for partition in [*range(self._partitions)] * _WORDS:
            minute = self._newest.get(partition, 0)
            yield PartitionBars(minute, partition, self._partitions, True, BarColumns.empty())
