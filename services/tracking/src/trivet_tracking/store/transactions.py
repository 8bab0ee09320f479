"""The order of commits, by which watchers find what is new to them.

On PostgreSQL a position is a snapshot: new is what was written by transactions that it did not see, whenever they began
and however long they were open. On SQLite, where one transaction writes at a time, it is a count of transactions.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import UserDefinedType

from trivet_kit.errors import FieldInvalid
from trivet_tracking.domain.watches import Position
from trivet_tracking.store import tables

# A token with more than PostgreSQL could have open at once (max_connections is at most 262,143) is none of ours; this
# is far above what servers are set to.
_MAX_OPEN = 10_000
_MAX_ID = 2**63 - 1


class Transactions(Protocol):
    """How a database numbers its transactions."""

    def own_id(self) -> sa.ColumnElement[int]:
        """The number of the transaction that writes; on SQLite, after it has recorded a change."""
        ...

    def position(self, connection: Connection) -> Position:
        """What a transaction sees."""
        ...

    def horizon(self, connection: Connection) -> int:
        """The number below which all transactions have ended."""
        ...

    def first_unseen(self, position: Position, now: Position) -> int | None:
        """The least number of a transaction that `position` may not have seen; None where it lies after `now`.

        Raises FieldInvalid for a text that is no position.
        """
        ...

    def is_new(self, transaction_id: sa.ColumnElement[int], position: Position) -> sa.ColumnElement[bool]:
        """Whether what a transaction has written is not seen from a position."""
        ...


def transactions_of(dialect: str) -> Transactions:
    """The transactions of a dialect, `postgresql` or `sqlite`."""
    return SqliteTransactions() if dialect == "sqlite" else PostgresTransactions()


class _Xid8(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class _PgSnapshot(UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


def _as_number(transaction_id: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    # PostgreSQL has no shorter way from its type to a number.
    return sa.cast(sa.cast(transaction_id, sa.Text), sa.BigInteger)


class PostgresTransactions:
    """Those of PostgreSQL: https://www.postgresql.org/docs/current/functions-info.html, "Snapshot Functions"."""

    # min:max:open,… - all below min have ended, all from max on have not begun, and those in between that are listed
    # were open.
    _SHAPE = re.compile(r"(\d{1,19}):(\d{1,19}):((?:\d{1,19}(?:,\d{1,19})*)?)")

    def own_id(self) -> sa.ColumnElement[int]:
        """As the protocol says."""
        # A query of its own, so that it is asked for once a statement and not once a row.
        return sa.select(_as_number(sa.func.pg_current_xact_id())).scalar_subquery()

    def position(self, connection: Connection) -> Position:
        """As the protocol says."""
        snapshot: str = connection.execute(sa.select(sa.cast(sa.func.pg_current_snapshot(), sa.Text))).scalar_one()
        return snapshot

    def horizon(self, connection: Connection) -> int:
        """As the protocol says."""
        lowest = sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot())
        number: int = connection.execute(sa.select(_as_number(lowest))).scalar_one()
        return number

    def first_unseen(self, position: Position, now: Position) -> int | None:
        """As the protocol says."""
        low, high = self._bounds(position)
        return low if high <= self._bounds(now)[1] else None

    def is_new(self, transaction_id: sa.ColumnElement[int], position: Position) -> sa.ColumnElement[bool]:
        """As the protocol says."""
        seen = sa.func.pg_visible_in_snapshot(
            sa.cast(sa.cast(transaction_id, sa.Text), _Xid8()), sa.cast(sa.literal(position), _PgSnapshot())
        )
        # The first comparison is what an index can answer.
        return sa.and_(transaction_id >= self._bounds(position)[0], sa.not_(seen))

    def _bounds(self, position: Position) -> tuple[int, int]:
        shape = self._SHAPE.fullmatch(position)
        if shape is None:
            raise _not_a_position()
        low, high = int(shape[1]), int(shape[2])
        still_open = [int(number) for number in shape[3].split(",") if number]
        ascending = all(a < b for a, b in zip([low - 1, *still_open], [*still_open, high], strict=True))
        if not 0 < low <= high <= _MAX_ID or not ascending or len(still_open) > _MAX_OPEN:
            raise _not_a_position()
        return low, high


class SqliteTransactions:
    """Those of SQLite: counted as they record changes."""

    def own_id(self) -> sa.ColumnElement[int]:
        """As the protocol says."""
        return sa.select(sa.func.coalesce(sa.func.max(tables.run_change.c.transaction_id), 0)).scalar_subquery()

    def next_id(self) -> sa.ColumnElement[int]:
        """The number of a transaction that is about to record a change."""
        change = tables.run_change.c.transaction_id
        after_last = sa.select(sa.func.coalesce(sa.func.max(change) + 1, 1)).scalar_subquery()
        # Where all changes were pruned, the count goes on all the same.
        pruned = sa.select(sa.func.max(tables.change_horizon.c.position)).scalar_subquery()
        return sa.func.max(after_last, pruned)

    def position(self, connection: Connection) -> Position:
        """As the protocol says."""
        return str(self.horizon(connection))

    def horizon(self, connection: Connection) -> int:
        """As the protocol says."""
        number: int = connection.execute(sa.select(self.next_id())).scalar_one()
        return number

    def first_unseen(self, position: Position, now: Position) -> int | None:
        """As the protocol says."""
        number = self._number(position)
        return number if number <= self._number(now) else None

    def is_new(self, transaction_id: sa.ColumnElement[int], position: Position) -> sa.ColumnElement[bool]:
        """As the protocol says."""
        return transaction_id >= self._number(position)

    def _number(self, position: Position) -> int:
        if not re.fullmatch(r"\d{1,19}", position) or not 0 < int(position) <= _MAX_ID:
            raise _not_a_position()
        return int(position)


def _not_a_position() -> FieldInvalid:
    return FieldInvalid("resume_token", "is not one that WatchRuns has sent")
