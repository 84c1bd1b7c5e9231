"""Trading time: the minutes of all sessions counted through, and the moments they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import numpy as np

from schemas.times import US_PER_MINUTE, from_us, iso, to_us
from streams.sources.base import Floats, Ints
from streams.sources.simulated import (
    NEW_YORK,
    OPEN,
    SESSION_MINUTES,
    intraday_shape,
    weekdays,
)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of 390 minutes each. ``opening_us`` (days,) is when each begins."""

    opening_us: Ints

    @classmethod
    def from_start(cls, start_us: int, days: int) -> Sessions:
        """``days`` sessions from the day of ``start_us`` in New York on."""
        first = from_us(start_us).astimezone(NEW_YORK).date()
        openings = [
            to_us(datetime.combine(day, OPEN, NEW_YORK)) for day in islice(weekdays(first), days)
        ]
        return cls(np.array(openings, np.int64))

    @property
    def days(self) -> int:
        """How many sessions."""
        return len(self.opening_us)

    @property
    def minutes(self) -> int:
        """How many minutes of trading."""
        return self.days * SESSION_MINUTES

    def start_us(self, minute: int) -> int:
        """When a minute of trading begins, epoch microseconds."""
        day, within = divmod(minute, SESSION_MINUTES)
        return int(self.opening_us[day]) + within * US_PER_MINUTE

    def iso(self, minute: int) -> str:
        """When a minute of trading begins, ISO 8601."""
        return iso(self.start_us(minute))

    def iso_end(self, minute: int) -> str:
        """When a minute of trading ends, ISO 8601."""
        return iso(self.start_us(minute) + US_PER_MINUTE)


def day_shape() -> Floats:
    """Activity (390,) at each minute of a session; its mean is 1."""
    shape = np.array([intraday_shape(minute) for minute in range(SESSION_MINUTES)])
    return np.asarray(shape / shape.mean())
