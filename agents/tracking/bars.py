"""One-minute bars from the quotes of a closed minute, and the side of each trade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.arrays import ratio
from agents.tracking.buffer import QuoteRows, order_by_symbol
from schemas.bars import BarColumns
from schemas.times import US_PER_MINUTE


def split_minutes(rows: QuoteRows) -> list[tuple[int, QuoteRows]]:
    """Group ``rows`` by minute (its start, epoch microseconds); each sorted by symbol and time.

    Quotes of one symbol and instant keep their order of arrival.
    """
    first, last = int(rows.ts.min()) // US_PER_MINUTE, int(rows.ts.max()) // US_PER_MINUTE
    if first == last:
        return [(first * US_PER_MINUTE, rows.take(_by_symbol_and_time(rows)))]
    minute = rows.ts // US_PER_MINUTE
    order = np.lexsort((rows.seq, rows.ts, rows.ids, minute))
    rows, minute = rows.take(order), minute[order]
    starts = np.flatnonzero(np.diff(minute, prepend=minute[0] - 1))
    ends = np.append(starts[1:], len(rows))
    return [
        (int(minute[a]) * US_PER_MINUTE, rows.rows_between(a, b))
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _by_symbol_and_time(rows: QuoteRows) -> NDArray[np.intp]:
    """The order of rows by symbol, time and arrival: mostly that by symbol alone."""
    order = order_by_symbol(rows.ids)
    ids, ts = rows.ids[order], rows.ts[order]
    back = (ids[1:] == ids[:-1]) & (ts[1:] < ts[:-1])
    return np.lexsort((rows.seq, rows.ts, rows.ids)) if back.any() else order


def trade_sides(
    rows: QuoteRows, first: NDArray[np.intp], last_price: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The buyer-initiated share (0, 0.5 or 1) of each quote's volume, shape (n,).

    Quote rule, then tick rule (Lee and Ready 1991): above the midpoint is a buy, below a sale; at
    the midpoint, or without both sides, an uptick is a buy and a downtick a sale; else undecided.
    ``rows`` are sorted by symbol and time, ``first`` is where each symbol starts and
    ``last_price`` its price before them (NaN when unknown), shape (symbols in rows,).
    """
    previous = np.empty_like(rows.price)
    previous[1:] = rows.price[:-1]
    previous[first] = last_price
    quote_rule = np.sign(rows.price - (rows.bid + rows.ask) / 2)
    tick_rule = np.sign(rows.price - previous)
    side = np.where((quote_rule == 0) | np.isnan(quote_rule), tick_rule, quote_rule)
    return 0.5 + 0.5 * np.nan_to_num(side)


def minute_bars(
    rows: QuoteRows, symbols: list[str], last_price: NDArray[np.float64]
) -> tuple[NDArray[np.intp], BarColumns]:
    """Bars of one minute and the ids of their symbols, in order of id.

    ``rows`` as :func:`split_minutes` gives them; ``last_price`` by symbol id, before this minute.
    """
    first = np.flatnonzero(np.diff(rows.ids, prepend=-1))
    last = np.append(first[1:], len(rows)) - 1
    ids = rows.ids[first]
    count = last - first + 1
    volume = np.add.reduceat(rows.volume, first)
    notional = np.add.reduceat(rows.price * rows.volume, first)
    buys = trade_sides(rows, first, last_price[ids]) * rows.volume
    spread = rows.ask - rows.bid
    two_sided = ~np.isnan(spread)
    quoted = np.add.reduceat(two_sided.astype(np.int64), first)
    spread_sum = np.add.reduceat(np.where(two_sided, spread, 0.0), first)
    return ids, BarColumns(
        symbol=[symbols[i] for i in ids.tolist()],
        open=rows.price[first],
        high=np.maximum.reduceat(rows.price, first),
        low=np.minimum.reduceat(rows.price, first),
        close=rows.price[last],
        volume=volume,
        vwap=ratio(notional, volume),
        bid=rows.bid[last],
        ask=rows.ask[last],
        spread=ratio(spread_sum, quoted),
        buy_volume=np.add.reduceat(buys, first),
        count=count,
        quoted=quoted,
    )
