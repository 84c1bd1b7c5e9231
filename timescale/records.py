"""The statements behind the coordination records, the same for sync and async callers."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

import psycopg
from psycopg.types.json import Jsonb

from timescale.connect import one_line
from timescale.errors import TimescaleError, Unavailable
from timescale.failures import Remedy, remedy
from timescale.flags import Flag
from timescale.queries import Query

D = TypeVar("D")
CycleStatus: TypeAlias = Literal[
    "created", "scanning", "trading", "paused", "completed", "failed", "cancelled"
]
StepStatus: TypeAlias = Literal["started", "completed", "failed", "skipped"]
HealthStatus: TypeAlias = Literal["starting", "healthy", "degraded", "unhealthy", "stopped"]

_CYCLE_COLUMNS = ("cycle_id", "status", "mode", "started_at", "ended_at")
_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    dict: "object",
}


class InvalidTransition(TimescaleError):
    """A cycle or step was asked to enter a state that cannot follow its present one."""


class VersionConflict(TimescaleError):
    """Somebody else changed the configuration in between: read it again."""


@dataclass(frozen=True)
class Setting:
    """One version of a configuration value."""

    key: str
    version: int
    value: Any
    value_type: str
    deleted: bool
    changed_by: str | None
    changed_at: datetime
    change_id: int


def explained(error: psycopg.Error) -> TimescaleError:
    """The error for a record that was refused, or that the database could not take now."""
    kinds = {"CS001": InvalidTransition, "CS002": VersionConflict}
    other = Unavailable if remedy(error) is Remedy.RETRY else TimescaleError
    return kinds.get(error.sqlstate or "", other)(one_line(error))


def create_trading_cycle(cycle_data: Mapping[str, Any]) -> Query[str]:
    """A new cycle; its id, given as ``cycle_id`` or made up. A repeat with an id is the same one.

    ``status``, ``mode`` and ``started_at`` are columns; everything else is kept as data.
    """
    own = {name: value for name, value in cycle_data.items() if name not in _CYCLE_COLUMNS}
    parameters = {
        "cycle_id": cycle_data.get("cycle_id") or f"cycle-{uuid.uuid4().hex}",
        "status": cycle_data.get("status", "created"),
        "mode": cycle_data.get("mode", "paper"),
        "started_at": cycle_data.get("started_at") or datetime.now(UTC),
        "data": Jsonb(own),
    }
    return Query(
        "WITH made AS (INSERT INTO trading_cycles (cycle_id, status, mode, started_at, data)"
        " VALUES (%(cycle_id)s, %(status)s, %(mode)s, %(started_at)s, %(data)s)"
        " ON CONFLICT (cycle_id) DO NOTHING) SELECT %(cycle_id)s::text",
        parameters,
        lambda rows: str(rows[0][0]),
    )


def update_trading_cycle(cycle_id: str, updates: Mapping[str, Any]) -> Query[bool]:
    """New status, mode, end or data (merged into what is there); False: no such cycle."""
    own = {name: value for name, value in updates.items() if name not in _CYCLE_COLUMNS}
    parameters = {
        "cycle_id": cycle_id,
        "status": updates.get("status"),
        "mode": updates.get("mode"),
        "ended_at": updates.get("ended_at"),
        "data": Jsonb(own),
    }
    return Query(
        "UPDATE trading_cycles SET status = coalesce(%(status)s, status),"
        " mode = coalesce(%(mode)s, mode), ended_at = coalesce(%(ended_at)s, ended_at),"
        " data = data || %(data)s WHERE cycle_id = %(cycle_id)s RETURNING true",
        parameters,
        bool,
    )


def log_workflow_step(
    cycle_id: str, step: str, status: StepStatus, details: Mapping[str, Any] | None = None
) -> Query[bool]:
    """What became of a step; False: no such cycle."""
    parameters = {
        "cycle_id": cycle_id,
        "step": step,
        "status": status,
        "details": Jsonb(dict(details or {})),
    }
    return Query(
        "INSERT INTO workflow_log (cycle_id, step, status, details)"
        " SELECT cycle_id, %(step)s, %(status)s, %(details)s FROM trading_cycles"
        " WHERE cycle_id = %(cycle_id)s RETURNING true",
        parameters,
        bool,
    )


def update_service_health(
    service_name: str, status: HealthStatus, metrics: Mapping[str, Any] | None = None
) -> Query[bool]:
    """The present state of a service; ``since`` moves when the status changes."""
    parameters = {"name": service_name, "status": status, "metrics": Jsonb(dict(metrics or {}))}
    return Query(
        "INSERT INTO service_health AS h (service_name, status, metrics)"
        " VALUES (%(name)s, %(status)s, %(metrics)s) ON CONFLICT (service_name) DO UPDATE SET"
        " status = excluded.status, metrics = excluded.metrics, updated_at = clock_timestamp(),"
        " since = CASE WHEN h.status = excluded.status THEN h.since ELSE clock_timestamp() END"
        " RETURNING true",
        parameters,
        bool,
    )


def get_configuration(key: str, default: D) -> Query[D]:
    """The value of a key, of the type of `default` (any type, where that is None)."""
    return Query(
        "SELECT value, deleted FROM configuration WHERE key = %(key)s"
        " ORDER BY version DESC LIMIT 1",
        {"key": key},
        lambda rows: default if not rows or rows[0][1] else typed(key, rows[0][0], default),
    )


def typed(key: str, value: Any, default: D) -> D:
    """`value`, if it is of the type of `default`.

    Raises:
        TimescaleError: it is not.
    """
    if default is None:
        return value  # type: ignore[no-any-return]
    if isinstance(default, Flag) and isinstance(value, dict):
        return Flag.from_json(value)  # type: ignore[return-value]
    wanted, found = value_type(default), value_type(value)
    if wanted == found:
        return value  # type: ignore[no-any-return]
    if (wanted, found) == ("number", "integer"):
        return float(value)  # type: ignore[return-value]
    raise TimescaleError(f"configuration {key} holds a {found} where a {wanted} is wanted")


def value_type(value: Any) -> str:
    """The configuration's name for the type of a value.

    Raises:
        TimescaleError: JSON has no such type.
    """
    kind = "flag" if isinstance(value, Flag) else _TYPES.get(type(value))
    if kind is None:
        raise TimescaleError(f"a configuration value cannot be a {type(value).__name__}")
    return kind


def set_configuration(
    key: str,
    value: Any,
    *,
    changed_by: str | None = None,
    expected_version: int | None = None,
    retype: bool = False,
) -> Query[int]:
    """A new version of a key; its number.

    With `expected_version` (0: not there yet) a change in between is refused; so is a value of
    another type, unless `retype`.
    """
    stored = value.to_json() if isinstance(value, Flag) else value
    return _change(key, Jsonb(stored), value_type(value), changed_by, expected_version, retype)


def delete_configuration(key: str, *, changed_by: str | None = None) -> Query[int]:
    """From now on the default holds; the versions stay."""
    return _change(key, None, None, changed_by, None, False, remove=True)


def _change(
    key: str,
    value: Jsonb | None,
    kind: str | None,
    changed_by: str | None,
    expected_version: int | None,
    retype: bool,
    remove: bool = False,
) -> Query[int]:
    parameters = {
        "key": key,
        "value": value,
        "kind": kind,
        "by": changed_by,
        "expected": expected_version,
        "remove": remove,
        "retype": retype,
    }
    return Query(
        "SELECT set_configuration(%(key)s, %(value)s, %(kind)s, %(by)s, %(expected)s::integer,"
        " %(remove)s, %(retype)s)",
        parameters,
        lambda rows: int(rows[0][0]),
    )


_SETTING = "key, version, value, value_type, deleted, changed_by, changed_at, change_id"


def configuration_history(key: str) -> Query[list[Setting]]:
    """All versions of a key, oldest first."""
    return Query(
        f"SELECT {_SETTING} FROM configuration WHERE key = %(key)s ORDER BY version",  # noqa: S608
        {"key": key},
        lambda rows: [Setting(*row) for row in rows],
    )


def configuration_changes(after: int) -> Query[list[Setting]]:
    """The newest version of every key that changed after change `after`, in order of change."""
    return Query(
        f"SELECT * FROM (SELECT DISTINCT ON (key) {_SETTING} FROM configuration"  # noqa: S608
        " WHERE change_id > %(after)s ORDER BY key, version DESC) AS newest ORDER BY change_id",
        {"after": after},
        lambda rows: [Setting(*row) for row in rows],
    )
