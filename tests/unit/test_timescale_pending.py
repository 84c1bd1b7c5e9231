import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from timescale.pending import Batch, PendingRows
from timescale.relation import Relation
from timescale.relations import CHECKPOINTS, TICKS


def ticks(order: int, prices: list[int]) -> Batch:
    columns = TICKS.columns_of(
        {"symbol": ["A"] * len(prices), "timestamp": [0] * len(prices), "price": prices}
    )
    return Batch(TICKS, columns, order)


def checkpoints(order: int, partitions: list[int]) -> Batch:
    n = len(partitions)
    columns = CHECKPOINTS.columns_of(
        {
            "agent": ["a"] * n,
            "topic_id": ["t"] * n,
            "partition": partitions,
            "next_offset": np.arange(n),
            "processed_offset": np.arange(n),
            "updated_at": [0] * n,
        }
    )
    return Batch(CHECKPOINTS, columns, order)


def drained(pending: PendingRows, limit: int) -> list[Batch]:
    batches = []
    while pending.rows:
        batches.append(pending.take(limit))
    return batches


def values(batches: list[Batch], relation: Relation, name: str) -> list[float]:
    index = [field.name for field in relation.columns].index(name)
    return [
        float(value)
        for batch in batches
        if batch.relation is relation
        for value in batch.columns[index].values
    ]


@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=9)), st.integers(1, 7))
def test_rows_come_out_once_in_order_and_bounded(parts: list[list[int]], limit: int) -> None:
    pending = PendingRows()
    for order, prices in enumerate(parts):
        pending.add(ticks(order, prices))
        pending.add(checkpoints(order, [order]))
    batches = drained(pending, limit)
    assert all(len(batch) <= limit for batch in batches)
    assert values(batches, TICKS, "price") == [price for part in parts for price in part]
    assert values(batches, CHECKPOINTS, "partition") == list(range(len(parts)))
    assert pending.oldest() is None


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_no_statement_updates_a_key_twice(partitions: list[int]) -> None:
    pending = PendingRows()
    pending.add(checkpoints(1, partitions))
    batches = drained(pending, 100)
    assert values(batches, CHECKPOINTS, "partition") == partitions
    for batch in batches:
        keys = values([batch], CHECKPOINTS, "partition")
        assert len(keys) == len(set(keys))


def test_oldest_knows_the_put_of_a_cut_rest() -> None:
    pending = PendingRows()
    pending.add(ticks(1, [1, 2]))
    pending.add(ticks(2, [3, 4, 5]))
    assert len(pending.take(3)) == 3
    assert pending.oldest() == 2
    assert pending.rows == 2
