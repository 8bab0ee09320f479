"""Large values out of both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.bulk import read_large
from trivet_kit.errors import DatabaseUnavailable, DeadlineExceeded

SCHEMA = "kit_test"

metadata = sa.MetaData(schema=SCHEMA)
part = sa.Table(
    "part",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("context", sa.Integer),
    sa.Column("data", sa.LargeBinary),
)

ROWS = [
    (-(2**63), -1, b""),
    (-1, 0, b"\x00\xff"),
    (0, 2**31 - 1, b"\xff\xff"),  # as the end of a COPY looks
    (2**63 - 1, -(2**31), bytes(range(256)) * 5000),
]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, SCHEMA)) as database:
        with database.transaction("write") as connection:
            if not database.is_sqlite:
                connection.execute(sa.schema.CreateSchema(SCHEMA))
            metadata.create_all(connection)
            connection.execute(
                sa.insert(part),
                [
                    {"key": key, "step": step, "context": context, "data": data}
                    for key in ("loss", "it's 100%(x)s \\")
                    for step, context, data in ROWS
                ],
            )
        yield database


@pytest.mark.parametrize("key", ["loss", "it's 100%(x)s \\"])
def test_rows_come_as_they_were_written(database: Database, key: str) -> None:
    statement = sa.select(part.c.step, part.c.context, part.c.data).where(part.c.key == key).order_by(part.c.step)
    with database.transaction("read") as connection:
        rows = read_large(connection, statement)
        assert [(step, context, bytes(data)) for step, context, data in rows] == ROWS
        some = read_large(connection, statement.where(part.c.context.in_([-1, 0])).limit(1))
        assert [(step, context, bytes(data)) for step, context, data in some] == ROWS[:1]
        assert list(read_large(connection, statement.where(part.c.step == 5))) == []


def test_errors_are_those_of_statements(postgres_url: str) -> None:
    with closing(Database(postgres_url, SCHEMA)) as database:
        slow = sa.select(sa.func.pg_sleep(10).cast(sa.Text).cast(sa.LargeBinary))
        with database.transaction("read") as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 10"))
            with pytest.raises(DeadlineExceeded):
                read_large(connection, slow)
        broken = sa.select(sa.func.pg_terminate_backend(sa.func.pg_backend_pid()).cast(sa.Integer))
        with pytest.raises(DatabaseUnavailable), database.transaction("read") as connection:
            read_large(connection, broken)
        with database.transaction("read") as connection:
            assert read_large(connection, sa.select(sa.literal(7, sa.Integer))) == [[7]]
