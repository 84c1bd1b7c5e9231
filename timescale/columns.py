"""Columns on their way into the database: checked, copied, joined, cut; no loop per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from schemas.times import from_us, to_us

PgType = Literal[
    "float8", "int4", "int8", "bool", "timestamptz", "text", "text[]", "jsonb", "bytea"
]

_NUMPY: dict[str, Any] = {
    "float8": np.float64,
    "int4": np.int64,
    "int8": np.int64,
    "bool": np.bool_,
    "timestamptz": np.int64,
}
_INT4 = np.iinfo(np.int32)


@dataclass(frozen=True)
class Coded:
    """A text column as indices, shape (n,), into a few distinct values (-1 is null)."""

    codes: NDArray[np.integer[Any]]
    values: Sequence[str]


ColumnData: TypeAlias = "Coded | ArrayLike | Sequence[Any]"


@dataclass(frozen=True)
class Column:
    """Values, shape (n,), of one type; `nulls` marks the missing ones where there are any.

    Numbers are float64, int64 or bool; timestamps int64 epoch microseconds; everything else is
    bytes: of dtype ``S`` where it is short text, else objects.
    """

    values: NDArray[Any]
    nulls: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, start: int, stop: int) -> Column:
        """Rows ``start:stop``, as views."""
        nulls = None if self.nulls is None else self.nulls[start:stop]
        return Column(self.values[start:stop], nulls)


def column(pg_type: PgType, data: ColumnData) -> Column:
    """A copy of `data` as a column.

    Floats: NaN and None are null. Timestamps: int64 epoch microseconds, datetime64 or aware
    datetimes. ``jsonb``: what JSON can say, or bytes of it. ``text[]``: sequences of strings.

    Raises:
        ValueError: a value does not fit the type.
    """
    if isinstance(data, Coded):
        return _decoded(data)
    if pg_type in _NUMPY:
        return _numbers(pg_type, data)
    return _bytes(pg_type, data)


def joined(parts: Sequence[Column]) -> Column:
    """The rows of several columns of one type, one after the other."""
    if len(parts) == 1:
        return parts[0]
    values = [part.values for part in parts]
    if any(value.dtype == object for value in values):
        values = [value.astype(object) for value in values]
    nulls = None
    if any(part.nulls is not None for part in parts):
        nulls = np.concatenate(
            [np.zeros(len(p), np.bool_) if p.nulls is None else p.nulls for p in parts]
        )
    return Column(np.concatenate(values), nulls)


def constant(pg_type: PgType, value: Any, n: int) -> Column:
    """`n` times the same value (None: null)."""
    one = column(pg_type, [value])
    nulls = None if one.nulls is None else np.repeat(one.nulls, n)
    return Column(np.repeat(one.values, n), nulls)


def python_value(pg_type: PgType, data: Column, row: int) -> Any:
    """One value as a plain object: for the report of a rejected row."""
    if data.nulls is not None and data.nulls[row]:
        return None
    value = data.values[row]
    if pg_type == "timestamptz":
        return _readable_time(int(value))
    if pg_type in _NUMPY:
        return value.item()
    if pg_type == "jsonb":
        return orjson.loads(value)
    return bytes(value) if pg_type == "bytea" else bytes(value).decode()


def _readable_time(us: int) -> datetime | int:
    try:
        return from_us(us)
    except OverflowError:
        return us


def _numbers(pg_type: PgType, data: ColumnData) -> Column:
    array = np.asarray(data)
    if array.dtype.kind == "M":
        nulls = np.isnat(array)
        return _with_nulls(array.astype("datetime64[us]").astype(np.int64), nulls)
    if array.dtype == object:
        return _objects(pg_type, list(array))
    return _checked(pg_type, array)


def _objects(pg_type: PgType, data: list[Any]) -> Column:
    nulls = np.array([value is None for value in data], np.bool_)
    if pg_type == "timestamptz":
        plain = [_epoch_us(value) for value in data]
    else:
        plain = [0 if value is None else value for value in data]
    checked = _checked(pg_type, np.array(plain))
    return _with_nulls(checked.values, _any_of(nulls, checked.nulls))


def _epoch_us(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a timestamp needs its time zone")
        return to_us(value.astimezone(UTC))
    return int(value)


def _checked(pg_type: PgType, array: NDArray[Any]) -> Column:
    whole = array.dtype.kind in "iub" or pg_type == "float8" or _is_whole(array)
    if len(array) and not (array.dtype.kind in "fiub" and whole):
        raise ValueError(f"{array.dtype} values do not fit {pg_type}")
    if array.ndim != 1:
        raise ValueError(f"a column has one dimension, not {array.ndim}")
    if (
        pg_type == "int4"
        and len(array)
        and not (_INT4.min <= array.min() <= array.max() <= _INT4.max)
    ):
        raise ValueError("an integer does not fit 32 bits")
    values = array.astype(_NUMPY[pg_type])
    return _with_nulls(values, np.isnan(values)) if pg_type == "float8" else Column(values)


def _is_whole(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "f" and bool(np.isfinite(array).all() and (array % 1 == 0).all())


def _bytes(pg_type: PgType, data: ColumnData) -> Column:
    items = list(data)  # type: ignore[arg-type]
    values = np.empty(len(items), object)
    values[:] = [_ENCODERS[pg_type](item) for item in items]
    nulls = np.array([item is None for item in items], np.bool_)
    return _with_nulls(values, nulls)


def _decoded(data: Coded) -> Column:
    codes = np.asarray(data.codes)
    if len(codes) and not (codes.min() >= -1 and codes.max() < len(data.values)):
        raise ValueError("a code is outside the list of values")
    if len(data.values) > len(codes) > 0:
        used, codes = np.unique(codes, return_inverse=True)
        encoded = [_text(data.values[code]) if code >= 0 else b"" for code in used.tolist()]
        missing: NDArray[np.bool_] = (used < 0)[codes]
    else:
        encoded, missing = [_text(value) for value in data.values] or [b""], codes < 0
    # dtype S drops trailing NULs and would hide a value that the database has to refuse.
    exact = any(b"\0" in value for value in encoded)
    lookup = np.array(encoded, object) if exact else np.array(encoded, np.bytes_)
    return _with_nulls(lookup[codes], missing)


def _text(value: Any) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} where text is wanted")
    return value.encode("utf-8")


def _text_array(value: Any) -> bytes:
    if value is None:
        return b""
    quoted = (_text(item).replace(b"\\", b"\\\\").replace(b'"', b'\\"') for item in value)
    return b"{" + b",".join(b'"' + item + b'"' for item in quoted) + b"}"


def _json(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from None


def _binary(value: Any) -> bytes:
    return b"" if value is None else bytes(value)


_ENCODERS = {"text": _text, "text[]": _text_array, "jsonb": _json, "bytea": _binary}


def _with_nulls(values: NDArray[Any], nulls: NDArray[np.bool_] | None) -> Column:
    return Column(values, nulls if nulls is not None and nulls.any() else None)


def _any_of(a: NDArray[np.bool_], b: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return a if b is None else a | b
