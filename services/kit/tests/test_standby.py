"""Reads of a database with a hot standby: they never show less than was committed before, whatever the standby does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import psycopg2
import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from trivet_kit.db import Database, standby
from trivet_kit.db.standby import DatabaseWithStandby
from trivet_kit.errors import FieldInvalid
from trivet_kit.settings import StartupError
from trivet_testing import postgres
from trivet_testing.postgres import PostgresServer
from trivet_testing.postgres_local import LocalCluster
from trivet_testing.tcp_proxy import TcpProxy
from trivet_testing.waiting import wait_until

SCHEMA = "kit_test"
FIRST = 1


@dataclass(frozen=True)
class Pair:
    """A server and its standby, with a database that has a table of one number."""

    primary: PostgresServer
    standby: PostgresServer
    url: str

    @property
    def standby_url(self) -> str:
        """Of the same database on the standby."""
        return self.standby.url(self.url.rpartition("/")[2])

    def at_standby(self, statement: str) -> object:
        """The one value that a statement gives there."""
        return run(self.standby_url, statement)


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    server = postgres.start_own()
    try:
        url = server.create_database()
        run(url, f"CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.kept (number int); SELECT 1")
        copy = server.start_standby()
        try:
            yield Pair(server, copy, url)
        finally:
            copy.stop()
    finally:
        server.stop()


@pytest.fixture
def database(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseWithStandby]:
    # Else each test that a standby fails in would wait for it to be tried again.
    monkeypatch.setattr(standby, "LEFT_ALONE_SECONDS", 0.05)
    # However slow the machine is, it arrives.
    monkeypatch.setattr(standby, "PATIENCE_SECONDS", 30)
    run(pair.url, f"TRUNCATE {SCHEMA}.kept; INSERT INTO {SCHEMA}.kept VALUES ({FIRST}); SELECT 1")
    with closing(DatabaseWithStandby(pair.url, SCHEMA, pair.standby_url)) as database:
        yield database


def run(url: str, statement: str) -> object:
    """The one value that a statement gives."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            ((value,),) = cursor.fetchall()
            return value


def write(database: Database, number: int) -> None:
    with database.transaction("write") as connection:
        connection.execute(sa.text(f"UPDATE {SCHEMA}.kept SET number = {number}"))


@dataclass(frozen=True)
class Seen:
    number: int
    is_of_standby: bool


def look(connection: sa.Connection) -> Seen:
    number = connection.execute(sa.text(f"SELECT number FROM {SCHEMA}.kept")).scalar_one()
    return Seen(number, connection.execute(sa.text("SELECT pg_is_in_recovery()")).scalar_one())


def answered_by_standby(database: Database) -> bool:
    return database.read(look).is_of_standby


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("trivet_standby_reads_total", {"outcome": outcome}) or 0


def test_what_was_just_committed_is_read_and_by_the_standby(database: DatabaseWithStandby) -> None:
    wait_until(lambda: answered_by_standby(database))
    before = count("standby")
    seen = []
    for number in range(2, 52):
        write(database, number)
        seen.append(database.read(look))
    assert [each.number for each in seen] == list(range(2, 52))
    assert all(each.is_of_standby for each in seen)
    assert count("standby") - before == len(seen)


def test_a_standby_that_is_behind_is_done_without_until_it_has_caught_up(
    database: DatabaseWithStandby, pair: Pair, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: answered_by_standby(database))
    monkeypatch.setattr(standby, "PATIENCE_SECONDS", 0.05)
    before = count("behind")
    pair.at_standby("SELECT pg_wal_replay_pause() IS NULL")
    try:
        wait_until(lambda: pair.at_standby("SELECT pg_get_wal_replay_pause_state()") == "paused")
        write(database, 2)
        assert database.read(look) == Seen(2, is_of_standby=False)
        assert pair.at_standby(f"SELECT number FROM {SCHEMA}.kept") == FIRST
        assert count("behind") == before + 1
    finally:
        pair.at_standby("SELECT pg_wal_replay_resume() IS NULL")
    wait_until(lambda: answered_by_standby(database))
    assert "the standby is behind; the database reads itself" in caplog.text


def test_a_standby_that_is_gone_is_done_without_until_it_is_back(database: DatabaseWithStandby, pair: Pair) -> None:
    wait_until(lambda: answered_by_standby(database))
    before = count("away")
    assert isinstance(pair.standby.cluster, LocalCluster)
    pair.standby.cluster.kill()
    try:
        write(database, 2)
        assert database.read(look) == Seen(2, is_of_standby=False)
        assert count("away") == before + 1
    finally:
        pair.standby.cluster.start()
    wait_until(lambda: answered_by_standby(database))
    assert database.read(look).number == 2


