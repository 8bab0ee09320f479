"""INSERT … ON CONFLICT, which both databases have and SQLAlchemy spells for each apart."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert


def insert_into(dialect: str, table: sa.Table) -> Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`; `dialect` is `postgresql` or `sqlite`."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
