"""Many records with one quote each, decoded at once into columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from schemas.errors import InvalidMessage
from schemas.quotes import MAX_QUOTE_BYTES, QuoteColumns, QuoteFrame, columns_of, decode_quotes
from schemas.times import LATEST_US


class Decoded(NamedTuple):
    """The valid quotes of some records, and the records that are none, in order.

    ``record`` says which record each quote came from, shape (n,), growing.
    """

    quotes: QuoteColumns
    record: NDArray[np.intp]
    rejected: list[tuple[int, InvalidMessage]]


class _Bare(Struct, gc=False):
    """A quote by its types alone; its values are checked as columns, which is faster."""

    symbol: str
    ts: datetime | Annotated[int, Meta(ge=-(1 << 62), le=1 << 62)]
    price: float
    bid: float | None = None
    ask: float | None = None
    volume: float = 0.0


# Joining the values to decode them as one array costs as much as it saves.
_decode = msgspec.json.Decoder(_Bare).decode
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, TypeError)


def decode_singles(values: Sequence[bytes | None], *, latest_us: int = LATEST_US) -> Decoded:
    """Decode records that hold one quote each, by the rules of ``decode_quotes``.

    A frame is rejected: it needs no packing.
    """
    quotes, record = _quotes(values)
    columns = columns_of(_frame(quotes), latest_us)
    if len(columns) == len(values):
        return Decoded(columns, record, [])
    kept = np.delete(record, [row for row, _ in columns.rejected])
    at_fault = np.setdiff1d(np.arange(len(values)), kept).tolist()
    rejected = [(at, _refusal(values[at], latest_us)) for at in at_fault]
    return Decoded(columns, kept, rejected)


def _quotes(values: Sequence[bytes | None]) -> tuple[list[_Bare], NDArray[np.intp]]:
    try:
        if max(map(len, values), default=0) <= MAX_QUOTE_BYTES:  # type: ignore[arg-type]
            return list(map(_decode, values)), np.arange(len(values))  # type: ignore[arg-type]
    except _FAULTS:
        pass
    good = {at: quote for at, value in enumerate(values) if (quote := _quote(value))}
    return list(good.values()), np.array(list(good), np.intp)


def _quote(value: bytes | None) -> _Bare | None:
    if value is None or len(value) > MAX_QUOTE_BYTES:
        return None
    try:
        return _decode(value)
    except _FAULTS:
        return None


def _frame(quotes: list[_Bare]) -> QuoteFrame:
    return QuoteFrame(
        1,
        [quote.symbol for quote in quotes],
        [quote.ts for quote in quotes],
        [quote.price for quote in quotes],
        [quote.bid for quote in quotes],
        [quote.ask for quote in quotes],
        [quote.volume for quote in quotes],
    )


def _refusal(value: bytes | None, latest_us: int) -> InvalidMessage:
    try:
        decode_quotes(value, latest_us=latest_us)
    except InvalidMessage as exc:
        return exc
    return InvalidMessage("frame", "it is a frame already, which needs no packing")
