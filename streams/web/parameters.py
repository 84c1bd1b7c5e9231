"""Parameters of a request: each kind knows how it is written, read and refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from schemas.times import EPOCH, from_us
from streams.web.errors import ApiError

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_MILLISECONDS = re.compile(r"-?[0-9]{1,40}")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"
    r"([Zz]|[+ -][0-9]{2}:[0-9]{2})?)?"
)
_FIRST, _LAST = EPOCH, datetime(9999, 12, 31, tzinfo=UTC)


class Kind(Protocol):
    """How a parameter is written."""

    def parse(self, text: str) -> Any:
        """The value; ValueError says what is wanted."""

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def parse(self, text: str) -> str:
        """The word itself."""
        if text not in self.values:
            raise ValueError(f"is not one of {', '.join(self.values)}")
        return text

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True)
class Integer:
    """A whole number within bounds."""

    minimum: int
    maximum: int

    def parse(self, text: str) -> int:
        """The number."""
        if not _INTEGER.fullmatch(text) or not self.minimum <= int(text) <= self.maximum:
            raise ValueError(f"is not a whole number from {self.minimum} to {self.maximum}")
        return int(text)

    def schema(self) -> dict[str, Any]:
        """A bounded integer."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Instant:
    """A moment of event time: ISO 8601 (UTC unless it says otherwise) or epoch milliseconds."""

    def parse(self, text: str) -> datetime:
        """An aware datetime; moments outside 1970 to 9999 become the nearest inside."""
        if _MILLISECONDS.fullmatch(text):
            ms = max(0, min(int(text), int(_LAST.timestamp()) * 1000))
            return from_us(ms * 1000)
        if not _DATE_TIME.fullmatch(text):
            raise ValueError("is not a time: write 2018-02-05T14:30:00Z or epoch milliseconds")
        # A plus sign that was not escaped arrives as a space.
        head, tail = text[:10], text[10:]
        try:
            moment = datetime.fromisoformat(head + tail[:1] + tail[1:].replace(" ", "+").upper())
        except ValueError:
            raise ValueError("is not a time that there is") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(max(moment, _FIRST), _LAST)

    def schema(self) -> dict[str, Any]:
        """A date-time or an integer."""
        return {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "description": "epoch milliseconds"},
            ]
        }


@dataclass(frozen=True)
class Name:
    """A name: printable, without spaces at its ends, of bounded length."""

    max_length: int

    def parse(self, text: str) -> str:
        """The name."""
        if not 1 <= len(text) <= self.max_length or not _is_printable(text):
            raise ValueError(f"is not a name of 1 to {self.max_length} printable characters")
        return text

    def schema(self) -> dict[str, Any]:
        """A bounded string without blanks."""
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.max_length,
            "pattern": r"^[!-~]+$",
        }


def _is_printable(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a route; a repeated one is a list."""

    name: str
    kind: Kind
    description: str
    where: Literal["query", "path", "header"] = "query"
    repeated: bool = False
    default: Any = None

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its value."""
        schema = self.kind.schema()
        if self.repeated:
            schema = {"type": "array", "items": schema}
        return schema if self.default is None else schema | {"default": self.default}

    def read(self, texts: list[str]) -> Any:
        """The value of what was given.

        Raises:
            ApiError: 400, naming the parameter.
        """
        if not texts:
            return [] if self.repeated else self.default
        if len(texts) > 1 and not self.repeated:
            raise ApiError(400, f"{self.name} is given {len(texts)} times")
        try:
            values = [self.kind.parse(text) for text in texts]
        except ValueError as problem:
            raise ApiError(400, f"{self.name} {problem}") from None
        return values if self.repeated else values[0]


def read_all(
    parameters: tuple[Parameter, ...],
    query: Mapping[str, list[str]],
    path: Mapping[str, str],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """The values of a request by parameter, names made identifiers.

    Raises:
        ApiError: 400, naming the parameter that is not valid or not known.
    """
    known = {parameter.name for parameter in parameters if parameter.where == "query"}
    for name in query:
        if name not in known:
            wanted = f"this takes {', '.join(sorted(known))}" if known else "this takes none"
            raise ApiError(400, f"{ascii(name)[1:-1][:40]} is not a parameter: {wanted}")
    single = {"path": path, "header": headers}
    values = {}
    for parameter in parameters:
        if parameter.where == "query":
            texts = query.get(parameter.name, [])
        else:
            found = single[parameter.where].get(parameter.name)
            texts = [] if found is None else [found]
        values[parameter.name.lower().replace("-", "_")] = parameter.read(texts)
    return values
