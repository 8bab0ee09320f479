"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells for each apart."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Insert = postgresql.Insert | sqlite.Insert


def insert_into(connection: Connection, table: sa.Table) -> Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
