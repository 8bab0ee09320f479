"""What waits to be sent to webhooks, in SQL: the rows are the queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import Database
from trivet_kit.db.statements import Statement
from trivet_kit.webhooks.deliveries import Attempt, DeliveryState, DueDelivery
from trivet_registry.domain.events import Event
from trivet_registry.store import tables
from trivet_registry.store.events import EVENT_COLUMNS, IS_ENTRY, to_event

_w = tables.webhook
_d = tables.delivery
_e = tables.event
_h = tables.history

# Of one webhook, so that one whose receiver is slow does not hold up the others.
_CLAIMED_OF_ONE = 4
# How far into what is due is looked for deliveries of other webhooks.
_LOOKED_AT = 500

_IS_DUE = sa.and_(_d.c.state == DeliveryState.PENDING.value, _d.c.due_time <= sa.bindparam("b_now"))
_SOMETHING_IS_DUE = Statement(sa.select(sa.exists().where(_IS_DUE).label("something")))


class SqlDeliveries:
    """Implements `Deliveries`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def claim(self, lease_millis: int, limit: int, busy: Collection[int]) -> Sequence[DueDelivery[Event]]:
        """Claims what is to be sent."""
        now = self._now()
        # Mostly there is nothing, and SQLite has one lock for all who write.
        if not _SOMETHING_IS_DUE.read(self._database, {"b_now": now})[0].something:
            return ()
        due = (
            sa.select(_d.c.delivery_pk, _d.c.webhook_pk, _d.c.due_time)
            .join_from(_d, _w, _w.c.webhook_pk == _d.c.webhook_pk)
            .where(_d.c.state == DeliveryState.PENDING.value, _d.c.due_time <= now)
            .where(_w.c.disabled.is_(False), _w.c.webhook_pk.not_in(sorted(busy)))
            .order_by(_d.c.due_time, _d.c.position)
            .limit(_LOOKED_AT)
            .subquery()
        )
        in_turn = sa.select(
            due.c.delivery_pk,
            sa.func.row_number()
            .over(partition_by=due.c.webhook_pk, order_by=(due.c.due_time, due.c.delivery_pk))
            .label("turn"),
        ).subquery()
        with self._database.transaction("write") as connection:
            # Said again of the rows that are locked: another replica may have claimed them since they were looked for.
            keys = (
                connection.execute(
                    sa.select(_d.c.delivery_pk)
                    .where(
                        _d.c.delivery_pk.in_(sa.select(in_turn.c.delivery_pk).where(in_turn.c.turn <= _CLAIMED_OF_ONE)),
                        _d.c.state == DeliveryState.PENDING.value,
                        _d.c.due_time <= now,
                    )
                    .order_by(_d.c.due_time, _d.c.position)
                    .limit(limit)
                    .with_for_update(skip_locked=True)
                )
                .scalars()
                .all()
            )
            if not keys:
                return ()
            connection.execute(sa.update(_d).where(_d.c.delivery_pk.in_(keys)).values(due_time=now + lease_millis))
            rows = connection.execute(
                sa.select(
                    _d.c.delivery_pk,
                    _d.c.webhook_pk,
                    _d.c.attempts,
                    _d.c.create_time,
                    _w.c.url,
                    _w.c.secret,
                    *EVENT_COLUMNS,
                )
                .join_from(_d, _w, _w.c.webhook_pk == _d.c.webhook_pk)
                .join(_e, _e.c.position == _d.c.position)
                .join(_h, IS_ENTRY)
                .where(_d.c.delivery_pk.in_(keys))
                .order_by(_d.c.position)
            ).all()
        return [_to_due(row) for row in rows]

    def record(self, attempt: Attempt) -> None:
        """Says how an attempt went."""
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.update(_d)
                # Where the lease ran out, another replica may have been faster, and it has arrived.
                .where(_d.c.delivery_pk == attempt.delivery_key, _d.c.state == DeliveryState.PENDING.value)
                .values(
                    state=attempt.state.value,
                    attempts=_d.c.attempts + 1,
                    attempt_time=attempt.time,
                    due_time=attempt.due_time,
                    http_status=attempt.http_status,
                    problem=attempt.problem,
                )
            )

    def forget(self, older_than_millis: int) -> int:
        """Drops what ended long ago."""
        with self._database.transaction("write") as connection:
            return connection.execute(
                sa.delete(_d).where(
                    _d.c.state != DeliveryState.PENDING.value, _d.c.create_time < self._now() - older_than_millis
                )
            ).rowcount


def _to_due(row: Row[Any]) -> DueDelivery[Event]:
    event = to_event(row)
    return DueDelivery(
        row.delivery_pk, row.webhook_pk, row.url, row.secret, event.id, event, row.attempts, row.create_time
    )
