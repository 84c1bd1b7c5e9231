"""Feature flags: on for all, for a percentage, or for named symbols; the same answer everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Flag:
    """A flag. `exclude` wins over `include`, which wins over `percent` (0 to 100)."""

    enabled: bool = True
    percent: float = 100.0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise ValueError(f"a percentage is between 0 and 100, not {self.percent}")

    def is_on(self, name: str, subject: str) -> bool:
        """Whether flag `name` is on for `subject` (a symbol, a service, ..).

        A subject's place among the hundred depends on the flag's name, so that two flags at ten
        percent do not pick the same tenth; raising the percentage only adds subjects.
        """
        if not self.enabled or subject in self.exclude:
            return False
        return subject in self.include or _place(name, subject) < self.percent

    def to_json(self) -> dict[str, Any]:
        """As stored in the configuration."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Flag:
        """As stored in the configuration.

        Raises:
            ValueError: a part is missing its type.
        """
        try:
            return cls(
                enabled=bool(value.get("enabled", True)),
                percent=float(value.get("percent", 100.0)),
                include=tuple(map(str, value.get("include", ()))),
                exclude=tuple(map(str, value.get("exclude", ()))),
            )
        except TypeError as error:
            raise ValueError(f"not a flag: {error}") from None


def _place(name: str, subject: str) -> float:
    digest = hashlib.sha256(f"{name}\0{subject}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * 100
