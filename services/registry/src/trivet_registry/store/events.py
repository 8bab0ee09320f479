"""Events in SQL: numbered in the order of commits, and read by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.statements import Statement
from trivet_kit.errors import ResumeTokenExpired
from trivet_kit.resources import ModelName
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_registry.domain.events import Event, EventPage, EventQuery
from trivet_registry.store import tables
from trivet_registry.store.history import to_entry

_e = tables.event
_h = tables.history
_o = tables.outbox
_w = tables.webhook

# Of advisory locks, whose numbers are one space for all who use the database: "trev".
_LOCK = 0x74726576 << 32
_NUMBERED_AT_ONCE = 1000

_LAST = Statement(sa.select(sa.func.coalesce(sa.func.max(_e.c.position), 0).label("position")))
_SOMETHING_WAITS = Statement(sa.select(sa.exists().where(_o.c.outbox_pk > 0).label("something")))

EVENT_COLUMNS = (_e.c.position, _e.c.model_id, *_h.c)
"""What `to_event` needs, of `event` and `history`."""


class SqlEvents:
    """Implements `Events`, and numbers them. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def last_position(self) -> int:
        """The position of the last event."""
        position: int = _LAST.read(self._database, {})[0].position
        return position

    def after(self, query: EventQuery, position: int, limit: int) -> EventPage:
        """Events after a position."""
        statement = (
            sa.select(*EVENT_COLUMNS)
            .join_from(_e, _h, IS_ENTRY)
            .where(_e.c.workspace == query.workspace, _e.c.position > position)
            .order_by(_e.c.position)
            .limit(limit)
        )
        if query.model_ids:
            statement = statement.where(_e.c.model_id.in_(sorted(query.model_ids)))
        if query.actions:
            statement = statement.where(_e.c.action.in_([action.value for action in query.actions]))
        with self._database.transaction("read") as connection:
            last: int = _LAST.execute(connection, {})[0].position
            if position > last:
                raise ResumeTokenExpired
            events = [to_event(row) for row in connection.execute(statement)]
        return EventPage(events, last if len(events) < limit else events[-1].position)

    def number(self) -> bool:
        """Numbers what was committed, and gives each webhook what it is to be told; returns whether there may be more.

        One process does at a time, so that positions are in the order in which events can be seen. What is committed
        meanwhile comes later.
        """
        if not _SOMETHING_WAITS.read(self._database, {})[0].something:
            return False
        with self._database.transaction("write") as connection:
            if not self._is_alone(connection):
                return False
            rows = connection.execute(sa.select(_o).order_by(_o.c.outbox_pk).limit(_NUMBERED_AT_ONCE)).all()
            if not rows:
                return False
            first: int = _LAST.execute(connection, {})[0].position + 1
            connection.execute(
                sa.insert(_e),
                [
                    {
                        "position": position,
                        "workspace": row.workspace,
                        "model_id": row.model_id,
                        "model_uid": row.model_uid,
                        "sequence": row.sequence,
                        "action": row.action,
                    }
                    for position, row in enumerate(rows, first)
                ],
            )
            self._deliver(connection, first, rows)
            connection.execute(sa.delete(_o).where(_o.c.outbox_pk.in_([row.outbox_pk for row in rows])))
            return len(rows) == _NUMBERED_AT_ONCE

    def _is_alone(self, connection: Connection) -> bool:
        if self._database.is_sqlite:
            return True
        return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))).scalar_one())

    def _deliver(self, connection: Connection, first: int, rows: Sequence[Row[Any]]) -> None:
        """Puts down what webhooks are to be told of events, whose positions begin at `first`."""
        workspaces = {row.workspace for row in rows}
        webhooks = connection.execute(
            sa.select(_w.c.webhook_pk, _w.c.workspace, _w.c.actions)
            .where(_w.c.workspace.in_(sorted(workspaces)), _w.c.disabled.is_(False))
            # None of them is deleted meanwhile.
            .with_for_update(read=True, key_share=True)
        ).all()
        now = self._now()
        deliveries = [
            {
                "webhook_pk": webhook.webhook_pk,
                "position": position,
                "state": DeliveryState.PENDING.value,
                "attempts": 0,
                "create_time": now,
                "attempt_time": None,
                "due_time": now,
                "http_status": 0,
                "problem": "",
            }
            for webhook in webhooks
            for actions in (json.loads(webhook.actions),)
            for position, row in enumerate(rows, first)
            if row.workspace == webhook.workspace and (not actions or row.action in actions)
        ]
        if deliveries:
            connection.execute(sa.insert(tables.delivery), deliveries)


IS_ENTRY = sa.and_(_h.c.model_uid == _e.c.model_uid, _h.c.sequence == _e.c.sequence)
"""Joins `event` and `history`."""


def to_event(row: Any) -> Event:
    """A row that has EVENT_COLUMNS as a value."""
    return Event(row.position, ModelName(row.workspace, row.model_id), to_entry(row))
