"""Server-sent events on the wire, and positions that a listener comes back with."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from streams.web.events import event
from streams.web.feed import BUFFER, NAMES, Listener, Signal, parse_position


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_ends_its_event_early(text: str) -> None:
    sent = event("alerts", "1.2", text.encode()).decode()
    assert sent.endswith("\n\n")
    body = sent[:-2]
    assert "\n\n" not in body
    assert "\r" not in body
    lines = body.split("\n")
    assert lines[:2] == ["id: 1.2", "event: alerts"]
    assert all(line.startswith("data: ") for line in lines[2:])
    received = "\n".join(line.removeprefix("data: ") for line in lines[2:])
    assert received == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.recursive(st.text() | st.integers(), st.lists, max_leaves=5))
def test_json_arrives_as_it_was(value: object) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode("utf-8", "replace")
        lines = event("alerts", None, text).decode().strip("\n").split("\n")[1:]
        received = "\n".join(line.removeprefix("data: ") for line in lines)
        assert json.loads(received) == json.loads(text)


def test_a_position_names_every_topic_or_none() -> None:
    position = list(range(len(NAMES)))
    text = ".".join(map(str, position))
    assert parse_position(text) == position
    for other in (None, "", "7", text + ".1", text.replace("3", "x"), "-1" + text[1:]):
        assert parse_position(other) is None


def test_a_listener_queues_what_it_follows_until_there_is_no_room() -> None:
    listener = Listener(frozenset({1}), [0] * len(NAMES))
    assert all(listener.offer(Signal(0, n, b"{}")) for n in range(2 * BUFFER))
    assert listener.queue.empty()
    assert all(listener.offer(Signal(1, n, b"{}")) for n in range(BUFFER))
    assert not listener.offer(Signal(1, BUFFER, b"{}"))
    assert listener.passed(Signal(1, 41, b"{}")).split(".")[:3] == ["0", "42", "0"]
