"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells for each apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import Scalar, insert_later

Insert = postgresql.Insert | sqlite.Insert


def insert_into(dialect: str, table: sa.Table) -> Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`; `dialect` is `postgresql` or `sqlite`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def put_rows_later(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Scalar]]) -> None:
    """Writes rows, each instead of the one that has its key: without a round trip, as `Statement.execute_later` does.

    Args:
        connection: In a transaction.
        table: Its primary key tells rows apart.
        rows: Of the same columns, no two with the same key.
    """
    columns = list(rows[0])
    key = [column.name for column in table.primary_key.columns]
    if connection.dialect.name == "postgresql":
        values = [[row[column] for column in columns] for row in rows]
        insert_later(connection, table.fullname, columns, values, replaced_by=key)
        return
    insert = insert_into(connection.dialect.name, table)
    others = {column: insert.excluded[column] for column in columns if column not in key}
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=others), rows)
