"""Plain frames of quotes, read straight into arrays.

Nearly every frame is plain: written as our producers write it, every number there. msgspec, which
reads all other messages, makes a Python object of each number before they are packed into arrays:
0.26 µs a quote, most of what taking it in costs a worker. simdjson writes them into arrays itself:
0.12 µs. What it reads is exactly what msgspec would have read; whatever is out of the ordinary (a
gap, a fault, a time in words, a key more or twice) it leaves to msgspec, and to the rules of
:mod:`schemas.quotes`. So does a Python without simdjson, at its own speed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.symbols import KNOWN

try:
    from simdjson import Parser
except ImportError:  # there is no wheel for this Python or machine
    Parser = None  # type: ignore[assignment,misc]

PRICES_AND_VOLUME = ("price", "bid", "ask", "volume")
LONGEST_HOLD_S = 3_600
_BEGINNING = b'{"frame":1,"symbol":["'
_KEYS = ["frame", "symbol", "ts", *PRICES_AND_VOLUME]
_KEYS_WITH_PROMISE = [*_KEYS, "hold_s"]
_COLUMNS = 2 + len(PRICES_AND_VOLUME)


class PlainFrame(NamedTuple):
    """Columns of shape (n,): symbols, epoch milliseconds, and those of ``PRICES_AND_VOLUME``.

    ``numbers`` are those of the symbols if all are known (:mod:`schemas.symbols`).
    """

    symbol: list[str]
    numbers: NDArray[np.intp] | None
    ts: NDArray[np.int64]
    columns: list[NDArray[np.float64]]
    hold_s: float | None


def read_plain(value: bytes) -> PlainFrame | None:
    """The columns of a plain frame of at least one quote; None for every other record.

    They have equal length and hold finite numbers; whether these make sense is not looked at.
    """
    if Parser is None or not value.startswith(_BEGINNING) or not _is_flat(value):
        return None
    try:
        # One for each, as none may be used while what it read is; it costs nothing.
        frame: Any = Parser().parse(value)
        keys = list(frame)
        if keys not in (_KEYS, _KEYS_WITH_PROMISE):
            return None
        ts = np.frombuffer(frame["ts"].as_buffer(of_type="i"), np.int64)
        columns = [
            np.frombuffer(frame[key].as_buffer(of_type="d"), np.float64)
            for key in PRICES_AND_VOLUME
        ]
        symbol, numbers = _symbols(frame["symbol"], value)
        hold_s = frame["hold_s"] if keys == _KEYS_WITH_PROMISE else None
    except (ValueError, TypeError, AttributeError, RuntimeError):
        return None
    if {len(ts), *map(len, columns)} != {len(symbol)}:
        return None
    if hold_s is not None and not (isinstance(hold_s, float) and 0 <= hold_s <= LONGEST_HOLD_S):
        return None
    return PlainFrame(symbol, numbers, ts, columns, hold_s)


def _symbols(array: Any, value: bytes) -> tuple[list[str], NDArray[np.intp] | None]:
    numbers = KNOWN.numbers_in(value, len(_BEGINNING))
    if numbers is None or len(numbers) != len(array):
        symbols = array.as_list()
        if set(map(type, symbols)) != {str}:
            raise TypeError("symbols are strings")
        return symbols, None
    return KNOWN.names[numbers].tolist(), numbers


def _is_flat(value: bytes) -> bool:
    """Whether there are as many arrays as columns: one within another would come out flat.

    A frame in which one begins with a gap, as the sides of a feed of trades do, is not worth more.
    """
    at = 0
    for _ in range(_COLUMNS):
        at = value.find(b"[", at) + 1
        if not at or value.startswith(b"n", at):
            return False
    return value.find(b"[", at) < 0
