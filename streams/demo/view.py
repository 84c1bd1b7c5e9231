"""The live view of a demo: a picture of one observation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.demo.observe import Observation

SHOWN = 12

Format = Callable[[Any], str]


def _number(pattern: str) -> Format:
    return lambda value: "-" if value is None else format(value, pattern)


COLUMNS: tuple[tuple[str, str, Format], ...] = (
    ("last", "last", _number(",.2f")),
    ("day volume", "volume", _number(",.0f")),
    ("volatility", "volatility", _number(".2%")),
    ("rel. volume", "relative_volume", _number(".2f")),
    ("spread", "spread", _number(".4f")),
    ("imbalance", "imbalance", _number("+.2f")),
)


def picture(title: str, phase: str, elapsed_s: float, seen: Observation) -> RenderableType:
    """The whole view."""
    return Group(
        Text.assemble(("Catalyst Streams", "bold"), "  ", (title, "dim")),
        Text(f"{phase}  ·  {elapsed_s:,.0f} s  ·  market time {_clock(seen.event_time)}"),
        Panel(_numbers(seen), title="flow", title_align="left"),
        Panel(_tracked(seen.tracked), title="tracked securities", title_align="left"),
        Panel(
            Text(
                "\n".join(seen.signals)
                or "none yet: the first scan comes after 15 minutes of market"
            ),
            title="newest signals",
            title_align="left",
        ),
    )


def line(phase: str, elapsed_s: float, seen: Observation) -> str:
    """The same in one line, where there is no terminal."""
    quotes = "-" if seen.quotes is None else f"{seen.quotes:,}"
    return (
        f"{elapsed_s:6.1f} s  {phase}: {quotes} quotes ({seen.rate:,.0f}/s), lag {_lag(seen)}, "
        f"{seen.bars:,} bars, {seen.written:,} rows written, market time {_clock(seen.event_time)}"
    )


def _clock(event_time: float | None) -> str:
    if not event_time:
        return "-"
    return datetime.fromtimestamp(event_time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _lag(seen: Observation) -> str:
    return "-" if seen.lag is None else f"{seen.lag:,}"


def _numbers(seen: Observation) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    cells = (
        ("quotes/s", f"{seen.rate:,.0f}"),
        ("quotes", "-" if seen.quotes is None else f"{seen.quotes:,}"),
        ("lag", _lag(seen)),
        ("bars", f"{seen.bars:,}"),
        ("ticks", f"{seen.ticks:,}"),
        ("collected", f"{seen.collected:,}"),
        ("rows written", f"{seen.written:,}"),
    )
    for _ in cells:
        table.add_column(justify="right")
    table.add_row(*(Text(name, style="dim") for name, _ in cells))
    table.add_row(*(Text(value, style="bold") for _, value in cells))
    return table


def _tracked(rows: list[dict[str, Any]]) -> RenderableType:
    if not rows:
        return Text("none yet", style="dim")
    table = Table(box=None, expand=True, pad_edge=False)
    table.add_column("symbol", style="bold")
    for heading, _, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for row in sorted(rows, key=lambda row: -(row.get("volume") or 0))[:SHOWN]:
        table.add_row(str(row["symbol"]), *(show(row.get(key)) for _, key, show in COLUMNS))
    if len(rows) > SHOWN:
        table.caption = f"and {len(rows) - SHOWN} more"
    return table
