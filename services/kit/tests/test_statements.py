"""Statements that are compiled once, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.statements import JsonRows, Statement
from trivet_kit.errors import DatabaseUnavailable, DeadlineExceeded
from trivet_testing.postgres import start_own

SCHEMA = "kit_test"

metadata = sa.MetaData(schema=SCHEMA)
item = sa.Table(
    "item",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger),
    sa.Column("data", sa.LargeBinary),
)

READ = Statement(sa.select(item).where(item.c.name == sa.bindparam("b_name")))
ADD = Statement(sa.insert(item).values({column.name: sa.bindparam(f"b_{column.name}") for column in item.c}))
LISTED = Statement(
    sa.select(sa.select(JsonRows(item.c.name, item.c.count)).where(item.c.count > 1).scalar_subquery().label("rows"))
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, SCHEMA)) as database:
        create(database)
        yield database


def create(database: Database) -> None:
    with database.transaction("write") as connection:
        if not database.is_sqlite:
            connection.execute(sa.schema.CreateSchema(SCHEMA))
        metadata.create_all(connection)
        for number, name in enumerate(["a", "it's", "100 %", '"ü"\n\\']):
            ADD.execute_later(connection, {"b_name": name, "b_count": number, "b_data": bytes(range(256))})


def test_rows_have_names_whatever_is_in_them(database: Database) -> None:
    for number, name in enumerate(["a", "it's", "100 %", '"ü"\n\\']):
        (row,) = READ.read(database, {"b_name": name})
        assert (row.name, row.count, bytes(row.data)) == (name, number, bytes(range(256)))
        with database.transaction("read") as connection:
            (same,) = READ.execute(connection, {"b_name": name})
        assert (same.name, same.count) == (name, number)
    assert list(READ.read(database, {"b_name": "missing"})) == []
    assert list(READ.read(database, {"b_name": "'; DROP TABLE item; --"})) == []


def test_what_waits_is_done_with_the_transaction_or_not_at_all(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction("write") as connection:  # noqa: PT012 - both belong to it
        ADD.execute_later(connection, {"b_name": "new", "b_count": 1, "b_data": b""})
        raise ZeroDivisionError
    assert list(READ.read(database, {"b_name": "new"})) == []
    with pytest.raises(sa.exc.IntegrityError if database.is_sqlite else Exception, match=r"(?i)unique"):  # noqa: SIM117
        with database.transaction("write") as connection:
            ADD.execute_later(connection, {"b_name": "a", "b_count": 1, "b_data": b""})


def test_rows_of_a_group_are_json(database: Database) -> None:
    (row,) = LISTED.read(database, {})
    assert sorted(json.loads(row.rows)) == [['"ü"\n\\', 3], ["100 %", 2]]


def test_a_connection_that_broke_in_the_pool_is_not_seen() -> None:
    server = start_own()
    try:
        url = server.create_database()
        with closing(Database(url, SCHEMA)) as database:
            create(database)
            assert len(READ.read(database, {"b_name": "a"})) == 1
            server.restart_after_kill()
            assert len(READ.read(database, {"b_name": "a"})) == 1
            server.restart_after_kill()
            with database.transaction_from(lambda connection: READ.execute(connection, {"b_name": "a"})) as (_, rows):
                assert len(rows) == 1
            server.stop()
            with pytest.raises(DatabaseUnavailable):
                READ.read(database, {"b_name": "a"})
            with pytest.raises(DatabaseUnavailable):  # noqa: SIM117 - one thing each
                with database.transaction_from(lambda connection: READ.execute(connection, {"b_name": "a"})):
                    pytest.fail("it has not begun")
    finally:
        server.stop()


def test_a_read_that_takes_too_long_is_ended(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivet_kit.db.database._LIMIT", "SET LOCAL statement_timeout = 100")
    with closing(Database(postgres_url, SCHEMA)) as database:
        with pytest.raises(DeadlineExceeded):
            Statement(sa.select(sa.func.pg_sleep(20).label("slept"))).read(database, {})
        # The limit was of that one alone.
        assert Statement(sa.select(sa.literal(1).label("one"))).read(database, {})[0].one == 1
