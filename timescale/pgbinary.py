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
    if pg_type in _FIXED:
        oid, payload = _FIXED[pg_type][0], _fixed(pg_type, data)
    else:
        oid, payload = _VARIABLE[pg_type], _variable(pg_type, data)
    if not len(data):
        return BinaryArray(struct.pack(">iiI", 0, 0, oid))
    return BinaryArray(_HEADER.pack(1, int(data.nulls is not None), oid, len(data), 1) + payload)


def _fixed(pg_type: PgType, data: Column) -> bytes:
    wire = np.dtype(_FIXED[pg_type][1])
    values = data.values - _POSTGRES_EPOCH_US if pg_type == "timestamptz" else data.values
    rows = np.empty(len(data), np.dtype([("size", ">i4"), ("value", wire)]))
    rows["size"] = wire.itemsize
    rows["value"] = values
    if data.nulls is None:
        return rows.tobytes()
    rows["size"][data.nulls] = -1
    return _without_padding(rows, np.where(data.nulls, 0, wire.itemsize))


def _variable(pg_type: PgType, data: Column) -> bytes:
    if data.values.dtype.kind == "S":
        return _short_text(data)
    prefix = _JSONB_VERSION if pg_type == "jsonb" else b""
    nulls = data.nulls if data.nulls is not None else np.zeros(len(data), np.bool_)
    return b"".join(
        b"\xff\xff\xff\xff"
        if null
        else struct.pack(">i", len(value) + len(prefix)) + prefix + value
        for value, null in zip(data.values, nulls, strict=True)
    )


def _short_text(data: Column) -> bytes:
    """Text of dtype S: laid out with its padding in one piece, then the padding cut out."""
    width = max(data.values.dtype.itemsize, 1)
    rows = np.zeros(len(data), np.dtype([("size", ">i4"), ("value", f"S{width}")]))
    sizes = np.strings.str_len(data.values)
    rows["size"] = sizes
    rows["value"] = data.values
    if data.nulls is not None:
        rows["size"][data.nulls] = -1
        sizes = np.where(data.nulls, 0, sizes)
    return _without_padding(rows, sizes)


def _without_padding(rows: NDArray[Any], sizes: NDArray[np.integer[Any]]) -> bytes:
    raw = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    kept = np.arange(rows.dtype.itemsize) < (sizes + 4)[:, None]
    return raw[kept].tobytes()
