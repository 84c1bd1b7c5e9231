"""What the running parts say about themselves, read in the background for the live view."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from streams.demo.newest import NewestSignals

PERIOD_S = 0.5
RATE_OVER_S = 3.0
ANSWER_S = 2.0


@dataclass(frozen=True)
class Observation:
    """One look at the worker; None where it has not answered yet."""

    quotes: int | None = None
    rate: float = 0.0
    lag: int | None = None
    bars: int = 0
    ticks: int = 0
    collected: int = 0
    written: int = 0
    late: int = 0
    rejected: int = 0
    event_time: float | None = None
    tracked: list[dict[str, Any]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)


class Observer:
    """Polls the worker's HTTP and the signal topics; ``latest`` is what it saw."""

    def __init__(self, base_url: str, bootstrap: str) -> None:
        self.base_url = base_url
        self.latest = Observation()
        self._seen: deque[tuple[float, int]] = deque()
        self._stop = threading.Event()
        self._signals = NewestSignals(bootstrap, self._stop)
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns at once."""
        self._stop.set()

    def look(self) -> Observation:
        """Ask the worker now; what does not answer stays as it was."""
        seen = self.latest
        try:
            seen = self._measured(metric_sums(_get(f"{self.base_url}/metrics").decode()))
            tracked = json.loads(_get(f"{self.base_url}/tracked_securities"))
            seen = replace(seen, tracked=tracked)
        except (URLError, OSError, ValueError):
            pass
        self.latest = seen
        return seen

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.look()
            self._signals.update()
            self.latest = replace(self.latest, signals=self._signals.lines)

    def _measured(self, sums: dict[str, float]) -> Observation:
        quotes = int(sums.get("catalyst_quotes_total", 0))
        lag = sums.get("catalyst_consumer_lag")
        return replace(
            self.latest,
            quotes=quotes,
            rate=self._rate(quotes),
            lag=None if lag is None else int(lag),
            bars=int(sums.get("catalyst_bars_total", 0)),
            ticks=int(sums.get("catalyst_ticks_total", 0)),
            collected=int(sums.get("catalyst_collected_rows_total", 0)),
            written=int(sums.get("catalyst_rows_written_total", 0)),
            late=int(sums.get("catalyst_late_total", 0)),
            rejected=int(sums.get("catalyst_dlq_total", 0)),
            event_time=sums.get("catalyst_event_time_seconds"),
        )

    def _rate(self, quotes: int) -> float:
        now = time.monotonic()
        self._seen.append((now, quotes))
        while now - self._seen[0][0] > RATE_OVER_S:
            self._seen.popleft()
        first, count = self._seen[0]
        return (quotes - count) / (now - first) if now > first else 0.0


def metric_sums(text: str) -> dict[str, float]:
    """Prometheus text to the value of each sample, summed over labels; of event time the newest."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "catalyst_event_time_seconds":
                sums[sample.name] = max(sums.get(sample.name, 0.0), sample.value)
            else:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


def _get(url: str) -> bytes:
    with urlopen(url, timeout=ANSWER_S) as answer:  # noqa: S310 - http, on loopback
        body: bytes = answer.read()
        return body
