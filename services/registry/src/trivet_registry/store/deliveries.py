"""What waits to be sent to webhooks, in SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.db import Database
from trivet_kit.db.deliveries import DeliveryQueue
from trivet_kit.webhooks.deliveries import Attempt, DeliveryState, DueDelivery
from trivet_registry.domain.events import Event
from trivet_registry.store import tables
from trivet_registry.store.events import EVENT_COLUMNS, IS_ENTRY, to_event

_w = tables.webhook
_d = tables.delivery
_e = tables.event
_h = tables.history

_IS_ENABLED = _d.c.webhook_pk.in_(sa.select(_w.c.webhook_pk).where(_w.c.disabled.is_(False)))


class SqlDeliveries:
    """Implements `Deliveries`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._queue = DeliveryQueue(database, _d, _d.c.webhook_pk, _d.c.position, now)

    def claim(self, lease_millis: int, limit: int, busy: Collection[int]) -> Sequence[DueDelivery[Event]]:
        """Claims what is to be sent."""
        if self._queue.is_empty():
            return ()
        with self._database.transaction("write") as connection:
            keys = self._queue.claim(connection, _IS_ENABLED, lease_millis, limit, busy)
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
        self._queue.record(attempt)

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
