"""Webhooks in SQL."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db import Database
from trivet_kit.db.first_answers import FirstAnswers
from trivet_kit.errors import EtagStale
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import WebhookName
from trivet_kit.webhooks.deliveries import DeliveryState
from trivet_registry.domain import limits
from trivet_registry.domain.errors import WebhookLimitReached, WebhookNotFound
from trivet_registry.domain.history import Action
from trivet_registry.domain.webhooks import Delivery, DeliveryPage, NewWebhook, Webhook
from trivet_registry.store import tables
from trivet_registry.store.promotions import lock_workspace

_w = tables.webhook
_d = tables.delivery
_e = tables.event


class SqlWebhooks:
    """Implements `Webhooks`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._first_answers = FirstAnswers(tables.request, tables.request.c.answer, now)

    def create(self, new: NewWebhook, actor: str, request: RepeatableRequest | None) -> Webhook:
        """Creates a webhook."""
        with self._database.transaction("write") as connection:
            lock_workspace(connection, new.workspace)
            webhook_id = self._first_answers.find(connection, new.workspace, request)
            if webhook_id is not None:
                return _to_webhook(_find(connection, WebhookName(new.workspace, webhook_id)))
            count: int = connection.execute(
                sa.select(sa.func.count()).select_from(_w).where(_w.c.workspace == new.workspace)
            ).scalar_one()
            if count >= limits.MAX_WEBHOOKS:
                raise WebhookLimitReached(new.workspace, limits.MAX_WEBHOOKS)
            now = self._now()
            webhook = Webhook(
                name=WebhookName(new.workspace, secrets.token_hex(16)),
                description=new.description,
                url=new.url,
                actions=new.actions,
                secret=new.secret,
                disabled=new.disabled,
                create_time=now,
                update_time=now,
                created_by=actor,
                revision=1,
            )
            connection.execute(
                sa.insert(_w).values(
                    workspace=new.workspace,
                    webhook_id=webhook.name.webhook_id,
                    create_time=now,
                    created_by=actor,
                    **_changing_values(webhook),
                )
            )
            self._first_answers.remember(connection, new.workspace, request, webhook.name.webhook_id)
            return webhook

    def get(self, name: WebhookName) -> Webhook:
        """Returns a webhook."""
        with self._database.transaction("read") as connection:
            return _to_webhook(_find(connection, name))

    def page(self, workspace: str, after: int, limit: int) -> Sequence[tuple[int, Webhook]]:
        """A page of webhooks."""
        with self._database.transaction("read") as connection:
            rows = connection.execute(
                sa.select(_w)
                .where(_w.c.workspace == workspace, _w.c.webhook_pk > after)
                .order_by(_w.c.webhook_pk)
                .limit(limit)
            )
            return [(row.webhook_pk, _to_webhook(row)) for row in rows]

    def update(self, name: WebhookName, change: Callable[[Webhook], Webhook], revision: int | None) -> Webhook:
        """Changes a webhook."""
        with self._database.transaction("write") as connection:
            row = _find(connection, name, lock=True)
            before = _to_webhook(row)
            if revision is not None and revision != before.revision:
                raise EtagStale(str(name))
            after = replace(
                change(before), update_time=max(self._now(), before.update_time), revision=before.revision + 1
            )
            connection.execute(sa.update(_w).where(_w.c.webhook_pk == row.webhook_pk).values(**_changing_values(after)))
            return after

    def delete(self, name: WebhookName) -> None:
        """Deletes a webhook."""
        with self._database.transaction("write") as connection:
            row = _find(connection, name, lock=True)
            for table in (_d, _w):
                connection.execute(sa.delete(table).where(table.c.webhook_pk == row.webhook_pk))

    def deliveries(
        self, name: WebhookName, state: DeliveryState | None, before: int | None, limit: int
    ) -> DeliveryPage:
        """A page of deliveries."""
        with self._database.transaction("read") as connection:
            row = _find(connection, name)
            statement = (
                sa.select(_d, _e.c.model_uid, _e.c.sequence, _e.c.action)
                .join_from(_d, _e, _e.c.position == _d.c.position)
                .where(_d.c.webhook_pk == row.webhook_pk)
                .order_by(_d.c.position.desc())
                .limit(limit + 1)
            )
            if state is not None:
                statement = statement.where(_d.c.state == state.value)
            if before is not None:
                statement = statement.where(_d.c.position < before)
            rows = connection.execute(statement).all()
        return DeliveryPage([_to_delivery(row) for row in rows[:limit]], is_last=len(rows) <= limit)


def _find(connection: Connection, name: WebhookName, *, lock: bool = False) -> Row[Any]:
    """Raises WebhookNotFound."""
    statement = sa.select(_w).where(_w.c.workspace == name.workspace, _w.c.webhook_id == name.webhook_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise WebhookNotFound(str(name))
    return row


def _changing_values(webhook: Webhook) -> dict[str, Any]:
    return {
        "description": webhook.description,
        "url": webhook.url,
        "actions": json.dumps([action.value for action in webhook.actions]),
        "secret": webhook.secret,
        "disabled": webhook.disabled,
        "update_time": webhook.update_time,
        "revision": webhook.revision,
    }


def _to_webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        name=WebhookName(row.workspace, row.webhook_id),
        description=row.description,
        url=row.url,
        actions=tuple(Action(number) for number in json.loads(row.actions)),
        secret=row.secret,
        disabled=row.disabled,
        create_time=row.create_time,
        update_time=row.update_time,
        created_by=row.created_by,
        revision=row.revision,
    )


def _to_delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        position=row.position,
        event_id=f"{row.model_uid}-{row.sequence}",
        action=Action(row.action),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        create_time=row.create_time,
        attempt_time=row.attempt_time,
        due_time=row.due_time,
        http_status=row.http_status,
        problem=row.problem,
    )
