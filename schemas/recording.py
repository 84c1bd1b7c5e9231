"""Recordings: JSONL in order of arrival, one message a line, with its topic in ``_topic``.

A line is the message itself with ``_topic`` (and ``_key`` where the record had one) put first, so
that it can be decoded as the message it holds. What is not a JSON object goes into ``_raw`` as
base64; a record without a value (a tombstone) has ``_tombstone``.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import msgspec
import orjson
from msgspec import Struct

from schemas.errors import InvalidMessage


class Recorded(NamedTuple):
    """One recorded message; ``value`` is None for a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None


class _Line(Struct):
    topic: str = msgspec.field(name="_topic")
    key: str | None = msgspec.field(name="_key", default=None)
    raw: str | None = msgspec.field(name="_raw", default=None)
    tombstone: bool = msgspec.field(name="_tombstone", default=False)


_decode_line = msgspec.json.Decoder(_Line).decode


def recording_line(topic: str, key: bytes | None, value: bytes | None) -> bytes:
    """The line, without its end, that holds this record."""
    head: dict[str, object] = {"_topic": topic}
    if key is not None:
        head["_key"] = key.decode("utf-8", errors="replace")
    if value is None:
        return orjson.dumps({**head, "_tombstone": True})
    if not _is_object(value):
        return orjson.dumps({**head, "_raw": base64.b64encode(value).decode()})
    rest = value.strip()[1:]
    if b"\n" in rest or b"\r" in rest:
        rest = orjson.dumps(orjson.loads(value))[1:]
    separator = b"" if rest.lstrip().startswith(b"}") else b","
    return orjson.dumps(head)[:-1] + separator + rest


def parse_recording_line(line: bytes) -> Recorded:
    """The message that a line holds; its value may still carry the underscored fields.

    Raises:
        InvalidMessage: the line is not JSON or names no topic.
    """
    try:
        head = _decode_line(line)
        raw = None if head.raw is None else base64.b64decode(head.raw, validate=True)
    except msgspec.ValidationError as exc:
        raise InvalidMessage("invalid", str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error) as exc:
        raise InvalidMessage("not_json", str(exc)) from None
    key = None if head.key is None else head.key.encode()
    if head.tombstone:
        return Recorded(head.topic, key, None)
    return Recorded(head.topic, key, line if raw is None else raw)


def _is_object(value: bytes) -> bool:
    try:
        return isinstance(orjson.loads(value), dict)
    except orjson.JSONDecodeError:
        return False
