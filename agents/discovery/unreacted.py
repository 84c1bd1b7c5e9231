"""Whether a price has taken in a piece of news: jumped on it, is on its way, or is silent."""

from __future__ import annotations

from typing import NamedTuple

from agents.discovery.candidate import Direction
from agents.discovery.newslog import Item
from agents.discovery.reaction import Reaction

# Ordinary noise stays within so many deviations at its end, on its way, and towards the news.
_UNREACTED = 2.0
_UNREACTED_ON_THE_WAY = 2.5
_NOT_BEGUN = 1.5
# Material news makes more than half of a day's usual deviation: so little is the beginning at most.
_LITTLE = 0.4
_LITTLE_ON_THE_WAY = 0.5
# Most news of the night is in the first price, some three deviations from the last. A gap of so
# many is three times as likely without such news as with it.
_NOT_IN_THE_GAP = 1.0
# A move of so many deviations in some minutes of the hour before says that the news was known.
_KNOWN_BEFORE = 5.0
# So far over the night, or from the open on, in the direction of the news: it tells why.
_KNOWN_TODAY = 2.5
# So far over the hours just before it: it was known to some.
_SEEPED = 1.7
# So far moves one that jumped on the news, beyond doubt.
_JUMPED = 6.0

# News as likely as not to be nothing still is worth a look if it tells of an event.
MATERIAL = 0.27
_MATERIAL_WITHOUT_EVENT = 0.5


class State(NamedTuple):
    """One security after one news."""

    item: Item
    material: float
    row: int
    reaction: Reaction
    stale: bool

    @property
    def move(self) -> float:
        """Its move since the news, or that over the night if larger."""
        return max(self.reaction.move, self.reaction.gap, key=abs)

    @property
    def jumped(self) -> bool:
        """Whether the news moved it, for all to see; of a night's news it must tell of an event."""
        told, seen = self.item.wording, self.reaction
        doubtful = told.routine if self.move == seen.move else not told.event
        return not doubtful and abs(self.move) >= _JUMPED and seen.before <= _KNOWN_BEFORE

    @property
    def worth_a_look(self) -> bool:
        """Whether its words alone make it likely enough to be material."""
        told = self.item.wording
        least = MATERIAL if told.event else _MATERIAL_WITHOUT_EVENT
        return not told.routine and self.material >= least

    @property
    def silent(self) -> bool:
        """Whether the price is as if there had been no news, though it could have moved."""
        seen = self.reaction
        little = abs(seen.of_day) <= _LITTLE and seen.extreme_of_day <= _LITTLE_ON_THE_WAY
        ordinary = abs(seen.move) <= _UNREACTED and seen.extreme <= _UNREACTED_ON_THE_WAY
        return (
            seen.trades
            and not self.stale
            and (ordinary or little)
            and abs(seen.gap) <= _UNREACTED
            and seen.before <= _KNOWN_BEFORE
        )

    def knows(self, sign: Direction) -> bool:
        """Whether the price is on its way as the news says, or had gone it before."""
        seen = self.reaction
        moved = sign * seen.move > _NOT_BEGUN and sign * seen.of_day > _LITTLE
        begun = moved or max(sign * seen.lately) > _NOT_BEGUN
        known = max(sign * move for move in seen.earlier) > _KNOWN_TODAY
        seeped = (sign * seen.drift).max(initial=0.0) > _SEEPED
        return begun or known or seeped or sign * seen.gap > _NOT_IN_THE_GAP
