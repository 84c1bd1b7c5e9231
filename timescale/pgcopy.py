"""PostgreSQL's binary format of COPY, written straight from NumPy columns."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from timescale.columns import Column, PgType
from timescale.pgbinary import is_short, sizes, wire_type, wire_values

_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)


def is_copyable(types: Sequence[PgType], columns: Sequence[Column]) -> bool:
    """Whether all are numbers, times and short text, of which :func:`copy_data` can be made."""
    return all(map(is_short, types, columns))


def copy_data(types: Sequence[PgType], columns: Sequence[Column]) -> bytes:
    """The rows of these columns, those with values of equal sizes together.

    Such rows are one array of structures; there are few kinds of them, by the lengths of text and
    by what is null.
    """
    wires = [np.dtype(wire) for wire in map(wire_type, types, columns)]
    values = list(map(wire_values, types, columns))
    lengths = list(map(sizes, types, columns))
    parts = [_HEADER]
    for rows in _alike(lengths):
        alike = [int(length[rows[0]]) for length in lengths]
        parts.append(_rows([value[rows] for value in values], wires, alike))
    return b"".join([*parts, _END])


def _alike(lengths: Sequence[NDArray[np.integer[Any]]]) -> list[NDArray[np.intp]]:
    """The numbers of the rows with equal lengths, in their order."""
    kind = np.zeros(len(lengths[0]), np.int64)
    for length in lengths:
        if len(kind) and length.min() < length.max():
            _, kind = np.unique(kind * (int(length.max()) + 2) + length, return_inverse=True)
    order = np.argsort(
        kind.astype(np.uint16) if kind.max(initial=0) < 1 << 16 else kind, kind="stable"
    )
    return [rows for rows in np.split(order, np.flatnonzero(np.diff(kind[order])) + 1) if len(rows)]


def _rows(
    values: Sequence[NDArray[Any]], wires: Sequence[np.dtype[Any]], lengths: Sequence[int]
) -> bytes:
    """Rows whose values have these lengths, -1 for null."""
    layout: list[tuple[str, Any]] = [("fields", ">i2")]
    for number, (wire, length) in enumerate(zip(wires, lengths, strict=True)):
        layout.append((f"size{number}", ">i4"))
        if length > 0:
            layout.append((f"value{number}", f"S{length}" if wire.kind == "S" else wire))
    rows = np.empty(len(values[0]), np.dtype(layout))
    rows["fields"] = len(values)
    for number, (value, length) in enumerate(zip(values, lengths, strict=True)):
        rows[f"size{number}"] = length
        if length > 0:
            rows[f"value{number}"] = value
    return rows.tobytes()
