"""The newest signals for the live view, read from their topics."""

from __future__ import annotations

import contextlib
from collections import deque
from threading import Event

import msgspec
from confluent_kafka import KafkaException, Message

from schemas.signals import Pattern
from schemas.tracking import TradingCandidates
from streams import topics
from streams.demo.audit import TopicReader
from streams.errors import UserError

SHOWN = 6


class NewestSignals:
    """Follows the signal topics; ``lines`` are the newest ones as text, newest first."""

    def __init__(self, bootstrap: str, stop: Event) -> None:
        self._bootstrap = bootstrap
        self._stop = stop
        self._reader: TopicReader | None = None
        self._lines: deque[str] = deque(maxlen=SHOWN)

    @property
    def lines(self) -> list[str]:
        """At most six lines."""
        return list(self._lines)

    def update(self) -> None:
        """Take in what is new; a broker that does not answer is asked again the next time."""
        with contextlib.suppress(KafkaException, UserError):
            if self._reader is None:
                names = [*topics.SIGNALS, topics.TRADING_CANDIDATES]
                self._reader = TopicReader(self._bootstrap, names, self._stop)
            for message in self._reader.read():
                self._lines.appendleft(described(message))


def described(message: Message) -> str:
    """One signal in one line."""
    name = str(message.topic()).removeprefix("signals.")
    try:
        if message.topic() == topics.TRADING_CANDIDATES:
            return _candidates(msgspec.json.decode(message.value() or b"", type=TradingCandidates))
        pattern = msgspec.json.decode(message.value() or b"", type=Pattern)
    except msgspec.MsgspecError:
        return f"{name}: a message that cannot be read"
    who = ", ".join(pattern.securities)
    return f"{pattern.detected_at:%H:%M} {name}: {who} ({pattern.confidence:.0%})"


def _candidates(change: TradingCandidates) -> str:
    now = ", ".join(f"{c.symbol} {c.score:.0f}" for c in change.candidates) or "none"
    left = f"; left: {', '.join(change.left)}" if change.left else ""
    return f"{change.timestamp:%H:%M} trading candidates: {now}{left}"
