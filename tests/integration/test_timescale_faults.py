"""The database killed, restarted and frozen in the middle of a load."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.timescale_db import migrated_server, rows_of
from timescale.relations import TICKS
from timescale.writer import RowWriter

pytestmark = pytest.mark.faults

SYMBOLS = [f"S{number}" for number in range(10)]
PART = 1_000
PARTS = 60


def part(number: int) -> dict[str, Any]:
    index = np.arange(number * PART, (number + 1) * PART)
    return {
        "symbol": index % 10,
        "timestamp": 1_700_000_000_000_000 + index // 10 * 1_000_000,
        "price": 1.0 + index,
    }


def stored_prices(dsn: str) -> list[float]:
    return [row[0] for row in rows_of(dsn, "SELECT price FROM security_ticks ORDER BY price")]


class Load:
    """Feeds the writer without end and knows what has been flushed."""

    def __init__(self, writer: RowWriter) -> None:
        self.writer = writer
        self.flushed = 0
        self.half = asyncio.Event()

    async def run(self) -> None:
        for number in range(PARTS):
            await self.writer.put(TICKS, part(number), symbols=SYMBOLS)
            if number % 3 == 2:
                await self.writer.flush()
                self.flushed = number + 1
            if number == PARTS // 2:
                self.half.set()


@pytest.mark.asyncio
async def test_killed_and_restarted_every_row_is_there_once(tmp_path: Path) -> None:
    with migrated_server(tmp_path / "db") as server:
        writer = RowWriter(server.dsn, batch_rows=500)
        await writer.start()
        load = Load(writer)
        feeding = asyncio.create_task(load.run())
        await load.half.wait()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(server.stop)
        acknowledged = load.flushed
        async with asyncio.timeout(120):
            await first_retry(writer)
        assert writer.state.startswith("retrying")
        assert writer.pending_rows > 0

        await asyncio.to_thread(server.start)
        missing = set(1.0 + np.arange(acknowledged * PART)) - set(stored_prices(server.dsn))
        assert not missing, f"{len(missing)} acknowledged rows are lost"
        async with asyncio.timeout(240):
            await feeding
            await writer.flush()
        await writer.stop()
        assert stored_prices(server.dsn) == list(1.0 + np.arange(PARTS * PART))


async def first_retry(writer: RowWriter) -> None:
    while not writer.retries:  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_an_orderly_restart_is_ridden_out(tmp_path: Path) -> None:
    with migrated_server(tmp_path / "db") as server:
        writer = RowWriter(server.dsn, batch_rows=500)
        await writer.start()
        load = Load(writer)
        feeding = asyncio.create_task(load.run())
        await load.half.wait()
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(240):
            await feeding
            await writer.flush()
        await writer.stop()
        assert stored_prices(server.dsn) == list(1.0 + np.arange(PARTS * PART))
        assert writer.state == "stopped"


@pytest.mark.asyncio
async def test_a_frozen_database_is_waited_for_and_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timescale.writer.SLOW_AFTER_S", 0.2)
    with migrated_server(tmp_path / "db") as server:
        writer = RowWriter(server.dsn, max_pending_rows=5_000)
        await writer.start()
        await writer.put(TICKS, part(0), symbols=SYMBOLS)
        await writer.flush()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGSTOP)
        try:
            load = asyncio.create_task(Load(writer).run())
            async with asyncio.timeout(120):
                while not writer.state.startswith("retrying: no answer"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert writer.pending_rows <= 5_000
        finally:
            os.kill(server.pid, signal.SIGCONT)
        async with asyncio.timeout(240):
            await load
            await writer.flush()
        assert writer.state == "ok"
        await writer.stop()
        assert stored_prices(server.dsn) == list(1.0 + np.arange(PARTS * PART))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 100 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(disk)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.asyncio
async def test_a_full_disk_is_waited_out(small_disk: Path) -> None:
    with migrated_server(small_disk / "db") as server:
        free = os.statvfs(small_disk)
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * (free.f_bavail * free.f_frsize - 3_000_000))
        writer = RowWriter(server.dsn)
        await writer.start()
        feeding = asyncio.create_task(Load(writer).run())
        async with asyncio.timeout(240):
            while "No space left" not in writer.state:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        ballast.unlink()
        async with asyncio.timeout(240):
            await feeding
            await writer.flush()
        assert writer.state == "ok"
        await writer.stop()
        assert stored_prices(server.dsn) == list(1.0 + np.arange(PARTS * PART))
