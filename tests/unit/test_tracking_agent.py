"""The agent of tracking: others get their turn while it has records at hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import faust

from agents.tracking.agent import attach

RECORDS = 100


class Backlog:
    """A stream with records at hand: it never waits for one."""

    def noack(self) -> Backlog:
        return self

    async def events(self) -> AsyncIterator[int]:
        for number in range(RECORDS):
            yield number


def test_a_backlog_leaves_the_loop_to_others() -> None:
    taken: list[int] = []

    async def take(event: int) -> None:
        taken.append(event)

    async def run() -> list[int]:
        app: Any = faust.App("turns", broker="kafka://127.0.0.1:9")
        attach(app, SimpleNamespace(config=SimpleNamespace(topic="quotes"), take=take))  # type: ignore[arg-type]
        seen: list[int] = []

        async def decide() -> None:
            while len(taken) < RECORDS:
                seen.append(len(taken))
                await asyncio.sleep(0)

        await asyncio.gather(app.agents["tracking"].fun(Backlog()), decide())
        return seen

    seen = asyncio.run(run())
    assert taken == list(range(RECORDS))
    assert len(set(seen)) > RECORDS / 2
