"""The oldest schema whose servers still work on a database, as the last migration has noted it.

It is how a server knows of a schema that it does not know whether it may work on it (ADR 73).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_TABLE = "schema_support"


def note_oldest_supported(connection: Connection, schema: str, revision: str) -> None:
    """Notes the oldest schema whose servers work on this one, in place of what was noted before."""
    table = _table(schema)
    table.create(connection, checkfirst=True)
    connection.execute(sa.delete(table))
    connection.execute(sa.insert(table).values(oldest_supported=revision))


def oldest_supported(connection: Connection, schema: str, version_schema: str | None) -> str | None:
    """The oldest schema whose servers work on this one; None where no migration has noted it.

    Args:
        connection: In a transaction.
        schema: Of the service.
        version_schema: Where its tables are; None for SQLite, which has no schemas.
    """
    if not sa.inspect(connection).has_table(_TABLE, version_schema):
        return None
    return connection.execute(sa.select(_table(schema).c.oldest_supported)).scalar_one_or_none()


def _table(schema: str) -> sa.Table:
    """It has one row."""
    return sa.Table(_TABLE, sa.MetaData(schema=schema), sa.Column("oldest_supported", sa.Text, primary_key=True))
