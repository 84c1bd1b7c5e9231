"""Frames read straight into arrays are what msgspec would have read, to the last bit."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from schemas import plain_frames, quotes
from schemas.errors import InvalidMessage
from schemas.plain_frames import read_plain
from schemas.quotes import decode_quotes, encode_frame
from schemas.symbols import KnownSymbols
from tests.unit.markets import Row, columns, markets

SYMBOLS = ("AIG", "BRK-B", "A", "ABCDEFGH", "ABCDEFGHI", "ABCDEFGHIJKL", "A]", "A,B")
ODD_NUMBERS = (
    "null", "true", "-1", "-1.5", "0", "0.0", "-0", "-0.0", "1e400", "-1e400", "1e-400", "NaN",
    "Infinity", "01", "+1", "1.", ".5", "1e", '"1.5"', "[1.5]", "[]", "{}", "[1.5,2.5]", "1e2",
    "18446744073709551615", "18446744073709551616", "9223372036854775808", "9007199254740993",
    "1" * 40, "1" * 400, "0." + "0" * 400 + "1", "5e-324", "2.2250738585072011e-308",
    "1.7976931348623157e308", "1.7976931348623159e308", "", " 1.5", "1.5 2.5", "1.5,",
)  # fmt: skip
ODD_TIMES = (
    "null", "1518791400000.0", '"2018-02-16T14:30:00.25Z"', '"yesterday"', "-1", "0", "17", "true",
    "1518791400", "99999999999999999999", "9223372036854775807", "4102444800000", "4102444800001",
    "631152000000", "631151999999", "[1518791400000]", "1.5187914e12",
)  # fmt: skip
ODD_SYMBOLS = (
    "null", "1", '""', '"A B"', '"\\u0041"', '"\\ud800"', '"\\ud83d\\ude00"', '"é"', '"\\""',
    '"THIRTEENCHARS"', '"A\\n"', '"A\n"', '["A"]', '{"A":1}', '"["', '"{"', '"A\\\\"', '"A',
    '"\x7f"', '"A\x00"', '"\\/"',
)  # fmt: skip
ODD_KEYS = (
    '"frame":1', '"frame":1.0', '"frame":true', '"frame":2', '"clock":1518791460000',
    '"clock":"2018-02-16T14:31:00Z"', '"clock":null', '"venue":"N"', '"venue":[1]', '"hold_s":30',
    '"hold_s":30.5', '"hold_s":null', '"hold_s":-1.0', '"hold_s":4000.0', '"hold_s":true',
    '"hold_s":0.0', '"hold_s":-0.0', '"price":[1.5]', '"\\u0070rice":[1.5]', '"symbol":["A"]',
    '"hold_s":"30"', '"hold_s":{}', '"hold_s":3600',
)  # fmt: skip
NUMBERS = st.one_of(
    st.floats(1e-9, 1e12).map(repr),
    st.floats(0, allow_nan=False, allow_infinity=False).map(repr),
    st.integers(0, 1 << 66).map(str),
    st.from_regex(r"(0|[1-9][0-9]{0,24})\.[0-9]{1,40}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
)
FAULTS = st.sampled_from(
    ["number", "time", "symbol", "ragged", "key", "first key", "order", "space", "byte", "cut"]
)
Columns = dict[str, list[str]]


@st.composite
def plain_columns(draw: st.DrawFn) -> Columns:
    size = draw(st.integers(1, 5))
    found = {
        "symbol": [f'"{draw(st.sampled_from(SYMBOLS))}"' for _ in range(size)],
        "ts": [str(1_518_791_400_000 + draw(st.integers(0, 90_000))) for _ in range(size)],
    }
    for name in plain_frames.PRICES_AND_VOLUME:
        found[name] = [draw(NUMBERS) for _ in range(size)]
    return found


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Records that are a plain frame, or would be but for a fault or two."""
    parts = draw(plain_columns())
    faults = draw(st.lists(FAULTS, max_size=2))
    for fault in faults:
        _spoil_value(draw, parts, fault)
    keys = [f'"{name}":[{",".join(values)}]' for name, values in parts.items()]
    if draw(st.booleans()):
        keys.append('"hold_s":30.0')
    if "key" in faults:
        keys.insert(draw(st.integers(0, len(keys))), draw(st.sampled_from(ODD_KEYS)))
    if "order" in faults:
        keys = draw(st.permutations(keys))
    first = '"frame":1' if "first key" not in faults else draw(st.sampled_from(ODD_KEYS))
    space = " " if "space" in faults else ""
    text = f"{{{space}{','.join([first, *keys])}}}"
    return _spoil_bytes(draw, text.encode("utf-8", "surrogatepass"), faults)


