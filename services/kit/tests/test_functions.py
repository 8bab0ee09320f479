"""Statements that PostgreSQL has as functions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg2.errors
import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.bulk import Scalar
from trivet_kit.db.functions import create_functions, function_of, missing_functions
from trivet_kit.db.statements import Statement
from trivet_kit.db.writes import Writes

SCHEMA = "kit_test"

metadata = sa.MetaData(schema=SCHEMA)
item = sa.Table(
    "item",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("event_pk", sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.Identity(), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("level", sa.SmallInteger),
    sa.Column("data", sa.LargeBinary),
)

NAMES = ("a", "it's", "100 %", '"ü"\n\\', "$function$", "b_name")
CONSTANT = "it's 100 %(b_name)s of $function$ \\ :b_name"
_QUERY = sa.select(item, sa.literal(CONSTANT, sa.Text).label("constant")).where(
    item.c.name == sa.bindparam("b_name"), item.c.count >= sa.bindparam("b_count"), item.c.name.not_like("%none%")
)
_LOCK = sa.select(item.c.name).where(item.c.name == sa.bindparam("b_name")).with_for_update()
READ = Statement(_QUERY, function=function_of(SCHEMA, "read", _QUERY))
LOCK = Statement(_QUERY, function=function_of(SCHEMA, "lock", _QUERY, (_LOCK,)))
WRITES = Writes(
    SCHEMA,
    "write",
    {
        "event": [
            sa.insert(event).inline().values({name: sa.bindparam(f"b_{name}") for name in ("name", "level", "data")}),
            sa.update(item).where(item.c.name == sa.bindparam("b_name")).values(count=item.c.count + 100),
        ],
        "gone": [sa.delete(item).where(item.c.name == sa.bindparam("b_name"))],
    },
)
FUNCTIONS = [statement.function for statement in (READ, LOCK, WRITES) if statement.function is not None]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, SCHEMA)) as database:
        with database.transaction("write") as connection:
            if not database.is_sqlite:
                connection.execute(sa.schema.CreateSchema(SCHEMA))
            metadata.create_all(connection)
            connection.execute(
                sa.insert(item), [{"name": name, "count": n, "data": bytes(range(256))} for n, name in enumerate(NAMES)]
            )
            if not database.is_sqlite:
                create_functions(connection, FUNCTIONS)
        yield database


def test_a_function_answers_as_its_query_does(database: Database) -> None:
    for number, name in enumerate(NAMES):
        for _ in range(7):  # the first one plans for all values
            (row,) = READ.read(database, {"b_name": name, "b_count": number})
            assert (row.name, row.count, bytes(row.data)) == (name, number, bytes(range(256)))
            assert row.constant == CONSTANT
        assert list(READ.read(database, {"b_name": name, "b_count": number + 1})) == []
    assert list(READ.read(database, {"b_name": "'; DROP TABLE item; --", "b_count": 0})) == []


def test_functions_are_planned_for_all_values_at_once(postgres_url: str) -> None:
    mode = sa.select(sa.func.current_setting("plan_cache_mode", type_=sa.Text).label("mode"))
    reads = Statement(mode, function=function_of(SCHEMA, "mode", mode))
    writes = Writes(SCHEMA, "write_mode", {"mode": [sa.insert(event).inline().from_select(["name"], mode)]})
    with closing(Database(postgres_url, SCHEMA)) as database:
        with database.transaction("write") as connection:
            connection.execute(sa.schema.CreateSchema(SCHEMA))
            metadata.create_all(connection)
            create_functions(connection, [each for each in (reads.function, writes.function) if each is not None])
            writes.execute_later(connection, {"mode": {}})
        with database.transaction("read") as connection:
            written = connection.execute(sa.select(event.c.name)).scalar_one()
            assert connection.execute(mode).scalar_one() == "auto"
        assert [row.mode for row in reads.read(database, {})] == [written] == ["force_generic_plan"]


def test_a_transaction_begins_with_its_first_statement(database: Database) -> None:
    values: dict[str, Scalar] = {"b_name": "a", "b_count": 0}

    def change_and_fail() -> None:
        with database.transaction_from(lambda connection: LOCK.execute(connection, values)) as (connection, _):
            connection.execute(sa.update(item).where(item.c.name == "a").values(count=6))
            raise ZeroDivisionError

    with database.transaction_from(lambda connection: LOCK.execute(connection, values)) as (connection, rows):
        assert [row.count for row in rows] == [0]
        connection.execute(sa.update(item).where(item.c.name == "a").values(count=5))
    assert READ.read(database, values)[0].count == 5
    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    with pytest.raises(ZeroDivisionError), database.transaction_from(lambda _: 1 // 0):
        pytest.fail("it has not begun")
    assert READ.read(database, values)[0].count == 5


def test_what_comes_after_a_lock_sees_what_was_committed_before_it(postgres_url: str) -> None:
    with closing(Database(postgres_url, SCHEMA)) as database:
        with database.transaction("write") as connection:
            connection.execute(sa.schema.CreateSchema(SCHEMA))
            metadata.create_all(connection)
            connection.execute(sa.insert(item).values(name="a", count=0, data=b""))
            create_functions(connection, FUNCTIONS)
            create_functions(connection, FUNCTIONS)
            assert missing_functions(connection, FUNCTIONS) == []

        def add() -> None:
            values: dict[str, Scalar] = {"b_name": "a", "b_count": 0}
            for _ in range(25):
                with database.transaction_from(lambda c: LOCK.execute(c, values)) as (connection, (row,)):
                    connection.execute(sa.update(item).values(count=row.count + 1))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert READ.read(database, {"b_name": "a", "b_count": 0})[0].count == 100


def test_what_a_change_writes_is_written_together(database: Database) -> None:
    events: list[dict[str, Scalar]] = [
        {"b_name": name, "b_level": level, "b_data": b"\0\xff" * level} for level, name in enumerate(NAMES)
    ]
    events.append({"b_name": "a", "b_level": None, "b_data": None})
    with database.transaction("write") as connection:
        for number, values in enumerate(events):
            parts: dict[str, dict[str, Scalar]] = {"event": values}
            if number == 1:
                parts["gone"] = {"b_name": NAMES[5]}
            WRITES.execute_later(connection, parts)
        WRITES.execute_later(connection, {"gone": {"b_name": NAMES[4]}})
    with database.transaction("read") as connection:
        rows = connection.execute(sa.select(event.c.name, event.c.level, event.c.data).order_by(event.c.event_pk)).all()
        counts = dict(connection.execute(sa.select(item.c.name, item.c.count)).all())
    assert [tuple(row) for row in rows] == [tuple(values.values()) for values in events]
    assert counts == {"a": 200, NAMES[1]: 101, NAMES[2]: 102, NAMES[3]: 103}


def test_what_cannot_be_written_undoes_the_change(database: Database) -> None:
    def write(name: str | None) -> None:
        with database.transaction("write") as connection:
            WRITES.execute_later(connection, {"event": {"b_name": "a", "b_level": 1, "b_data": None}})
            WRITES.execute_later(connection, {"event": {"b_name": name, "b_level": 1, "b_data": None}})

    with pytest.raises((sa.exc.IntegrityError, psycopg2.errors.NotNullViolation)):
        write(None)
    assert READ.read(database, {"b_name": "a", "b_count": 0})[0].count == 0
    write("a")
    assert READ.read(database, {"b_name": "a", "b_count": 0})[0].count == 200