def test_what_the_standby_removes_under_a_read_is_read_by_the_database(
    database: DatabaseWithStandby, pair: Pair
) -> None:
    wait_until(lambda: answered_by_standby(database))
    with closing(psycopg2.connect(pair.standby_url)) as connection:
        connection.autocommit = True
        connection.cursor().execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    pair.at_standby("SELECT pg_reload_conf()")
    tries = []

    def work(connection: sa.Connection) -> Seen:
        found = look(connection)
        tries.append(found.is_of_standby)
        if found.is_of_standby:
            # An exclusive lock, which a standby takes too: it does not wait for whoever reads there.
            run(pair.url, f"TRUNCATE {SCHEMA}.kept; INSERT INTO {SCHEMA}.kept VALUES (3); SELECT 1")
            wait_until(lambda: connection.execute(sa.text("SELECT 1")).scalar_one() != 1)
        return found

    assert database.read(work) == Seen(3, is_of_standby=False)
    assert tries == [True, False]


def test_what_a_read_refuses_is_not_read_again(database: DatabaseWithStandby) -> None:
    wait_until(lambda: answered_by_standby(database))
    calls = []

    def refuse(_connection: sa.Connection) -> None:
        calls.append(1)
        raise FieldInvalid("filter", "is none")

    with pytest.raises(FieldInvalid):
        database.read(refuse)
    assert len(calls) == 1
    assert answered_by_standby(database)


@pytest.mark.usefixtures("database")
def test_another_server_is_no_standby_whatever_it_holds(pair: Pair, postgres_server: PostgresServer) -> None:
    """By mistake: its log may be longer than that of the database."""
    other = postgres_server.create_database()
    run(other, f"CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.kept (number int); SELECT 1")
    before = count("away")
    with closing(DatabaseWithStandby(pair.url, SCHEMA, other)) as mistaken:
        assert mistaken.read(look).number == FIRST
    assert count("away") == before + 1
    postgres_server.drop_database(other)


def test_a_standby_that_was_promoted_answers_nothing_any_longer(database: DatabaseWithStandby, pair: Pair) -> None:
    """It has a life of its own then, in which nobody else's writes arrive."""
    copy = pair.primary.start_standby()
    try:
        copy_url = copy.url(pair.url.rpartition("/")[2])
        with closing(DatabaseWithStandby(pair.url, SCHEMA, copy_url)) as promoted:
            wait_until(lambda: answered_by_standby(promoted))
            assert run(copy_url, "SELECT pg_promote()")
            # It writes more than the database does.
            run(copy_url, f"UPDATE {SCHEMA}.kept SET number = -1; SELECT pg_switch_wal() IS NULL")
            for number in (2, 3):
                write(promoted, number)
                assert promoted.read(look).number == number
    finally:
        copy.stop()


def test_only_the_server_that_was_asked_reads(database: DatabaseWithStandby, pair: Pair) -> None:
    """Its address comes to lead to another standby, which is behind, between the question and the read."""
    copy = pair.primary.start_standby()
    try:
        copy_url = copy.url(pair.url.rpartition("/")[2])
        run(copy_url, "SELECT pg_wal_replay_pause() IS NULL")
        wait_until(lambda: run(copy_url, "SELECT pg_get_wal_replay_pause_state()") == "paused")
        write(database, 2)
        address = pair.standby.cluster.address
        with TcpProxy(address) as proxy, ThreadPoolExecutor(1) as reading:
            through_proxy = pair.standby_url.replace(address, proxy.address)
            with closing(DatabaseWithStandby(pair.url, SCHEMA, through_proxy)) as moved:
                proxy.hold_requests_from(b"REPEATABLE READ")
                found = reading.submit(moved.read, look)
                proxy.wait_for_request(b"REPEATABLE READ")
                proxy.move_to(copy.cluster.address)
                proxy.drop()
                proxy.release()
                assert found.result(60) == Seen(2, is_of_standby=False)
        assert run(copy_url, f"SELECT number FROM {SCHEMA}.kept") == FIRST
    finally:
        copy.stop()


@pytest.mark.parametrize(
    ("url", "standby_url", "said"),
    [
        ("sqlite:///{folder}/a.db", "postgresql://a:hunter2@h/d", "SQLite has none"),
        ("postgresql://a:hunter2@h/d", "sqlite:///{folder}/b.db", "SQLite has none"),
        ("postgresql://a:hunter2@h/d", "mysql://a:hunter2@h/d", "TRIVET_DATABASE_READ_URL must be postgresql://"),
    ],
)
def test_what_cannot_have_a_standby_says_so(url: str, standby_url: str, said: str, tmp_path: object) -> None:
    with pytest.raises(StartupError, match=said) as refused:
        DatabaseWithStandby(url.format(folder=tmp_path), SCHEMA, standby_url.format(folder=tmp_path))
    assert "hunter2" not in str(refused.value)
