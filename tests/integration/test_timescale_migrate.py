from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.timescale_db import rows_of
from timescale.embedded import EmbeddedTimescale
from timescale.errors import TimescaleError
from timescale.migrate import load_migrations, migrate, migration_status

TABLE = "CREATE TABLE things (a int);\nINSERT INTO things VALUES (1);\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedTimescale]:
    with EmbeddedTimescale(tmp_path / "db") as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "0001_things.sql").write_text(TABLE)
    return directory


def test_every_earlier_version_with_data_comes_up_to_date(tmp_path: Path) -> None:
    names = [migration.name for migration in load_migrations()]
    with EmbeddedTimescale(tmp_path / "db") as server:
        assert migrate(server.dsn, dry_run=True) == names
        assert rows_of(server.dsn, "SELECT to_regclass('schema_migrations')") == [(None,)]
        directory = tmp_path / "some"
        directory.mkdir()
        steps = []
        for migration in load_migrations():
            (directory / migration.name).write_text(migration.text)
            steps += migrate(server.dsn, directory=directory)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                insert_into_every_table(connection)
        assert steps == names
        assert migrate(server.dsn) == []
        assert {item.state for item in migration_status(server.dsn)} == {"applied"}
        daily = rows_of(server.dsn, "SELECT open, close, volume FROM security_data_daily")
        assert daily == [(1.0, 2.0, 10.0)]
        assert rows_of(server.dsn, "SELECT count(*) FROM security_ticks") == [(1,)]


def insert_into_every_table(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """A row as an old version would have left it, in what exists by now."""
    for table, insert in {
        "security_ticks": "(symbol, timestamp, price) VALUES ('A', '2024-01-02T15:00Z', 1)",
        "security_data_high_freq": "(symbol, timestamp, open, high, low, price, volume,"
        " interval_s, bar_count) VALUES ('A', '2024-01-02T15:00Z', 1, 2, 1, 2, 10, 900, 15)",
        "news": "(id, timestamp, headline, source) VALUES ('n', '2024-01-02', 'h', 's')",
    }.items():
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() != (None,):
            statement = f"INSERT INTO {table} {insert} ON CONFLICT DO NOTHING"
            connection.execute(statement.encode())


def test_a_changed_file_is_refused_by_name(server: EmbeddedTimescale, files: Path) -> None:
    assert migrate(server.dsn, directory=files) == ["0001_things.sql"]
    (files / "0001_things.sql").write_text(TABLE + "-- more\n")
    for refuse in (migrate, migration_status):
        with pytest.raises(TimescaleError, match=r"0001_things\.sql was changed"):
            refuse(server.dsn, directory=files)


def test_line_ends_are_no_change(server: EmbeddedTimescale, files: Path) -> None:
    migrate(server.dsn, directory=files)
    (files / "0001_things.sql").write_bytes(TABLE.replace("\n", "\r\n").encode())
    assert migrate(server.dsn, directory=files) == []


def test_a_newer_database_and_a_late_file_are_refused(
    server: EmbeddedTimescale, files: Path
) -> None:
    (files / "0003_more.sql").write_text("CREATE TABLE more (a int)")
    migrate(server.dsn, directory=files)
    (files / "0002_late.sql").write_text("CREATE TABLE late (a int)")
    with pytest.raises(TimescaleError, match=r"0002_late\.sql comes before"):
        migrate(server.dsn, directory=files)
    (files / "0002_late.sql").unlink()
    (files / "0003_more.sql").unlink()
    with pytest.raises(TimescaleError, match=r"0003_more\.sql.*upgrade"):
        migrate(server.dsn, directory=files)


def test_a_failing_file_leaves_nothing_and_is_named(server: EmbeddedTimescale, files: Path) -> None:
    (files / "0002_bad.sql").write_text("CREATE TABLE half (a int);\nSELECT nonsense;\n")
    with pytest.raises(TimescaleError, match=r"0002_bad\.sql failed: .*nonsense"):
        migrate(server.dsn, directory=files)
    assert rows_of(server.dsn, "SELECT to_regclass('half')") == [(None,)]
    assert [item.state for item in migration_status(server.dsn, directory=files)] == [
        "applied",
        "pending",
    ]


def test_without_a_transaction_it_goes_on_where_it_stopped(
    server: EmbeddedTimescale, files: Path
) -> None:
    text = (
        "-- catalyst: no-transaction\n"
        "INSERT INTO things VALUES (2);\nVACUUM things;\nINSERT INTO absent VALUES (1);\n"
    )
    (files / "0002_steps.sql").write_text(text)
    with pytest.raises(TimescaleError, match=r"0002_steps\.sql failed: .*absent"):
        migrate(server.dsn, directory=files)
    assert migration_status(server.dsn, directory=files)[1].state == "partial"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE absent (a int)")
    assert migrate(server.dsn, directory=files) == ["0002_steps.sql"]
    assert rows_of(server.dsn, "SELECT a FROM things ORDER BY a") == [(1,), (2,)]
    assert rows_of(server.dsn, "SELECT a FROM absent") == [(1,)]


@pytest.mark.parametrize("name", ["1_short.sql", "0001_again.sql"])
def test_badly_named_files_are_refused(files: Path, name: str) -> None:
    (files / name).write_text("SELECT 1")
    with pytest.raises(TimescaleError, match=name):
        load_migrations(files)


def test_no_database_is_one_line(files: Path) -> None:
    with pytest.raises(TimescaleError, match=r"cannot connect .* 127\.0\.0\.1:1/x") as caught:
        migrate("postgresql://u:secret@127.0.0.1:1/x", directory=files)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
