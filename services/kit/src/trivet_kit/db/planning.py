"""Keeps PostgreSQL from looking too long for the best plan."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# PostgreSQL's own default of join_collapse_limit.
_PLANNED_JOINS = 8


def bound_planning(connection: Connection, joins: int) -> None:
    """Lets the joins of this transaction stay in the order in which they are written, where there are many.

    To look for the best order of a hundred takes PostgreSQL half a minute. SQLite does not look that long.
    """
    if joins > _PLANNED_JOINS and connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL join_collapse_limit = 1"))
