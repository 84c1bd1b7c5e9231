"""Programs that do the work of tracking, each in a process of its own.

Each takes ``--broker --topic --partitions --quotes`` and prints one line of JSON when it has taken
so many quotes: ``marks`` of (monotonic seconds, processor seconds, quotes) after its first quotes
and after its last, and what it made of them. The rate is taken between the marks, so that no
start-up counts. Imports nothing of the rest, so that a peer runs in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any


def arguments() -> argparse.Namespace:
    """What a contender is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--quotes", type=int, required=True)
    parser.add_argument("--frames", action="store_true", help="the topic has frames")
    parser.add_argument("--group", default=f"bench-{os.getpid()}-{time.time_ns()}")
    return parser.parse_args()


class Meter:
    """Notes when the first quotes have been taken, and tells when all have."""

    def __init__(self, quotes: int) -> None:
        self.quotes = quotes
        self._first: tuple[float, float, int] | None = None

    def reached(self, taken: int) -> bool:
        """Whether so many quotes are all; call it now and then."""
        if self._first is None and taken:
            self._first = (time.monotonic(), time.process_time(), taken)
        return taken >= self.quotes

    def tell(self, taken: int, **found: Any) -> None:
        """Print the line."""
        marks = [self._first, (time.monotonic(), time.process_time(), taken)]
        # Faust takes sys.stdout for its log.
        print(json.dumps({"marks": marks, **found}), file=sys.__stdout__, flush=True)

    def tell_and_leave(self, taken: int, **found: Any) -> None:
        """Print the line and end the process: frameworks made to run for ever are left this way."""
        self.tell(taken, **found)
        os._exit(0)
