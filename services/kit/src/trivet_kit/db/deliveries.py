"""What waits to be sent to webhooks, in SQL: rows of a service's own table are the queue (trivet_kit.webhooks)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.database import Database
from trivet_kit.db.statements import Statement
from trivet_kit.webhooks.deliveries import Attempt, DeliveryState

# Of one webhook, so that one whose receiver is slow does not hold up the others.
_CLAIMED_OF_ONE = 4
# How far into what is due is looked for deliveries of other webhooks.
_LOOKED_AT = 500


class DeliveryQueue:
    """The rows of a table that are to be sent, claimed by whoever sends them. Safe for threads and replicas."""

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        webhook: sa.Column[Any],
        order: sa.Column[Any],
        now: Callable[[], int],
    ) -> None:
        """Works on a table.

        Args:
            database: Where it is.
            table: Has one column as its key, and `state`, `due_time`, `attempts`, `attempt_time`, `http_status` and
                `problem` of the deliveries.
            webhook: The column that says to which webhook a row is to be sent.
            order: The column by which those that are due at the same time are sent.
            now: Gives milliseconds since the Unix epoch.
        """
        self._database = database
        self._table = table
        self._webhook = webhook
        self._order = order
        self._now = now
        (self._key,) = table.primary_key.columns
        is_due = (table.c.state == DeliveryState.PENDING.value, table.c.due_time <= sa.bindparam("b_now"))
        self._something_is_due = Statement(sa.select(sa.exists().where(*is_due).label("something")))

    def is_empty(self) -> bool:
        """Whether nothing is due: a look that locks nothing, for mostly that is so."""
        return not self._something_is_due.read(self._database, {"b_now": self._now()})[0].something

    def claim(
        self,
        connection: Connection,
        wanted: sa.ColumnElement[bool],
        lease_millis: int,
        limit: int,
        busy: Collection[int],
    ) -> Sequence[int]:
        """The keys of rows that are due, and are given to nobody else for so long.

        Args:
            connection: In a transaction that writes.
            wanted: Which rows may be sent at all.
            lease_millis: For how long.
            limit: At most so many, few of them to one webhook.
            busy: Webhooks to which nothing is to be sent now.
        """
        table, now = self._table, self._now()
        is_due = (table.c.state == DeliveryState.PENDING.value, table.c.due_time <= now)
        due = (
            sa.select(self._key.label("key"), self._webhook.label("webhook"), table.c.due_time)
            .where(*is_due, wanted, self._webhook.not_in(sorted(busy)))
            .order_by(table.c.due_time, self._order)
            .limit(_LOOKED_AT)
            .subquery()
        )
        in_turn = sa.select(
            due.c.key,
            sa.func.row_number().over(partition_by=due.c.webhook, order_by=(due.c.due_time, due.c.key)).label("turn"),
        ).subquery()
        # Said again of the rows that are locked: another replica may have claimed them since they were looked for.
        keys = (
            connection.execute(
                sa.select(self._key)
                .where(self._key.in_(sa.select(in_turn.c.key).where(in_turn.c.turn <= _CLAIMED_OF_ONE)), *is_due)
                .order_by(table.c.due_time, self._order)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            .scalars()
            .all()
        )
        if keys:
            connection.execute(sa.update(table).where(self._key.in_(keys)).values(due_time=now + lease_millis))
        return keys

    def record(self, attempt: Attempt) -> None:
        """Says how an attempt went; of a row that is gone, nothing."""
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.update(self._table)
                # Where the lease ran out, another replica may have been faster, and it has arrived.
                .where(self._key == attempt.delivery_key, self._table.c.state == DeliveryState.PENDING.value)
                .values(
                    state=attempt.state.value,
                    attempts=self._table.c.attempts + 1,
                    attempt_time=attempt.time,
                    due_time=attempt.due_time,
                    http_status=attempt.http_status,
                    problem=attempt.problem,
                )
            )
