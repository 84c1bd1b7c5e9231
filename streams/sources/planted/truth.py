"""The truth about a market with known answers: what was planted, and what only looks like it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from streams.errors import UserError

PatternKind = Literal[
    "catalyst_sympathy",
    "sector_rotation",
    "accumulation_patterns",
    "news_arbitrage",
    "correlation_breaks",
    "pump_and_dump",
    "emergent_clusters",
]
KINDS: tuple[PatternKind, ...] = (
    "catalyst_sympathy",
    "sector_rotation",
    "accumulation_patterns",
    "news_arbitrage",
    "correlation_breaks",
    "pump_and_dump",
    "emergent_clusters",
)
Strength = Literal["easy", "medium", "hard"]
STRENGTHS: tuple[Strength, ...] = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Episode:
    """A planted pattern, or with ``planted`` false a look-alike that is none.

    Times are ISO 8601 with ``Z``: ``start`` is when there is first anything to see, ``deadline``
    the last moment at which finding it is of use, ``end`` when it is over. ``securities`` are all
    that take part (empty: the whole market), ``leaders`` those that the news is about. ``detail``
    tells of the mechanics, by kind; its times are ISO too.
    """

    kind: str
    planted: bool
    strength: Strength
    securities: list[str]
    leaders: list[str]
    start: str
    deadline: str
    end: str
    detail: dict[str, Any] = field(default_factory=dict)


_decode = msgspec.json.Decoder(Episode).decode


def write_truth(path: Path, episodes: Iterable[Episode]) -> int:
    """Write episodes as JSONL, one a line; how many there were.

    Raises:
        UserError: the file cannot be written.
    """
    lines = [msgspec.json.encode(asdict(episode)) + b"\n" for episode in episodes]
    try:
        path.write_bytes(b"".join(lines))
    except OSError as exc:
        raise UserError(f"{path}: cannot be written ({exc.strerror})") from None
    return len(lines)


def read_truth(path: Path) -> list[Episode]:
    """Read what :func:`write_truth` wrote, or what another simulator wrote in that form.

    Raises:
        UserError: the file cannot be read, or a line is no episode.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as exc:
        raise UserError(f"{path}: cannot be read ({exc.strerror})") from None
    episodes = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            episodes.append(_decode(line))
        except msgspec.DecodeError as exc:
            raise UserError(f"{path}: line {number} is no episode: {exc}") from None
    return episodes
