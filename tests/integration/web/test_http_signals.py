"""Signals over HTTP as server-sent events."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.workers import Site, Worker, until


@dataclass
class Follower:
    """Reads server-sent events of one connection."""

    connection: HTTPConnection
    answer: HTTPResponse

    @classmethod
    def of(cls, worker: Worker, query: str = "", last: str | None = None) -> Follower:
        connection = HTTPConnection("127.0.0.1", worker.port, timeout=100)
        headers = {} if last is None else {"Last-Event-ID": last}
        connection.request("GET", f"/signals{query}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        follower = cls(connection, answer)
        assert follower.block() == {"": "listening", "retry": "2000"}
        return follower

    def block(self) -> dict[str, str]:
        """The fields of the next event."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name.removeprefix(":")] = value
        raise EOFError

    def events(self) -> Iterator[tuple[str, str, Any]]:
        while True:
            fields = self.block()
            if "data" in fields:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])

    def take(self, count: int) -> list[tuple[str, str, Any]]:
        found = self.events()
        return [next(found) for _ in range(count)]


def publish(site: Site, topic: str, *values: Any) -> None:
    producer = Producer({"bootstrap.servers": site.bootstrap, "linger.ms": 50})
    for value in values:
        producer.produce(f"signals.{topic}", json.dumps(value).encode(), b"k", 0)
    assert producer.flush(30) == 0


def test_signals_are_followed_from_now_on_and_resumed_where_they_were_left(place: Site) -> None:
    publish(place, "pump_and_dump", *({"id": f"old{n}"} for n in range(3)))
    worker, other = place.worker(), place.worker()
    everything = Follower.of(worker)
    some = Follower.of(other, "?type=pump_and_dump&type=outcomes")
    publish(place, "pump_and_dump", {"id": "a", "text": "two\nlines"}, {"id": "b"})
    publish(place, "trading_candidates", {"id": "c"})
    publish(place, "outcomes", {"id": "d"})
    found = everything.take(4)
    assert sorted(value["id"] for _, _, value in found) == ["a", "b", "c", "d"]
    assert {name for name, _, _ in found} == {"pump_and_dump", "trading_candidates", "outcomes"}
    assert [value for name, _, value in found if name == "pump_and_dump"] == [
        {"id": "a", "text": "two\nlines"},
        {"id": "b"},
    ]
    assert sorted(value["id"] for _, _, value in some.take(3)) == ["a", "b", "d"]
    assert json.loads(worker.get("/health"))["parts"]["signal_listeners"] == 1

    everything.connection.close()
    publish(place, "pump_and_dump", {"id": "e"})
    last = found[-1][1]
    assert [value["id"] for _, _, value in Follower.of(worker, last=last).take(1)] == ["e"]
    # Any worker knows the ids of another.
    resumed = Follower.of(other, last=last)
    assert [value["id"] for _, _, value in resumed.take(1)] == ["e"]
    assert worker.stop() == 0, "those who follow do not hold a worker back"
    assert other.stop() == 0
    with pytest.raises(EOFError):
        resumed.block()


def test_what_cannot_be_replayed_is_said(place: Site) -> None:
    publish(place, "alerts", *({"id": str(n)} for n in range(500)))
    worker = place.worker()
    before = ".".join(["0"] * 10)
    events = Follower.of(worker, "?type=alerts&type=outcomes", last=before).take(201)
    name, _, said = events[0]
    assert (name, said["types"]) == ("gap", ["alerts"])
    assert [value["id"] for _, _, value in events[1:]] == [str(n) for n in range(300, 500)]
    unreadable = Follower.of(worker, "?type=alerts", last="17")
    publish(place, "alerts", {"id": "new"})
    assert [value["id"] for _, _, value in unreadable.take(1)] == ["new"]


def test_a_slow_listener_is_dropped_and_a_fast_one_gets_everything(place: Site) -> None:
    worker = place.worker()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", worker.port))
    slow.sendall(b"GET /signals HTTP/1.1\r\nHost: localhost\r\n\r\n")
    parts = lambda: json.loads(worker.get("/health"))["parts"]  # noqa: E731
    until(lambda: parts()["signal_listeners"] == 1, 20)
    fast = Follower.of(worker)
    filler = "x" * 8000
    publish(place, "alerts", *({"id": n, "filler": filler} for n in range(2500)))
    assert [value["id"] for _, _, value in fast.take(2500)] == list(range(2500))
    until(lambda: parts()["signal_listeners_dropped"] == 1, 30, "the slow one dropped")
    assert parts()["signal_listeners"] == 1
    publish(place, "alerts", {"id": "after"})
    assert [value["id"] for _, _, value in fast.take(1)] == ["after"]
    slow.close()
