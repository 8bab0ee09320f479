"""Audit events in SQL: a table in the schema of each service."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_kit.audit.events import AuditEvent, AuditQuery, CallFacts, Outcome
from trivet_kit.db.database import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.db.upserts import put_rows_later
from trivet_kit.page_tokens import Cursor


def audit_event_table(schema: str) -> sa.Table:
    """The table as the code sees it; `create_audit_event` makes it. Times are milliseconds since the Unix epoch."""
    return sa.Table(
        "audit_event",
        sa.MetaData(schema=schema),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("first_time", sa.BigInteger, nullable=False),
        sa.Column("call_count", sa.BigInteger, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("authenticated", sa.Boolean, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("workspace", sa.Text, nullable=False),
        # A JSON array of texts.
        sa.Column("resources", sa.Text, nullable=False),
        sa.Column("more_resources", sa.Integer, nullable=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("claimed_forwarded_for", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
    )


class SqlAuditEvents:
    """Implements `AuditEvents` over the table of a schema."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = audit_event_table(database.schema)
        columns = self._table.c
        self._newest_first = SortKey(
            (SortColumn(columns.time, int, descending=True), SortColumn(columns.event_id, str, descending=True))
        )

    def add(self, events: list[AuditEvent]) -> None:
        """Keeps events, in one transaction."""
        with self._database.transaction("write") as connection:
            # They may be there: the answer to the commit before may have been lost.
            put_rows_later(connection, self._table, [_to_row(event) for event in events])

    def page(self, query: AuditQuery, after: Cursor | None, limit: int) -> list[AuditEvent]:
        """Events, the newest first."""
        statement = self._newest_first.apply(sa.select(self._table), after)
        with self._database.transaction("read") as connection:
            rows = connection.execute(statement.where(*self._conditions(query)).limit(limit)).all()
        return [_to_event(row) for row in rows]

    def forget(self, before: int, limit: int) -> int:
        """Removes old events."""
        columns = self._table.c
        oldest = sa.select(columns.event_id).where(columns.time < before).order_by(columns.time).limit(limit)
        with self._database.transaction("write") as connection:
            return connection.execute(sa.delete(self._table).where(columns.event_id.in_(oldest))).rowcount

    def _conditions(self, query: AuditQuery) -> list[sa.ColumnElement[bool]]:
        columns = self._table.c
        conditions: list[sa.ColumnElement[bool]] = []
        if query.workspace is not None:
            conditions.append(columns.workspace == query.workspace)
        if query.subject is not None:
            conditions.append(columns.subject == query.subject)
        if query.method is not None and query.method.startswith("/"):
            conditions.append(columns.method == query.method)
        elif query.method is not None:
            conditions.append(columns.method.endswith(f"/{query.method}", autoescape=True))
        if query.outcome is not None:
            conditions.append(columns.outcome == query.outcome.value)
        if query.start_time is not None:
            conditions.append(columns.time >= query.start_time)
        if query.end_time is not None:
            conditions.append(columns.time < query.end_time)
        if query.resource is not None:
            conditions.append(_has_name(columns.resources, query.resource))
        return conditions


def _has_name(resources: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """Whether a name, or one below it, is in a JSON array.

    A quotation mark within a name has a backslash before it there, so that names begin and end nowhere else.
    """
    text = _to_json(name)[1:-1]
    begun = [start + text + end for start in ('["', ', "') for end in ('"', "/")]
    return sa.or_(*(resources.contains(each, autoescape=True) for each in begun))


_SAME = ("method", "subject", "authenticated", "token_id", "workspace", "more_resources", "code", "reason")
_OF_ORIGIN = ("peer", "claimed_forwarded_for", "user_agent")


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _to_row(event: AuditEvent) -> dict[str, Any]:
    facts = event.facts
    return {
        "event_id": event.event_id,
        "time": event.time,
        "first_time": event.first_time,
        "call_count": event.call_count,
        "request_id": event.request_id,
        **{name: getattr(facts, name) for name in (*_SAME, *_OF_ORIGIN)},
        "resources": _to_json(facts.resources),
        "outcome": facts.outcome.value,
    }


def _to_event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        event_id=row.event_id,
        time=row.time,
        first_time=row.first_time,
        call_count=row.call_count,
        request_id=row.request_id,
        facts=CallFacts(
            resources=tuple(json.loads(row.resources)),
            outcome=Outcome(row.outcome),
            **{name: getattr(row, name) for name in (*_SAME, *_OF_ORIGIN)},
        ),
    )
