"""The tracker of one partition: quotes in, ticks and bars out, by event time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.tracking.bars import OpenBars, split_minutes
from agents.tracking.buffer import OpenQuotes, QuoteRows, order_by_symbol
from agents.tracking.repeats import number_instants, numbers_of_distinct
from agents.tracking.table import SymbolTable
from schemas.bars import BarColumns, PartitionBars
from schemas.quotes import QuoteColumns
from schemas.times import US_PER_MINUTE, US_PER_S

NEVER = 0

# Quotes that are final go into the open bars at these steps of event time, once there are so many:
# else all of a busy minute would be worked off at its end, while what it closes is waited for.
FOLD_US = US_PER_S
FOLD_QUOTES = 16_384
_NONE = np.zeros(0, np.intp)


@dataclass(slots=True)
class Taken:
    """What became of the quotes of one record.

    ``ticks`` are the quotes taken in, ``late`` the rows of the record that came too late.
    """

    ticks: QuoteRows
    late: NDArray[np.intp]
    duplicates: int = 0


@dataclass(slots=True)
class ResumePoint:
    """Where to read again after a crash, and up to where effects are already durable.

    ``offset`` is the first record whose quotes are not all in closed minutes, ``clock`` the
    partition's clock before it, ``processed`` the record after the last one taken in.
    """

    offset: int
    clock: int
    processed: int


@dataclass(slots=True)
class PartitionTracker:
    """State and rules of one partition of ``quotes``.

    The clock is the newest time seen in the partition; the watermark follows it by ``lateness``
    (microseconds). A quote older than the watermark, or of a closed minute, is late. A minute
    closes when the watermark has passed its end. Results depend on the records and their order
    alone, not on how they are batched; quotes out of order within the lateness give the same bars.
    """

    partition: int
    partitions: int
    lateness: int
    table: SymbolTable = field(default_factory=SymbolTable)
    clock: int = NEVER
    closed_until: int = NEVER
    next_offset: int = 0
    idle: bool = False
    hold_s: float = 0.0
    _replayed_until: int = 0
    _open: OpenQuotes = field(default_factory=OpenQuotes)
    _bars: OpenBars = field(default_factory=OpenBars)
    _fold_at: int = NEVER

    @property
    def watermark(self) -> int:
        """Quotes before this time (epoch microseconds) are late."""
        return max(self.clock - self.lateness, self.closed_until)

    @property
    def open_quotes(self) -> int:
        """Quotes of minutes that are not closed."""
        return len(self._open) + self._bars.quotes

    def take(self, quotes: QuoteColumns, offset: int) -> Taken:
        """Take in the quotes of the record at ``offset``; close no minute yet."""
        clock_before = self.clock
        self.next_offset = offset + 1
        self.idle = False
        taken = self._accept(quotes, offset, clock_before)
        if quotes.clock is not None:
            self.clock = max(self.clock, quotes.clock)
            self.hold_s = quotes.hold_s or 0.0
        return taken

    def skip(self, offset: int) -> None:
        """Pass over a record that is not a message."""
        self.next_offset = offset + 1

    def _accept(self, quotes: QuoteColumns, offset: int, clock_before: int) -> Taken:
        ids = self.table.rows_of(quotes)
        rows = _rows(ids, quotes, np.zeros(len(ids), np.int32))
        late = _NONE
        if not len(ids):
            return Taken(rows, late)
        self.clock = max(clock_before, int(quotes.ts.max()))
        # What is in time at the end of the record was in time within it.
        if int(quotes.ts.min()) < self.watermark:
            in_time = self._in_time(quotes.ts, clock_before)
            late = np.flatnonzero(~in_time) if offset >= self._replayed_until else _NONE
            rows = rows.take(in_time)
        rows, duplicates = self._see(rows)
        self._open.add(rows, offset, clock_before)
        return Taken(rows, late, duplicates)

    def _in_time(self, ts: NDArray[np.int64], clock_before: int) -> NDArray[np.bool_]:
        clock = np.maximum.accumulate(np.maximum(ts, clock_before))
        before = np.concatenate(([clock_before], clock[:-1]))
        return (ts >= before - self.lateness) & (ts >= self.closed_until)

    def _see(self, rows: QuoteRows) -> tuple[QuoteRows, int]:
        """Take the rows into the table, give those of one instant their ``seq``, drop repeats.

        A symbol's quotes nearly always come with growing times; then there is little to do.
        """
        order = order_by_symbol(rows.ids)
        ids, ts = rows.ids[order], rows.ts[order]
        step = ts - self.table.last_ts[ids]
        within = ids[1:] == ids[:-1]
        # Of a symbol's rows all but the first follow one of these.
        step[1:] = np.where(within, ts[1:] - ts[:-1], step[1:])
        lowest = int(step.min(initial=1))
        if lowest > 0:
            self.table.see_in_order(rows.ids, rows.ts, rows.price, rows.bid, rows.ask)
            return rows, 0
        doubtful = step <= 0
        if lowest == 0:
            # Rows of one instant are neighbours; only the first can share it with rows before.
            known = doubtful.copy()
            known[1:] &= ~within
            doubtful[:-1] |= doubtful[1:] & within
            rows, repeats = self._number_neighbours(rows, order[doubtful], ids[known])
            self.table.see_in_order(rows.ids, rows.ts, rows.price, rows.bid, rows.ask)
        else:
            among = self._mask(ids[doubtful])
            rows, repeats = self._number(rows, np.flatnonzero(among[rows.ids]), ids[doubtful])
            self.table.see(rows.ids, rows.ts, rows.price, rows.bid, rows.ask)
        return rows, repeats

    def _number_neighbours(
        self, rows: QuoteRows, at: NDArray[np.intp], known: NDArray[np.intp]
    ) -> tuple[QuoteRows, int]:
        """As :meth:`_number` for places in order of symbol and time, mostly at less expense."""
        if not len(known):
            price, volume = rows.price[at], rows.volume[at]
            seq = numbers_of_distinct(rows.ids[at], rows.ts[at], price, volume)
            if seq is not None:
                rows.seq[at] = seq
                return rows, 0
        return self._number(rows, np.sort(at), known)

    def _mask(self, ids: NDArray[np.intp]) -> NDArray[np.bool_]:
        mask = np.zeros(len(self.table), np.bool_)
        mask[ids] = True
        return mask

    def _number(
        self, rows: QuoteRows, at: NDArray[np.intp], known: NDArray[np.intp]
    ) -> tuple[QuoteRows, int]:
        """Number the rows at these places, of which those of symbols ``known`` may be repeats of
        quotes before; the rest of ``rows``, and how many repeats were dropped.
        """
        among = rows.take(at)
        held = self._open.since(int(among.ts.min()), self._mask(known)) if len(known) else None
        found = number_instants(among, held)
        rows.seq[at] = found.seq
        repeats = at[~found.keep]
        if not len(repeats):
            return rows, 0
        keep = np.ones(len(rows), np.bool_)
        keep[repeats] = False
        return rows.take(keep), len(repeats)

    def close_due(self) -> list[PartitionBars]:
        """Close the minutes whose end the watermark has passed; their bars, oldest first."""
        boundary = (self.clock - self.lateness) // US_PER_MINUTE * US_PER_MINUTE
        closed = self._close(boundary) if boundary > self.closed_until else []
        if self.watermark >= self._fold_at and len(self._open) >= FOLD_QUOTES:
            self._fold_at = self.watermark + FOLD_US
            self._fold(self.watermark)
        return closed

    def _fold(self, until: int) -> None:
        """Put the quotes before ``until``, final and of the first open minute, into its bars."""
        rows = self._open.take_before(until)
        if rows is not None:
            self._bars.add(self.closed_until, rows, self.table.close)

    def close_idle(self, until: int | None = None) -> list[PartitionBars]:
        """Close what is open although the clock does not ask for it: the partition is silent.

        ``until`` (epoch microseconds) closes minutes that end by then; None closes all and says
        that the partition is idle.
        """
        if until is not None:
            boundary = until // US_PER_MINUTE * US_PER_MINUTE
            return self._close(boundary) if boundary > self.closed_until else []
        self.idle = True
        if not self.open_quotes:
            return [self.marker()]
        messages = self._close(self._open.newest() // US_PER_MINUTE * US_PER_MINUTE + US_PER_MINUTE)
        messages[-1].idle = True
        return messages

    def marker(self) -> PartitionBars:
        """A message without bars: what is closed, and whether the partition is idle."""
        minute = max(self.closed_until - US_PER_MINUTE, 0)
        return PartitionBars(minute, self.partition, self.partitions, self.idle, BarColumns.empty())

    def _close(self, boundary: int) -> list[PartitionBars]:
        rows = self._open.take_before(boundary)
        pieces: dict[int, QuoteRows | None] = {} if rows is None else dict(split_minutes(rows))
        if self._bars.quotes:
            pieces.setdefault(self._bars.minute, None)
        messages = [self._close_minute(minute, pieces[minute]) for minute in sorted(pieces)]
        self.closed_until = boundary
        self._open.forget_before(boundary)
        if not messages or messages[-1].minute < boundary - US_PER_MINUTE:
            messages.append(self.marker())
        return messages

    def _close_minute(self, minute: int, rest: QuoteRows | None) -> PartitionBars:
        if rest is not None:
            self._bars.add(minute, rest, self.table.close)
        closed = self._bars.close(self.table.symbols)
        self.table.close_minute(minute, closed.ids, closed.last_ts, closed.bars)
        bars = BarColumns.concat([closed.bars])
        return PartitionBars(minute, self.partition, self.partitions, False, bars)

    def resume_point(self) -> ResumePoint:
        """Where a successor must read on to come to the same state."""
        offset, clock = self._open.resume_point() or (self.next_offset, self.clock)
        return ResumePoint(offset, clock, self.next_offset)

    def snapshot(self) -> dict[str, Any]:
        """State as of the last closed minute; :meth:`resume_point` says what to read on top."""
        return {
            "closed_until": self.closed_until,
            "idle": self.idle,
            "hold_s": self.hold_s,
            "table": self.table.snapshot(),
        }

    @classmethod
    def restore(
        cls,
        partition: int,
        partitions: int,
        lateness: int,
        state: dict[str, Any],
        resume: ResumePoint,
    ) -> PartitionTracker:
        """The tracker that wrote ``state``, waiting for the record at ``resume.offset``."""
        return cls(
            partition,
            partitions,
            lateness,
            SymbolTable.restore(state["table"]),
            clock=resume.clock,
            closed_until=state["closed_until"],
            next_offset=resume.offset,
            idle=state["idle"],
            hold_s=state["hold_s"],
            _replayed_until=resume.processed,
        )


def for_successor(messages: list[PartitionBars]) -> list[PartitionBars]:
    """What a successor repeats of ``messages``: their bars, but not that the partition is idle.

    That was true when it was said; by the time it is repeated there may be quotes to read.
    """
    return [replace(message, idle=False) for message in messages]


def _rows(ids: NDArray[np.intp], quotes: QuoteColumns, seq: NDArray[np.int32]) -> QuoteRows:
    return QuoteRows(
        ids, quotes.ts, quotes.price, quotes.bid, quotes.ask, quotes.volume, seq
    )  # fmt: skip
