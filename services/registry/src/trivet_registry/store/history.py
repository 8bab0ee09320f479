"""Histories in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.resources import ModelName
from trivet_registry.domain.errors import ModelNotFound
from trivet_registry.domain.history import Action, Entry, FieldChange, Head, HistoryPage, HistoryQuery
from trivet_registry.domain.verification import Kept, Verified, verify
from trivet_registry.store import tables
from trivet_registry.store.promotion_rows import requests_of_model
from trivet_registry.store.rows import VERSION_ROWS, load_models, to_version

_m = tables.model
_v = tables.version
_h = tables.history

_ACTIONS = frozenset(action.value for action in Action)
# Of entries that are read at once: a bound on memory where all of a long history is read.
_ENTRIES_A_PART = 1000


class SqlHistories:
    """Implements `Histories` and `Verifier`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, workspace: str, model: str, query: HistoryQuery) -> HistoryPage:
        """A page of a model's history."""
        with self._database.transaction("read") as connection:
            uid = uid_of(connection, workspace, model)
            statement = sa.select(_h).where(_h.c.model_uid == uid)
            if query.version:
                statement = statement.where(_h.c.version == query.version)
            if query.newest_first:
                beyond = _h.c.sequence < query.after if query.after is not None else sa.true()
                statement = statement.where(beyond).order_by(_h.c.sequence.desc())
            else:
                statement = statement.where(_h.c.sequence > (query.after or 0)).order_by(_h.c.sequence)
            rows = connection.execute(statement.limit(query.size + 1)).all()
        entries = tuple(to_entry(row) for row in rows[: query.size])
        return HistoryPage(uid, entries, is_last=len(rows) <= query.size)

    def until(self, workspace: str, model: str, time: int) -> tuple[str, Sequence[Entry]]:
        """The entries of a model up to a time."""
        with self._database.transaction("read") as connection:
            uid = uid_of(connection, workspace, model)
            rows = connection.execute(
                sa.select(_h).where(_h.c.model_uid == uid, _h.c.time <= time).order_by(_h.c.sequence)
            )
            return uid, [to_entry(row) for row in rows]

    def verify(self, workspace: str, model: str, known: Head | None) -> Verified:
        """Compares a model with its history."""
        with self._database.transaction("read") as connection:
            uid = uid_of(connection, workspace, model)
            row = connection.execute(
                sa.select(_m.c.model_pk, _m.c.history_sequence, _m.c.history_sha256).where(
                    _m.c.workspace == workspace, _m.c.uid == uid
                )
            ).one_or_none()
            entries = _entries(connection, uid)
            asked = requests_of_model(connection, uid)
            if row is None:
                return verify(Kept(uid, entries, None, None, (), asked), known)
            versions = connection.execute(VERSION_ROWS.where(_v.c.model_pk == row.model_pk).order_by(_v.c.version))
            kept = Kept(
                uid,
                entries,
                Head(row.history_sequence, bytes(row.history_sha256)),
                load_models(connection, [row.model_pk])[0],
                tuple(to_version(version) for version in versions),
                asked,
            )
            return verify(kept, known)


def to_entry(row: Any) -> Entry:
    """A row of `history` as a value; one that somebody altered to what no entry has gives one without its digest."""
    return Entry(
        model_uid=row.model_uid,
        sequence=row.sequence,
        action=Action(row.action) if row.action in _ACTIONS else Action.UNKNOWN,
        version=row.version,
        changes=_changes(row.changes),
        time=row.time,
        actor=row.actor,
        reason=row.reason,
        previous_sha256=bytes(row.previous_sha256),
        sha256=bytes(row.sha256),
    )


def _changes(text: str) -> tuple[FieldChange, ...]:
    try:
        changes = tuple(FieldChange(*change) for change in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return (FieldChange("", text, None),)
    are_texts = all(isinstance(each, str | None) for change in changes for each in (change.before, change.after))
    return (
        changes
        if are_texts and all(isinstance(change.field, str) for change in changes)
        else (FieldChange("", text, None),)
    )


def uid_of(connection: Connection, workspace: str, model: str) -> str:
    """The uid of a model by its name, or by the uid itself. Raises ModelNotFound."""
    uid: str | None = connection.execute(
        sa.select(_m.c.uid).where(_m.c.workspace == workspace, _m.c.model_id == model)
    ).scalar_one_or_none()
    if uid is not None:
        return uid
    has_history = sa.exists().where(_h.c.model_uid == model, _h.c.workspace == workspace)
    if connection.execute(sa.select(has_history)).scalar_one():
        return model
    raise ModelNotFound(str(ModelName(workspace, model)))


def _entries(connection: Connection, uid: str) -> Iterator[Entry]:
    """All entries of a model, by sequence."""
    after = sa.literal(-(2**62))
    while True:
        rows = connection.execute(
            sa.select(_h)
            .where(_h.c.model_uid == uid, _h.c.sequence > after)
            .order_by(_h.c.sequence)
            .limit(_ENTRIES_A_PART)
        ).all()
        for row in rows:
            yield to_entry(row)
        if len(rows) < _ENTRIES_A_PART:
            return
        after = sa.literal(rows[-1].sequence)
