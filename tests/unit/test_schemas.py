"""Messages are validated at the edge: what is wrong is named, what is right survives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.bars import decode_bars
from schemas.errors import InvalidMessage
from schemas.quotes import MAX_FRAME_BYTES, decode_quotes, encode_frame, encode_row
from schemas.times import column_to_us, iso, to_us
from tests.unit.markets import START, Row, columns, markets

GOOD = b'{"symbol":"AIG","ts":"2018-02-16T14:30:00.25Z","price":50.01,"volume":100,"venue":"N"}'


def test_a_single_quote_with_unknown_fields() -> None:
    quotes = decode_quotes(GOOD)
    assert quotes.symbol == ["AIG"]
    assert quotes.ts.tolist() == [START + 250_000]
    assert quotes.price.tolist() == [50.01]
    assert np.isnan(quotes.bid[0])
    assert quotes.volume.tolist() == [100.0]
    as_ms = decode_quotes(b'{"symbol":"AIG","ts":1518791400250,"price":1,"bid":null}')
    assert as_ms.ts.tolist() == [START + 250_000]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"not json", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b"[1,2]", "invalid"),
        (b'{"symbol":"AIG","price":1}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400250}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400250,"price":-1}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400250,"price":0}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400250,"price":NaN}', "not_json"),
        (b'{"symbol":"AIG","ts":1518791400250,"price":1e999}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400250,"price":1,"volume":-5}', "invalid"),
        (b'{"symbol":"AIG","ts":1518791400,"price":1}', "timestamp"),
        (b'{"symbol":"AIG","ts":1518791400250000000,"price":1}', "timestamp"),
        (b'{"symbol":"AIG","ts":99999999999999999999999,"price":1}', "timestamp"),
        (b'{"symbol":"AIG","ts":"yesterday","price":1}', "invalid"),
        (b'{"symbol":"","ts":1518791400250,"price":1}', "invalid"),
        (b'{"symbol":"THIRTEENCHARS","ts":1518791400250,"price":1}', "invalid"),
        (b'{"symbol":"A B","ts":1518791400250,"price":1}', "invalid"),
        (b'{"symbol":"A\\u0000","ts":1518791400250,"price":1}', "invalid"),
        (b'{"symbol":"A\\n","ts":1518791400250,"price":1}', "invalid"),
        (b'{"frame":2,"symbol":[]}', "invalid"),
        (b'{"frame":1,"symbol":["A"],"ts":[],"price":[1.0]}', "ragged"),
        (b'{"frame":1,"clock":12}', "timestamp"),
        (b'{"symbol":"' + b"A" * (MAX_FRAME_BYTES + 1) + b'"}', "too_large"),
        (b'{"headline":"' + b"A" * 1_000_000 + b'"}', "too_large"),
    ],
)
def test_a_bad_record_is_refused_by_reason(value: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        decode_quotes(value)
    assert caught.value.reason == reason


def test_a_bad_row_of_a_frame_does_not_take_the_others_with_it() -> None:
    frame = (
        b'{"frame":1,"symbol":["A","B","C\\n","D"],"ts":[1518791400000,1518791400000,'
        b'1518791400000,17],"price":[1.0,-2.0,3.0,4.0],"volume":[1,2,3,null]}'
    )
    quotes = decode_quotes(frame)
    assert quotes.symbol == ["A"]
    assert quotes.rejected == [(1, "price"), (2, "symbol"), (3, "timestamp")]
    assert quotes.source is not None
    with pytest.raises(InvalidMessage):
        decode_quotes(encode_row(quotes.source, 1))


@given(markets())
def test_a_frame_survives_the_wire_to_the_last_bit(rows: list[Row]) -> None:
    sent = columns(rows)
    got = decode_quotes(encode_frame(sent))
    assert got.symbol == sent.symbol
    for name in ("ts", "price", "bid", "ask", "volume"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))


@given(st.integers(631_152_000_000_000, 4_102_444_799_999_999))
def test_microseconds_survive_as_iso(us: int) -> None:
    row = Row("A", us, 1.0, None, None, 0.0)
    assert decode_quotes(encode_frame(columns([row]))).ts.tolist() == [us]
    assert iso(us).endswith("Z")


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoders(value: bytes) -> None:
    for decode in (decode_quotes, decode_bars):
        try:
            decode(value)
        except InvalidMessage as exc:
            assert exc.reason


def test_naive_times_are_utc_and_mixed_columns_work() -> None:
    assert column_to_us([1518791400000]).tolist() == [START]
    mixed = decode_quotes(
        b'{"frame":1,"symbol":["A","A"],"ts":[1518791400000,"2018-02-16T14:30:01+00:00"],'
        b'"price":[1.0,2.0]}'
    )
    assert mixed.ts.tolist() == [START, START + 1_000_000]
    assert to_us(1) == 1000
