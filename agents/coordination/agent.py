"""The Faust adapter of coordination."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.coordination.keeper import Keeper, WorkerView

TURN_S = 1.0


def attach(app: Any, keeper: Keeper, view: Callable[[], WorkerView]) -> None:
    """Give ``keeper`` its turn while ``app`` runs."""

    @app.timer(TURN_S)
    async def keep_house() -> None:
        await keeper.turn(view())
