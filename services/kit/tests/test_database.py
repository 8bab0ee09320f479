"""Transactions on both databases, and what callers are told when there is no answer."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db import database as kit_database
from trivet_kit.db.database import parse_url
from trivet_kit.errors import DatabaseUnavailable, DeadlineExceeded, Overloaded
from trivet_kit.settings import StartupError
from trivet_testing.postgres import PostgresServer

SCHEMA = "kit_test"
SECRET = "hunter2"

metadata = sa.MetaData(schema=SCHEMA)
counter = sa.Table("counter", metadata, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Integer))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with a table of counters."""
    with closing(Database(database_url, SCHEMA)) as database:
        with database.transaction("write") as connection:
            if not database.is_sqlite:
                connection.execute(sa.schema.CreateSchema(SCHEMA))
            metadata.create_all(connection)
            connection.execute(sa.insert(counter).values(name="a", value=0))
        yield database


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    with closing(Database(postgres_url, SCHEMA)) as database:
        yield database


def read(connection: sa.Connection) -> int:
    value: int = connection.execute(sa.select(counter.c.value).where(counter.c.name == "a")).scalar_one()
    return value


def write(database: Database, value: int) -> None:
    with database.transaction("write") as connection:
        connection.execute(sa.update(counter).values(value=value))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_postgres_urls_are_served_by_psycopg2(scheme: str) -> None:
    url = parse_url(f"{scheme}://trivet:{SECRET}@db.example.com:5433/tracking?sslmode=require")
    assert url.drivername == "postgresql+psycopg2"
    assert (url.username, url.password, url.host, url.port) == ("trivet", SECRET, "db.example.com", 5433)
    assert (url.database, url.query) == ("tracking", {"sslmode": "require"})


def test_sqlite_urls_name_a_file(tmp_path: Path) -> None:
    assert parse_url("sqlite:///a/b.db").database == "a/b.db"
    with closing(Database(f"sqlite:///{tmp_path}/new/folder/x.db", SCHEMA)) as database:
        assert database.dialect == "sqlite"
        database.probe()
    assert (tmp_path / "new" / "folder" / "x.db").is_file()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "x",
            "tracking.db",
            "/var/lib/x.db",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
        ),
        *("mysql://u:hunter2@h/x", "postgresql+asyncpg://u:hunter2@h/x", "postgresql+psycopg://u:hunter2@h/x"),
        *("sqlite+aiosqlite:///x.db", "postgresql://u:hunter2@h:port/x", "http://u:hunter2@h/x", "oracle://h", "://"),
    ],
)
def test_url_of_another_kind_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StartupError) as failure:
        Database(url, SCHEMA)
    said = "TRIVET_DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE."
    assert str(failure.value) == said


def test_sqlite_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "x.db", tmp_path):
        with pytest.raises(StartupError, match=r"^Cannot write to .*: .*\.$"):
            Database(f"sqlite:///{path}", SCHEMA)


def test_read_sees_one_snapshot_and_the_next_one_what_was_written_meanwhile(database: Database) -> None:
    with database.transaction("read") as connection:
        assert read(connection) == 0
        write(database, 7)
        assert read(connection) == 0
    with database.transaction("read") as connection:
        assert read(connection) == 7


def test_writes_of_several_threads_wait_for_each_other_and_none_is_lost(database: Database) -> None:
    together = threading.Barrier(4)

    def add_five() -> None:
        together.wait(30)
        for _ in range(5):
            with database.transaction("write") as connection:
                locked = sa.select(counter.c.value).where(counter.c.name == "a").with_for_update()
                value = connection.execute(locked).scalar_one()
                connection.execute(sa.update(counter).values(value=value + 1))

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(add_five) for _ in range(4)]:
            done.result()
    with database.transaction("read") as connection:
        assert read(connection) == 20


def test_write_of_another_process_is_waited_for(database: Database, tmp_path: Path) -> None:
    """A connection of the driver's own is what another process would have."""
    other: Any
    if database.is_sqlite:
        other = sqlite3.connect(str(database.url.database), isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        table = "counter"
    else:
        other = psycopg2.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False))
        table = f"{SCHEMA}.counter"
    with closing(other), ThreadPoolExecutor(1) as thread:
        other.cursor().execute(f"UPDATE {table} SET value = 3")
        waiting = thread.submit(write, database, 4)
        assert not waiting.done()
        other.commit()
        waiting.result(30)
    with database.transaction("read") as connection:
        assert read(connection) == 4


def test_transaction_is_rolled_back_where_its_block_raises(database: Database) -> None:
    def write_and_fail() -> None:
        with database.transaction("write") as connection:
            connection.execute(sa.update(counter).values(value=9))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with database.transaction("read") as connection:
        assert read(connection) == 0


