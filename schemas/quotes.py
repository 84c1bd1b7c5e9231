"""The ``quotes`` topic: one quote a record, or a frame of many quotes as columns."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import orjson
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.errors import InvalidMessage
from schemas.plain_frames import LONGEST_HOLD_S, PRICES_AND_VOLUME, PlainFrame, read_plain
from schemas.symbols import KNOWN, MAX_SYMBOL_LENGTH
from schemas.times import EARLIEST_US, LATEST_US, US_PER_MS, column_to_us, iso, to_us

MAX_FRAME_BYTES = 4 << 20
MAX_QUOTE_BYTES = 64 << 10

Symbol = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_SYMBOL_LENGTH,
        pattern=r"^[!-~]+$(?![\s\S])",
        description="Ticker",
    ),
]
Timestamp = Annotated[
    datetime | int, Meta(description="UTC: ISO 8601 with Z, or integer epoch milliseconds")
]


class Quote(Struct):
    """One update of one security; ``volume`` is the shares since its previous quote."""

    symbol: Symbol
    ts: Timestamp
    price: Annotated[float, Meta(gt=0, description="Last price")]
    bid: Annotated[float, Meta(ge=0)] | None = None
    ask: Annotated[float, Meta(ge=0)] | None = None
    volume: Annotated[float, Meta(ge=0)] = 0.0


class QuoteFrame(Struct):
    """Many quotes of one partition as columns of equal length.

    ``clock`` says that the producer has sent every quote up to that time. ``hold_s`` promises its
    next record within that many seconds of wall clock; without the promise a silent partition is
    idle after ``IDLE_AFTER`` and no longer holds time back.
    """

    frame: Literal[1]
    symbol: list[str] = []
    ts: list[datetime | int] = []
    price: list[float | None] = []
    bid: list[float | None] | None = None
    ask: list[float | None] | None = None
    volume: list[float | None] | None = None
    clock: Timestamp | None = None
    hold_s: Annotated[float, Meta(ge=0, le=LONGEST_HOLD_S)] | None = None


class Rejected(NamedTuple):
    """One row of a frame that is not a valid quote."""

    row: int
    reason: str


@dataclass(slots=True)
class QuoteColumns:
    """Decoded quotes of one record; every array has shape (n,).

    ``ts`` and ``clock`` are epoch microseconds, prices are in the quote currency, ``bid``/``ask``
    are NaN where unknown, ``volume`` is in shares. Only valid rows are kept; the others are listed
    in ``rejected`` with their row in ``source``. ``numbers`` are those of the symbols in
    :data:`schemas.symbols.KNOWN`, where they came to light.
    """

    symbol: list[str]
    ts: NDArray[np.int64]
    price: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    volume: NDArray[np.float64]
    clock: int | None = None
    hold_s: float | None = None
    rejected: list[Rejected] = field(default_factory=list)
    source: QuoteFrame | None = None
    numbers: NDArray[np.intp] | None = None

    def __len__(self) -> int:
        return len(self.symbol)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> QuoteColumns:
        """The rows that ``keep`` selects (a mask or indices), without the rejected ones."""
        index = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        symbol = self.symbol
        return QuoteColumns(
            [symbol[i] for i in index.tolist()],
            self.ts[index],
            self.price[index],
            self.bid[index],
            self.ask[index],
            self.volume[index],
            self.clock,
            self.hold_s,
        )


_decode_quote = msgspec.json.Decoder(Quote).decode
_decode_frame = msgspec.json.Decoder(QuoteFrame).decode
_NAN = float("nan")


def decode_quotes(value: bytes | None, *, latest_us: int = LATEST_US) -> QuoteColumns:
    """Decode one record of ``quotes``, a single quote or a frame.

    ``latest_us`` is the newest timestamp that is believed. A bad row of a frame is reported in
    ``rejected``; the other rows stand.

    Raises:
        InvalidMessage: the record as a whole is not a quote or a frame; its ``reason`` is a word
            for a label, its text says what is wrong.
    """
    if not value:
        raise InvalidMessage("empty", "the record has no value")
    if len(value) > MAX_FRAME_BYTES:
        raise InvalidMessage("too_large", f"{len(value)} bytes; at most {MAX_FRAME_BYTES}")
    # A frame is told from a quote by its first key; ours put it first, so a look is enough.
    if value.startswith(b'{"frame"') or b'"frame"' in value:
        plain = read_plain(value)
        columns = None if plain is None else _if_valid(plain, latest_us)
        return columns or columns_of(_decode(value, _decode_frame), latest_us)
    if len(value) > MAX_QUOTE_BYTES:
        raise InvalidMessage("too_large", f"{len(value)} bytes; at most {MAX_QUOTE_BYTES}")
    quote = _decode(value, _decode_quote)
    columns = columns_of(
        QuoteFrame(
            1, [quote.symbol], [quote.ts], [quote.price], [quote.bid], [quote.ask], [quote.volume]
        ),
        latest_us,
    )
    if columns.rejected:
        reason = columns.rejected[0].reason
        raise InvalidMessage(reason, f"{reason} in the quote of {quote.symbol}")
    return columns


def _decode(value: bytes, decode: Any) -> Any:
    try:
        return decode(value)
    except msgspec.ValidationError as exc:
        raise InvalidMessage("invalid", str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidMessage("not_json", str(exc)) from None


def _floats(column: list[float | None] | None, size: int, default: float) -> NDArray[np.float64]:
    if column is None:
        return np.full(size, default)
    return np.array(column, dtype=np.float64)


def columns_of(frame: QuoteFrame, latest_us: int) -> QuoteColumns:
    """The valid rows of a frame as columns, the others in ``rejected``; see ``decode_quotes``.

    Raises:
        InvalidMessage: columns of different length, or a time that is none.
    """
    plain = _plain_columns(frame, latest_us)
    if plain is not None:
        return plain
    size = len(frame.symbol)
    for name in ("ts", "price", "bid", "ask", "volume"):
        column = getattr(frame, name)
        if column is not None and len(column) != size:
            raise InvalidMessage("ragged", f"{name} has {len(column)} rows, symbol has {size}")
    try:
        ts = column_to_us(frame.ts)
        clock = None if frame.clock is None else to_us(frame.clock)
    except OverflowError:
        raise InvalidMessage("timestamp", "a timestamp does not fit 64 bits") from None
    if clock is not None and not EARLIEST_US <= clock <= latest_us:
        raise InvalidMessage("timestamp", f"clock {frame.clock} is not plausible")
    columns = QuoteColumns(
        frame.symbol,
        ts,
        _floats(frame.price, size, _NAN),
        _floats(frame.bid, size, _NAN),
        _floats(frame.ask, size, _NAN),
        _floats(frame.volume, size, 0.0),
        clock,
        frame.hold_s,
        source=frame,
    )
    return _keep_valid(columns, latest_us) if size else columns


def _plain_columns(frame: QuoteFrame, latest_us: int) -> QuoteColumns | None:
    """The columns of a frame without fault, gap, or time in words; None for any other.

    Packing numbers is twice as fast as making an array of them.
    """
    size = len(frame.symbol)
    times, columns = np.empty(size, np.int64), list(np.empty((len(PRICES_AND_VOLUME), size)))
    try:
        struct.pack_into(f"{size}q", times.data, 0, *frame.ts)
        for column, name in zip(columns, PRICES_AND_VOLUME, strict=True):
            struct.pack_into(f"{size}d", column.data, 0, *getattr(frame, name))
    except (struct.error, TypeError):
        return None
    if not size or frame.clock is not None:
        return None
    return _if_valid(PlainFrame(frame.symbol, None, times, columns, frame.hold_s), latest_us)


def _if_valid(frame: PlainFrame, latest_us: int) -> QuoteColumns | None:
    """The columns of a plain frame, if every row is valid; JSON has no infinity."""
    symbol, numbers, ts, columns, hold_s = frame
    if not (
        ts.min() >= EARLIEST_US // US_PER_MS
        and ts.max() <= latest_us // US_PER_MS
        and columns[0].min() > 0
        and all(column.min() >= 0 for column in columns)
        and (numbers is not None or KNOWN.valid(symbol).all())
    ):
        return None
    price, bid, ask, volume = columns
    us = ts * US_PER_MS
    return QuoteColumns(symbol, us, price, bid, ask, volume, None, hold_s, numbers=numbers)


def _keep_valid(columns: QuoteColumns, latest_us: int) -> QuoteColumns:
    price, bid, ask, volume, ts = (
        columns.price, columns.bid, columns.ask, columns.volume, columns.ts,
    )  # fmt: skip
    checks = {
        "symbol": KNOWN.valid(columns.symbol),
        "timestamp": (ts >= EARLIEST_US) & (ts <= latest_us),
        "price": np.isfinite(price) & (price > 0),
        "bid": ~np.isinf(bid) & ~(bid < 0),
        "ask": ~np.isinf(ask) & ~(ask < 0),
        "volume": np.isfinite(volume) & (volume >= 0),
    }
    valid = np.logical_and.reduce(list(checks.values()))
    if valid.all():
        return columns
    rejected = [
        Rejected(row, next(name for name, ok in checks.items() if not ok[row]))
        for row in np.flatnonzero(~valid).tolist()
    ]
    kept = columns.take(valid)
    kept.rejected, kept.source = rejected, columns.source
    return kept


def encode_row(frame: QuoteFrame, row: int) -> bytes:
    """Row ``row`` of a frame as the single quote it stands for."""

    def at(column: list[Any] | None, default: Any = None) -> Any:
        return default if column is None else column[row]

    return msgspec.json.encode(
        {
            "symbol": frame.symbol[row],
            "ts": frame.ts[row],
            "price": frame.price[row],
            "bid": at(frame.bid),
            "ask": at(frame.ask),
            "volume": at(frame.volume, 0.0),
        }
    )


def encode_frame(columns: QuoteColumns) -> bytes:
    """The frame of these quotes, with its clock and promise where they are set.

    Whole-millisecond times go as epoch milliseconds, which decode ten times faster than ISO text.
    """
    message: dict[str, Any] = {
        "frame": 1,
        "symbol": columns.symbol,
        "ts": wire_times(columns.ts),
        "price": columns.price,
        "bid": columns.bid,
        "ask": columns.ask,
        "volume": columns.volume,
    }
    if columns.clock is not None:
        message["clock"] = iso(columns.clock)
    if columns.hold_s is not None:
        message["hold_s"] = columns.hold_s
    return orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)


def encode_clock(clock_us: int, hold_s: float | None) -> bytes:
    """A clock mark: a frame without quotes."""
    mark: dict[str, Any] = {"frame": 1, "clock": iso(clock_us)}
    if hold_s is not None:
        mark["hold_s"] = hold_s
    return orjson.dumps(mark)


def wire_times(ts: NDArray[np.int64]) -> Any:
    """A column of epoch microseconds as it is written: milliseconds where nothing is lost."""
    whole, rest = np.divmod(ts, US_PER_MS)
    return [iso(us) for us in ts.tolist()] if rest.any() else whole
