"""Recordings keep messages as they are, in order of arrival."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InvalidMessage
from schemas.quotes import decode_quotes
from schemas.recording import parse_recording_line, recording_line
from streams.errors import UserError
from streams.sources.replay import open_replay

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text(max_size=5).filter(lambda k: not k.startswith("_")), JSON, max_size=5),
    st.none() | st.text(max_size=9),
    st.sampled_from([None, 2]),
)
def test_a_message_comes_back(
    message: dict[str, object], key: str | None, indent: int | None
) -> None:
    value = json.dumps(message, indent=indent, ensure_ascii=True).encode()
    try:
        encoded = None if key is None else key.encode()
    except UnicodeEncodeError:
        return
    try:
        line = recording_line("quotes", encoded, value)
    except TypeError:
        pytest.fail("a JSON message was not recorded")
    assert b"\n" not in line
    recorded = parse_recording_line(line)
    assert (recorded.topic, recorded.key) == ("quotes", encoded)
    if recorded.value == line:
        fields = json.loads(line)
        assert {k: v for k, v in fields.items() if k not in ("_topic", "_key")} == message
    else:
        # Not JSON to a strict parser (a lone surrogate, a huge integer): kept byte for byte.
        assert recorded.value == value


@given(st.binary())
def test_any_bytes_come_back(value: bytes) -> None:
    recorded = parse_recording_line(recording_line("news", None, value))
    assert recorded.value is not None
    if recorded.value != value:
        fields = json.loads(recorded.value)
        assert fields.pop("_topic") == "news"
        assert fields == json.loads(value)


def test_a_tombstone_comes_back() -> None:
    recorded = parse_recording_line(recording_line("universe", b"AAA", None))
    assert recorded == ("universe", b"AAA", None)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"_topic":1}', b'{"_topic":"q","_raw":"?"}'])
def test_what_is_no_recorded_message_is_refused(line: bytes) -> None:
    with pytest.raises(InvalidMessage):
        parse_recording_line(line)


def test_a_recorded_frame_is_a_frame() -> None:
    line = recording_line(
        "quotes", None, b'{"frame":1,"symbol":["A"],"ts":[1518791460000],"price":[2]}'
    )
    assert decode_quotes(line).price.tolist() == [2.0]


LINES = [
    '{"_topic":"quotes","symbol":"AAA","ts":1518791460000,"price":1.0,"volume":5}',
    '{"_topic":"news","id":"1","ts":1518791460000,"headline":"x","symbols":[]}',
    '{"_topic":"quotes","symbol":"AAA","ts":"2018-02-16T14:30:59Z","price":1.1,"bid":1,"ask":2}',
    '{"_topic":"quotes","frame":1,"symbol":["BB","AAA"],"ts":[1518791461000,1518791462000],'
    '"price":[3.5,-1],"bid":[null,null],"ask":[null,null],"volume":[1,2],"clock":1518791462000}',
    '{"_topic":"quotes","frame":1,"clock":1518791463000,"hold_s":30}',
    '{"_topic":"quotes","_raw":"bm90aGluZw=="}',
    '{"_topic":"quotes","symbol":"AAA","ts":1518791463000,"price":-1}',
    '{"_topic":"quotes","symbol":"AAA","ts":12,"price":1}',
    '{"_topic":"quotes","symbol":"CCC","ts":1518791464000,"price":9}',
]


def test_a_recording_plays_in_order_of_arrival_and_counts_what_is_no_quote(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join(LINES) + "\n\n")
    source = open_replay([path])
    batches = list(source)
    assert [s for b in batches for s in b.symbol] == ["AAA", "AAA", "BB", "CCC"]
    assert [p for b in batches for p in b.price.tolist()] == [1.0, 1.1, 3.5, 9.0]
    assert source.skipped == {"price": 1, "invalid": 2, "timestamp": 1}
    assert all(batch.clock is None for batch in batches)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LINES[0] + "\nnot json\n", "line 2: not a recorded message"),
        (LINES[0] + '\n{"symbol":"AAA"}\n', "line 2: not a recorded message"),
        (LINES[1] + "\n", "holds no quotes"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint):
        list(open_replay([path]))
