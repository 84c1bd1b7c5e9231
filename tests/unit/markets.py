"""Small random markets for property tests, and a naive reference to hold the tracker against."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from agents.minutes import MarketClock, MarketMinute
from agents.tracking.tracker import PartitionTracker, Taken
from schemas.bars import PartitionBars, decode_bars, encode_bars
from schemas.quotes import QuoteColumns, decode_quotes, encode_clock, encode_frame
from schemas.times import US_PER_MINUTE, US_PER_MS, US_PER_S

START = 1_518_791_400 * US_PER_S  # 2018-02-16 14:30 UTC
LATENESS = 5 * US_PER_S
SYMBOLS = ("AAA", "BB", "CCC", "D", "EEE", "FFF")


class Row(NamedTuple):
    symbol: str
    ts: int
    price: float
    bid: float | None
    ask: float | None
    volume: float


@st.composite
def markets(draw: st.DrawFn, max_quotes: int = 60) -> list[Row]:
    """Quotes in order of event time, over about six minutes, with gaps, ties and missing sides."""
    gaps = draw(
        st.lists(
            st.sampled_from([0, 1, 40, 900, 4_000, 20_000, 61_000]), min_size=2, max_size=max_quotes
        )
    )
    rows, ms = [], 0
    for gap in gaps:
        ms += gap
        cents = draw(st.integers(990, 1010))
        two_sided = draw(st.booleans())
        rows.append(
            Row(
                draw(st.sampled_from(SYMBOLS)),
                START + ms * US_PER_MS,
                cents / 100,
                (cents - 1) / 100 if two_sided else None,
                (cents + draw(st.integers(0, 2))) / 100 if two_sided else None,
                float(draw(st.integers(0, 500))),
            )
        )
    return list(dict.fromkeys(rows))


def columns(rows: list[Row]) -> QuoteColumns:
    nan = float("nan")
    return QuoteColumns(
        [r.symbol for r in rows],
        np.array([r.ts for r in rows], np.int64),
        np.array([r.price for r in rows]),
        np.array([nan if r.bid is None else r.bid for r in rows]),
        np.array([nan if r.ask is None else r.ask for r in rows]),
        np.array([r.volume for r in rows]),
    )


def shuffled_within(rows: list[Row], lateness: int, rng: np.random.Generator) -> list[Row]:
    """Another order of arrival in which no quote is late; ties of a symbol keep their order."""
    delay = rng.integers(0, lateness // 2, len(rows))
    arrival = {}
    last: dict[tuple[str, int], int] = {}
    for i, row in enumerate(rows):
        at = max(row.ts + int(delay[i]), last.get((row.symbol, row.ts), 0))
        arrival[i] = last[(row.symbol, row.ts)] = at
    return [rows[i] for i in sorted(range(len(rows)), key=lambda i: (arrival[i], i))]


def records(rows: list[Row], rng: np.random.Generator, *, final: bool = True) -> list[bytes]:
    """The rows cut into frames at random, with a last clock mark that closes every minute."""
    out, at = [], 0
    while at < len(rows):
        size = int(rng.integers(1, 9))
        out.append(encode_frame(columns(rows[at : at + size])))
        at += size
    if final:
        out.append(encode_clock(final_clock(rows), None))
    return out


def final_clock(rows: list[Row]) -> int:
    newest = max((r.ts for r in rows), default=START)
    return newest // US_PER_MINUTE * US_PER_MINUTE + US_PER_MINUTE + LATENESS + US_PER_MS


@dataclass
class Partition:
    """A tracker fed from a log of records, as the agent feeds it."""

    tracker: PartitionTracker
    published: list[PartitionBars]
    taken: list[Taken]

    @classmethod
    def new(cls, partition: int = 0, partitions: int = 1) -> Partition:
        return cls(PartitionTracker(partition, partitions, LATENESS), [], [])

    def feed(self, log: list[bytes]) -> Partition:
        for offset in range(self.tracker.next_offset, len(log)):
            self.taken.append(self.tracker.take(decode_quotes(log[offset]), offset))
            for message in self.tracker.close_due():
                self.published.append(decode_bars(encode_bars(message)))
        return self


def market_minutes(messages: list[PartitionBars]) -> list[MarketMinute]:
    clock = MarketClock()
    return [minute for message in messages for minute in clock.take(message)[0]]


def as_table(minutes: list[MarketMinute] | list[PartitionBars]) -> list[tuple[object, ...]]:
    """Bars as comparable rows, to the last bit; NaN as None."""
    table = []
    for m in minutes:
        start = m.start if isinstance(m, MarketMinute) else m.minute
        b = m.bars
        numbers = zip(
            *(
                np.where(np.isnan(c), None, c).tolist()  # type: ignore[call-overload]
                for c in (
                    b.open, b.high, b.low, b.close, b.volume, b.vwap, b.bid, b.ask,
                    b.spread, b.buy_volume, b.count, b.quoted,
                )
            ),
            strict=True,
        )  # fmt: skip
        table += [(start, symbol, *row) for symbol, row in zip(b.symbol, numbers, strict=True)]
    return table


def naive_bars(rows: list[Row]) -> dict[tuple[int, str], tuple[float, ...]]:
    """(minute, symbol) -> open, high, low, close, volume, count, in plain Python."""
    groups: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.ts):
        groups[row.ts // US_PER_MINUTE * US_PER_MINUTE, row.symbol].append(row)
    return {
        key: (
            g[0].price, max(r.price for r in g), min(r.price for r in g), g[-1].price,
            sum(r.volume for r in g), len(g),
        )
        for key, g in groups.items()
    }  # fmt: skip
