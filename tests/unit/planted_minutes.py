"""A planted market as its quotes show it: what a test measures the truth against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from schemas.times import US_PER_MINUTE, to_us
from streams.sources.planted import Episode, PlantedMarket
from streams.sources.simulated import SESSION_MINUTES

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Minutes:
    """Arrays (minutes, securities) of what was quoted, repeats left out.

    ``price`` is the middle, carried through minutes without a quote; ``excess`` are log returns
    net of the market's median; nights are left out of it.
    """

    place: dict[str, int]
    number: dict[int, int]
    price: Floats
    volume: Floats
    bought: Floats
    quoted: NDArray[np.bool_]
    excess: Floats

    @classmethod
    def of(cls, market: PlantedMarket) -> Minutes:
        place = {s.symbol: row for row, s in enumerate(market.securities())}
        shape = (market.days * SESSION_MINUTES, len(place))
        price, volume, bought = np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
        minutes, codes, columns = [], [], []
        for batch in market.quotes():
            minutes.append(batch.ts // US_PER_MINUTE)
            codes.append(np.array([place[symbol] for symbol in batch.symbol]))
            columns.append(np.stack([batch.price, batch.bid, batch.ask, batch.volume]))
        distinct, minute = np.unique(np.concatenate(minutes), return_inverse=True)
        assert len(distinct) == shape[0], "every minute of trading has a quote"
        code = np.concatenate(codes)
        paid, bid, ask, shares = np.concatenate(columns, axis=1)
        middle = (bid + ask) / 2
        price[minute, code], volume[minute, code] = middle, shares
        bought[minute, code] = np.where(paid > middle, shares, 0.0)
        quoted = ~np.isnan(price)
        _carry(price)
        moves = np.diff(np.log(price), axis=0, prepend=np.log(price[:1]))
        moves[::SESSION_MINUTES] = 0.0
        number = {int(at) * US_PER_MINUTE: row for row, at in enumerate(distinct.tolist())}
        excess = moves - np.median(moves, axis=1, keepdims=True)
        return cls(place, number, price, volume, bought, quoted, excess)

    def rows(self, symbols: list[str]) -> list[int]:
        return [self.place[symbol] for symbol in symbols]

    def at(self, moment: str) -> int:
        """The minute of trading in which a moment falls, or the next one."""
        us = to_us(datetime.fromisoformat(moment)) // US_PER_MINUTE * US_PER_MINUTE
        while us not in self.number:
            us += US_PER_MINUTE
            if us > max(self.number):
                return len(self.price)
        return self.number[us]

    def span(self, episode: Episode) -> slice:
        return slice(self.at(episode.start), self.at(episode.end))

    def deviation(self, length: int) -> Floats:
        """The usual size (securities,) of an excess return over ``length`` minutes."""
        whole = len(self.excess) // length * length
        sums = self.excess[:whole].reshape(-1, length, self.excess.shape[1]).sum(axis=1)
        return np.asarray(1.4826 * np.median(np.abs(sums), axis=0))

    def correlation(self, one: list[int], other: list[int], span: slice, length: int = 5) -> float:
        """Of the mean excess returns of two groups over ``length`` minutes."""
        start, stop = span.start, span.start + (span.stop - span.start) // length * length
        means = [self.excess[start:stop, rows].mean(axis=1) for rows in (one, other)]
        sums = [mean.reshape(-1, length).sum(axis=1) for mean in means]
        return float(np.corrcoef(sums[0], sums[1])[0, 1])


def _carry(price: Floats) -> None:
    for row in range(1, len(price)):
        gap = np.isnan(price[row])
        price[row, gap] = price[row - 1, gap]
    for row in range(len(price) - 2, -1, -1):
        gap = np.isnan(price[row])
        price[row, gap] = price[row + 1, gap]
