"""What replicas are asked for of rates that they share, in a table of a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trivet_kit.db.database import Database
from trivet_kit.db.upserts import insert_into
from trivet_kit.rate_sharing import Demand, Demands

# A replica that has not reported for so long has ended, or cannot reach the database.
_COUNTED_MILLIS = 5_000
_KEPT_MILLIS = 60_000
# Of the database: replicas' own clocks may differ.
_NOW: sa.ColumnElement[Any] = sa.cast(sa.extract("epoch", sa.func.now()) * 1000, sa.BigInteger)


def rate_demand_table(schema: str) -> sa.Table:
    """The table as the code sees it; `create_rate_demand` makes it. Times are milliseconds since the Unix epoch."""
    return sa.Table(
        "rate_demand",
        sa.MetaData(schema=schema),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("quota", sa.Text, primary_key=True),
        sa.Column("workspace", sa.Text, primary_key=True),
        sa.Column("per_second", sa.Double, nullable=False),
        sa.Column("report_time", sa.BigInteger, nullable=False),
    )


def rate_demands(database: Database) -> Demands | None:
    """What the replicas over a database tell each other by; None for SQLite, which one process serves."""
    return None if database.is_sqlite else _SqlRateDemands(database)


class _SqlRateDemands:
    """Implements `Demands` on PostgreSQL. Safe for threads and replicas."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = rate_demand_table(database.schema)

    def exchange(self, replica: str, own: Sequence[Demand]) -> Sequence[Demand]:
        """Reports, and reads what others have reported."""
        table = self._table
        with self._database.transaction("write") as connection:
            self._forget(connection)
            if own:
                insert = insert_into("postgresql", table).values(report_time=_NOW)
                changed = {"per_second": insert.excluded.per_second, "report_time": insert.excluded.report_time}
                connection.execute(
                    insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed),
                    [
                        {
                            "replica": replica,
                            "quota": demand.quota,
                            "workspace": demand.workspace,
                            "per_second": demand.per_second,
                        }
                        for demand in own
                    ],
                )
            rows = connection.execute(
                sa.select(table.c.quota, table.c.workspace, table.c.per_second).where(
                    table.c.replica != replica, table.c.report_time > _NOW - _COUNTED_MILLIS
                )
            )
            return [Demand(row.quota, row.workspace, row.per_second) for row in rows]

    def _forget(self, connection: sa.Connection) -> None:
        """Removes what replicas have reported that are gone; what another one removes just now is left to it."""
        key = list(self._table.primary_key.columns)
        old = sa.select(*key).where(self._table.c.report_time < _NOW - _KEPT_MILLIS).with_for_update(skip_locked=True)
        connection.execute(sa.delete(self._table).where(sa.tuple_(*key).in_(old)))
