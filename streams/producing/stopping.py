"""Ctrl-C and SIGTERM as a request to finish in order."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import Event
from types import FrameType
from typing import Any


class StopRequest(Event):
    """An event that a signal handler may set.

    ``Event.set`` takes a lock, and the handler may have interrupted the very thread that holds it
    in ``wait``: that would hang for ever. Putting into a ``SimpleQueue`` may interrupt itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._asked = False
        self._wake: SimpleQueue[None] = SimpleQueue()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._asked

    def set(self) -> None:
        """Ask to stop."""
        self._asked = True
        self._wake.put(None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, for at most so many seconds, and return whether to stop."""
        if not self._asked:
            with contextlib.suppress(Empty):
                self._wake.get(timeout=None if timeout is None else max(timeout, 0.0))
                # For whoever else waits.
                self._wake.put(None)
        return self._asked


@contextmanager
def stop_on_signals() -> Iterator[Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT interrupts at once."""
    stop = StopRequest()
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        before[name] = signal.signal(name, ask)
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
