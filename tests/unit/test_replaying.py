"""A replay is a pure function of its input, and no moment of it knows of what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.market.engine import EngineConfig, MarketEngine
from agents.scanning.scanner import ScanConfig
from schemas.bars import encode_bars
from schemas.quotes import QuoteColumns, encode_frame
from schemas.recording import recording_line
from schemas.times import US_PER_MINUTE, US_PER_S, iso
from streams.errors import UserError
from streams.replaying import (
    Input,
    Step,
    Tally,
    bars_of,
    headlines_of,
    play,
    recorded,
    records_of,
    securities_of,
)
from streams.sources.base import Source
from streams.sources.news import Message
from streams.sources.simulated import SimulatedMarket, SimulatedQuotes
from streams.topics import partition_of

MINUTES, SECURITIES, PARTITIONS = 50, 12, 4
LATENESS = 5 * US_PER_S
CONFIG = EngineConfig(ScanConfig(track=6, trade=2, ttl_s=300))
MARKET = list(SimulatedQuotes(SimulatedMarket(3, securities=SECURITIES, rate=0.2, minutes=MINUTES)))


def joined(name: str) -> Any:
    return np.concatenate([getattr(batch, name) for batch in MARKET])


QUOTES = QuoteColumns(
    [symbol for batch in MARKET for symbol in batch.symbol],
    joined("ts"),
    joined("price"),
    joined("bid"),
    joined("ask"),
    joined("volume"),
)
FIRST = int(QUOTES.ts[0]) // US_PER_MINUTE * US_PER_MINUTE
SYMBOLS = sorted(set(QUOTES.symbol))


def news(number: int, second: int, symbol: str) -> Message:
    ts = FIRST + second * US_PER_S
    item = {
        "id": f"n{number}",
        "ts": iso(ts),
        "headline": f"{symbol} to buy rival number {number} for {number + 2} billion dollars",
        "symbols": [symbol],
        "source": "Reuters",
    }
    return Message(ts, b"", orjson.dumps(item))


NEWS = [news(n, 130 + 313 * n, SYMBOLS[n % len(SYMBOLS)]) for n in range(8)]
NAMES = [
    Message(None, symbol.encode(), orjson.dumps({"symbol": symbol, "name": f"Company {symbol}"}))
    for symbol in SYMBOLS
]


class Cut:
    """Quotes in batches that end at these rows."""

    name, total = "cut", None
    skipped: dict[str, int] = {}  # noqa: RUF012

    def __init__(self, quotes: QuoteColumns, ends: list[int]) -> None:
        self.quotes = quotes
        self.edges = sorted({0, len(quotes), *(end % (len(quotes) + 1) for end in ends)})

    def __iter__(self) -> Iterator[QuoteColumns]:
        for start, end in zip(self.edges[:-1], self.edges[1:], strict=True):
            yield self.quotes.take(np.arange(start, end))


def steps_of(source: Source, items: list[Message]) -> list[Step]:
    tally = Tally()
    inputs = chain[Input](
        securities_of(NAMES, tally),
        headlines_of(items, tally),
        bars_of(source, LATENESS, tally),
    )
    return list(play(MarketEngine(CONFIG), inputs))


def told(steps: list[Step]) -> list[Any]:
    """All that a worker would publish or store, in order; a scan's duration is not part of it."""
    found: list[Any] = []
    for step in steps:
        found += [("news", item.news.id, item.duplicate_of) for item in step.out.news]
        for update in step.out.updates:
            scan = update.scan and msgspec.structs.replace(update.scan, execution_time=0.0)
            found.append(replace(update, scan=scan))
    return found


def rows_of(steps: list[Step]) -> list[tuple[Any, ...]]:
    found = []
    for step in steps:
        for rows in step.out.rows:
            columns = [rows.symbol, rows.timestamp.tolist(), rows.interval_s.tolist()]
            columns += [np.asarray(column).astype(str).tolist() for column in rows.values.values()]
            found += list(zip(*columns, strict=True))
    return found


def scans(steps: list[Step]) -> list[Any]:
    return [update.scan for update in told(steps) if not isinstance(update, tuple) and update.scan]


WHOLE = steps_of(Cut(QUOTES, []), NEWS)


def test_the_market_has_something_to_find() -> None:
    assert len(scans(WHOLE)) >= MINUTES // 5
    assert all(len(scan.trading_candidates) == 2 for scan in scans(WHOLE))
    assert any(c.news for scan in scans(WHOLE) for c in scan.trading_candidates)
    assert len(rows_of(WHOLE)) > 2 * 6


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 1 << 20), max_size=60))
def test_how_the_source_is_cut_changes_nothing(ends: list[int]) -> None:
    steps = steps_of(Cut(QUOTES, ends), NEWS)
    assert told(steps) == told(WHOLE)
    assert rows_of(steps) == rows_of(WHOLE)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, MINUTES), st.booleans())
def test_a_scan_knows_nothing_of_what_comes_after(minutes: int, news_of_later: bool) -> None:
    end = FIRST + minutes * US_PER_MINUTE
    items = [item for item in NEWS if news_of_later or (item.ts or 0) <= end]
    steps = steps_of(Cut(QUOTES.take(QUOTES.ts < end), []), items)
    known = [scan for scan in scans(WHOLE) if int(scan.timestamp.timestamp()) * US_PER_S <= end]
    assert scans(steps) == known


