"""Abnormal returns and volumes: what each security does net of market, sector and time of day.

A minute's return is the market's times the security's beta, plus its sector's, plus its own. Betas
are estimated online; factors are robust means, so that no single security makes one. Returns are of
the middle of bid and ask where both are known, which bounces less than the last price. What happens
while the market is closed is kept apart: it says nothing about a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.robust import Floats, group_means, weighted_mean
from agents.discovery.window import Window
from agents.minutes import MarketMinute
from agents.profile import VolumeProfile, exchange_time
from schemas.bars import BarColumns
from schemas.times import US_PER_MINUTE

SESSION_MIN = 390
SLOT_MIN = 15
SLOTS = 24 * 60 // SLOT_MIN

# Minutes kept one by one, and their sums in blocks of a quarter of an hour.
MINUTES = SESSION_MIN
BLOCK_MIN = 15
BLOCKS = 10 * SESSION_MIN // BLOCK_MIN

# A gap this long without any trade is a closed market.
_CLOSED_US = 90 * US_PER_MINUTE
# A return over a longer gap of one security (a halt) is no return of a minute.
_LONGEST_GAP_MIN = 30

# Half-lives in minutes of trading.
_BETA_HALF_LIFE = 3 * SESSION_MIN
_EW_MINUTES = _BETA_HALF_LIFE / np.log(2)
_VARIANCE_HALF_LIFE = SESSION_MIN
_VARIANCE_RATE = 1 - 0.5 ** (1 / _VARIANCE_HALF_LIFE)
_BURST_HALF_LIFE = 8

# Own minutes until an estimate weighs as much as its prior: a beta of one, the usual deviation.
_BETA_PRIOR = 200.0
_VARIANCE_PRIOR = 5.0
_DEVIATION_PRIOR = 8e-4
_LEAST_DEVIATION = 5e-5

# Nothing moves by more than so many deviations in a minute: beyond lie bad prints and jumps.
Z_CAP = 6.0
_SQUARE_CAP = 16.0
# The median of the absolute value of a standard normal variable.
_MEDIAN_MOVE = 0.6745
_SHAPE_RATE = 0.02
_PULL_CAP = 0.01
# A closed market moves prices as much as so many minutes of trading.
NIGHT_MIN = 120
# So little of the market is in securities together that it cannot be told from them.
_LEAST_BETA = 0.3
# A price that is a whole multiple or part of the last session's, within so much, was split.
_SPLIT_FIT = 0.03
_WIDEST_SPREAD = 0.05

# So few securities are no market, and so few no sector.
_LEAST_MARKET = 5
_LEAST_SECTOR = 4

FIELDS = ("r", "m", "e", "z", "zm", "volume", "expected", "signed", "side", "sided", "traded")
_FLOATS = (
    "last", "level_at", "sector_level_at", "beta_fr", "gamma_gm", "gamma_gg", "var_m", "var_e",
    "usual_volume", "overnight", "course_at", "split", "pull_square",
)  # fmt: skip
_INTS = ("traded_tick", "seen", "sector", "industry", "listed_sector")
_SCALARS = (
    "now", "tick", "session_tick", "sessions", "unblocked", "level", "factor_square", "calm",
    "stir", "burst", "course", "reopened",
)  # fmt: skip
_SHARED = ("sector_level", "sector_square", "pull", "shape", "shape_seen")


class Panel:
    """State of every security; column ``i`` of every array belongs to ``symbols[i]``.

    ``now`` is the end of the newest minute (epoch microseconds), ``tick`` the number of minutes
    taken, ``session_tick`` that of the first minute of the current session. ``window`` holds, a
    row a minute: ``r`` log returns; ``m`` net of the market; ``e`` net of market and sector; ``zm``
    and ``z`` the same over their usual deviation at that time of the day, capped; ``volume``,
    ``expected`` volume and ``signed`` volume (bought less sold) in shares; ``side`` the latter over
    the volume of that minute, -1 to 1; ``sided`` whether quotes told the sides, ``traded`` whether
    it traded, 0 or 1.
    ``blocks`` holds sums of the same over quarters of an hour, within sessions only. ``factors``
    holds the market's return and ``burst`` (its volatility over the usual, at least one);
    ``sectors`` the returns of the sectors net of the market, in order of ``sector_names``.
    ``sector`` and ``industry`` are codes, -1 where unknown. ``overnight`` is the log return from
    the last session's last price to this one's first.

    ``course`` is the market's log price, nights included, ``course_at`` what it was when each
    security last traded; ``split`` the log of how often its price was multiplied by splits that
    the feed did not adjust.
    """

    last: Floats
    level_at: Floats
    sector_level_at: Floats
    beta_fr: Floats
    gamma_gm: Floats
    gamma_gg: Floats
    var_m: Floats
    var_e: Floats
    usual_volume: Floats
    overnight: Floats
    course_at: Floats
    split: Floats
    pull_square: Floats
    traded_tick: NDArray[np.int64]
    seen: NDArray[np.int64]
    sector: NDArray[np.int64]
    industry: NDArray[np.int64]
    listed_sector: NDArray[np.int64]

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.row: dict[str, int] = {}
        self.sector_names: list[str] = []
        self.industry_names: list[str] = []
        self.now = self.tick = self.session_tick = self.sessions = self.unblocked = 0
        self.reopened = 0
        self.course = 0.0
        self.level = self.factor_square = self.calm = self.stir = 0.0
        self.burst = 1.0
        self.window = Window(FIELDS, MINUTES)
        self.blocks = Window(FIELDS, BLOCKS)
        self.factors = Window(("market", "burst"), MINUTES)
        self.factors.resize(1)
        self.sectors = Window(("return",), MINUTES)
        self.sector_level: Floats = np.zeros(0)
        self.sector_square: Floats = np.zeros(0)
        self.pull: Floats = np.zeros((0, 0))
        self.shape: Floats = np.ones(SLOTS)
        self.shape_seen: Floats = np.zeros(SLOTS)
        self.profile = VolumeProfile()
        self._groups: dict[str, list[str | None]] = {}
        for name in _FLOATS:
            setattr(self, name, np.zeros(0))
        for name in _INTS:
            setattr(self, name, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.symbols)

    def reference(self, symbol: str, sector: str | None, industry: str | None) -> None:
        """Know the sector and industry of a security, seen or not."""
        self._groups[symbol] = [sector, industry]
        if symbol in self.row:
            self._place(self.row[symbol])

    def take(self, minute: MarketMinute) -> bool:
        """Take in a market minute; False if nothing usable traded in it."""
        ids, at = self._usable(minute.bars)
        if not len(ids):
            return False
        if minute.start + US_PER_MINUTE - self.now > _CLOSED_US:
            self._open_session()
        self.now = minute.start + US_PER_MINUTE
        self.tick += 1
        if not self.session_tick:
            self.session_tick = self.tick
        slot = slot_of(minute.start)
        price = prices(minute.bars, at)
        with np.errstate(invalid="ignore", divide="ignore"):
            change = np.log(price / self.last[ids])
        gap = self.tick - self.traded_tick[ids]
        opening = self.traded_tick[ids] < self.session_tick
        known = opening & (self.traded_tick[ids] > 0)
        self.overnight[ids[known]] = change[known]
        usable = ~opening & (gap <= _LONGEST_GAP_MIN) & np.isfinite(change)
        self._move(ids[usable], change[usable], gap[usable], slot)
        self._reopen(ids[known], change[known])
        self._trade(minute, ids, at, slot)
        self.last[ids] = price
        self.traded_tick[ids] = self.tick
        self.level_at[ids] = self.level
        self.course_at[ids] = self.course
        grouped = ids[self.sector[ids] >= 0]
        self.sector_level_at[grouped] = self.sector_level[self.sector[grouped]]
        self.unblocked += 1
        if self.unblocked == BLOCK_MIN:
            self._block()
        return True

    @property
    def minute_of_session(self) -> int:
        """Minutes of trading since the session began, 1 in its first."""
        return self.tick - self.session_tick + 1

    @property
    def beta(self) -> Floats:
        """Return of each security for a return of the market, shape (securities,)."""
        prior = _BETA_PRIOR * self.factor_square / _EW_MINUTES
        if prior <= 0:
            return np.ones(len(self))
        return np.asarray((self.beta_fr + prior) / (self.factor_square + prior))

    @property
    def gamma(self) -> Floats:
        """Return net of the market for a return of the own sector, shape (securities,)."""
        prior = _BETA_PRIOR * self.gamma_gg / _EW_MINUTES
        return np.where(prior > 0, (self.gamma_gm + prior) / (self.gamma_gg + prior + 1e-300), 1.0)

    def deviation(self, name: str, slot: int | None = None) -> Floats:
        """The usual deviation of a minute's ``m`` or ``e`` (at a time of the day)."""
        variance = self.var_m if name == "m" else self.var_e
        scale = 1.0 if slot is None else self.shape[slot]
        return np.maximum(np.sqrt(variance * scale), _LEAST_DEVIATION)

    def relative_volume(self, minutes: int) -> Floats:
        """Volume of the last minutes over what is usual then, net of the market's; NaN unknown."""
        relative = ratio(
            self.window.total("volume", minutes), self.window.total("expected", minutes)
        )
        market = np.nanmedian(relative) if np.isfinite(relative).any() else 1.0
        return relative / max(float(market), 0.2)

    def imbalance(self, minutes: int) -> Floats:
        """Bought less sold over all volume of the last minutes, -1 to 1; 0 without volume."""
        signed, volume = self.window.total("signed", minutes), self.window.total("volume", minutes)
        return np.nan_to_num(ratio(signed, volume))

    def _usable(self, bars: BarColumns) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of the securities with a price, and where their bars are; the last of repeats."""
        for symbol in bars.symbol:
            if symbol not in self.row:
                self._append(symbol)
        self._resize()
        rows = np.array([self.row[s] for s in bars.symbol], dtype=np.intp)
        at = np.flatnonzero(np.isfinite(bars.close) & (bars.close > 0))
        _, backwards = np.unique(rows[at][::-1], return_index=True)
        at = at[np.sort(len(at) - 1 - backwards)]
        return rows[at], at

    def _append(self, symbol: str) -> None:
        self.row[symbol] = len(self.symbols)
        self.symbols.append(symbol)

    def _resize(self) -> None:
        before = len(self.last)
        grow = len(self.symbols) - before
        if not grow:
            return
        for name in _FLOATS:
            fill = _DEVIATION_PRIOR**2 if name.startswith("var_") else 0.0
            setattr(self, name, np.concatenate([getattr(self, name), np.full(grow, fill)]))
        self.last[before:] = np.nan
        for name in _INTS:
            fill = 0 if name in ("traded_tick", "seen") else -1
            more = np.full(grow, fill, np.int64)
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        self.window.resize(len(self.symbols))
        self.blocks.resize(len(self.symbols))
        self.profile.resize(len(self.symbols))
        self.pull = np.vstack([self.pull, np.zeros((grow, self.pull.shape[1]))])
        for row in range(before, len(self.symbols)):
            self._place(row)

    def _place(self, row: int) -> None:
        sector, industry = self._groups.get(self.symbols[row], [None, None])
        self.sector[row] = self.listed_sector[row] = self._code(self.sector_names, sector)
        self.industry[row] = self._code(self.industry_names, industry)
        if self.sector[row] >= 0:
            self.sector_level_at[row] = self.sector_level[self.sector[row]]

    def _code(self, names: list[str], name: str | None) -> int:
        if not name:
            return -1
        if name not in names:
            names.append(name)
            if names is self.sector_names:
                self.sectors.resize(len(names))
                self.sector_level = np.append(self.sector_level, 0.0)
                self.sector_square = np.append(self.sector_square, 0.0)
                self.pull = np.hstack([self.pull, np.zeros((len(self.pull), 1))])
        return names.index(name)

    def _open_session(self) -> None:
        if self.unblocked:
            self._block()
        if self.tick:
            self.sessions += 1
        self.session_tick = self.reopened = 0
        self.overnight[:] = 0.0

    def _reopen(self, ids: NDArray[np.intp], change: Floats) -> None:
        """Add the market's night to its course, from the securities that trade again.

        They may do so over several minutes: each time the mean so far is made better.
        """
        sound = np.isfinite(change)
        ids, change = ids[sound], change[sound]
        net = change - self.beta[ids] * (self.course - self.course_at[ids])
        times = np.exp(np.abs(net))
        whole = np.round(times)
        split = (whole >= 2) & (np.abs(times / whole - 1) < _SPLIT_FIT)
        self.split[ids[split]] += np.sign(net[split]) * np.log(whole[split])
        ids, net = ids[~split], net[~split]
        if not len(ids) or self.reopened + len(ids) < _LEAST_MARKET:
            return
        self.reopened += len(ids)
        night = weighted_mean(net, self.deviation("m")[ids] * np.sqrt(NIGHT_MIN))
        beta = max(float(self.beta[ids].mean()), _LEAST_BETA)
        self.course += night / beta * len(ids) / self.reopened

    def _block(self) -> None:
        count, self.unblocked = self.unblocked, 0
        self.blocks.append(**{name: self.window.total(name, count) for name in FIELDS})

    def _move(
        self, ids: NDArray[np.intp], change: Floats, gap: NDArray[np.int64], slot: int
    ) -> None:
        """Split the returns of this minute into market, sector and own, and learn from them."""
        count = len(self)
        row = {name: np.zeros(count) for name in ("r", "m", "e", "z", "zm")}
        sectors = np.zeros(len(self.sector_names))
        market = 0.0
        if len(ids):
            usual = np.sqrt(gap)
            sd_m, sd_e = (self.deviation(name, slot)[ids] * usual for name in ("m", "e"))
            beta, gamma = self.beta[ids], self.gamma[ids]
            missed = beta * (self.level - self.level_at[ids])
            if len(ids) >= _LEAST_MARKET:
                market = weighted_mean(change - missed, sd_m)
            m = change - missed - beta * market
            sectors, own = self._sectors(ids, m, sd_m)
            missed = self._missed_sector(ids)
            e = m - gamma * (missed + own)
            self._learn_burst(np.abs(m) / sd_m)
            row["r"][ids], row["m"][ids], row["e"][ids] = change, m, e
            row["zm"][ids] = np.clip(m / (sd_m * self.burst), -Z_CAP, Z_CAP)
            row["z"][ids] = np.clip(e / (sd_e * self.burst), -Z_CAP, Z_CAP)
            self._learn(ids, market, own, m, e, usual, slot, sectors)
        self.level += market
        self.course += market
        self.sector_level = self.sector_level + sectors
        self.factors.append(market=np.array([market]), burst=np.array([self.burst]))
        self.sectors.append(**{"return": sectors})
        self._row = row

    def _sectors(self, ids: NDArray[np.intp], m: Floats, sd: Floats) -> tuple[Floats, Floats]:
        """Returns of the sectors, and of each security's own sector without itself."""
        groups = len(self.sector_names)
        means, own = np.zeros(groups), np.zeros(len(ids))
        group = self.sector[ids]
        grouped = np.flatnonzero(group >= 0)
        if len(grouped):
            found, without = group_means(m[grouped], sd[grouped], group[grouped], groups)
            size = np.bincount(group[grouped], minlength=groups)
            means = np.where(size >= _LEAST_SECTOR, np.nan_to_num(found), 0.0)
            large = size[group[grouped]] >= _LEAST_SECTOR
            own[grouped] = np.where(large, np.nan_to_num(without), 0.0)
        return means, own

    def _missed_sector(self, ids: NDArray[np.intp]) -> Floats:
        group = self.sector[ids]
        if not len(self.sector_level):
            return np.zeros(len(ids))
        return np.where(group >= 0, self.sector_level[group] - self.sector_level_at[ids], 0.0)

    def _learn_burst(self, moves: Floats) -> None:
        """How much rougher than usual the market is: its median move against its own mean."""
        middle = float(np.median(moves))
        rate = max(1 / (self.tick + 1), 1 - 0.5 ** (1 / _VARIANCE_HALF_LIFE))
        self.stir += (1 - 0.5 ** (1 / _BURST_HALF_LIFE)) * (middle - self.stir)
        self.calm += rate * (middle - self.calm)
        self.burst = max(1.0, self.stir / self.calm) if self.calm > 0 else 1.0

    def _learn(
        self,
        ids: NDArray[np.intp],
        market: float,
        own: Floats,
        m: Floats,
        e: Floats,
        usual: Floats,
        slot: int,
        sectors: Floats,
    ) -> None:
        scale = self.shape[slot]
        seen = self.seen[ids]
        rate = np.maximum(1 / (seen + _VARIANCE_PRIOR), _VARIANCE_RATE)
        keep = 0.5 ** (1 / _BETA_HALF_LIFE)
        cap_m = 4 * self.deviation("m", slot)[ids] * usual
        pulled = np.clip(m, -cap_m, cap_m)
        self.factor_square = keep * self.factor_square + market**2
        self.beta_fr *= keep
        self.beta_fr[ids] += (pulled + self.beta[ids] * market) * market
        self.gamma_gm *= keep
        self.gamma_gg *= keep
        self.gamma_gm[ids] += pulled * own
        self.gamma_gg[ids] += own**2
        for variance, value in ((self.var_m, m), (self.var_e, e)):
            square = (value / usual) ** 2 / (scale * self.burst**2)
            limit = np.where(seen < _VARIANCE_PRIOR, np.inf, _SQUARE_CAP * variance[ids])
            variance[ids] += rate * (np.minimum(square, limit) - variance[ids])
        typical = float(np.median(np.abs(m) / usual / np.sqrt(self.var_m[ids]))) / _MEDIAN_MOVE
        self.shape_seen[slot] += 1
        step = max(1 / (self.shape_seen[slot] + 10), _SHAPE_RATE)
        self.shape[slot] += step * (min(typical**2, 9.0) - self.shape[slot])
        self.pull *= keep
        self.pull_square *= keep
        self.pull_square[ids] += (pulled / cap_m) ** 2
        if len(sectors):
            sectors = np.clip(sectors, -_PULL_CAP, _PULL_CAP)
            self.sector_square = keep * self.sector_square + sectors**2
            self.pull[ids] += np.outer(pulled / cap_m, sectors)
        self.seen[ids] += 1

    def _trade(
        self, minute: MarketMinute, ids: NDArray[np.intp], at: NDArray[np.intp], slot: int
    ) -> None:
        bars, count = minute.bars, len(self)
        volume, signed, sided, traded = (np.zeros(count) for _ in range(4))
        shares, bought = bars.volume[at], bars.buy_volume[at]
        volume[ids] = np.where(np.isfinite(shares) & (shares > 0), shares, 0.0)
        known = (bought >= 0) & (bought <= volume[ids])
        signed[ids] = np.where(known, 2 * bought - volume[ids], 0.0)
        sided[ids], traded[ids] = bars.quoted[at] > 0, 1.0
        mean = self.profile.mean[:, slot].astype(np.float64) / SLOT_MIN
        expected = np.where(np.isnan(mean), self.usual_volume, mean)
        self.window.append(
            **self._row,
            volume=volume,
            expected=expected,
            signed=signed,
            side=np.nan_to_num(ratio(signed, volume)),
            sided=sided,
            traded=traded,
        )
        self.profile.add(minute.start, ids, volume[ids])
        rate = np.maximum(1 / (self.seen + 1), _VARIANCE_RATE)
        self.usual_volume += rate * (volume - self.usual_volume)

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            "symbols": self.symbols,
            "names": [self.sector_names, self.industry_names],
            "groups": self._groups,
            "windows": [w.snapshot() for w in self._windows()],
            "profile": self.profile.snapshot(),
            **{name: getattr(self, name) for name in _SCALARS + _SHARED + _FLOATS + _INTS},
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Panel:
        """The panel of a snapshot."""
        panel = cls()
        panel.symbols = list(state["symbols"])
        panel.row = {symbol: i for i, symbol in enumerate(panel.symbols)}
        panel.sector_names, panel.industry_names = map(list, state["names"])
        panel._groups = dict(state["groups"])
        for window, saved in zip(panel._windows(), state["windows"], strict=True):
            window.load(saved)
        panel.profile = VolumeProfile.restore(state["profile"])
        for name in _SCALARS + _SHARED + _FLOATS + _INTS:
            setattr(panel, name, state[name])
        return panel

    def _windows(self) -> tuple[Window, ...]:
        return self.window, self.blocks, self.factors, self.sectors


def prices(bars: BarColumns, at: NDArray[np.intp]) -> Floats:
    """The middle of bid and ask where both stand and make sense, else the last price."""
    close, bid, ask = bars.close[at], bars.bid[at], bars.ask[at]
    sound = (bid > 0) & (ask >= bid) & np.isfinite(ask)
    bid, ask = np.where(sound, bid, close), np.where(sound, ask, close)
    middle = (bid + ask) / 2
    return np.where(ask - bid <= _WIDEST_SPREAD * middle, middle, close)


def slot_of(us: int) -> int:
    """The quarter of an hour of the exchange's day."""
    local = exchange_time(us)
    return (local.hour * 60 + local.minute) // SLOT_MIN
