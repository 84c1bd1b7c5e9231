"""Rights as the engine checks them for each role (by SET ROLE: the embedded engine has no logins).

Where TIMESCALE_DSN names a server whose user may create roles, logins are tested too.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from tests.integration.timescale_db import migrated_server, rows_of
from timescale.connect import connect
from timescale.relation import Relation
from timescale.relations import (
    CHECKPOINTS,
    DISCOVERIES,
    HIGH_FREQ,
    MODELS,
    NEWS,
    SCANS,
    TICKS,
    TIER_CHANGES,
    TRACKING_STATE,
)
from timescale.roles import (
    ADDED,
    LOOKED_UP,
    READER,
    REPLACED,
    WRITER,
    Role,
    create_login,
    create_roles,
    may_create_roles,
)

INSERT_TICK = "INSERT INTO security_ticks (symbol, timestamp, price) VALUES ('A', '2024-01-02', 1)"
INSERT_ROW = (
    "INSERT INTO security_data_high_freq (symbol, timestamp, price, interval_s)"
    " VALUES ('A', '2024-01-02', 1, 900)"
)


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with migrated_server(tmp_path_factory.mktemp("roles")) as server:
        assert may_create_roles(server.dsn)
        migrating = [sys.executable, "-m", "streams.cli", "migrate"]  # makes the roles, too
        environment = os.environ | {"TIMESCALE_DSN": server.dsn}
        ran = subprocess.run(
            migrating, env=environment, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stdout) == (0, "the schema is up to date\n"), ran.stderr
        create_roles(server.dsn)  # again changes nothing
        yield server.dsn


def as_role(dsn: str, role: Role, *statements: str) -> None:
    """Run statements with the rights of a role, and take them back."""
    with connect(dsn, autocommit=False) as connection:
        connection.execute(f"SET LOCAL ROLE {role}".encode())
        for statement in statements:
            connection.execute(statement.encode())
        connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM security_data_daily",
        "SELECT * FROM security_data_hourly",
        "SELECT * FROM security_ticks",
        "SELECT * FROM ml_pattern_discoveries",
        "SELECT * FROM storage_by_relation()",
    ],
)
def test_the_reader_reads(dsn: str, statement: str) -> None:
    as_role(dsn, READER, statement)


@pytest.mark.parametrize(
    "statement",
    [
        INSERT_TICK,
        INSERT_ROW,
        "UPDATE security_tracking_state SET tracked = false",
        "DELETE FROM news",
        "SELECT state FROM checkpoints",
        "SELECT snapshot FROM models",
        "SELECT drop_chunks('security_ticks', older_than => now())",
        "SELECT set_configuration('a', '1', 'integer', null, null, false, false)",
        "CREATE TABLE mine (a int)",
        "CALL age_market_data(now())",
        "CALL sample_storage(now())",
    ],
)
def test_the_reader_cannot_write(dsn: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(dsn, READER, statement)


@pytest.mark.parametrize(
    "relation",
    [
        TICKS,
        HIGH_FREQ,
        CHECKPOINTS,
        TRACKING_STATE,
        SCANS,
        TIER_CHANGES,
        DISCOVERIES,
        NEWS,
        MODELS,
    ],
    ids=lambda relation: relation.name,
)
def test_the_writer_may_run_every_insert_of_the_writer(dsn: str, relation: Relation) -> None:
    names = ", ".join(field.name for field in relation.columns)
    name = relation.name
    key = ", ".join(relation.conflict)
    action = "NOTHING"
    if relation.on_conflict == "update":
        column = relation.columns[-1].name
        action = f"UPDATE SET {column} = excluded.{column}"
    as_role(
        dsn,
        WRITER,
        f"INSERT INTO {name} ({names}) SELECT {names} FROM {name} ON CONFLICT ({key}) DO {action}",
    )


def test_the_writer_keeps_the_records(dsn: str) -> None:
    as_role(
        dsn,
        WRITER,
        INSERT_TICK,
        INSERT_ROW,
        "INSERT INTO trading_cycles (cycle_id, status, started_at) VALUES ('c', 'created', now())",
        "UPDATE trading_cycles SET status = 'scanning'",
        "INSERT INTO workflow_log (cycle_id, step, status) VALUES ('c', 's', 'started')",
        "INSERT INTO service_health (service_name, status) VALUES ('s', 'healthy')",
        "SELECT set_configuration('a', '1', 'integer', null, null, false, false)",
        "CALL sample_storage('2024-01-02')",
    )


def test_a_writers_temporary_table_stands_in_for_none_of_ours(dsn: str) -> None:
    """Functions with the owner's rights must not touch what a writer slips in under a name."""
    with connect(dsn, autocommit=False) as connection:
        for statement in (
            f"SET LOCAL ROLE {WRITER}",
            "CREATE TEMP TABLE aging_marks (tier text, closed_before timestamptz)",
            "GRANT ALL ON aging_marks TO PUBLIC",
            "INSERT INTO pg_temp.aging_marks VALUES ('high_freq', 'infinity')",
            INSERT_ROW,
        ):
            connection.execute(statement.encode())
        stored = connection.execute("SELECT count(*) FROM security_data_high_freq").fetchone()
        connection.rollback()
    assert stored == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE security_ticks",
        "TRUNCATE security_ticks",
        "DELETE FROM security_data_high_freq",
        "UPDATE security_ticks SET price = 0",
        "UPDATE aging_marks SET closed_before = 'infinity'",
        "SELECT drop_chunks('security_ticks', older_than => now())",
        "CALL age_market_data(now())",
        "ALTER TABLE news ADD COLUMN x int",
        "CREATE TABLE mine (a int)",
    ],
)
def test_the_writer_cannot_drop_or_rewrite(dsn: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(dsn, WRITER, statement)


def test_no_relation_was_forgotten(dsn: str) -> None:
    found = rows_of(
        dsn,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'v') AND relname !~ '_v[0-9]+$'"
        " AND pg_get_userbyid(relowner) = current_user AND NOT EXISTS (SELECT FROM pg_depend d"
        " WHERE d.objid = pg_class.oid AND d.deptype = 'e')",
    )
    assert {row[0] for row in found} == {*ADDED, *REPLACED, *LOOKED_UP}


@pytest.mark.skipif("TIMESCALE_DSN" not in os.environ, reason="TIMESCALE_DSN names no server")
def test_logins_have_the_rights_of_their_group() -> None:
    server = os.environ["TIMESCALE_DSN"]
    create_roles(server)
    name, password = "catalyst_test_reader", secrets.token_urlsafe(16)
    create_login(server, name, password, READER)
    login = psycopg.conninfo.make_conninfo(server, user=name, password=password)
    with connect(login) as connection:
        connection.execute("SELECT count(*) FROM security_data_daily")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(INSERT_TICK)
    with connect(server) as connection:
        connection.execute(f"DROP ROLE {name}".encode())
