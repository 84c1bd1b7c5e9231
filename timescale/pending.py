"""Rows waiting to be written, by relation, in the order they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from timescale.columns import Column, joined, python_value
from timescale.relation import Relation


@dataclass(frozen=True)
class Batch:
    """Rows for one statement; `order` is the number of the oldest put among them."""

    relation: Relation
    columns: tuple[Column, ...]
    order: int

    def __len__(self) -> int:
        return len(self.columns[0])

    def cut(self, start: int, stop: int) -> Batch:
        """Rows ``start:stop``."""
        return replace(self, columns=tuple(column.cut(start, stop) for column in self.columns))

    def rows(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Rows ``start:stop`` as plain objects by column name."""
        fields = self.relation.columns
        return [
            {
                field.name: python_value(field.type, column, row)
                for field, column in zip(fields, self.columns, strict=True)
            }
            for row in range(start, stop)
        ]


class PendingRows:
    """A queue for each relation; the oldest rows of all come out first."""

    def __init__(self) -> None:
        self.rows = 0
        self._queues: dict[str, deque[Batch]] = {}

    def add(self, batch: Batch) -> None:
        """Append rows."""
        self._queues.setdefault(batch.relation.name, deque()).append(batch)
        self.rows += len(batch)

    def oldest(self) -> int | None:
        """Number of the oldest put with rows still here."""
        return min((queue[0].order for queue in self._queues.values() if queue), default=None)

    def next_relation_rows(self) -> int:
        """How many rows wait for the relation that is next."""
        return sum(len(part) for part in self._next_queue())

    def take(self, limit: int) -> Batch:
        """Up to `limit` rows of the relation whose rows have waited longest, joined."""
        queue = self._next_queue()
        parts = [queue.popleft()]
        rows = len(parts[0])
        while queue and rows < limit:
            parts.append(queue.popleft())
            rows += len(parts[-1])
        batch = _joined(parts)
        allowed = _without_repeats(batch, min(limit, rows))
        if allowed < rows:
            order = _order_at(parts, allowed)
            queue.appendleft(replace(batch.cut(allowed, rows), order=order))
            batch = batch.cut(0, allowed)
        self.rows -= len(batch)
        return batch

    def _next_queue(self) -> deque[Batch]:
        waiting = [queue for queue in self._queues.values() if queue]
        return min(waiting, key=lambda queue: queue[0].order)


def _joined(parts: Sequence[Batch]) -> Batch:
    columns = zip(*(part.columns for part in parts), strict=True)
    return replace(parts[0], columns=tuple(joined(column) for column in columns))


def _order_at(parts: Sequence[Batch], row: int) -> int:
    for part in parts:
        if row < len(part):
            return part.order
        row -= len(part)
    return parts[-1].order


def _without_repeats(batch: Batch, limit: int) -> int:
    """How many rows may go into one statement: DO UPDATE takes each key once."""
    relation = batch.relation
    if relation.on_conflict == "nothing":
        return limit
    names = [field.name for field in relation.columns]
    keys = zip(
        *(batch.columns[names.index(k)].values[:limit] for k in relation.conflict), strict=True
    )
    seen: set[tuple[Any, ...]] = set()
    for row, key in enumerate(keys):
        if key in seen:
            return row
        seen.add(key)
    return limit