def test_statement_that_fails_rolls_back_all_and_leaves_the_pool_whole(database: Database) -> None:
    def write_twice() -> None:
        with database.transaction("write") as connection:
            connection.execute(sa.update(counter).values(value=9))
            connection.execute(sa.insert(counter).values(name="a", value=1))

    for _ in range(30):  # more often than the pool has connections
        with pytest.raises(sa.exc.IntegrityError):
            write_twice()
    with database.transaction("read") as connection:
        assert read(connection) == 0


def test_postgres_refuses_to_write_in_a_read(postgres: Database) -> None:
    with pytest.raises(sa.exc.InternalError, match="read-only"), postgres.transaction("read") as connection:
        connection.execute(sa.text("CREATE TABLE x ()"))


def test_statement_that_takes_too_long_is_a_deadline_exceeded(postgres: Database) -> None:
    def take_long() -> None:
        with postgres.transaction("read") as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 50"))
            connection.execute(sa.text("SELECT pg_sleep(60)"))

    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            take_long()
    with postgres.transaction("read") as connection:
        assert connection.execute(sa.text("SHOW statement_timeout")).scalar_one() == "30s"


def test_nothing_of_a_transaction_stays_in_the_session(postgres: Database) -> None:
    with postgres.transaction("read") as connection:
        session = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(sa.text("SET LOCAL statement_timeout = 50"))
    with postgres.transaction("write") as connection:
        assert connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one() == session
        assert connection.execute(sa.text("SHOW statement_timeout")).scalar_one() == "30s"
        assert connection.execute(sa.text("SHOW transaction_read_only")).scalar_one() == "off"
        assert connection.execute(sa.text("SHOW transaction_isolation")).scalar_one() == "read committed"


@pytest.mark.parametrize("accepts", [False, True], ids=["nobody listens", "nobody answers"])
def test_database_that_is_away_is_unavailable_within_a_bounded_time(
    accepts: bool,  # noqa: FBT001 - a case
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kit_database, "_CONNECT_TIMEOUT_SECONDS", 2)  # of 5; so that the test is over sooner
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        port = listener.getsockname()[1]
        if not accepts:
            listener.close()
        url = f"postgresql://trivet:{SECRET}@127.0.0.1:{port}/trivet"
        database = stack.enter_context(closing(Database(url, SCHEMA)))
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailable) as failure:
            database.probe()
        assert time.monotonic() - began < 10
        assert SECRET not in str(failure.value)
        with pytest.raises(StartupError) as refused:
            database.check_usable()
        assert f"127.0.0.1:{port}" in str(refused.value)
        assert "\n" not in str(refused.value)
        assert SECRET not in str(refused.value)


def test_connections_that_broke_in_the_pool_are_replaced_unseen(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    with closing(Database(url, SCHEMA)) as database:
        with ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(database.transaction("read"))
        with closing(psycopg2.connect(postgres_server.url("postgres"))) as admin, admin.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = %s",
                (database.url.database,),
            )
            assert cursor.fetchone() == (3,)
        for _ in range(5):
            database.probe()
    postgres_server.drop_database(url)


def test_connection_that_breaks_within_a_transaction_is_unavailable(postgres: Database, postgres_url: str) -> None:
    def break_off() -> None:
        with postgres.transaction("write") as connection:
            session = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            with closing(psycopg2.connect(postgres_url)) as admin, admin.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 10000)", (session,))
                assert cursor.fetchone() == (True,)
            connection.execute(sa.text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        break_off()
    postgres.probe()


def test_killed_postgres_is_unavailable_and_then_answers_again(own_postgres_server: PostgresServer) -> None:
    with closing(Database(own_postgres_server.create_database(), SCHEMA)) as database:

        def outlive_the_server() -> None:
            with database.transaction("write") as connection:
                connection.execute(sa.text("SELECT 1"))
                own_postgres_server.restart_after_kill()
                connection.execute(sa.text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            outlive_the_server()
        database.probe()


def test_pool_that_stays_empty_is_overloaded(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_database, "_POOL_WAIT_SECONDS", 0.1)  # of 5; so that the test is over sooner
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(postgres_url, SCHEMA)))
        held = stack.enter_context(ExitStack())
        with suppress(Overloaded):
            for _ in range(100):
                held.enter_context(database.transaction("read"))
        with pytest.raises(Overloaded) as failure:
            database.probe()
        assert failure.value.retry_after_seconds == 1
        assert failure.value.metadata == {"queue": "database calls"}
        held.close()
        database.probe()


def test_closing_twice_does_nothing(database: Database) -> None:
    database.close()
    database.close()
