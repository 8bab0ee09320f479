"""Events of rules that wait to be sent, in SQL.

They stay when they have been sent, as long as their rule and run do: by its event a rule is broken once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.deliveries import DeliveryQueue
from trivet_kit.webhooks.deliveries import Attempt, DueDelivery
from trivet_tracking.domain.rules import RuleEvent
from trivet_tracking.store import tables
from trivet_tracking.store.rule_rows import EVENTS, to_event

_t = tables.rule
_v = tables.rule_event


class SqlRuleDeliveries:
    """Implements `Deliveries` of the kit. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._queue = DeliveryQueue(database, _v, _v.c.rule_pk, _v.c.rule_event_pk, now)

    def claim(self, lease_millis: int, limit: int, busy: Collection[int]) -> Sequence[DueDelivery[RuleEvent]]:
        """Claims what is to be sent."""
        if self._queue.is_empty():
            return ()
        with self._database.transaction("write") as connection:
            keys = self._queue.claim(connection, sa.true(), lease_millis, limit, busy)
            rows = connection.execute(
                EVENTS.add_columns(_t.c.webhook_url, _t.c.webhook_secret)
                .where(_v.c.rule_event_pk.in_(keys))
                .order_by(_v.c.rule_event_pk)
            ).all()
        return [
            DueDelivery(
                row.rule_event_pk,
                row.rule_pk,
                row.webhook_url,
                row.webhook_secret,
                row.event_id,
                to_event(row),
                row.attempts,
                row.create_time,
            )
            for row in rows
        ]

    def record(self, attempt: Attempt) -> None:
        """Says how an attempt went."""
        self._queue.record(attempt)
