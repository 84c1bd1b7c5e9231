"""The ``bars`` topic: the one-minute bars of one source partition, as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import orjson
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.errors import InvalidMessage
from schemas.times import iso, to_us


class Bars(Struct):
    """Bars of ``[minute, minute + 60 s)`` of one partition of ``quotes``, sorted by symbol.

    It also says that ``partition`` has closed this minute and every one before it. ``idle`` says
    that the partition is silent: at its second word, what others had closed at the first need not
    wait for it any more.
    """

    minute: datetime
    partition: Annotated[int, Meta(ge=0)]
    partitions: Annotated[int, Meta(ge=1)]
    symbol: list[str] = []
    open: list[float] = []
    high: list[float] = []
    low: list[float] = []
    close: list[float] = []
    volume: list[float] = []
    vwap: list[float | None] = []
    bid: list[float | None] = []
    ask: list[float | None] = []
    spread: list[float | None] = []
    buy_volume: list[float] = []
    count: list[int] = []
    quoted: list[int] = []
    idle: bool = False


@dataclass(slots=True)
class BarColumns:
    """Bars of one minute as arrays of shape (n,), sorted by ``symbol``.

    Prices in the quote currency (NaN where unknown); ``spread`` is the mean of ask - bid over the
    ``quoted`` quotes that had both sides; ``buy_volume`` and ``volume`` in shares; ``count`` is the
    number of quotes; ``vwap`` is NaN where nothing was traded.
    """

    symbol: list[str]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    vwap: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    spread: NDArray[np.float64]
    buy_volume: NDArray[np.float64]
    count: NDArray[np.int64]
    quoted: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.symbol)

    @classmethod
    def empty(cls) -> BarColumns:
        """Bars of a minute in which nothing traded."""
        return cls([], *(np.empty(0, _DTYPES.get(f.name, np.float64)) for f in fields(cls)[1:]))

    def take(self, index: NDArray[np.intp]) -> BarColumns:
        """The bars at these places."""
        symbol = [self.symbol[i] for i in index.tolist()]
        return BarColumns(symbol, *(getattr(self, f.name)[index] for f in fields(self)[1:]))

    @classmethod
    def concat(cls, parts: list[BarColumns]) -> BarColumns:
        """The bars of several partitions of one minute, in order of symbol."""
        if not parts:
            return cls.empty()
        symbol = [name for part in parts for name in part.symbol]
        order = sorted(range(len(symbol)), key=symbol.__getitem__)
        return cls(
            [symbol[i] for i in order],
            *(
                np.concatenate([getattr(part, f.name) for part in parts])[order]
                for f in fields(cls)[1:]
            ),
        )


@dataclass(slots=True)
class PartitionBars:
    """A decoded ``bars`` message; ``minute`` is the start of the minute in epoch microseconds."""

    minute: int
    partition: int
    partitions: int
    idle: bool
    bars: BarColumns


_DTYPES: dict[str, type[np.generic]] = {"count": np.int64, "quoted": np.int64}
_COLUMNS = tuple(f.name for f in fields(BarColumns))
_decode = msgspec.json.Decoder(Bars).decode


def encode_bars(message: PartitionBars) -> bytes:
    """The record of one partition's minute."""
    body: dict[str, Any] = {
        "minute": iso(message.minute),
        "partition": message.partition,
        "partitions": message.partitions,
    }
    if len(message.bars):
        body |= {name: getattr(message.bars, name) for name in _COLUMNS}
    if message.idle:
        body["idle"] = True
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def decode_bars(value: bytes | None) -> PartitionBars:
    """Decode one record of ``bars``.

    Raises:
        InvalidMessage: it is not a ``bars`` message.
    """
    try:
        raw = _decode(value or b"")
        bars = BarColumns(
            raw.symbol,
            *(np.array(getattr(raw, n), dtype=_DTYPES.get(n, np.float64)) for n in _COLUMNS[1:]),
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError) as exc:
        raise InvalidMessage("invalid", str(exc)) from None
    if any(len(getattr(bars, name)) != len(bars) for name in _COLUMNS):
        raise InvalidMessage("ragged", "the columns differ in length")
    return PartitionBars(to_us(raw.minute), raw.partition, raw.partitions, raw.idle, bars)
