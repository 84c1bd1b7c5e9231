"""PostgreSQL's binary array format, written straight from NumPy columns."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from timescale.columns import Column, PgType

_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01
_JSONB_VERSION = b"\x01"
_HEADER = struct.Struct(">iiIii")

_FIXED = {
    "float8": (701, ">f8"),
    "int4": (23, ">i4"),
    "int8": (20, ">i8"),
    "bool": (16, "?"),
    "timestamptz": (1184, ">i8"),
}
# A text[] value travels as its literal: unnest() would flatten an array of arrays.
_VARIABLE = {"text": 25, "text[]": 25, "jsonb": 3802, "bytea": 17}


class BinaryArray(bytes):
    """An encoded array: a parameter for ``%b::type[]``."""


class BinaryArrayDumper(Dumper):
    """Hands a :class:`BinaryArray` over as it is; the cast in the statement names the type."""

    format = Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        """The bytes themselves."""
        return bytes(obj)


def transport_type(pg_type: PgType) -> str:
    """The element type of the array by which a column travels."""
    return "text" if pg_type == "text[]" else pg_type


def encode(pg_type: PgType, data: Column) -> BinaryArray:
    """The column as a one-dimensional array."""
    oid = _FIXED[pg_type][0] if pg_type in _FIXED else _VARIABLE[pg_type]
    payload = _short(pg_type, data) if is_short(pg_type, data) else _variable(pg_type, data)
    if not len(data):
        return BinaryArray(struct.pack(">iiI", 0, 0, oid))
    return BinaryArray(_HEADER.pack(1, int(data.nulls is not None), oid, len(data), 1) + payload)


def is_short(pg_type: PgType, data: Column) -> bool:
    """Whether a value has a place of fixed width: numbers, times, text of dtype S."""
    return pg_type in _FIXED or (pg_type == "text" and data.values.dtype.kind == "S")


def wire_type(pg_type: PgType, data: Column) -> str:
    """NumPy's type of the place that a short value has."""
    return _FIXED[pg_type][1] if pg_type in _FIXED else f"S{max(data.values.dtype.itemsize, 1)}"


def wire_values(pg_type: PgType, data: Column) -> NDArray[Any]:
    """Short values as numbers or text that travel."""
    return data.values - _POSTGRES_EPOCH_US if pg_type == "timestamptz" else data.values


def sizes(pg_type: PgType, data: Column) -> NDArray[np.integer[Any]]:
    """Bytes of each short value, shape (n,), -1 for null."""
    if pg_type in _FIXED:
        size: NDArray[Any] = np.full(len(data), np.dtype(_FIXED[pg_type][1]).itemsize)
    else:
        size = np.strings.str_len(data.values)
    return size if data.nulls is None else np.where(data.nulls, -1, size)


def _variable(pg_type: PgType, data: Column) -> bytes:
    prefix = _JSONB_VERSION if pg_type == "jsonb" else b""
    nulls = data.nulls if data.nulls is not None else np.zeros(len(data), np.bool_)
    return b"".join(
        b"\xff\xff\xff\xff"
        if null
        else struct.pack(">i", len(value) + len(prefix)) + prefix + value
        for value, null in zip(data.values, nulls, strict=True)
    )


def _short(pg_type: PgType, data: Column) -> bytes:
    """Values laid out with their padding in one piece, then the padding cut out."""
    wire = np.dtype(wire_type(pg_type, data))
    rows = np.empty(len(data), np.dtype([("size", ">i4"), ("value", wire)]))
    size = sizes(pg_type, data)
    rows["size"] = size
    rows["value"] = wire_values(pg_type, data)
    if size.min(initial=wire.itemsize) == wire.itemsize:
        return rows.tobytes()
    raw = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    kept = np.arange(rows.dtype.itemsize) < (size.clip(0) + 4)[:, None]
    return raw[kept].tobytes()
