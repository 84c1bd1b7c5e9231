"""Arrays out of the database straight into NumPy, without an object per value."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.postgres import types as builtin
from psycopg.pq import Format

_POSTGRES_EPOCH = np.datetime64("2000-01-01", "us")
_HEADER_BYTES = 20


def _values(data: Buffer, wire: str) -> NDArray[Any]:
    """A one-dimensional binary array without nulls."""
    raw = bytes(data)
    dimensions, has_nulls = struct.unpack_from(">ii", raw)
    if dimensions == 0:
        return np.empty(0, np.dtype(wire).newbyteorder("="))
    if dimensions != 1 or has_nulls:
        raise ValueError("only one-dimensional arrays without nulls are read into NumPy")
    rows = np.frombuffer(raw, np.dtype([("size", ">i4"), ("value", wire)]), offset=_HEADER_BYTES)
    return rows["value"].astype(np.dtype(wire).newbyteorder("="))


class _Floats(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.float64]:
        return _values(data, ">f8")


class _Integers(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.int64]:
        return _values(data, ">i8")


class _Times(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.datetime64]:
        since = _values(data, ">i8").astype("timedelta64[us]")
        moments: NDArray[np.datetime64] = _POSTGRES_EPOCH + since
        return moments


_LOADERS: dict[str, type[Any]] = {"float8": _Floats, "int8": _Integers, "timestamptz": _Times}


def read_arrays(context: AdaptContext) -> None:
    """Make a cursor give float8[], int8[] and timestamptz[] (binary, without nulls) as arrays."""
    if context.adapters is None:
        raise ValueError("arrays are read by a cursor or a connection")
    for type_name, loader in _LOADERS.items():
        context.adapters.register_loader(builtin[type_name].array_oid, loader)
