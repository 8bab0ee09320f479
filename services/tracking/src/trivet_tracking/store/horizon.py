"""How far back changes are kept.

Now and then the folder writes down below which number all transactions have ended, and drops the changes of those that
had ended a given time ago. So whoever looks more often than that misses none, however long a transaction was open; and
a position from before is told by the oldest row, which stays.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.errors import ResumeTokenExpired
from trivet_tracking.domain.watches import Position
from trivet_tracking.store import tables
from trivet_tracking.store.transactions import Transactions, transactions_of

# Of advisory locks, whose numbers are one space for all who use the database: "trch".
_LOCK = 0x74726368 << 32

_h = tables.change_horizon
_c = tables.run_change


def pruned_below(connection: Connection) -> int:
    """The number of the first transaction whose changes are surely kept."""
    position: int = connection.execute(sa.select(_h.c.position).order_by(_h.c.time).limit(1)).scalar_one()
    return position


def check_kept(connection: Connection, transactions: Transactions, position: Position, now: Position) -> None:
    """Raises ResumeTokenExpired where not all changes after a position are kept, FieldInvalid where it is none."""
    first_unseen = transactions.first_unseen(position, now)
    # A position after now is one of another database, or of this one before it was set back.
    if first_unseen is None or first_unseen < pruned_below(connection):
        raise ResumeTokenExpired


def note_horizon(connection: Connection, transactions: Transactions, now_millis: int) -> int:
    """Writes down below which number all transactions have ended, and returns the time that it stands under."""
    # Rows are in one order by time and by position, whatever the clocks of replicas say.
    last: int = connection.execute(sa.select(sa.func.max(_h.c.time))).scalar_one()
    time = max(now_millis, last + 1)
    connection.execute(sa.insert(_h).values(time=time, position=transactions.horizon(connection)))
    return time


class Horizon:
    """Moves the horizon. Safe for threads and for several processes on one database."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        """`now` gives milliseconds since the Unix epoch."""
        self._database = database
        self._now = now
        self._transactions = transactions_of(database.dialect)

    def advance(self, keep_millis: int) -> int:
        """Drops the changes of transactions that had ended so long ago; returns how many rows."""
        with self._database.transaction("write") as connection:
            if not self._is_alone(connection):
                return 0
            now = note_horizon(connection, self._transactions, self._now())
            reached = connection.execute(
                sa.select(_h.c.time, _h.c.position).where(_h.c.time <= now - keep_millis).order_by(_h.c.time.desc())
            ).first()
            if reached is None:
                return 0
            connection.execute(sa.delete(_h).where(_h.c.time < reached.time))
            return connection.execute(sa.delete(_c).where(_c.c.transaction_id < reached.position)).rowcount

    def _is_alone(self, connection: Connection) -> bool:
        if self._database.is_sqlite:
            return True
        return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())
