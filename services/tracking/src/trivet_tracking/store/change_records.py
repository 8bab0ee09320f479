"""Changes of what runs hold, recorded for watchers by whoever makes them.

Writes of groups record theirs by themselves (marks.py), and rows of `run` and `experiment` by triggers.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from trivet_kit.db.upserts import insert_into
from trivet_tracking.domain.watches import ChangeKind
from trivet_tracking.store import tables
from trivet_tracking.store.transactions import PostgresTransactions, SqliteTransactions

_change = tables.run_change


class ChangeRecords:
    """Records changes. Safe for threads."""

    def __init__(self, dialect: str) -> None:
        # On SQLite that makes the number that rows of the same transaction then carry, so this comes before them.
        own = SqliteTransactions().next_id() if dialect == "sqlite" else PostgresTransactions().own_id()
        insert = insert_into(dialect, _change).values(transaction_id=own)
        self._insert = insert.on_conflict_do_update(
            index_elements=list(_change.primary_key.columns),
            set_={"kinds": _change.c.kinds.bitwise_or(insert.excluded.kinds)},
        )

    def add(self, connection: Connection, experiment_pk: int, run_pk: int, kinds: ChangeKind) -> None:
        """Records that the transaction changes a run; before it writes current values."""
        connection.execute(self._insert, {"experiment_pk": experiment_pk, "run_pk": run_pk, "kinds": kinds.value})
