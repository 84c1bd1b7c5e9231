"""Records of many partitions come into one order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.recorder import Merge

PLACES = [("quotes", 0), ("quotes", 1), ("news", 0)]


def value(ts: int) -> bytes:
    return b'{"ts":%d}' % ts


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.integers(1, 50)), max_size=60),
    st.randoms(use_true_random=False),
)
def test_arrivals_are_put_in_order_whatever_is_read_first(
    records: list[tuple[tuple[str, int], int]], random: object
) -> None:
    arrived = sorted(records, key=lambda record: record[1])
    queues = {place: [at for where, at in arrived if where == place] for place in PLACES}
    merge, taken, offsets = Merge(PLACES), [], dict.fromkeys(PLACES, 0)
    while any(queues.values()):
        place = random.choice([p for p in PLACES if queues[p]])  # type: ignore[attr-defined]
        at = queues[place].pop(0)
        merge.add(place, offsets[place], at, value(at), b"%d" % at)
        offsets[place] += 1
        if not queues[place]:
            merge.end(place)
        taken += merge.take()
    for place in PLACES:
        merge.end(place)
    taken += merge.take()
    assert [int(record.line) for record in taken] == [at for _, at in arrived]
    for place in PLACES:
        order = [record.offset for record in taken if record.place == place]
        assert order == list(range(offsets[place]))
    assert merge.all_read


def test_event_time_decides_between_arrivals_of_one_moment() -> None:
    merge = Merge(PLACES[:2])
    merge.add(PLACES[0], 0, 5, b'{"frame":1,"ts":["2018-02-16T14:31:00Z"]}', b"later")
    merge.add(PLACES[1], 0, 5, b'{"frame":1,"ts":[1518791400000]}', b"earlier")
    merge.add(PLACES[0], 1, 5, b"not json", b"unknown stays behind its forerunner")
    lines = [record.line for record in merge.take(everything=True)]
    assert lines == [b"earlier", b"later", b"unknown stays behind its forerunner"]


def test_nothing_is_given_out_while_a_partition_may_hold_something_earlier() -> None:
    merge = Merge(PLACES[:2])
    merge.add(PLACES[0], 0, 5, None, b"a")
    assert merge.take() == []
    merge.end(PLACES[1])
    assert [record.line for record in merge.take()] == [b"a"]
    assert not merge.all_read
    merge.end(PLACES[0])
    assert merge.all_read
