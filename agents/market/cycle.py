"""A scan as a trading cycle: the record of what it took and gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.market.engine import Outputs
from agents.scanning.desk import Update
from schemas.tracking import Scan
from timescale.cycles import Steps


def cycle_id(scan: Scan, request: str | None) -> str:
    """A scan is one cycle, however often it is recorded; each request for one is its own."""
    return f"cycle-{scan.scan_id}" + (f"-{request}" if request else "")


def cycle_of(scan: Scan, request: str | None) -> dict[str, Any]:
    """The cycle at its beginning; ``request`` names what forced it."""
    return {
        "cycle_id": cycle_id(scan, request),
        "status": "scanning",
        "mode": "paper",
        "scan_id": scan.scan_id,
        "scan_mode": scan.mode,
        "event_time": scan.timestamp.isoformat(),
        "request": request,
    }


def steps_of(
    scan: Scan,
    update: Update,
    out: Outputs,
    waiting: int,
    stored_in: float,
    discovered: Mapping[str, Any],
) -> Steps:
    """The steps until the decision, ``stored_in`` seconds of them for storing.

    ``discovered`` is what discovery did since the cycle before.
    """
    return [
        ("news", "completed", {"catalysts": len(out.catalysts), "waiting": waiting}),
        (
            "scan",
            "completed",
            {"seconds": scan.execution_time, "universe": scan.total_universe},
        ),
        (
            "tracking",
            "completed",
            {
                "tracked": len(scan.tracked_securities),
                "tier_changes": len(update.tier_changes),
                "left": len(update.left),
            },
        ),
        (
            "collection",
            "completed",
            {"rows": sum(map(len, out.rows)), "seconds": stored_in},
        ),
        ("discovery", "completed", dict(discovered)),
    ]
