"""Forcing a scan: the second stage takes the request, its answer is in the database."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

import msgspec
from aiokafka.errors import KafkaError

from schemas.http import ForcedScan, ScanPending
from schemas.tracking import Candidate, ScanMode, ScanRequest
from streams.web.errors import ApiError
from timescale import overview
from timescale.overview import StoredScan
from timescale.readers import Reader

WAIT_S = 10.0
SEND_S = 5.0
_POLL_S = 0.2

Send = Callable[[bytes, bytes], Awaitable[None]]


class ScanForcing:
    """Sends requests by ``send(key, value)`` and waits for what comes of them."""

    def __init__(self, reader: Reader, send: Send, wait_s: float = WAIT_S) -> None:
        self._reader = reader
        self._send = send
        self._wait_s = wait_s

    async def force(self, mode: ScanMode) -> ForcedScan | ScanPending:
        """Have the universe scanned now.

        Raises:
            ApiError: 503, the broker does not take the request, or the scan failed.
            TimescaleError: the database does not answer.
        """
        request = uuid.uuid4().hex
        try:
            async with asyncio.timeout(SEND_S):
                value = msgspec.json.encode(ScanRequest(request, mode))
                await self._send(request.encode(), value)
        except (KafkaError, TimeoutError):
            raise ApiError(503, "the broker does not answer", {"Retry-After": "5"}) from None
        scan = await self._answer(request)
        if scan is None:
            return ScanPending(
                request,
                f"no scan within {self._wait_s:.0f} s; when it comes, last_scan.request of"
                " GET /tracking_metrics is this id",
            )
        return forced(request, scan)

    async def _answer(self, request: str) -> StoredScan | None:
        deadline = time.monotonic() + self._wait_s
        while True:
            answer = await self._reader.ask(overview.cycle_of_request(request))
            if answer is not None and answer.scan is not None:
                return answer.scan
            if answer is not None and answer.status in ("failed", "cancelled"):
                raise ApiError(503, f"the scan {answer.status}: see the trading cycles")
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(_POLL_S)


def forced(request: str, scan: StoredScan) -> ForcedScan:
    """The answer to a request."""
    return ForcedScan(
        request=request,
        scan_id=scan.scan_id,
        timestamp=scan.timestamp,
        mode=scan.mode,  # type: ignore[arg-type]
        trading_candidates=msgspec.convert(scan.trading_candidates, list[Candidate]),
        tracked_securities=msgspec.convert(scan.tracked_securities, list[Candidate]),
        total_universe=scan.total_universe,
        execution_time=scan.execution_time,
    )
