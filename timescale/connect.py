"""Connections to TimescaleDB, and connection errors a user can act on."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import conninfo

from timescale.errors import TimescaleError, Unavailable

CONNECT_TIMEOUT_S = 10

# The defaults under which nothing differs between a laptop and a server.
_SESSION = {
    "application_name": "catalyst",
    "connect_timeout": CONNECT_TIMEOUT_S,
    # a peer that vanished without a word is noticed within half a minute
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# Compiling our queries would take a server longer than running them.
_OPTIONS = "-c timezone=UTC -c search_path=public -c jit=off"


def session_parameters(dsn: str, **overrides: Any) -> dict[str, Any]:
    """Parameters of `dsn` (URI or key=value, TLS parameters included) with our defaults under them.

    Raises:
        TimescaleError: the DSN cannot be parsed.
    """
    try:
        given = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The parser's own message may quote the password.
        raise TimescaleError(
            "TIMESCALE_DSN is not a PostgreSQL address; write it like "
            "postgresql://user:password@host:5432/database"
        ) from None
    return _SESSION | {"options": _OPTIONS} | given | overrides


def connect(dsn: str, *, autocommit: bool = True) -> psycopg.Connection[tuple[Any, ...]]:
    """A synchronous connection.

    Raises:
        Unavailable: the database cannot be reached or refuses the login.
    """
    parameters = session_parameters(dsn)
    try:
        return psycopg.connect(autocommit=autocommit, prepare_threshold=None, **parameters)
    except psycopg.OperationalError as error:
        raise unreachable(dsn, error) from None


async def connect_async(
    dsn: str, *, autocommit: bool = True
) -> psycopg.AsyncConnection[tuple[Any, ...]]:
    """An asynchronous connection.

    Raises:
        Unavailable: the database cannot be reached or refuses the login.
    """
    parameters = session_parameters(dsn)
    try:
        return await psycopg.AsyncConnection.connect(
            autocommit=autocommit, prepare_threshold=None, **parameters
        )
    except psycopg.OperationalError as error:
        raise unreachable(dsn, error) from None


def address(dsn: str) -> str:
    """Where a DSN points, without user and password: for messages."""
    parameters = session_parameters(dsn)
    host, port = parameters.get("host", "localhost"), parameters.get("port", 5432)
    return f"{host}:{port}/{parameters.get('dbname', '')}".rstrip("/")


def one_line(error: BaseException) -> str:
    """The first line of a database error, or its class where it says nothing."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    return str(error).strip().split("\n", 1)[0] or type(error).__name__


def unreachable(dsn: str, error: BaseException) -> Unavailable:
    """The one line for a database that does not answer."""
    return Unavailable(
        f"cannot connect to the database at {address(dsn)}: {one_line(error)}; "
        "is it running, and is TIMESCALE_DSN right?"
    )