def lines(*, frame_rows: int = 40, bars: bool = False) -> list[bytes]:
    """A recording of the market as producers send it: frames by partition, names and news first."""
    found = [recording_line("securities", name.key, name.value) for name in NAMES]
    found += [recording_line("news", item.key, item.value) for item in NEWS]
    for start in range(0, len(QUOTES), frame_rows):
        batch = QUOTES.take(np.arange(start, min(start + frame_rows, len(QUOTES))))
        partition = np.array([partition_of(symbol, PARTITIONS) for symbol in batch.symbol])
        for number in range(PARTITIONS):
            if (partition == number).any():
                frame = encode_frame(batch.take(partition == number))
                found.append(recording_line("quotes", None, frame))
    if bars:
        messages = bars_of(Cut(QUOTES, []), LATENESS, Tally())
        found += [recording_line("bars", b"0", encode_bars(message)) for message in messages]
    return found


def record(path: Path, content: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(content) + b"\n")
    return path


def steps_recorded(path: Path, tally: Tally | None = None) -> list[Step]:
    inputs = recorded(path, LATENESS, PARTITIONS, tally or Tally())
    return list(play(MarketEngine(CONFIG), inputs))


def test_a_recording_gives_what_the_file_gives(tmp_path: Path) -> None:
    # Frames of four partitions are far more than the lateness apart, and nothing is late.
    tally = Tally()
    steps = steps_recorded(record(tmp_path / "r.jsonl", lines(frame_rows=150, bars=True)), tally)
    assert (tally.quotes, tally.late) == (len(QUOTES), 0)
    assert scans(steps) == scans(WHOLE)
    assert rows_of(steps) == rows_of(WHOLE)


def test_recorded_bars_stand_in_for_quotes(tmp_path: Path) -> None:
    content = [line for line in lines(bars=True) if b'"_topic":"quotes"' not in line]
    steps = steps_recorded(record(tmp_path / "r.jsonl", content))
    assert scans(steps) == scans(WHOLE)


def test_bars_of_partitions_that_end_at_different_times_are_all_taken(tmp_path: Path) -> None:
    content = [recording_line("bars", b"0", encode_bars(m)) for m in bars_of_partitions()]
    steps = steps_recorded(record(tmp_path / "r.jsonl", content))
    minutes = sum(step.out.minutes for step in steps)
    assert minutes == MINUTES


def bars_of_partitions() -> Iterator[Any]:
    for message in bars_of(Cut(QUOTES, []), LATENESS, Tally()):
        message.idle = False
        message.partitions = 3
        for partition in (0, 1):
            if partition == 0 or message.minute < FIRST + 20 * US_PER_MINUTE:
                yield replace(message, partition=partition, bars=part(message.bars, partition))


def part(bars: Any, partition: int) -> Any:
    keep = np.arange(partition, len(bars), 2)
    columns = {
        name: getattr(bars, name)[keep] for name in bars.__dataclass_fields__ if name != "symbol"
    }
    return replace(bars, symbol=[bars.symbol[i] for i in keep.tolist()], **columns)


def test_a_scan_asked_for_takes_its_place_in_event_time(tmp_path: Path) -> None:
    content = lines()
    request = recording_line("scan_requests", None, b'{"request":"r1","mode":"aggressive"}')
    content.insert(len(content) // 2, request)
    steps = steps_recorded(record(tmp_path / "r.jsonl", content))
    forced = [step for step in steps if step.out.request == "r1"]
    (update,) = forced[0].out.updates
    assert update.scan is not None
    assert update.scan.mode == "aggressive"
    past = (update.time - FIRST) / US_PER_MINUTE
    assert MINUTES / 3 < past < MINUTES * 2 / 3


def test_what_is_no_message_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [
        recording_line("news", None, b'{"id":"x"}'),
        recording_line("quotes", None, b"nonsense"),
        recording_line("securities", b"ZZZ", None),
    ]
    tally = Tally()
    steps = steps_recorded(record(tmp_path / "r.jsonl", [*bad, *lines()]), tally)
    assert tally.rejected == {"news: invalid": 1, "quotes: invalid": 1}
    assert scans(steps) == scans(WHOLE)


def test_a_recording_without_a_market_says_so(tmp_path: Path) -> None:
    path = record(tmp_path / "r.jsonl", lines()[:3])
    with pytest.raises(UserError, match="neither quotes nor bars"):
        steps_recorded(path)


def test_the_records_are_those_that_a_worker_publishes() -> None:
    topics = [record.topic for step in WHOLE for record in records_of(step.out)]
    assert topics.count("scans") == len(scans(WHOLE))
    changed = [update for update in told(WHOLE) if getattr(update, "candidates", None)]
    assert topics.count("signals.trading_candidates") == len(changed) > 0


def test_the_tally_adds_up() -> None:
    tally = Tally()
    for step in WHOLE:
        tally.count(step)
    assert (tally.minutes, tally.news, tally.scans) == (MINUTES, len(NEWS), len(scans(WHOLE)))
    assert tally.rows == len(rows_of(WHOLE))
    assert (tally.first, tally.last) == (FIRST, FIRST + MINUTES * US_PER_MINUTE)
