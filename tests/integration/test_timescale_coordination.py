import asyncio
import inspect
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.timescale_db import migrated_server, rows_of
from timescale import overview
from timescale.coordination import (
    AsyncCoordination,
    Coordination,
    Flag,
    InvalidTransition,
    Setting,
    VersionConflict,
)
from timescale.errors import TimescaleError
from timescale.queries import Query
from timescale.watcher import ConfigurationWatcher

_key = count()


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("coordination")) as server:
        yield server.dsn


class Both:
    """The synchronous methods, or the asynchronous ones run to their end: one test for both."""

    def __init__(self, records: Coordination | AsyncCoordination) -> None:
        self._records = records

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._records, name)

        def call(*arguments: Any, **options: Any) -> Any:
            result = method(*arguments, **options)
            return asyncio.run(result) if inspect.iscoroutine(result) else result

        return call


@pytest.fixture(params=[Coordination, AsyncCoordination])
def records(dsn: str, request: pytest.FixtureRequest) -> Both:
    return Both(request.param(dsn))


@pytest.fixture
def key() -> str:
    return f"key-{next(_key)}"


def test_a_cycle_from_start_to_end(dsn: str, records: Both) -> None:
    cycle = records.create_trading_cycle({"mode": "live", "budget": 1000})
    assert records.update_trading_cycle(cycle, {"status": "scanning", "scan": 1})
    assert records.update_trading_cycle(cycle, {"scan": 2})
    assert records.update_trading_cycle(cycle, {"status": "completed"})
    stored = rows_of(
        dsn,
        "SELECT status, mode, data, version, ended_at >= started_at FROM trading_cycles"
        " WHERE cycle_id = %s",
        (cycle,),
    )
    assert stored == [("completed", "live", {"budget": 1000, "scan": 2}, 4, True)]


def test_a_cycle_created_twice_is_one(dsn: str, records: Both, key: str) -> None:
    assert records.create_trading_cycle({"cycle_id": key, "a": 1}) == key
    assert records.create_trading_cycle({"cycle_id": key, "a": 2}) == key
    assert rows_of(dsn, "SELECT data FROM trading_cycles WHERE cycle_id = %s", (key,)) == [
        ({"a": 1},)
    ]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ([], "trading"),
        ([], "completed"),
        ([], "nonsense"),
        (["scanning"], "created"),
        (["scanning", "completed"], "scanning"),
        (["scanning", "paused"], "completed"),
        (["cancelled"], "scanning"),
    ],
)
def test_nonsense_transitions_are_refused(records: Both, path: list[str], refused: str) -> None:
    cycle = records.create_trading_cycle({})
    for status in path:
        assert records.update_trading_cycle(cycle, {"status": status})
    with pytest.raises(InvalidTransition, match=f"cannot become {refused}"):
        records.update_trading_cycle(cycle, {"status": refused})
    with pytest.raises(InvalidTransition):
        records.create_trading_cycle({"status": "completed"})


def test_steps_follow_one_another(dsn: str, records: Both) -> None:
    cycle = records.create_trading_cycle({"status": "scanning"})
    assert records.log_workflow_step(cycle, "scan", "started")
    assert records.log_workflow_step(cycle, "scan", "failed", {"error": "no quotes"})
    assert records.log_workflow_step(cycle, "scan", "started")
    assert records.log_workflow_step(cycle, "scan", "completed", {"found": 5})
    assert records.log_workflow_step(cycle, "trade", "skipped")
    with pytest.raises(InvalidTransition, match="step scan: completed cannot become failed"):
        records.log_workflow_step(cycle, "scan", "failed")
    with pytest.raises(InvalidTransition, match=r"step other: \(new\) cannot become completed"):
        records.log_workflow_step(cycle, "other", "completed")
    records.update_trading_cycle(cycle, {"status": "cancelled"})
    with pytest.raises(InvalidTransition, match="already cancelled"):
        records.log_workflow_step(cycle, "late", "started")
    logged = rows_of(
        dsn,
        "SELECT step, status, details FROM workflow_log WHERE cycle_id = %s ORDER BY id",
        (cycle,),
    )
    assert [row[:2] for row in logged] == [
        ("scan", "started"),
        ("scan", "failed"),
        ("scan", "started"),
        ("scan", "completed"),
        ("trade", "skipped"),
    ]
    assert logged[3][2] == {"found": 5}


def test_an_unknown_cycle_is_false(records: Both) -> None:
    assert records.update_trading_cycle("absent", {"status": "scanning"}) is False
    assert records.log_workflow_step("absent", "scan", "started") is False