def _spoil_value(draw: st.DrawFn, parts: Columns, fault: str) -> None:
    if fault == "number":
        column = parts[draw(st.sampled_from(plain_frames.PRICES_AND_VOLUME))]
        column[-1:] = [draw(st.sampled_from(ODD_NUMBERS))]
    elif fault == "time":
        parts["ts"][-1:] = [draw(st.sampled_from(ODD_TIMES))]
    elif fault == "symbol":
        parts["symbol"][-1:] = [draw(st.sampled_from(ODD_SYMBOLS))]
    elif fault == "ragged":
        name = draw(st.sampled_from(sorted(parts)))
        parts[name] = parts[name] * 2 if draw(st.booleans()) else parts[name][1:]


def _spoil_bytes(draw: st.DrawFn, value: bytes, faults: list[str]) -> bytes:
    if "byte" in faults:
        at = draw(st.integers(0, len(value) - 1))
        value = value[:at] + bytes([draw(st.integers(0, 255))]) + value[at + 1 :]
    if "cut" in faults:
        value = value[: draw(st.integers(0, len(value)))]
    return value


def outcome(value: bytes) -> object:
    try:
        got = decode_quotes(value)
    except InvalidMessage as exc:
        return exc.reason, str(exc)
    arrays = (got.ts, got.price, got.bid, got.ask, got.volume)
    bits = [(array.dtype, array.shape, array.tobytes()) for array in arrays]
    return got.symbol, bits, got.clock, str(got.hold_s), got.rejected


def outcome_by_msgspec(value: bytes) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quotes, "read_plain", lambda value: None)
        return outcome(value)


def outcome_of_strangers(value: bytes) -> object:
    """With symbols that were never seen before."""
    known = KnownSymbols()
    with pytest.MonkeyPatch.context() as patch:
        for module in (quotes, plain_frames):
            patch.setattr(module, "KNOWN", known)
        return outcome(value)


@settings(max_examples=500)
@given(frames())
def test_both_ways_agree_on_every_frame(value: bytes) -> None:
    expected = outcome_by_msgspec(value)
    assert outcome_of_strangers(value) == expected
    assert outcome(value) == expected
    event("plain" if read_plain(value) is not None else "not plain")


@pytest.mark.parametrize("number", ODD_NUMBERS)
@pytest.mark.parametrize("name", plain_frames.PRICES_AND_VOLUME)
def test_both_ways_agree_on_odd_numbers(name: str, number: str) -> None:
    parts = {column: ["1.5", "2.5"] for column in plain_frames.PRICES_AND_VOLUME}
    parts[name][1] = number
    inside = ",".join(f'"{column}":[{",".join(values)}]' for column, values in parts.items())
    value = b'{"frame":1,"symbol":["A","B"],"ts":[1518791400000,1518791400001],%s}'
    value %= inside.encode()
    expected = outcome_by_msgspec(value)
    assert outcome(value) == expected


@pytest.mark.skipif(plain_frames.Parser is None, reason="simdjson is not installed")
@given(markets())
def test_what_producers_write_is_plain_unless_a_side_is_missing(rows: list[Row]) -> None:
    sent = columns(rows)
    sent.hold_s = 30.0
    got = read_plain(encode_frame(sent))
    assert (got is None) == bool(np.isnan(sent.bid).any() or np.isnan(sent.ask).any())
    if got is not None:
        assert got.symbol == sent.symbol
        for column, name in zip(got.columns, plain_frames.PRICES_AND_VOLUME, strict=True):
            np.testing.assert_array_equal(column, getattr(sent, name))


@pytest.mark.skipif(plain_frames.Parser is None, reason="simdjson is not installed")
@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_numbers_are_rounded_exactly(numbers: list[str]) -> None:
    text = ",".join(numbers)
    size = len(numbers)
    symbols, times = ",".join(['"A"'] * size), ",".join(["1518791400000"] * size)
    got = read_plain(
        f'{{"frame":1,"symbol":[{symbols}],"ts":[{times}],"price":[{text}],"bid":[{text}],'
        f'"ask":[{text}],"volume":[{text}]}}'.encode()
    )
    expected = [float(number) for number in numbers]
    if got is None:
        assert max(expected) > 1 << 64  # more than 64 bits, or than a double holds
        return
    for column in got.columns:
        assert column.tobytes() == struct.pack(f"{size}d", *expected)
