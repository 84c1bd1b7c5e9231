"""Snapshots of state: plain values and NumPy arrays to bytes and back, without pickling."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import cramjam
import msgspec
import numpy as np

Part = TypeVar("Part")

_ARRAY = 1
_ZSTD = bytes.fromhex("28b52ffd")
_encoder = msgspec.msgpack.Encoder(
    enc_hook=lambda value: msgspec.msgpack.Ext(_ARRAY, _pack_array(np.asarray(value)))
)


def _pack_array(array: np.ndarray[Any, Any]) -> bytes:
    return bytes(
        msgspec.msgpack.encode((array.dtype.str, list(array.shape), array.tobytes())),
    )


def _unpack_array(code: int, data: memoryview) -> Any:
    dtype, shape, raw = msgspec.msgpack.decode(data)
    return np.frombuffer(raw, dtype=dtype).reshape(shape).copy()


_decoder = msgspec.msgpack.Decoder(ext_hook=_unpack_array)


def encode_state(state: dict[str, Any]) -> bytes:
    """As :func:`pack_state`, not compressed."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> dict[str, Any]:
    """The dictionary that :func:`encode_state` was given."""
    return dict(_decoder.decode(data))


def compress(data: bytes) -> bytes:
    """The bytes of :func:`pack_state` from those of :func:`encode_state`; other threads may run."""
    return bytes(cramjam.zstd.compress(data, 1))


def pack_state(state: dict[str, Any]) -> bytes:
    """Bytes of a dictionary of numbers, text, lists and arrays of numbers."""
    return compress(encode_state(state))


def unpack_state(data: bytes) -> dict[str, Any]:
    """The dictionary that :func:`pack_state` was given.

    Raises:
        ValueError: the bytes are not a snapshot.
    """
    try:
        return decode_state(_decompress(data))
    except (zlib.error, cramjam.DecompressionError, msgspec.MsgspecError) as exc:
        raise ValueError(f"not a state snapshot: {exc}") from None


def _decompress(data: bytes) -> bytes:
    """What was compressed with zstd, or with zlib as states were that may still be stored."""
    return bytes(cramjam.zstd.decompress(data)) if data.startswith(_ZSTD) else zlib.decompress(data)


def fields_of(part: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, as they are."""
    return {field.name: getattr(part, field.name) for field in fields(part)}


def of_fields(kind: type[Part], state: Mapping[str, Any]) -> Part:
    """The dataclass of such fields, among which there may be others."""
    return kind(**{field.name: state[field.name] for field in fields(kind)})  # type: ignore[arg-type]
