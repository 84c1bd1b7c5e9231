"""Many clients on one engine: the front keeps their sessions apart."""

import asyncio
import os
import random
import socket
import struct
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from timescale.embedded import EmbeddedTimescale

CLIENTS = 8


def test_log_in_needs_the_password(embedded: EmbeddedTimescale) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(embedded.dsn, password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(embedded.dsn, user="somebody")


def test_a_client_learns_about_the_server(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn, application_name="tests") as connection:
        info = connection.info
        assert info.server_version >= 160000
        assert info.parameter_status("application_name") == "tests"
        assert info.parameter_status("TimeZone") == "UTC"
        row = connection.execute("SHOW application_name").fetchone()
    assert row == ("tests",)


def test_tls_and_cancel_requests_are_answered_politely(embedded: EmbeddedTimescale) -> None:
    address = (embedded.host, embedded.port)
    with socket.create_connection(address) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"N"
    with socket.create_connection(address) as raw:
        raw.sendall(struct.pack("!iiii", 16, 80877102, 1, 1))
        assert raw.recv(1) == b""


@pytest.mark.parametrize(
    "noise",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\x08\0\x01\0\0", b"\0\0\0\x09\0\x03\0\0x", b"\0\0\0\0"],
    ids=["http", "old protocol", "no user", "no length"],
)
def test_noise_is_turned_away_and_the_server_goes_on(
    embedded: EmbeddedTimescale, noise: bytes
) -> None:
    with socket.create_connection((embedded.host, embedded.port)) as raw:
        raw.sendall(noise)
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(10)
        assert raw.recv(1) in (b"E", b"R", b"")
    with psycopg.connect(embedded.dsn) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_interleaved_transactions_and_prepared_statements(scratch: str) -> None:
    """Eight clients count up rows of their own and a common one, all with the same statements."""
    with psycopg.connect(scratch) as connection:
        connection.execute("CREATE TABLE counter (name text PRIMARY KEY, value int NOT NULL)")
        connection.execute("INSERT INTO counter VALUES ('common', 0)")

    asyncio.run(_count_up_together(scratch, rounds=20))

    with psycopg.connect(scratch) as connection:
        rows = connection.execute("SELECT name, value FROM counter").fetchall()
    own = {f"client {i}": 20 for i in range(CLIENTS)}
    assert dict(rows) == {"common": 20 * CLIENTS, **own}


async def _count_up_together(dsn: str, rounds: int) -> None:
    async def count_up(client: int) -> None:
        chance = random.Random(client)
        name = f"client {client}"
        async with await psycopg.AsyncConnection.connect(dsn, prepare_threshold=0) as connection:
            await connection.execute("INSERT INTO counter VALUES (%s, 0)", (name,))
            await connection.commit()
            for value in range(1, rounds + 1):
                for target in (name, "common"):
                    await connection.execute(
                        "UPDATE counter SET value = value + 1 WHERE name = %s", (target,)
                    )
                    await asyncio.sleep(chance.random() / 500)
                await connection.commit()
                cursor = await connection.execute(
                    "SELECT value FROM counter WHERE name = %s", (name,)
                )
                assert await cursor.fetchone() == (value,)
                await connection.rollback()

    await asyncio.gather(*(count_up(client) for client in range(CLIENTS)))


def test_same_statement_name_means_each_clients_own(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as one, psycopg.connect(embedded.dsn) as two:
        for connection, answer in ((one, b"1"), (two, b"2")):
            connection.pgconn.prepare(b"same", b"SELECT " + answer)
            connection.pgconn.prepare(b"", b"SELECT 1" + answer)
            connection.execute("PREPARE in_sql AS SELECT 10" + answer.decode())
            connection.commit()
        for connection, answer in ((one, b"1"), (two, b"2"), (one, b"1")):
            result = connection.pgconn.exec_prepared(b"same", [])
            assert result.get_value(0, 0) == answer
            row = connection.execute("EXECUTE in_sql").fetchone()
            assert row == (100 + int(answer),)
            connection.rollback()


def test_the_unnamed_statement_outlives_other_clients_turns(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as one, psycopg.connect(embedded.dsn) as two:
        one.pgconn.prepare(b"", b"SELECT 1")
        two.pgconn.prepare(b"", b"SELECT 2")
        assert one.pgconn.exec_prepared(b"", []).get_value(0, 0) == b"1"
        assert two.pgconn.exec_prepared(b"", []).get_value(0, 0) == b"2"


def test_deallocate_all_touches_only_the_callers_statements(embedded: EmbeddedTimescale) -> None:
    with (
        psycopg.connect(embedded.dsn, autocommit=True) as one,
        psycopg.connect(embedded.dsn, autocommit=True) as two,
    ):
        for connection in (one, two):
            connection.execute("SELECT %s::int", (1,), prepare=True)
            connection.pgconn.prepare(b"kept", b"SELECT 7")
        one.execute("DEALLOCATE ALL")
        assert one.pgconn.exec_prepared(b"kept", []).error_field(67) == b"26000"
        assert two.pgconn.exec_prepared(b"kept", []).get_value(0, 0) == b"7"
        two.execute("DISCARD ALL")
        assert two.pgconn.exec_prepared(b"kept", []).error_field(67) == b"26000"


def test_pipeline_mode(scratch: str) -> None:
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (n int PRIMARY KEY)")
        with connection.pipeline() as pipeline:
            cursors = [connection.execute("SELECT %s::int", (i,)) for i in range(200)]
            pipeline.sync()
            assert [cursor.fetchone() for cursor in cursors] == [(i,) for i in range(200)]
        with pytest.raises(errors.UniqueViolation), connection.pipeline():
            connection.execute("INSERT INTO numbers VALUES (1)")
            connection.execute("INSERT INTO numbers VALUES (1)")
            connection.execute("INSERT INTO numbers VALUES (2)")
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (0,)


@pytest.mark.parametrize("buffers", [1, 3])
def test_messages_of_every_length_are_answered(embedded: EmbeddedTimescale, buffers: int) -> None:
    """Wherever the engine's receive buffer of 8,192 bytes cuts a batch: also between messages."""

    async def lengths() -> list[int]:
        async with await psycopg.AsyncConnection.connect(embedded.dsn) as connection:
            return [await answered(connection, length) for length in tried]

    async def answered(connection: psycopg.AsyncConnection, length: int) -> int:
        async with asyncio.timeout(20):  # without an answer there would be nothing to fail on
            cursor = await connection.execute("SELECT length(%b)", (bytes(length),))
            ((counted,),) = await cursor.fetchall()
        return int(counted)

    tried = list(range(8192 * buffers - 128, 8192 * buffers))
    assert asyncio.run(lengths()) == tried


def test_errors_leave_the_connection_usable(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as connection:
        for statement in ("SELECT 1/0", "SELEKT", "SELECT * FROM nowhere", "SELECT 'x'::int"):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
            with pytest.raises(errors.InFailedSqlTransaction):
                connection.execute("SELECT 1")
            connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "COPY numbers FROM STDIN",
        "copy numbers (n) from stdin with (format csv)",
        "/* a ; comment */ COPY numbers FROM STDIN -- at the end",
    ],
)
def test_copy_from_stdin_is_refused(scratch: str, statement: str) -> None:
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (n int)")
        for _ in range(2):
            with (
                pytest.raises(errors.FeatureNotSupported) as refusal,
                connection.cursor().copy(statement) as copy,
            ):
                copy.write_row((1,))
            assert refusal.value.sqlstate == "0A000"
            assert connection.info.transaction_status == TransactionStatus.IDLE
        assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (0,)


def test_listen_is_refused_rather_than_silent(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn, autocommit=True) as connection:
        with pytest.raises(errors.FeatureNotSupported):
            connection.execute("LISTEN changes")
        connection.execute("NOTIFY changes")


def test_words_of_copy_in_a_string_are_no_copy(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as connection:
        texts = ("it''s; COPY t FROM STDIN", "SET x", "DEALLOCATE ALL")
        for text in texts:
            query = sql.SQL("SELECT $q$; {body}$q$, '{body}', 1 AS \"; copy from stdin\"")
            row = connection.execute(query.format(body=sql.SQL(text))).fetchone()
            assert row == (f"; {text}", text.replace("''", "'"), 1)


def test_a_copy_the_front_cannot_see_fails_without_harm(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn, autocommit=True) as connection:
        hidden = b"/* /* nested */ */ COPY pg_temp.hidden FROM STDIN"
        connection.execute("CREATE TEMP TABLE hidden (n int)")
        connection.pgconn.exec_(hidden)
        assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.execute("DROP TABLE pg_temp.hidden")


def test_copy_to_stdout(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as connection:
        query = "COPY (SELECT i, i * 2 FROM generate_series(1, 50000) i) TO STDOUT"
        with connection.cursor().copy(query) as copy:
            rows = list(copy.rows())
    assert rows[0] == ("1", "2")
    assert len(rows) == 50_000


def test_server_side_cursor(embedded: EmbeddedTimescale) -> None:
    with (
        psycopg.connect(embedded.dsn) as connection,
        connection.cursor(name="numbers") as cursor,
    ):
        cursor.execute("SELECT generate_series(1, 1000)")
        assert len(cursor.fetchmany(10)) == 10
        assert len(cursor.fetchall()) == 990


def test_settings_do_not_leak(embedded: EmbeddedTimescale) -> None:
    with (
        psycopg.connect(embedded.dsn, autocommit=True) as one,
        psycopg.connect(embedded.dsn, autocommit=True) as two,
    ):
        one.execute("SET TimeZone = 'Asia/Tokyo'")
        one.execute("SELECT set_config(%s, %s, false)", ("work_mem", "1MB"), prepare=True)
        two.execute("SET search_path = pg_catalog")
        assert _settings(two) == ("UTC", "4MB", "pg_catalog")
        assert _settings(one) == ("Asia/Tokyo", "1MB", '"$user", public')
        one.execute("SELECT set_config(%s, %s, false)", ("work_mem", "2MB"), prepare=True)
        assert _settings(two) == ("UTC", "4MB", "pg_catalog")
        assert _settings(one) == ("Asia/Tokyo", "2MB", '"$user", public')
        one.execute("RESET ALL")
        assert _settings(one) == ("UTC", "4MB", '"$user", public')
        assert _settings(two) == ("UTC", "4MB", "pg_catalog")
    with psycopg.connect(embedded.dsn) as three:
        assert _settings(three) == ("UTC", "4MB", '"$user", public')


def _settings(connection: psycopg.Connection) -> tuple[str, ...] | None:
    names = ("TimeZone", "work_mem", "search_path")
    return connection.execute(
        "SELECT " + ",".join(f"current_setting('{n}')" for n in names)
    ).fetchone()


def test_a_role_set_by_one_client_is_not_the_others(embedded: EmbeddedTimescale) -> None:
    with (
        psycopg.connect(embedded.dsn, autocommit=True) as one,
        psycopg.connect(embedded.dsn, autocommit=True) as two,
    ):
        one.execute("CREATE ROLE nobody_much")
        one.execute("SET ROLE nobody_much")
        assert two.execute("SELECT current_user").fetchone() == ("postgres",)
        assert one.execute("SELECT current_user").fetchone() == ("nobody_much",)
        one.execute("RESET ROLE")
        one.execute("DROP ROLE nobody_much")


def test_start_up_parameters_apply_to_the_connection_alone(embedded: EmbeddedTimescale) -> None:
    options = "-c TimeZone=Europe/Paris -c search_path=pg_catalog -c no.such_thing=1 -c bad=2"
    with (
        psycopg.connect(embedded.dsn, options=options) as one,
        psycopg.connect(embedded.dsn) as two,
    ):
        assert _settings(one) == ("Europe/Paris", "4MB", "pg_catalog")
        one.rollback()
        assert _settings(two) == ("UTC", "4MB", '"$user", public')


def test_a_client_that_vanishes_is_rolled_back(scratch: str) -> None:
    with psycopg.connect(scratch, autocommit=True) as watcher:
        watcher.execute("CREATE TABLE numbers (n int)")
        leaver = psycopg.connect(scratch)
        leaver.execute("INSERT INTO numbers VALUES (%s)", (1,), prepare=True)
        # The line goes dead in the middle of the transaction.
        with socket.socket(fileno=os.dup(leaver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        assert watcher.execute("SELECT count(*) FROM numbers").fetchone() == (0,)
        assert watcher.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)


def test_a_pipeline_left_in_its_error_state_holds_up_nobody(embedded: EmbeddedTimescale) -> None:
    leaver = psycopg.connect(embedded.dsn)
    with socket.socket(fileno=os.dup(leaver.fileno())) as line:
        # After the failed Parse all is skipped until a Sync, which never comes.
        line.sendall(b"P\0\0\0\x10\0nonsense\0\0\0H\0\0\0\4Q\0\0\0\x0dSELECT 1\0")
        line.settimeout(10)
        assert line.recv(1) == b"E"
        line.shutdown(socket.SHUT_RDWR)
    with psycopg.connect(embedded.dsn) as other:
        assert other.execute("SELECT 2").fetchone() == (2,)


def test_a_flush_after_a_pipeline_holds_up_nobody(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as other, psycopg.connect(embedded.dsn) as flusher:
        with socket.socket(fileno=os.dup(flusher.fileno())) as line:
            line.sendall(b"P\0\0\0\x10\0SELECT 1\0\0\0S\0\0\0\4H\0\0\0\4")
            line.settimeout(10)
            assert line.recv(1) == b"1"
        other.execute("SELECT 2")


def test_locks_of_a_client_that_vanishes_are_released(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as watcher:
        leaver = psycopg.connect(embedded.dsn, autocommit=True)
        leaver.execute("SELECT pg_advisory_lock(7)")
        with socket.socket(fileno=os.dup(leaver.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        row = watcher.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert row.fetchone() == (0,)


def test_logging_in_while_another_has_a_failed_transaction(embedded: EmbeddedTimescale) -> None:
    with psycopg.connect(embedded.dsn) as failed:
        failed.execute("SET TimeZone = 'Asia/Tokyo'")
        with pytest.raises(errors.DivisionByZero):
            failed.execute("SELECT 1/0")
        with psycopg.connect(embedded.dsn) as other:
            assert other.info.parameter_status("TimeZone") == "UTC"
            failed.rollback()
            assert other.execute("SHOW TimeZone").fetchone() == ("UTC",)


def test_half_a_message_blocks_nobody(embedded: EmbeddedTimescale) -> None:
    with (
        psycopg.connect(embedded.dsn) as slow,
        psycopg.connect(embedded.dsn) as other,
        socket.socket(fileno=os.dup(slow.fileno())) as line,
    ):
        line.sendall(b"Q\0\0\0\x20SELECT")
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_concurrent_inserts_lose_nothing(scratch: str) -> None:
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("CREATE TABLE numbers (client int, n int, PRIMARY KEY (client, n))")

    async def insert(client: int) -> None:
        async with await psycopg.AsyncConnection.connect(scratch, autocommit=True) as connection:
            for start in range(0, 1000, 100):
                await connection.execute(
                    "INSERT INTO numbers SELECT %s, n FROM unnest(%b::int[]) n",
                    (client, list(range(start, start + 100))),
                )

    async def insert_together() -> None:
        await asyncio.gather(*(insert(client) for client in range(CLIENTS)))

    asyncio.run(insert_together())
    with psycopg.connect(scratch) as connection:
        row = connection.execute("SELECT count(*), min(n), max(n) FROM numbers").fetchone()
    assert row == (CLIENTS * 1000, 0, 999)


def test_many_connections_at_once(embedded: EmbeddedTimescale) -> None:
    async def ask(number: int) -> None:
        async with await psycopg.AsyncConnection.connect(embedded.dsn) as connection:
            cursor = await connection.execute("SELECT %s::int", (number,))
            assert await cursor.fetchone() == (number,)

    async def ask_together() -> None:
        await asyncio.gather(*(ask(number) for number in range(40)))

    asyncio.run(ask_together())


def test_the_password_is_in_no_address_shown(embedded: EmbeddedTimescale) -> None:
    password = urlsplit(embedded.dsn).password
    assert password
    assert password not in embedded.log_file.read_text()
    assert (embedded.data_dir / "password").stat().st_mode & 0o077 == 0
