"""Event time: ISO 8601 or epoch milliseconds on the wire, int64 epoch microseconds inside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

US_PER_MS = 1_000
US_PER_S = 1_000_000
US_PER_MINUTE = 60 * US_PER_S

# Outside these years a timestamp is a unit mistake (seconds or nanoseconds for milliseconds).
EARLIEST_US = 631_152_000 * US_PER_S  # 1990-01-01
LATEST_US = 4_102_444_800 * US_PER_S  # 2100-01-01

_ONE_US = timedelta(microseconds=1)


def to_us(value: datetime | int) -> int:
    """Epoch microseconds of a decoded wire timestamp (a naive datetime is taken as UTC)."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=UTC)
        return (value - EPOCH) // _ONE_US
    return value * US_PER_MS


def column_to_us(values: Sequence[datetime | int]) -> NDArray[np.int64]:
    """Epoch microseconds, shape (n,), of a column of wire timestamps.

    Raises:
        OverflowError: an integer does not fit 64 bits.
    """
    try:
        column = np.array(values, dtype=np.int64)
    except TypeError:
        return np.array([to_us(value) for value in values], dtype=np.int64)
    # Absurd integers stay absurd instead of wrapping around to a plausible time.
    limit = LATEST_US // US_PER_MS + 1
    return np.clip(column, -limit, limit) * US_PER_MS


def from_us(us: int) -> datetime:
    """The aware UTC datetime of epoch microseconds."""
    return EPOCH + timedelta(microseconds=int(us))


def iso(us: int) -> str:
    """ISO 8601 with ``Z``, as every message of ours writes time.

    >>> iso(1_518_791_400_000_000)
    '2018-02-16T14:30:00Z'
    """
    return from_us(us).isoformat().replace("+00:00", "Z")