def test_health_keeps_since_while_the_status_lasts(dsn: str, records: Both, key: str) -> None:
    def since() -> Any:
        return rows_of(dsn, "SELECT since FROM service_health WHERE service_name = %s", (key,))

    assert records.update_service_health(key, "healthy", {"lag": 1})
    first = since()
    assert records.update_service_health(key, "healthy", {"lag": 2})
    assert since() == first
    assert records.update_service_health(key, "degraded")
    assert since() > first
    with pytest.raises(TimescaleError):
        records.update_service_health(key, "splendid")


def test_configuration_is_typed_and_versioned(records: Both, key: str) -> None:
    assert records.get_configuration(key, 5) == 5
    assert records.set_configuration(key, 7, changed_by="me") == 1
    assert records.get_configuration(key, 5) == 7
    assert records.get_configuration(key, 0.5) == 7.0
    assert records.get_configuration(key, None) == 7
    for default in (True, "text", [1]):
        with pytest.raises(TimescaleError, match="holds a integer"):
            records.get_configuration(key, default)
    with pytest.raises(TimescaleError, match="holds a integer, not a string"):
        records.set_configuration(key, "seven")
    assert records.set_configuration(key, "seven", retype=True) == 2
    with pytest.raises(VersionConflict, match="at version 2, not 1"):
        records.set_configuration(key, "eight", expected_version=1)
    assert records.set_configuration(key, "eight", expected_version=2) == 3
    assert records.delete_configuration(key) == 4
    assert records.get_configuration(key, "default") == "default"
    history = records.configuration_history(key)
    assert [(s.version, s.value, s.deleted) for s in history[:3]] == [
        (1, 7, False),
        (2, "seven", False),
        (3, "eight", False),
    ]
    assert history[3].deleted
    assert history[0].changed_by == "me"


def test_flags_are_stored(records: Both, key: str) -> None:
    flag = Flag(percent=50, include=("AA",))
    records.set_configuration(key, flag)
    assert records.get_configuration(key, Flag()) == flag


def test_changes_reach_a_running_worker(dsn: str, key: str) -> None:
    """Within two polls; a listener that fails stops nothing."""

    async def watch() -> list[Any]:
        changed = asyncio.Event()
        heard: list[Setting] = []

        def on_change(setting: Setting) -> None:
            if setting.key == key:
                heard.append(setting)
                changed.set()
                raise RuntimeError("a listener's fault")

        records = AsyncCoordination(dsn)
        watcher = ConfigurationWatcher(dsn, poll_s=0.05, on_change=on_change)
        await watcher.start()
        answers: list[Any] = [watcher.get(key, 1), watcher.is_on(key, "AA")]
        for value in (2, 3):
            changed.clear()
            await records.set_configuration(key, value)
            async with asyncio.timeout(60):
                await changed.wait()
            answers.append(watcher.get(key, 1))
        changed.clear()
        await records.set_configuration(key, Flag(percent=0, include=("AA",)), retype=True)
        async with asyncio.timeout(60):
            await changed.wait()
        answers += [watcher.is_on(key, "AA"), watcher.is_on(key, "BB")]
        await watcher.stop()
        assert [setting.version for setting in heard] == [1, 2, 3]
        return answers

    assert asyncio.run(watch()) == [1, False, 2, 3, True, False]


@pytest.mark.parametrize("query", [overview.cycle_of_request("r-7000"), overview.last_scan()])
def test_a_cycle_is_found_without_reading_all(dsn: str, query: Query[Any]) -> None:
    with psycopg.connect(dsn) as connection:  # rolled back at the end
        connection.execute(
            "INSERT INTO trading_cycles (cycle_id, status, started_at, data)"
            " SELECT 'many-' || n, 'scanning', now(), jsonb_build_object("
            "'scan_id', 's-' || n, 'request', CASE WHEN n % 10 = 0 THEN 'r-' || n END)"
            " FROM generate_series(1, 8000) n"
        )
        connection.execute("ANALYZE trading_cycles")
        explain = f"EXPLAIN {query.statement}".encode()
        plan = "\n".join(row[0] for row in connection.execute(explain, query.parameters))
        connection.rollback()
    assert "trading_cycles_by_" in plan
    assert "Seq Scan on trading_cycles" not in plan


@pytest.mark.faults
def test_a_watcher_outlives_the_database(tmp_path: Path) -> None:
    with migrated_server(tmp_path / "db") as server:
        Coordination(server.dsn).set_configuration("limit", 7)

        async def watch() -> None:
            watcher = ConfigurationWatcher(server.dsn, poll_s=0.02)
            await watcher.start()
            server.stop()
            await until(lambda: watcher.failure is not None)
            assert watcher.get("limit", 1) == 7
            server.start()
            Coordination(server.dsn).set_configuration("limit", 8)
            await until(lambda: watcher.get("limit", 1) == 8)
            assert watcher.failure is None
            await watcher.stop()

        asyncio.run(watch())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
