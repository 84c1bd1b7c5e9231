"""Quix Streams: a state store keyed by the message's key, one function for each message.

Frames have no key of a security, so there the state is a dictionary of the process.
"""

from __future__ import annotations

from tempfile import mkdtemp
from typing import Any

from quixstreams import Application, State

from benchmarks.contenders import Meter, arguments
from benchmarks.plain import Market, Security


def main() -> None:
    """Run the application until it has taken the quotes."""
    chosen = arguments()
    meter, market = Meter(chosen.quotes), Market()
    app = Application(
        broker_address=chosen.broker,
        consumer_group=chosen.group,
        auto_offset_reset="earliest",
        state_dir=mkdtemp(),
        loglevel="WARNING",
        # The changelog takes its settings from the topic, which the embedded broker does not tell.
        use_changelog_topics=False,
    )

    def one(quote: dict[str, Any], state: State) -> None:
        security = Security()
        for name, value in (state.get("security") or {}).items():
            setattr(security, name, value)
        market.quotes += 1
        market.update(
            security, quote["ts"], quote["price"], quote["bid"], quote["ask"], quote["volume"]
        )
        state.set("security", {name: getattr(security, name, None) for name in Security.__slots__})
        if meter.reached(market.quotes):
            meter.tell_and_leave(market.quotes, bars=market.bars)

    def many(frame: dict[str, Any]) -> None:
        if "symbol" in frame:
            columns = (frame[name] for name in ("symbol", "ts", "price", "bid", "ask", "volume"))
            for quote in zip(*columns, strict=True):
                market.take(*quote)
        if meter.reached(market.quotes):
            meter.tell_and_leave(market.quotes, bars=market.bars, volume=market.volume)

    quotes = app.dataframe(app.topic(chosen.topic, value_deserializer="json"))
    if chosen.frames:
        quotes.update(many)
    else:
        quotes.update(one, stateful=True)
    app.run()


if __name__ == "__main__":
    main()
