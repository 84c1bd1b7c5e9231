"""The tracking stage with many records at hand: others get their turn, and partitions may go."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from agents.records import Batch, Record
from agents.tracking.stage import TrackingStage

RECORDS = 100


class Counting(TrackingStage):
    """Notes what it would take in."""

    def __init__(self) -> None:
        unused: Any = None
        super().__init__(unused, unused, unused)
        self.taken: list[int] = []

    async def _at(self, partition: int) -> Any:
        held = SimpleNamespace(ledger=SimpleNamespace(hold=lambda event: None))
        return self._partitions.setdefault(partition, held)  # type: ignore[arg-type]

    async def _take_in(self, part: Any, record: Any) -> None:
        self.taken.append(record.offset)


def backlog() -> Any:
    records = [Record("quotes", 0, offset, 0.0, None, b"") for offset in range(RECORDS)]
    return SimpleNamespace(message=SimpleNamespace(partition=0, value=Batch(records)))


def test_a_backlog_leaves_the_loop_to_others() -> None:
    async def run() -> tuple[list[int], set[int]]:
        stage, seen = Counting(), set()

        async def decide() -> None:
            while len(stage.taken) < RECORDS:
                seen.add(len(stage.taken))
                await asyncio.sleep(0)

        await asyncio.gather(stage.take(backlog()), decide())
        return stage.taken, seen

    taken, seen = asyncio.run(run())
    assert taken == list(range(RECORDS))
    assert len(seen) > RECORDS / 2


def test_records_of_a_partition_that_changed_hands_are_left_to_who_has_it() -> None:
    async def run() -> list[int]:
        stage = Counting()

        async def lose() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            stage.reset()

        await asyncio.gather(stage.take(backlog()), lose())
        return stage.taken

    assert len(asyncio.run(run())) < RECORDS / 2
