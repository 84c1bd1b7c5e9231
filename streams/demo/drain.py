"""After the producer has ended: waits until the worker has stored all, or no longer gets on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event, Thread

from streams.demo.audit import BarsAudit, read_sent, read_stored
from streams.demo.observe import Observer
from streams.demo.producer import produced
from streams.demo.stage import Stage
from streams.demo.summary import Counts, problems
from streams.instance import Addresses
from streams.settings import Settings

STALLED_S = 20.0
LOOK_EVERY_S = 0.5


@dataclass
class Drain:
    """Compares in the background until all agrees; ``done`` says that ``counts`` is final."""

    stage: Stage
    addresses: Addresses
    observer: Observer
    done: Event = field(default_factory=Event)
    counts: Counts | None = None
    problems: list[str] = field(default_factory=list)
    error: Exception | None = None
    phase: str = "counting what was sent"
    _stop: Event = field(default_factory=Event)

    def start(self) -> None:
        """Begin."""
        Thread(target=self._run, name="drain", daemon=True).start()

    def stop(self) -> None:
        """Give up comparing; returns at once."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self._compare(self.stage.settings)
        except Exception as exc:
            self.error = exc
        self.done.set()

    def _compare(self, settings: Settings) -> None:
        broker, dsn = self.addresses.kafka_broker, self.addresses.timescale_dsn
        summary = produced(self.stage.producer_log)
        sent = read_sent(broker, self._stop)
        bars = BarsAudit(settings, broker, self._stop)
        moved, before = time.monotonic(), None
        while not self._stop.is_set():
            counts = self.counts = Counts(
                reported=None if summary is None else int(summary["quotes"]),
                sent=sent,
                seen=self.observer.look(),
                barred=bars.update(),
                due_in_rows=bars.due_in_rows(),
                stored=read_stored(dsn, sent, settings.high_freq_interval),
                ticks_kept=settings.store_ticks in ("tracked", "all"),
                fresh=not self.stage.keep,
            )
            self.problems = problems(counts)
            now = time.monotonic()
            state = (counts.seen.quotes, counts.barred.quotes, counts.stored)
            if state != before:
                moved, before = now, state
            if not self.problems or now - moved > STALLED_S:
                break
            self.phase = (
                f"draining: {counts.seen.quotes or 0:,} of {sent.quotes:,} quotes processed, "
                f"{counts.stored.ticks:,} ticks stored"
            )
            self._stop.wait(LOOK_EVERY_S)
        bars.close()
