"""What prices do while the market is closed: overnight returns, the market's among them, splits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.arrays import no_values
from agents.discovery.factors import LEAST_MARKET
from agents.discovery.robust import Floats, weighted_mean
from agents.discovery.session import NIGHT_MIN

# So little of the market is in securities together that it cannot be told from them.
_LEAST_BETA = 0.3
# A price that is a whole multiple or part of the last session's, within so much, was split.
_SPLIT_FIT = 0.03


@dataclass(slots=True, eq=False)
class Nights:
    """Entry ``i`` of every array belongs to security ``i``.

    ``course`` is the market's log price, nights included, ``course_at`` what it was when each
    security last traded. ``overnight`` is the log return from the last session's last price to
    this one's first, 0 until it opened. ``split`` is the log of how often a price was multiplied
    by splits that the feed did not adjust. ``reopened`` counts who opened in this session.
    """

    course: float = 0.0
    course_at: Floats = field(default_factory=no_values)
    overnight: Floats = field(default_factory=no_values)
    split: Floats = field(default_factory=no_values)
    reopened: int = 0

    def resize(self, securities: int) -> None:
        """Make room for so many securities."""
        grow = (0, securities - len(self.split))
        self.course_at = np.pad(self.course_at, grow)
        self.overnight = np.pad(self.overnight, grow)
        self.split = np.pad(self.split, grow)

    def begin_session(self) -> None:
        """Nobody has opened yet."""
        self.reopened = 0
        self.overnight[:] = 0.0

    def reopen(
        self, ids: NDArray[np.intp], change: Floats, beta: Floats, deviation: Floats
    ) -> None:
        """Take in securities that trade again, and add the market's night to its course.

        ``change`` are their log returns since the last session, ``beta`` their exposures,
        ``deviation`` their usual ones of a minute net of the market; shapes (ids,). They may open
        over several minutes: each time the mean so far is made better.
        """
        self.overnight[ids] = change
        net = change - beta * (self.course - self.course_at[ids])
        plain = ~self._take_splits(ids, net)
        count = int(plain.sum())
        if not count or self.reopened + count < LEAST_MARKET:
            return
        self.reopened += count
        night = weighted_mean(net[plain], deviation[plain] * np.sqrt(NIGHT_MIN))
        of_market = max(float(beta[plain].mean()), _LEAST_BETA)
        self.course += night / of_market * count / self.reopened

    def _take_splits(self, ids: NDArray[np.intp], net: Floats) -> NDArray[np.bool_]:
        """Which of the changes were splits; they are noted."""
        times = np.exp(np.abs(net))
        whole = np.round(times)
        split = (whole >= 2) & (np.abs(times / whole - 1) < _SPLIT_FIT)
        self.split[ids[split]] += np.sign(net[split]) * np.log(whole[split])
        return np.asarray(split)
