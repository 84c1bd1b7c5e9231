"""Trading time: minutes in which anything traded, counted, and the sessions that they make."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.times import US_PER_MINUTE

SESSION_MIN = 390
# A closed market moves prices as much as so many minutes of trading.
NIGHT_MIN = 120

# A gap this long without any trade is a closed market.
_CLOSED_US = 90 * US_PER_MINUTE


@dataclass(slots=True, eq=False)
class TradingClock:
    """Where trading stands after a minute.

    ``now`` is the end of the newest minute (epoch microseconds), ``tick`` the number of minutes
    taken, ``session_tick`` that of the first minute of the current session, ``sessions`` the
    number of those that are over.
    """

    now: int = 0
    tick: int = 0
    session_tick: int = 0
    sessions: int = 0

    def take(self, start: int) -> bool:
        """Count the minute that starts at ``start``; whether a session begins with it."""
        end = start + US_PER_MINUTE
        begins = end - self.now > _CLOSED_US
        if begins and self.tick:
            self.sessions += 1
        self.now = end
        self.tick += 1
        if begins or not self.session_tick:
            self.session_tick = self.tick
        return begins

    @property
    def minute_of_session(self) -> int:
        """Minutes of trading since the session began, 1 in its first."""
        return self.tick - self.session_tick + 1
