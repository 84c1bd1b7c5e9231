"""Versioned schema: numbered plain-SQL files, applied once each, in order, never changed after."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from timescale.connect import connect, one_line
from timescale.errors import TimescaleError
from timescale.statements import split_statements

MIGRATIONS = Path(__file__).parent / "migrations"
NO_TRANSACTION = "-- catalyst: no-transaction"

_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = 0x0CA7A1
_Connection = psycopg.Connection[tuple[Any, ...]]

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version         integer     PRIMARY KEY,
    name            text        NOT NULL,
    checksum        text        NOT NULL,
    statements_done integer,
    applied_at      timestamptz
)
"""


@dataclass(frozen=True)
class Migration:
    """One file: its number, its name (the file's), its text and whether it runs in one piece."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, whatever the line ends of the checkout."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """False where a statement of the file refuses to run in a transaction."""
        return NO_TRANSACTION not in self.text.splitlines()


@dataclass(frozen=True)
class MigrationState:
    """A migration as the database knows it: ``applied``, ``pending``, or ``partial``."""

    version: int
    name: str
    state: str


@dataclass(frozen=True)
class _Applied:
    name: str
    checksum: str
    statements_done: int | None
    finished: bool


def load_migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """The files of a directory in order of their number.

    Raises:
        TimescaleError: a file is not named ``NNNN_name.sql`` or a number is taken twice.
    """
    found: dict[int, Migration] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise TimescaleError(f"{path.name} is not named like 0001_ticks.sql")
        version = int(match[1])
        if version in found:
            raise TimescaleError(f"{path.name} and {found[version].name} have the same number")
        found[version] = Migration(version, path.name, path.read_text(encoding="utf-8"))
    return [found[version] for version in sorted(found)]


def migrate(
    dsn: str,
    *,
    dry_run: bool = False,
    on_step: Callable[[Migration], None] | None = None,
    directory: Path = MIGRATIONS,
) -> list[str]:
    """Bring the schema up to date; the names applied (with `dry_run`: that would be applied).

    Safe to call from several processes at once: each file is applied by one of them. `on_step` is
    called with each file before it runs.

    Raises:
        TimescaleError: the database cannot be reached, an applied file was changed, or a file
            fails (it is named; nothing of it stays, unless it is marked to run without a
            transaction: then it goes on where it stopped).
    """
    migrations = load_migrations(directory)
    with connect(dsn) as connection:
        pending = _pending(migrations, _applied(connection))
        if dry_run:
            return [migration.name for migration in pending]
        if not pending:
            return []
        _create_ledger(connection)
        done = []
        for migration in pending:
            if on_step is not None:
                on_step(migration)
            if _apply(connection, migration):
                done.append(migration.name)
        return done


def migration_status(dsn: str, *, directory: Path = MIGRATIONS) -> list[MigrationState]:
    """Every migration with its state; refuses what :func:`migrate` would refuse."""
    migrations = load_migrations(directory)
    with connect(dsn) as connection:
        applied = _applied(connection)
    _pending(migrations, applied)
    return [
        MigrationState(item.version, item.name, _state_name(applied.get(item.version)))
        for item in migrations
    ]


def _state_name(applied: _Applied | None) -> str:
    if applied is None:
        return "pending"
    return "applied" if applied.finished else "partial"


def _applied(connection: _Connection) -> dict[int, _Applied]:
    if connection.execute("SELECT to_regclass('public.schema_migrations')").fetchone() == (None,):
        return {}
    try:
        rows = connection.execute(
            "SELECT version, name, checksum, statements_done, applied_at IS NOT NULL"
            " FROM schema_migrations"
        ).fetchall()
    except psycopg.errors.InsufficientPrivilege as error:
        raise TimescaleError(
            f"cannot read the migrations: {one_line(error)}; migrate as the owner of the schema"
        ) from error
    return {version: _Applied(*rest) for version, *rest in rows}


def _create_ledger(connection: _Connection) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_LEDGER)


def _pending(migrations: Sequence[Migration], applied: dict[int, _Applied]) -> list[Migration]:
    """What is still to be done, after refusing histories that do not match the files."""
    known = {migration.version: migration for migration in migrations}
    for version, past in sorted(applied.items()):
        if version not in known:
            raise TimescaleError(
                f"the database has migration {past.name}, which this version does not know: "
                "upgrade catalyst-streams"
            )
        if past.checksum != known[version].checksum:
            raise TimescaleError(
                f"migration {known[version].name} was changed after it had been applied: "
                "restore the file and put the change into a new one"
            )
    newest = max(applied, default=0)
    pending = []
    for migration in migrations:
        past_one = applied.get(migration.version)
        if past_one is not None and past_one.finished:
            continue
        if past_one is None and migration.version < newest:
            raise TimescaleError(
                f"migration {migration.name} comes before the newest one applied "
                f"({applied[newest].name}): give it a higher number"
            )
        pending.append(migration)
    return pending


def _apply(connection: _Connection, migration: Migration) -> bool:
    """Run one file; False where another process was first."""
    try:
        if migration.in_transaction:
            return _apply_in_transaction(connection, migration)
        return _apply_statements(connection, migration)
    except psycopg.Error as error:
        raise TimescaleError(f"migration {migration.name} failed: {one_line(error)}") from error


def _apply_in_transaction(connection: _Connection, migration: Migration) -> bool:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if migration.version in _applied(connection):
            return False
        connection.execute(migration.text.encode())
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at)"
            " VALUES (%s, %s, %s, clock_timestamp())",
            (migration.version, migration.name, migration.checksum),
        )
    return True


def _apply_statements(connection: _Connection, migration: Migration) -> bool:
    """Run a file statement by statement, noting each, so that a failure resumes after the last.

    A crash between a statement and its note runs that statement again: such files are written
    with IF NOT EXISTS and the like.
    """
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        past = _applied(connection).get(migration.version)
        if past is not None and past.finished:
            return False
        done = 0 if past is None or past.statements_done is None else past.statements_done
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, statements_done)"
            " VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING",
            (migration.version, migration.name, migration.checksum),
        )
        for statement in split_statements(migration.text)[done:]:
            connection.execute(statement.encode())
            connection.execute(
                "UPDATE schema_migrations SET statements_done = statements_done + 1"
                " WHERE version = %s",
                (migration.version,),
            )
        connection.execute(
            "UPDATE schema_migrations SET applied_at = clock_timestamp() WHERE version = %s",
            (migration.version,),
        )
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    return True
