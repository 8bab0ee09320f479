"""Tells PostgreSQL what it cannot know about a statement: it has no statistics of how terms go together.

All of it holds for the transaction. SQLite is told nothing: it has only the plans that the statements are written for.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

# Where a connection's `info` has what this transaction prefers. Each transaction begins without.
PREFERENCE = "trivet_prefers_lookups"
# PostgreSQL's own default of join_collapse_limit.
_PLANNED_JOINS = 8


def bound_planning(connection: Connection, joins: int) -> None:
    """Lets the joins of this transaction stay in the order in which they are written, where there are many.

    To look for the best order of a hundred takes PostgreSQL half a minute. SQLite does not look that long.
    """
    if joins > _PLANNED_JOINS and connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL join_collapse_limit = 1"))


def prefer_lookups(connection: Connection) -> None:
    """Looks rows up one by one: for statements that touch few."""
    _set_local(connection, nestloop=True)


def prefer_sets(connection: Connection) -> None:
    """Reads whole sets and joins them by hash: for statements that touch most rows."""
    _set_local(connection, nestloop=False)


def _set_local(connection: Connection, *, nestloop: bool) -> None:
    # Searches prefer one way again and again, and each time would be a round trip.
    if connection.dialect.name != "postgresql" or connection.info.get(PREFERENCE) == nestloop:
        return
    connection.info[PREFERENCE] = nestloop
    settings = {
        "enable_nestloop": "on" if nestloop else "off",
        "enable_hashjoin": "off" if nestloop else "on",
        "enable_mergejoin": "off" if nestloop else "on",
        "enable_seqscan": "off" if nestloop else "on",
        "work_mem": "'64MB'",  # the sets of 100,000 runs
        "jit": "off",  # it takes longer than what it makes faster
        # They begin later than most of these statements end, and take the processors from those who write.
        "max_parallel_workers_per_gather": "0",
    }
    connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items()))
