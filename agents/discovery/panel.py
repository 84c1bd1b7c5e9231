"""Abnormal returns and volumes: what each security does net of market, sector and time of day.

The panel takes in the bars of a minute, has the parts of it estimated (returns in ``factors.py``,
closed markets in ``nights.py``, volumes in ``volumes.py``) and remembers what came of the last
minutes. Returns are of the middle of bid and ask where both are known, which bounces less than the
last price. What happens while the market is closed is kept apart: it says nothing about a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.discovery.factors import RETURNS, FactorModel, Moves, Split
from agents.discovery.nights import Nights
from agents.discovery.robust import Floats
from agents.discovery.securities import Codes, Securities
from agents.discovery.session import SESSION_MIN, TradingClock
from agents.discovery.volumes import VOLUMES, Volumes
from agents.discovery.window import Window
from agents.minutes import MarketMinute
from agents.profile import slot_of
from agents.state import fields_of, of_fields
from schemas.bars import BarColumns

# Minutes kept one by one, and their sums in blocks of a quarter of an hour.
MINUTES = SESSION_MIN
BLOCK_MIN = 15
BLOCKS = 10 * SESSION_MIN // BLOCK_MIN

# A return over a longer gap of one security (a halt) is no return of a minute.
_LONGEST_GAP_MIN = 30
# A middle of bid and ask that are farther apart (of itself) is no price.
_WIDEST_SPREAD = 0.05

FIELDS = RETURNS + VOLUMES


class Panel:
    """State of every security; column ``i`` of every array belongs to ``symbols[i]``.

    ``window`` holds, a row a minute, the returns of :class:`Split` and the volumes of
    :class:`Volumes`; ``blocks`` sums of the same over quarters of an hour, within sessions only.
    ``factors`` holds the market's return and ``burst`` (its volatility over the usual, at least
    one); ``sectors`` the returns of the sectors net of the market, in order of ``sector_names``.
    ``last`` is the last price, NaN before the first, and ``traded_tick`` the minute that it is of.
    """

    def __init__(self) -> None:
        self.clock = TradingClock()
        self.securities = Securities()
        self.model = FactorModel()
        self.nights = Nights()
        self.volumes = Volumes()
        self.window = Window(FIELDS, MINUTES)
        self.blocks = Window(FIELDS, BLOCKS)
        self.factors = Window(("market", "burst"), MINUTES)
        self.factors.resize(1)
        self.sectors = Window(("return",), MINUTES)
        self.last: Floats = np.zeros(0)
        self.traded_tick: NDArray[np.int64] = np.zeros(0, np.int64)
        self._unblocked = 0

    def __len__(self) -> int:
        return len(self.securities)

    def reference(self, symbol: str, sector: str | None, industry: str | None) -> None:
        """Know the sector and industry of a security, seen or not."""
        self.securities.reference(symbol, sector, industry)
        if symbol in self.row:
            self._make_room()
            self._join(np.array([self.row[symbol]]))

    def learn_sector(self, row: int, sector: int) -> None:
        """Take a security for one of that sector from now on."""
        self.sector[row] = sector
        self._join(np.array([row]))

    def take(self, minute: MarketMinute) -> bool:
        """Take in a market minute; False if nothing usable traded in it."""
        ids, bars = self._usable(minute.bars)
        if not len(ids):
            return False
        if self.clock.take(minute.start):
            self._begin_session()
        slot = slot_of(minute.start)
        price = prices(bars)
        split = self._take_returns(ids, price, slot)
        volumes = self.volumes.take(minute.start, slot, ids, bars, self.seen)
        self.window.append(**split.row, **volumes)
        self.factors.append(market=np.array([split.market]), burst=np.array([self.burst]))
        self.sectors.append(**{"return": split.sectors})
        self.last[ids] = price
        self.traded_tick[ids] = self.tick
        self._unblocked += 1
        if self._unblocked == BLOCK_MIN:
            self._block()
        return True

    @property
    def now(self) -> int:
        """The end of the newest minute, epoch microseconds."""
        return self.clock.now

    @property
    def tick(self) -> int:
        """Minutes of trading so far."""
        return self.clock.tick

    @property
    def minute_of_session(self) -> int:
        """Minutes of trading since the session began, 1 in its first."""
        return self.clock.minute_of_session

    @property
    def symbols(self) -> list[str]:
        """The symbols seen, in order of their rows."""
        return self.securities.symbols

    @property
    def row(self) -> dict[str, int]:
        """The row of each symbol seen."""
        return self.securities.row

    @property
    def sector_names(self) -> list[str]:
        """The sectors, in order of their codes."""
        return self.securities.sector_names

    @property
    def sector(self) -> Codes:
        """The sector of each security, listed or learned; -1 where unknown."""
        return self.securities.sector

    @property
    def industry(self) -> Codes:
        """The industry of each security; -1 where unknown."""
        return self.securities.industry

    @property
    def seen(self) -> NDArray[np.int64]:
        """Returns of minutes that each security has shown, shape (securities,)."""
        return self.model.seen

    @property
    def beta(self) -> Floats:
        """Return of each security for a return of the market, shape (securities,)."""
        return self.model.exposures.beta

    @property
    def burst(self) -> float:
        """How much rougher than usual the market is now, at least one."""
        return self.model.volatility.burst

    @property
    def overnight(self) -> Floats:
        """Log returns from the last session to this one, 0 before the open; (securities,)."""
        return self.nights.overnight

    def deviation(self, name: str) -> Floats:
        """The usual deviation of an ordinary minute's ``m`` or ``e``, shape (securities,)."""
        return self.model.volatility.deviation(name)

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

    def _usable(self, bars: BarColumns) -> tuple[NDArray[np.intp], BarColumns]:
        """Rows of the securities with a price, and their bars; the last of repeats."""
        rows = self.securities.rows(bars.symbol)
        if len(self) > len(self.last):
            self._make_room()
        at = np.flatnonzero(np.isfinite(bars.close) & (bars.close > 0))
        _, backwards = np.unique(rows[at][::-1], return_index=True)
        at = at[np.sort(len(at) - 1 - backwards)]
        return rows[at], bars if len(at) == len(bars) else bars.take(at)

    def _make_room(self) -> None:
        before, count, groups = len(self.last), len(self), len(self.sector_names)
        self.last = np.pad(self.last, (0, count - before), constant_values=np.nan)
        self.traded_tick = np.pad(self.traded_tick, (0, count - before))
        for part in (self.window, self.blocks, self.nights, self.volumes):
            part.resize(count)
        self.model.resize(count, groups)
        self.sectors.resize(groups)
        self._join(np.arange(before, count))

    def _join(self, rows: NDArray[np.intp]) -> None:
        """Let securities go with their sector from now on."""
        self.model.levels.mark_sector(rows, self.sector)

    def _begin_session(self) -> None:
        if self._unblocked:
            self._block()
        self.nights.begin_session()

    def _block(self) -> None:
        count, self._unblocked = self._unblocked, 0
        self.blocks.append(**{name: self.window.total(name, count) for name in FIELDS})

    def _take_returns(self, ids: NDArray[np.intp], price: Floats, slot: int) -> Split:
        """Take in the returns up to this minute, each of this session or of the night before."""
        with np.errstate(invalid="ignore", divide="ignore"):
            change = np.log(price / self.last[ids])
        traded = self.traded_tick[ids]
        gap = self.tick - traded
        opens = traded < self.clock.session_tick
        usable = ~opens & (gap <= _LONGEST_GAP_MIN) & np.isfinite(change)
        moves = Moves(ids[usable], change[usable], gap[usable])
        split = self.model.take(moves, self.sector, slot, self.tick)
        self.nights.course += split.market
        reopens = opens & (traded > 0) & np.isfinite(change)
        if reopens.any():
            again = ids[reopens]
            deviation = self.deviation("m")[again]
            self.nights.reopen(again, change[reopens], self.beta[again], deviation)
        self.model.levels.mark(ids, self.sector)
        self.nights.course_at[ids] = self.nights.course
        return split

    def snapshot(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {
            **fields_of(self.clock),
            **self.securities.snapshot(),
            **self.model.snapshot(),
            **fields_of(self.nights),
            **self.volumes.snapshot(),
            "windows": [window.snapshot() for window in self._windows()],
            "last": self.last,
            "traded_tick": self.traded_tick,
            "unblocked": self._unblocked,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Panel:
        """The panel of a snapshot."""
        panel = cls()
        panel.clock = of_fields(TradingClock, state)
        panel.securities = Securities.restore(state)
        panel.model = FactorModel.restore(state)
        panel.nights = of_fields(Nights, state)
        panel.volumes = Volumes.restore(state)
        for window, saved in zip(panel._windows(), state["windows"], strict=True):
            window.load(saved)
        panel.last, panel.traded_tick = state["last"], state["traded_tick"]
        panel._unblocked = state["unblocked"]
        return panel

    def _windows(self) -> tuple[Window, ...]:
        return self.window, self.blocks, self.factors, self.sectors


def prices(bars: BarColumns) -> Floats:
    """The middle of bid and ask where both stand and make sense, else the last price."""
    close, bid, ask = bars.close, bars.bid, bars.ask
    sound = (bid > 0) & (ask >= bid) & np.isfinite(ask)
    bid, ask = np.where(sound, bid, close), np.where(sound, ask, close)
    middle = (bid + ask) / 2
    return np.where(ask - bid <= _WIDEST_SPREAD * middle, middle, close)
