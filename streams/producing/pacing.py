"""Event time against the wall clock, at a chosen speed."""

from __future__ import annotations

import time
from collections.abc import Callable

from schemas.times import US_PER_S


class Pacer:
    """Maps event time to wall clock: ``speed`` seconds of events pass in one second."""

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._wall = clock
        self._event_us = 0
        self._since = 0.0
        self.started = False

    def jump(self, event_us: int) -> None:
        """Event time is ``event_us`` now; it goes on from there."""
        self._event_us, self._since, self.started = event_us, self._wall(), True

    def now_us(self) -> int:
        """The event time that is due now."""
        return self._event_us + int((self._wall() - self._since) * self._speed * US_PER_S)

    def seconds_until(self, event_us: int) -> float:
        """Wall-clock seconds until ``event_us`` is due; not negative."""
        return max(0.0, (event_us - self.now_us()) / US_PER_S / self._speed)
