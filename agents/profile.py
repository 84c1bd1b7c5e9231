"""Time-of-day volume profiles: what a security usually trades by this time of the day."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from schemas.times import from_us

SLOT_S = 900
SLOTS = 86_400 // SLOT_S
EXCHANGE_TZ = ZoneInfo("America/New_York")

# A new day counts for a fifth: about two trading weeks of memory.
_LEARNING_RATE = 0.2


def exchange_time(us: int) -> datetime:
    """The exchange's local time, so that daylight saving does not shift the profile."""
    return from_us(us).astimezone(EXCHANGE_TZ)


def slot_of(us: int) -> int:
    """The quarter of an hour of the exchange's day."""
    return _slot(exchange_time(us))


class VolumeProfile:
    """EW mean volume per symbol and 15-minute slot of the exchange day.

    Rows are symbols, added by :meth:`resize`. A slot's first observation is taken whole. Days on
    which a symbol did not trade at all teach nothing.
    """

    def __init__(self) -> None:
        self.day = 0
        self.mean: NDArray[np.float32] = np.full((0, SLOTS), np.nan, np.float32)
        self.today: NDArray[np.float64] = np.zeros((0, SLOTS))

    def resize(self, symbols: int) -> None:
        """Make room for ``symbols`` rows."""
        if symbols > len(self.mean):
            self.mean = _extended(self.mean, symbols, np.nan)
            self.today = _extended(self.today, symbols, 0.0)

    def add(self, us: int, rows: NDArray[np.intp], volume: NDArray[np.float64]) -> None:
        """Add the volume that ``rows`` traded in the minute that starts at ``us``."""
        local = exchange_time(us)
        if local.toordinal() != self.day:
            self._learn()
            self.day = local.toordinal()
        self.today[rows, _slot(local)] += volume

    def _learn(self) -> None:
        traded = self.today.sum(axis=1) > 0
        today, mean = self.today[traded], self.mean[traded]
        step = np.where(np.isnan(mean), today, mean + _LEARNING_RATE * (today - mean))
        self.mean[traded] = step
        self.today[:] = 0

    def relative_volume(self, us: int) -> NDArray[np.float64]:
        """Volume of the day until ``us`` over what is usual until then; NaN without a profile."""
        local = exchange_time(us)
        slot = _slot(local)
        elapsed = (local.hour * 3600 + local.minute * 60 + local.second) % SLOT_S / SLOT_S
        mean = self.mean.astype(np.float64)
        usual = np.nansum(mean[:, :slot], axis=1) + elapsed * np.nan_to_num(mean[:, slot])
        done = self.day_volume()
        return ratio(done, usual)

    def relative_slots(
        self, start_us: int, seconds: int, volume: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """``volume`` traded since ``start_us`` over what these ``seconds`` usually bring."""
        first = slot_of(start_us)
        slots = np.arange(first, first + max(1, seconds // SLOT_S)) % SLOTS
        share = min(1.0, seconds / SLOT_S)
        usual = share * np.nansum(self.mean[:, slots].astype(np.float64), axis=1)
        return ratio(volume, usual)

    def day_volume(self) -> NDArray[np.float64]:
        """Shares traded today, shape (symbols,)."""
        return np.asarray(self.today.sum(axis=1))

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"day": self.day, "mean": self.mean, "today": self.today}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> VolumeProfile:
        """The profile of a snapshot."""
        profile = cls()
        # Copies: two profiles must not grow into the same room.
        profile.day = state["day"]
        profile.mean, profile.today = state["mean"].copy(), state["today"].copy()
        return profile


def _extended(array: NDArray[Any], rows: int, fill: float) -> NDArray[Any]:
    """The array with more rows, in the room that is left behind it where there is any.

    Securities come one by one in a market's first minutes; copying all of it each time is dear.
    """
    room = array.base
    if room is None or len(room) < rows:
        room = np.full((rows + rows // 4, SLOTS), fill, array.dtype)
        room[: len(array)] = array
    extended: NDArray[Any] = room[:rows]
    return extended


def _slot(local: datetime) -> int:
    return (local.hour * 3600 + local.minute * 60) // SLOT_S
