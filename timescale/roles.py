"""Least rights: the owner migrates and ages, the writer writes rows, the reader reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, LiteralString, TypeAlias

import psycopg
from psycopg import sql

from timescale.connect import connect, one_line
from timescale.errors import TimescaleError

Role: TypeAlias = Literal["catalyst_owner", "catalyst_writer", "catalyst_reader"]

OWNER: Role = "catalyst_owner"
WRITER: Role = "catalyst_writer"
READER: Role = "catalyst_reader"
ROLES = (OWNER, WRITER, READER)

# Rows that are only ever added; the conflict target needs SELECT.
ADDED = (
    "security_ticks",
    "security_data_high_freq",
    "scans",
    "tier_changes",
    "news",
    "models",
    "workflow_log",
    "configuration",
)
REPLACED = (
    "checkpoints",
    "security_tracking_state",
    "security_latest",
    "ml_pattern_discoveries",
    "trading_cycles",
    "service_health",
)
LOOKED_UP = (
    "aging_policy",
    "aging_marks",
    "aging_runs",
    "aggregate_versions",
    "backfill_ranges",
    "schema_migrations",
    "security_data_daily",
    "security_data_hourly",
    "security_data_late",
    "state_transitions",
    "storage_samples",
)
_WRITERS: LiteralString = "sample_storage(timestamptz)"
# States of agents and snapshots of models are nobody's reading.
_NOT_READ = ("checkpoints", "models")
_OWNERS_ONLY: tuple[LiteralString, ...] = (
    "age_market_data(timestamptz, boolean)",
    "aging_job(integer, jsonb)",
    "compress_colder(regclass, timestamptz)",
    "drop_tier(text, timestamptz, timestamptz, timestamptz)",
    "refresh_versions(text, timestamptz, timestamptz)",
    "adopt_aggregate(text, integer, regclass)",
    "drop_raw_chunks(regclass, timestamptz)",
    "open_backfill(timestamptz, timestamptz)",
    "close_backfill(timestamptz)",
)


def may_create_roles(dsn: str) -> bool:
    """Whether the login of `dsn` can set the roles up: all are there already, or it may add some.

    Raises:
        TimescaleError: the database cannot be reached.
    """
    query = (
        "SELECT r.rolsuper OR r.rolcreaterole OR (SELECT count(*) FROM pg_roles"
        " WHERE rolname = ANY(%s)) = %s FROM pg_roles r WHERE r.rolname = current_user"
    )
    with connect(dsn) as connection:
        row = connection.execute(query, (list(ROLES), len(ROLES))).fetchone()
    return bool(row and row[0])


def create_roles(dsn: str) -> None:
    """Create the three group roles, if they are missing, and give them exactly their rights.

    To be run by a role that may create roles and owns the schema; again after each migration.
    People and services get logins of their own in one of the groups: :func:`create_login`.

    Raises:
        TimescaleError: the database cannot be reached, or the rights of `dsn` do not suffice.
    """
    with connect(dsn, autocommit=False) as connection:
        try:
            for role in ROLES:
                _create(connection, role)
            _grant_all(connection)
        except psycopg.Error as error:
            raise TimescaleError(
                f"cannot set the roles up: {one_line(error)}; migrate as the owner of the schema"
            ) from error


def create_login(dsn: str, name: str, password: str, role: Role) -> None:
    """A login in one of the groups, or a new password for it.

    Only a salted hash of the password leaves this process.

    Raises:
        TimescaleError: the database cannot be reached, or the rights of `dsn` do not suffice.
    """
    with connect(dsn, autocommit=False) as connection:
        hashed = connection.pgconn.encrypt_password(
            password.encode(), name.encode(), b"scram-sha-256"
        ).decode()
        try:
            _create(connection, name)
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(name), sql.Literal(hashed)
                )
            )
            connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name))
            )
        except psycopg.Error as error:
            raise TimescaleError(f"cannot create the login {name}: {one_line(error)}") from error


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))


def _grant_all(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    everything = (*ADDED, *REPLACED, *LOOKED_UP)
    readable = [name for name in everything if name not in _NOT_READ]
    statements: list[sql.SQL | sql.Composed] = [
        sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(sql.Identifier(OWNER)),
        sql.SQL("GRANT USAGE ON SCHEMA public TO {}, {}").format(
            sql.Identifier(WRITER), sql.Identifier(READER)
        ),
        _grant("SELECT", readable, READER),
        _grant("SELECT", everything, WRITER),
        _grant("INSERT", (*ADDED, *REPLACED), WRITER),
        _grant("UPDATE", REPLACED, WRITER),
    ]
    for routine in _OWNERS_ONLY:
        signature = sql.SQL(routine)
        owner = sql.Identifier(OWNER)
        statements += [
            sql.SQL("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC").format(signature),
            sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}").format(signature, owner),
        ]
    statements += [
        sql.SQL("REVOKE EXECUTE ON ROUTINE {} FROM PUBLIC").format(sql.SQL(_WRITERS)),
        sql.SQL("GRANT EXECUTE ON ROUTINE {} TO {}, {}").format(
            sql.SQL(_WRITERS), sql.Identifier(OWNER), sql.Identifier(WRITER)
        ),
    ]
    for statement in statements:
        connection.execute(statement)


def _grant(
    right: Literal["SELECT", "INSERT", "UPDATE"], names: Sequence[str], role: Role
) -> sql.Composed:
    return sql.SQL("GRANT {} ON {} TO {}").format(
        sql.SQL(right), sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(role)
    )
