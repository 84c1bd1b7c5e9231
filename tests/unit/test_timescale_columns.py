import math
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.pq import Format

from timescale.columns import Coded, PgType, column, constant, joined, python_value
from timescale.pgbinary import encode, transport_type
from timescale.pgcopy import copy_data, is_copyable

_ARRAY_OID = {
    "float8": 1022,
    "int4": 1007,
    "int8": 1016,
    "bool": 1000,
    "timestamptz": 1185,
    "text": 1009,
    "jsonb": 3807,
    "bytea": 1001,
}
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=14)
_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def read_back(pg_type: PgType, data: Any) -> list[Any]:
    """What psycopg's own parser reads from the encoded array."""
    loader = Transformer().get_loader(_ARRAY_OID[transport_type(pg_type)], Format.BINARY)
    return list(loader.load(encode(pg_type, column(pg_type, data))))


@pytest.mark.parametrize(
    ("pg_type", "items"),
    [
        ("float8", st.floats(allow_nan=False)),
        ("int4", st.integers(-(2**31), 2**31 - 1)),
        ("int8", st.integers(-(2**63), 2**63 - 1)),
        ("bool", st.booleans()),
        ("timestamptz", _TIMES),
        ("text", _TEXT),
        ("jsonb", st.dictionaries(_TEXT, st.integers(-(2**40), 2**40), max_size=3)),
        ("bytea", st.binary(max_size=20)),
    ],
)
def test_psycopg_reads_what_was_encoded(pg_type: PgType, items: st.SearchStrategy[Any]) -> None:
    @given(st.lists(st.none() | items, max_size=30))
    def check(values: list[Any]) -> None:
        back = read_back(pg_type, values)
        if pg_type == "jsonb":  # JSON's own null is a value, not a missing one
            assert [value for value in back if value is not None] == [
                value for value in values if value is not None
            ]
        assert back == values

    check()


@given(st.lists(_TEXT, min_size=1, max_size=5), st.data())
def test_coded_text_equals_plain_text(values: list[str], data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(-1, len(values) - 1), max_size=40))
    plain = [None if code < 0 else values[code] for code in codes]
    assert read_back("text", Coded(np.array(codes, np.int32), values)) == plain


def test_nan_is_null_and_infinity_is_not() -> None:
    assert read_back("float8", np.array([1.5, np.nan, np.inf])) == [1.5, None, np.inf]


def test_times_are_microseconds_datetime64_or_datetimes() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert read_back("timestamptz", np.array([us])) == [moment]
    assert read_back("timestamptz", np.array([us, 0]).astype("M8[us]"))[0] == moment
    assert read_back("timestamptz", np.array(["2024-05-06", "NaT"], "M8[D]"))[1] is None
    with pytest.raises(ValueError, match="time zone"):
        column("timestamptz", [datetime(2024, 5, 6)])


def test_a_trailing_nul_is_not_lost_on_the_way() -> None:
    array = encode("text", column("text", Coded(np.array([0]), ["A\0"])))
    assert array.endswith(b"A\0")


@pytest.mark.parametrize(
    ("pg_type", "data"),
    [
        ("int4", [2**31]),
        ("int8", [1.5]),
        ("float8", ["1"]),
        ("text", [1]),
        ("text", Coded(np.array([1]), ["A"])),
        ("float8", np.zeros((2, 2))),
        ("jsonb", [object()]),
    ],
)
def test_what_does_not_fit_is_refused(pg_type: PgType, data: Any) -> None:
    with pytest.raises(ValueError):
        column(pg_type, data)


@given(st.lists(st.lists(st.none() | _TEXT, max_size=5), min_size=1, max_size=5), st.booleans())
def test_joining_and_cutting_keep_the_rows(parts: list[list[str | None]], coded: bool) -> None:
    columns = [column("text", part) for part in parts]
    if coded:
        columns.append(column("text", Coded(np.array([0, -1]), ["Z"])))
        parts = [*parts, ["Z", None]]
    whole = joined(columns)
    flat = [item for part in parts for item in part]
    assert [python_value("text", whole, row) for row in range(len(whole))] == flat
    middle = len(flat) // 2
    cut = whole.cut(middle, len(flat))
    assert [python_value("text", cut, row) for row in range(len(cut))] == flat[middle:]


def test_the_columns_are_copies() -> None:
    data = np.array([1.0, 2.0])
    kept = column("float8", data)
    data[0] = 9
    assert kept.values[0] == 1.0


def test_constants_repeat() -> None:
    assert python_value("int4", constant("int4", 7, 3), 2) == 7
    assert python_value("jsonb", constant("jsonb", None, 3), 2) is None


def test_array_elements_are_quoted() -> None:
    literal = column("text[]", [['a"b', "c\\d", "e,f"], None])
    assert literal.values[0] == b'{"a\\"b","c\\\\d","e,f"}'
    assert python_value("text[]", literal, 1) is None


def copied_rows(data: bytes) -> list[list[bytes | None]]:
    """The values of each row in the binary format of COPY, as its documentation has it."""
    assert data[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    rows, at = [], 19
    while (fields := struct.unpack_from(">h", data, at)[0]) != -1:
        at += 2
        row: list[bytes | None] = []
        for _ in range(fields):
            (size,) = struct.unpack_from(">i", data, at)
            at += 4
            row.append(None if size < 0 else data[at : at + size])
            at += max(size, 0)
        rows.append(row)
    assert at + 2 == len(data)
    return rows


@given(
    st.lists(
        st.tuples(
            st.none() | st.sampled_from(["", "A", "Cé", "ZZZZ"]), st.none() | st.floats(), _TIMES
        ),
        max_size=40,
    )
)
def test_rows_to_be_copied_are_the_rows_that_were_given(
    rows: list[tuple[str | None, float | None, datetime]],
) -> None:
    symbols = sorted({symbol for symbol, _, _ in rows if symbol is not None})
    codes = [-1 if symbol is None else symbols.index(symbol) for symbol, _, _ in rows]
    types: tuple[PgType, ...] = ("text", "float8", "timestamptz")
    columns = (
        column("text", Coded(np.array(codes, np.int64), symbols)),
        column("float8", [value for _, value, _ in rows]),
        column("timestamptz", [moment for _, _, moment in rows]),
    )
    assert is_copyable(types, columns)
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    expected = [
        [
            None if symbol is None else symbol.encode(),
            None if value is None or math.isnan(value) else struct.pack(">d", value),
            struct.pack(">q", (moment - epoch) // timedelta(microseconds=1)),
        ]
        for symbol, value, moment in rows
    ]
    # Those alike come together, each kind in its order.
    assert sorted(copied_rows(copy_data(types, columns)), key=repr) == sorted(expected, key=repr)


def test_what_has_no_fixed_place_is_not_copied() -> None:
    for pg_type, data in (("jsonb", [{}]), ("text[]", [["A"]]), ("bytea", [b"A"])):
        assert not is_copyable([pg_type], [column(pg_type, data)])
    assert not is_copyable(["text"], [column("text", Coded(np.array([0]), ["A\0"]))])
