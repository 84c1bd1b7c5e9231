"""What tracking keeps of each security, in plain Python: the work of every contender but ours.

The same as :mod:`agents.tracking` keeps, without its order: no lateness, no repeats, a minute
closes with the first quote of the next. Imports nothing, so that it runs wherever a peer does.
"""

from __future__ import annotations

from typing import Any

MINUTE_MS = 60_000
_VARIANCE_WEIGHT = 1 - 0.5 ** (1 / 30)
_DECAY = 0.5 ** (1 / 15)


class Security:
    """The newest quote, the open bar, and what is known from the bars before."""

    __slots__ = (
        "ask", "ask_sum", "bid", "bought", "close", "count", "flow", "high", "last", "low",
        "minute", "notional", "open", "signed", "ts", "variance", "volume",
    )  # fmt: skip

    def __init__(self) -> None:
        self.minute = -1
        self.last = self.close = 0.0
        self.variance = self.signed = self.flow = 0.0


class Market:
    """Every security by symbol; ``quotes``, ``bars`` and ``volume`` count what was done."""

    def __init__(self) -> None:
        self.securities: dict[str, Security] = {}
        self.quotes = self.bars = 0
        self.volume = 0.0

    def take(
        self,
        symbol: str,
        ts: int,
        price: float,
        bid: float | None,
        ask: float | None,
        volume: float,
    ) -> dict[str, Any] | None:
        """One quote, ``ts`` in epoch milliseconds; the bar that it closes."""
        security = self.securities.get(symbol)
        if security is None:
            security = self.securities[symbol] = Security()
        self.quotes += 1
        return self.update(security, ts, price, bid, ask, volume)

    def update(
        self,
        security: Security,
        ts: int,
        price: float,
        bid: float | None,
        ask: float | None,
        volume: float,
    ) -> dict[str, Any] | None:
        """The same for a security that is kept elsewhere."""
        minute = ts // MINUTE_MS
        closed = None
        if minute > security.minute:
            if security.minute >= 0:
                closed = self.close(security)
            security.minute = minute
            security.open = security.high = security.low = price
            security.volume = security.notional = security.bought = 0.0
            security.ask_sum = 0.0
            security.count = 0
        elif price > security.high:
            security.high = price
        elif price < security.low:
            security.low = price
        middle = price
        if bid is not None and ask is not None:
            middle = (bid + ask) / 2
            security.ask_sum += ask - bid
        before = (security.last or price) if middle == price else middle
        share = 1.0 if price > before else 0.5 if price == before else 0.0
        security.bought += share * volume
        security.volume += volume
        security.notional += price * volume
        security.count += 1
        security.last, security.ts, security.bid, security.ask = price, ts, bid, ask
        return closed

    def close(self, security: Security) -> dict[str, Any]:
        """The bar of the open minute, folded into the state."""
        if security.close:
            change = security.last / security.close - 1
            security.variance += _VARIANCE_WEIGHT * (change * change - security.variance)
        security.close = security.last
        security.signed = security.signed * _DECAY + 2 * security.bought - security.volume
        security.flow = security.flow * _DECAY + security.volume
        self.bars += 1
        self.volume += security.volume
        return {
            "minute": security.minute,
            "open": security.open,
            "high": security.high,
            "low": security.low,
            "close": security.last,
            "volume": security.volume,
            "vwap": security.notional / security.volume if security.volume else None,
            "spread": security.ask_sum / security.count,
            "buy_volume": security.bought,
            "count": security.count,
        }
