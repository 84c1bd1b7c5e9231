"""One demo from its start to its end."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from threading import Event
from typing import Any

from streams.demo.audit import count_signals
from streams.demo.drain import Drain
from streams.demo.observe import Observer
from streams.demo.producer import ProducerPlan
from streams.demo.screen import Screen
from streams.demo.stage import Stage
from streams.demo.summary import Summary
from streams.errors import UserError
from streams.instance import Addresses
from streams.supervisor import last_line

PERIOD_S = 0.25
FIRST_QUOTE_S = 90.0
# What the producer has read is sent within seconds.
PRODUCER_ENDS_S = 60.0


class PartDied(Exception):
    """A part ended though it should run; the message says which, how, and what it said last."""


@dataclass
class Demo:
    """Plays ``plan`` on ``stage``; without ``seconds`` until a signal ends it."""

    stage: Stage
    plan: ProducerPlan
    screen: Screen
    seconds: float | None
    started: float
    observer: Observer | None = None
    drain: Drain | None = None
    playing_since: float | None = None
    first_light_s: float | None = None

    def run(self, flags: dict[str, Any]) -> Summary:
        """Play, wait until all is stored, and give the account; without ``seconds`` stay on.

        Raises:
            PartDied: a part ended by itself.
            UserError, TimescaleError: a part cannot start, or the comparison cannot be made.
        """
        self.stage.start(self.plan, flags)
        addresses = self.stage.addresses
        if addresses is None:
            raise UserError("the broker and the database have no addresses: start again")
        self.observer = Observer(self.url, addresses.kafka_broker)
        self.observer.start()
        self._play(self.observer)
        summary = self._account(addresses, self.observer)
        if self.seconds is None:
            self._stay(self.observer, summary)
        return summary

    @property
    def url(self) -> str:
        """Where the worker answers."""
        return f"http://{self.stage.settings.web_host}:{self.stage.web_port}"

    def close(self) -> None:
        """End everything."""
        if self.observer is not None:
            self.observer.stop()
        if self.drain is not None:
            self.drain.stop()
        self.stage.close()

    def _play(self, observer: Observer) -> None:
        producer = self.stage.producer
        asked: float | None = None
        while producer is not None and producer.poll() is None:
            self._tick(observer, self._phase if asked is None else "the market has closed")
            if asked is None and self._time_is_over():
                producer.ask_to_end()
                asked = self.elapsed
            elif asked is not None and self.elapsed - asked > PRODUCER_ENDS_S:
                said = last_line(self.stage.producer_log) or "nothing"
                raise UserError(
                    f"the producer did not end within {PRODUCER_ENDS_S:.0f} s of being asked to: "
                    f"start again; it last said: {said}"
                )

    @property
    def _phase(self) -> str:
        return "starting the worker" if self.playing_since is None else "playing"

    def _time_is_over(self) -> bool:
        if self.playing_since is None:
            if self.elapsed > FIRST_QUOTE_S:
                said = last_line(self.stage.data_dir / "worker.log") or "nothing"
                raise UserError(
                    f"no quote was processed within {FIRST_QUOTE_S:.0f} s: start again when the "
                    f"machine is less busy; the worker last said: {said}"
                )
            return False
        return self.seconds is not None and self.elapsed - self.playing_since >= self.seconds

    def _account(self, addresses: Addresses, observer: Observer) -> Summary:
        drain = self.drain = Drain(self.stage, addresses, observer)
        drain.start()
        while not drain.done.is_set():
            self._tick(observer, drain.phase)
        if drain.error is not None:
            self._check()
            raise drain.error
        counts = drain.counts
        if counts is None:
            raise UserError("nothing could be counted: start again")
        return Summary(
            ok=not drain.problems,
            problems=drain.problems,
            source=self.plan.source,
            elapsed_s=round(self.elapsed, 2),
            first_light_s=self.first_light_s,
            quotes_produced=counts.reported or 0,
            quotes_processed=counts.seen.quotes or 0,
            distinct_quotes=counts.sent.distinct,
            ticks_stored=counts.stored.ticks,
            bars=counts.barred.bars,
            collected_rows=counts.stored.collected_rows,
            hourly_rows=counts.stored.hourly_rows,
            daily_rows=counts.stored.daily_rows,
            signals=count_signals(addresses.kafka_broker, Event()),
            peak_memory_bytes=self._memory(),
        )

    def _stay(self, observer: Observer, summary: Summary) -> None:
        if summary.ok:
            phase = f"finished: all {summary.distinct_quotes:,} quotes are stored; Ctrl-C ends"
        else:
            phase = f"finished, but {summary.problems[0]}; Ctrl-C ends"
        while True:
            self._tick(observer, phase)

    def _tick(self, observer: Observer, phase: str) -> None:
        time.sleep(PERIOD_S)
        self._check()
        seen = observer.latest
        if self.playing_since is None and seen.quotes:
            self.playing_since = self.elapsed
        if self.first_light_s is None and seen.quotes and seen.tracked:
            self.first_light_s = round(self.elapsed, 2)
        self.screen.show(phase, self.elapsed, seen)

    def _check(self) -> None:
        death = self.stage.supervisor.dead()
        if death is not None:
            raise PartDied(str(death))

    @property
    def elapsed(self) -> float:
        """Seconds since the command was called."""
        return time.monotonic() - self.started

    def _memory(self) -> dict[str, int]:
        self._check()
        # Linux counts in kilobytes, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        parts = {member.name: member.peak_rss for member in self.stage.supervisor.members}
        return {**parts, "demo": own}
