"""The whole market in columns, fed by market minutes and catalysts."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.minutes import MarketMinute
from agents.profile import VolumeProfile, exchange_time
from agents.scanning.catalysts import RETENTION_US, CatalystLog
from agents.scanning.view import HOUR_MIN, MOVE_MIN, SESSION_MIN, Floats, MarketView
from agents.symbols import SymbolRows
from schemas.news import Catalyst
from schemas.times import US_PER_MINUTE, US_PER_S

SESSION_OPEN, SESSION_CLOSE = time(9, 30), time(16)

# Half-lives in minutes in which the market traded, so that nights and weekends do not age them.
USUAL_HALF_LIFE = SESSION_MIN // 2
RECENT_HALF_LIFE = 10
DOLLARS_HALF_LIFE = SESSION_MIN

# A tenth a day: about a month of memory.
_DAY_RATE = 0.1
_SPREAD_RATE = 0.1

# A return over a night or a halt says nothing about volatility by the minute.
_LONGEST_RETURN_US = 30 * US_PER_MINUTE

# One jump overnight counts for five usual days at most, so that a split does not hide moves after.
_JUMP_CAP = 25.0

# Prices stand still at times (a deal at a fixed price); a cent must not become an event then.
_LEAST_MINUTE_SD = 1e-4
_LEAST_DAY_SD = 3e-3

# A price that halves or doubles overnight while the turnover in money stays as usual is a split.
_SPLIT_GAP = 0.35
_SPLIT_TURNOVER = 3.0

# The first minutes hold the opening auction: their pace says nothing yet.
_PACE_FROM_MIN = 5
_PACE_ALONE_FROM_MIN = 15

# Prices of the last hour are kept each five minutes, the last one of each five.
_RING_US = 5 * US_PER_MINUTE
_RING = HOUR_MIN // 5 + 2
_DAY_US = 86_400 * US_PER_S

_PRICES = ("last", "previous_close", "first", "day_open", "session_close", "day_variance", "spread")
_SUMS = ("variance", "variance_known", "recent", "recent_known", "day_squares", "pace", "dollars")
_INTS = ("traded", "tick")


class Market(SymbolRows):
    """State of every security; row ``i`` of every array belongs to ``symbols[i]``.

    It depends on the minutes and catalysts taken in alone. ``time`` is the end of the newest
    minute, ``ticks`` counts the minutes in which the market traded.
    """

    last: Floats
    previous_close: Floats
    first: Floats
    day_open: Floats
    session_close: Floats
    day_variance: Floats
    spread: Floats
    variance: Floats
    variance_known: Floats
    recent: Floats
    recent_known: Floats
    day_squares: Floats
    pace: Floats
    dollars: Floats
    traded: NDArray[np.int64]
    tick: NDArray[np.int64]

    def __init__(self) -> None:
        super().__init__()
        self.time = self.day = self.ticks = self.day_tick = 0
        self.profile = VolumeProfile()
        self.catalysts = CatalystLog()
        self._ring = np.full((_RING, 0), np.nan)
        self._ring_end = np.zeros(_RING, np.int64)
        self._day_start = self._listed_since = 0
        for name in _PRICES + _SUMS:
            setattr(self, name, np.zeros(0))
        for name in _INTS:
            setattr(self, name, np.zeros(0, np.int64))

    def _grow(self, new: int) -> None:
        for names, fill in ((_PRICES, np.nan), (_SUMS, 0.0), (_INTS, 0)):
            for name in names:
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.full(new, fill, old.dtype)]))
        self._ring = np.hstack([self._ring, np.full((_RING, new), np.nan)])
        self.profile.resize(len(self.symbols))

    def inform(self, catalyst: Catalyst) -> bool:
        """Take in a catalyst, of the past or the future; False when it is known already."""
        row = int(self.rows([catalyst.symbol])[0])
        return self.catalysts.add(row, catalyst)

    def take(self, minute: MarketMinute) -> None:
        """Take in a market minute; minutes come in order of time."""
        bars = minute.bars
        rows = self.rows(bars.symbol)
        usable = np.flatnonzero(np.isfinite(bars.close) & (bars.close > 0))
        if not len(usable):
            return
        local = exchange_time(minute.start)
        self.roll(minute.start)
        self.ticks += 1
        self.time = minute.start + US_PER_MINUTE
        if not self.day_tick:
            self.day_tick = self.ticks
            self._listed_since, self._day_start = self._day_start, minute.start
        for at in _turns(rows[usable]):
            self._fold(minute, local, rows, usable[at])
        slot = minute.start // _RING_US % _RING
        self._ring[slot], self._ring_end[slot] = self.last, self.time

    def _fold(
        self, minute: MarketMinute, local: datetime, rows: NDArray[np.intp], at: NDArray[np.intp]
    ) -> None:
        bars, ids = minute.bars, rows[at]
        close, volume = bars.close[at], np.nan_to_num(bars.volume[at])
        opening = np.where(bars.open[at] > 0, bars.open[at], close)
        gap = (self.ticks - self.tick[ids]).clip(1)
        squared = np.log(close / self.last[ids]) ** 2
        usable = (minute.start - self.traded[ids] <= _LONGEST_RETURN_US) & ~np.isnan(squared)
        squared = np.where(usable, squared, 0.0)
        for mean, known, half_life in (
            (self.variance, self.variance_known, USUAL_HALF_LIFE),
            (self.recent, self.recent_known, RECENT_HALF_LIFE),
        ):
            weight = np.where(usable, 1 - 0.5 ** (gap / half_life), 0.0)
            mean[ids] += weight * (squared / gap - mean[ids])
            known[ids] += weight * (1 - known[ids])
        self.day_squares[ids] += squared
        self.first[ids] = _known(self.first[ids], opening)
        if SESSION_OPEN <= local.time() < SESSION_CLOSE:
            self.day_open[ids] = _known(self.day_open[ids], opening)
            self.session_close[ids] = close
        notional = _known(bars.vwap[at], close) * volume
        for total, amount, half_life in (
            (self.pace, volume, RECENT_HALF_LIFE),
            (self.dollars, notional, DOLLARS_HALF_LIFE),
        ):
            total[ids] = total[ids] * 0.5 ** (gap / half_life) + amount
        spread = np.where(bars.spread[at] >= 0, bars.spread[at] / close, np.nan)
        before = _known(self.spread[ids], spread)
        self.spread[ids] = before + _SPREAD_RATE * (_known(spread, before) - before)
        self.last[ids], self.traded[ids], self.tick[ids] = close, minute.start, self.ticks
        self.profile.add(minute.start, ids, volume)

    def roll(self, now: int) -> None:
        """Begin the exchange day of ``now``: what was today's becomes yesterday's."""
        day = exchange_time(now).toordinal()
        if day <= self.day:
            return
        self.day, self.day_tick = day, 0
        self._learn_day()
        traded = ~np.isnan(self.first)
        close = _known(self.session_close, self.last)
        self.previous_close = np.where(traded, close, self.last)
        for name in ("first", "day_open", "session_close"):
            getattr(self, name)[:] = np.nan
        for name in ("day_squares", "pace"):
            getattr(self, name)[:] = 0
        self._ring_end[:] = 0
        self.catalysts.forget(now - 2 * RETENTION_US)

    def _learn_day(self) -> None:
        """The day's variance: that of its minutes and the square of the jump before it."""
        by_minutes = self._usual_variance() * SESSION_MIN
        usual = _known(self.day_variance, by_minutes)
        jump = np.log(self.first / self.previous_close) ** 2
        sample = self.day_squares + np.nan_to_num(np.minimum(jump, _JUMP_CAP * usual))
        # A first day may be a part of one only.
        step = np.where(
            np.isnan(self.day_variance),
            np.fmax(sample, by_minutes),
            self.day_variance + _DAY_RATE * (sample - self.day_variance),
        )
        learned = ~np.isnan(self.first) & (step > 0)
        self.day_variance = np.where(learned, step, self.day_variance)

    def _usual_variance(self) -> Floats:
        return ratio(self.variance, self.variance_known)

    def deviations(self, symbols: list[str]) -> Floats:
        """The usual deviation of 15-minute log returns of each symbol; NaN where unknown."""
        usual: Floats = np.sqrt(self._usual_variance() * MOVE_MIN)
        return usual[self.rows(symbols)]

    def view(self, now: int) -> MarketView:
        """The market at ``now``, which must not be before ``time``."""
        self.roll(now)
        relative, pace = self._relative_volume(now)
        opened = np.where(np.isnan(self.first), np.nan, _known(self.day_open, self.last))
        reference = self.previous_close
        gap = np.log(opened / reference)
        turnover = np.nan_to_num(_known(relative, pace)) * np.exp(np.nan_to_num(gap))
        split = (np.abs(gap) > _SPLIT_GAP) & (turnover < _SPLIT_TURNOVER)
        reference = np.where(split, self.first, reference)
        minute_sd = np.fmax(np.sqrt(self._usual_variance()), _LEAST_MINUTE_SD)
        unknown = self.variance_known == 0
        minute_sd[unknown] = np.nan
        day_sd = _known(np.sqrt(self.day_variance), minute_sd * np.sqrt(SESSION_MIN))
        news = self.catalysts.until(now)
        newest = np.zeros(len(self), np.int64)
        newest[news.row] = news.ts
        today = news.row[news.ts > now - _DAY_US]
        warm = 1 - 0.5 ** (max(self.ticks, 1) / DOLLARS_HALF_LIFE)
        per_minute = 1 - 0.5 ** (1 / DOLLARS_HALF_LIFE)
        faded = self.dollars * 0.5 ** ((self.ticks - self.tick) / DOLLARS_HALF_LIFE)
        return MarketView(
            now=now,
            symbols=self.symbols,
            eligible=(self.last > 0) & (self.traded >= max(self._listed_since, 1)),
            price=self.last,
            gap=np.where(split, 0.0, gap),
            day_return=np.log(self.last / reference),
            recent_return=np.log(self.last / self._price_at(now - MOVE_MIN * US_PER_MINUTE)),
            hour_return=np.log(self.last / self._price_at(now - HOUR_MIN * US_PER_MINUTE)),
            usual_move=minute_sd * np.sqrt(MOVE_MIN),
            usual_day=np.where(np.isnan(day_sd), np.nan, np.fmax(day_sd, _LEAST_DAY_SD)),
            realised=np.sqrt(ratio(self.recent, self.recent_known) * MOVE_MIN),
            relative_volume=relative,
            pace=pace,
            dollars=faded * per_minute / warm * SESSION_MIN,
            spread=self.spread,
            mentions=np.bincount(today, minlength=len(self)),
            newest=newest,
            news=news,
        )

    def _price_at(self, when: int) -> Floats:
        """The price at ``when`` or, when today began later, the first price of today."""
        ends = np.where(self._ring_end <= when, self._ring_end, 0)
        slot = int(np.argmax(ends))
        opening = _known(self.first, self.last)
        return _known(self._ring[slot], opening) if ends[slot] else opening

    def _relative_volume(self, now: int) -> tuple[Floats, Floats]:
        """Of the day until now and of the last minutes; NaN where nothing is known."""
        unknown = np.full(len(self), np.nan)
        minutes = self.ticks - self.day_tick + 1 if self.day_tick else 0
        if self.profile.day != self.day or minutes < 1:
            return unknown, unknown
        relative = self.profile.relative_volume(now)
        if minutes < _PACE_FROM_MIN:
            return relative, unknown
        decayed = self.pace * 0.5 ** ((self.ticks - self.tick) / RECENT_HALF_LIFE)
        known = (1 - 0.5 ** (minutes / RECENT_HALF_LIFE)) / (1 - 0.5 ** (1 / RECENT_HALF_LIFE))
        by_minute = decayed / known
        pace = self.profile.relative_slots(now - US_PER_MINUTE, 900, by_minute * 15)
        if minutes >= _PACE_ALONE_FROM_MIN and np.isnan(pace).any():
            pace = _known(pace, self._pace_without_profile(by_minute, minutes))
        return relative, pace

    def _pace_without_profile(self, by_minute: Floats, minutes: int) -> Floats:
        """Against the day so far, net of how the whole market's pace has changed since."""
        own = ratio(by_minute * minutes, self.profile.day_volume())
        usual = np.nanmedian(own) if (own > 0).any() else np.nan
        return own / usual if usual > 0 else np.full(len(self), np.nan)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "symbols": self.symbols,
            "clock": [self.time, self.day, self.ticks, self.day_tick],
            "days": [self._day_start, self._listed_since],
            "profile": self.profile.snapshot(),
            "catalysts": self.catalysts.snapshot(),
            "ring": self._ring,
            "ring_end": self._ring_end,
            **{name: getattr(self, name) for name in _PRICES + _SUMS + _INTS},
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Market:
        """The market of a snapshot."""
        market = cls()
        market._append(state["symbols"])
        market.time, market.day, market.ticks, market.day_tick = state["clock"]
        market._day_start, market._listed_since = state["days"]
        market.profile = VolumeProfile.restore(state["profile"])
        market.catalysts = CatalystLog.restore(state["catalysts"])
        market._ring, market._ring_end = state["ring"], state["ring_end"]
        for name in _PRICES + _SUMS + _INTS:
            setattr(market, name, state[name])
        return market


def _known(values: Floats, otherwise: Floats) -> Floats:
    return np.where(np.isnan(values), otherwise, values)


def _turns(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Positions split so that no row repeats: two partitions may carry a symbol (foreign keys)."""
    if len(np.unique(rows)) == len(rows):
        return [np.arange(len(rows))]
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    turn = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return [np.sort(order[turn == k]) for k in range(int(turn.max()) + 1)]
