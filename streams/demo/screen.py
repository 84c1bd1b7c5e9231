"""Where a demo shows how it goes: a live picture on a terminal, lines of text elsewhere."""

from __future__ import annotations

import time
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from streams.demo.observe import Observation
from streams.demo.view import line, picture

LINE_EVERY_S = 2.0


class Screen(Protocol):
    """What a demo shows itself on."""

    def say(self, text: str) -> None:
        """Something that happened."""

    def show(self, phase: str, elapsed_s: float, seen: Observation) -> None:
        """How things stand."""

    def close(self) -> None:
        """Give the terminal back."""


class LiveScreen:
    """A picture that is redrawn in place."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = Live(console=Console(), auto_refresh=False, screen=False)
        self._live.start()

    def say(self, text: str) -> None:
        """Show a step of the start."""
        self._live.update(Text(f"{text} .."), refresh=True)

    def show(self, phase: str, elapsed_s: float, seen: Observation) -> None:
        """Redraw."""
        self._live.update(picture(self._title, phase, elapsed_s, seen), refresh=True)

    def close(self) -> None:
        """Leave the last picture and show the cursor again."""
        self._live.stop()


class LineScreen:
    """A line every two seconds on standard error."""

    def __init__(self, title: str) -> None:
        self._last = 0.0
        self._phase = ""
        self.say(title)

    def say(self, text: str) -> None:
        """A line."""
        click.echo(text, err=True)

    def show(self, phase: str, elapsed_s: float, seen: Observation) -> None:
        """A line when it is time for one, or when the phase is new."""
        now = time.monotonic()
        if now - self._last >= LINE_EVERY_S or phase != self._phase:
            self._last, self._phase = now, phase
            click.echo(line(phase, elapsed_s, seen), err=True)

    def close(self) -> None:
        """Nothing to give back."""
