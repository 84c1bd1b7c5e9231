"""``catalyst up``, ``env``, ``topics``, ``migrate``, ``doctor``, ``status`` and ``down``."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams.instance import running_owner

COMMAND = [sys.executable, "-m", "streams.cli"]
FREE = ("--broker-port", "0", "--database-port", "0")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    set_here = {"KAFKA_BROKER", "TIMESCALE_DSN", "DATA_DIR", "WEB_PORT", "QUOTE_PARTITIONS"}
    clean = {name: value for name, value in os.environ.items() if name not in set_here}

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            env={**clean, **environment},
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    yield call
    call("down")


def parts(data_dir: Path) -> list[psutil.Process]:
    owner = running_owner(data_dir)
    assert owner is not None
    return psutil.Process(owner.pid).children(recursive=True)


def gone(processes: list[psutil.Process], seconds: float = 30.0) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def exports(run: Run) -> dict[str, str]:
    lines = run("env").stdout.splitlines()
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


def test_from_nothing_to_a_healthy_system_and_back(run: Run, tmp_path: Path) -> None:
    started = run("up", *FREE)
    assert started.returncode == 0, started.stderr
    assert run("up", *FREE).stdout.startswith("already up")
    where = exports(run)
    assert json.loads(run("env", "--json").stdout) == where
    assert (tmp_path / ".catalyst" / "instance.json").stat().st_mode & 0o077 == 0

    sick = run("doctor", "--json", "--web-port", "0", **where)
    assert sick.returncode == 1
    states = {c["name"]: (c["state"], c["detail"]) for c in json.loads(sick.stdout)["checks"]}
    assert states["broker"][0] == "ok"
    assert states["topics"] == ("failed", states["topics"][1])
    assert "run catalyst topics" in states["topics"][1]
    assert "run catalyst migrate" in states["migrations"][1]
    password = where["TIMESCALE_DSN"].split(":")[2].split("@")[0]
    assert password not in sick.stdout + run("doctor", **where).stdout
    assert "run catalyst topics" in run("status", **where).stderr

    assert run("migrate", "--dry-run", **where).stdout.count("would apply") > 5
    assert "pending" in run("migrate", "--status", **where).stdout
    assert run("migrate", **where).returncode == 0
    assert "pending" not in run("migrate", "--status", **where).stdout
    assert json.loads(run("topics", "--json", **where).stdout)["created"]
    assert json.loads(run("topics", "--json", **where).stdout)["created"] == []
    refused = run("topics", "--quote-partitions", "7", **where)
    assert "quotes has 4 partitions, not 7" in refused.stderr

    healthy = run("doctor", "--json", "--web-port", "0", **where)
    report = json.loads(healthy.stdout)
    assert (healthy.returncode, report["ok"]) == (0, True), report["checks"]
    assert report["settings"]["WEB_PORT"] == {"value": "0", "origin": "flag"}
    assert report["settings"]["KAFKA_BROKER"]["origin"] == "environment"

    processes = parts(tmp_path / ".catalyst")
    assert len(processes) >= 2
    assert run("down").returncode == 0
    assert gone(processes)
    assert run("down").stdout.startswith("nothing runs")
    assert "start it with catalyst up" in run("env").stderr


def test_status_counts_what_was_sent_and_what_is_stored(run: Run) -> None:
    run("up", *FREE)
    where = exports(run)
    run("topics", **where)
    run("migrate", **where)
    sent = run(
        *("produce", "quotes", "--source", "simulated", "--securities", "20"),
        *("--minutes", "2", "--speed", "max", "--json"),
        **where,
    )
    records = json.loads(sent.stdout)["records"]
    status = json.loads(run("status", "--json", **where).stdout)
    assert status["lag"] == records > 0
    assert sum(part["end"] for part in status["partitions"]) == records
    assert status["rows"]["security_ticks"] == 0
    assert status["newest_event"] is None


def test_the_death_of_a_part_ends_the_other_and_a_second_start_works(
    run: Run, tmp_path: Path
) -> None:
    for name in ("--storage-engine", "front.mjs"):
        assert run("up", *FREE).returncode == 0
        processes = parts(tmp_path / ".catalyst")
        (victim,) = [p for p in processes if any(w.endswith(name) for w in p.cmdline())]
        victim.kill()
        assert gone(processes)
        deadline = time.monotonic() + 60
        while running_owner(tmp_path / ".catalyst") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert running_owner(tmp_path / ".catalyst") is None
        log = tmp_path / ".catalyst" / "up.log"
        while "was killed (SIGKILL)" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "was killed (SIGKILL)" in log.read_text()
        assert run("env").returncode == 2


def test_a_killed_supervisor_leaves_no_orphan(run: Run, tmp_path: Path) -> None:
    assert run("up", *FREE).returncode == 0
    processes = parts(tmp_path / ".catalyst")
    owner = running_owner(tmp_path / ".catalyst")
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    assert gone(processes)
    assert run("env").returncode == 2
    assert run("up", *FREE).returncode == 0


def test_a_port_in_use_is_told_in_one_line(run: Run) -> None:
    for option in ("--broker-port", "--database-port"):
        other = FREE[2] if option == FREE[0] else FREE[0]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = run("up", option, port, other, "0")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert port in done.stderr
        assert "in use" in done.stderr


def test_the_database_is_kept_from_one_start_to_the_next(run: Run) -> None:
    run("up", *FREE)
    run("migrate", **exports(run))
    run("down")
    run("up", *FREE)
    assert "up to date" in run("migrate", **exports(run)).stdout
