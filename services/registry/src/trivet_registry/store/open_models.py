"""A model that is being changed: its row is locked, and what is done to it goes into its history.

Locks are taken in the order workspace, rules, model. Who creates or renames a model, or changes the rules of promotion,
locks the workspace's row against others who do. Whoever changes anything of a model, its versions or its aliases shares
the lock of the rules, so that they do not change meanwhile, and locks the model's row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.bulk import Scalar
from trivet_kit.db.first_answers import RETENTION_MILLIS, answer_to, statements_of
from trivet_kit.db.statements import Statement
from trivet_kit.db.writes import Writes
from trivet_kit.errors import CallerError, EtagStale
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.errors import ModelNotFound, ModelVersionNotFound
from trivet_registry.domain.fields import model_fields, version_fields
from trivet_registry.domain.history import Action, By, Entry, FieldChange, Head, changes_between, next_entry
from trivet_registry.domain.models import Model
from trivet_registry.domain.versions import ModelVersion
from trivet_registry.store import tables
from trivet_registry.store.kept import functions_of, kept
from trivet_registry.store.promotions import RULE_COLUMNS_BESIDE_MODEL, share_rules, to_rules
from trivet_registry.store.rows import MODEL_ROWS, VERSION_COLUMNS, VERSION_ROWS, artifact_owner, to_model, to_version

_m = tables.model
_v = tables.version
_w = tables.workspace
_r = tables.request

_OF_WORKSPACE: sa.BindParameter[str] = sa.bindparam("b_workspace", type_=sa.Text)
_OF_MODEL: tuple[sa.ColumnElement[Any], ...] = (
    _m.c.model_pk,
    _m.c.next_version,
    _m.c.update_time.label("model_update_time"),
    _m.c.revision.label("model_revision"),
    _m.c.history_sequence,
    _m.c.history_sha256,
    *RULE_COLUMNS_BESIDE_MODEL,
    _r.c.fingerprint,
    _r.c.answer,
)
_IS_REQUEST = sa.and_(
    _r.c.workspace == _m.c.workspace,
    _r.c.request_id == sa.bindparam("b_request_id"),
    _r.c.create_time >= sa.bindparam("b_forgotten_before"),
)
_IS_VERSION = sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == sa.bindparam("b_version"))
_OPENED = (
    sa.select(*VERSION_COLUMNS, *_OF_MODEL)
    .join_from(_m, _w, _w.c.workspace == _m.c.workspace)
    .join(_v, _IS_VERSION, isouter=True)
    .join(_r, _IS_REQUEST, isouter=True)
)
# A version comes with much that a model alone has not.
_OPENED_ALONE = (
    sa.select(_m.c.workspace, _m.c.model_id, _m.c.uid, *_OF_MODEL)
    .join_from(_m, _w, _w.c.workspace == _m.c.workspace)
    .join(_r, _IS_REQUEST, isouter=True)
)


def _opening(name: str, opened: sa.Select[Any], of_model: sa.ColumnElement[bool]) -> Statement:
    """Locks a model, and reads what whoever changes it needs: after the lock, so that it is as it is by now."""
    lock = sa.select(_m.c.model_pk).where(_m.c.workspace == _OF_WORKSPACE, of_model).with_for_update()
    query = opened.where(_m.c.workspace == _OF_WORKSPACE, of_model)
    return kept(name, query, before=(share_rules(_OF_WORKSPACE), lock))


_IS_MODEL = _m.c.model_id == sa.bindparam("b_model_id")
_OPEN = _opening("open_model", _OPENED_ALONE, _IS_MODEL)
_OPEN_WITH_VERSION = _opening("open_version", _OPENED, _IS_MODEL)
_OPEN_BY_UID = _opening("open_model_by_uid", _OPENED, _m.c.uid == sa.bindparam("b_uid"))
_MODEL = kept("model_by_key", MODEL_ROWS.where(_m.c.model_pk == sa.bindparam("b_model_pk")))
_VERSIONS_IN_STAGE = kept(
    "versions_in_stage",
    VERSION_ROWS.where(
        _v.c.model_pk == sa.bindparam("b_model_pk"),
        sa.func.lower(_v.c.stage) == sa.func.lower(sa.bindparam("b_stage", type_=sa.Text)),
    ).order_by(_v.c.version),
)


def _insert(table: sa.Table, *given: str) -> sa.Insert:
    """Inserts a row of all columns but those that the database gives."""
    return (
        sa.insert(table)
        .inline()
        .values({column.name: sa.bindparam(f"b_{column.name}") for column in table.c if column.name not in given})
    )


def _update(key: sa.Column[int], *columns: str) -> sa.Update:
    return (
        sa.update(key.table)
        .where(key == sa.bindparam(f"b_{key.name}"))
        .values({column: sa.bindparam(f"b_{column}") for column in columns})
    )


_WRITES = Writes(
    tables.SCHEMA,
    "write_model",
    {
        "new_version": [_insert(_v, "version_pk")],
        "version": [
            _update(
                _v.c.version_pk,
                "state",
                "state_message",
                "stage",
                "description",
                "manifest_sha256",
                "update_time",
                "revision",
            )
        ],
        "entry": [_insert(tables.history, "entry_pk"), _insert(tables.outbox, "outbox_pk")],
        "model": [
            _update(_m.c.model_pk, "next_version", "update_time", "revision", "history_sequence", "history_sha256")
        ],
        "request": statements_of(_r, _r.c.answer),
    },
)

FUNCTIONS = (*functions_of(_OPEN, _OPEN_WITH_VERSION, _OPEN_BY_UID, _MODEL, _VERSIONS_IN_STAGE), _WRITES.function)


class OpenModel:
    """A model whose row is locked. What is done to it, and recorded, is written at the end of `open_model`."""

    def __init__(self, connection: Connection, row: Any, number: int, now: int) -> None:
        self.connection = connection
        self.model_pk: int = row.model_pk
        self.uid: str = row.uid
        self.name = ModelName(row.workspace, row.model_id)
        self.rules = to_rules(row)
        self.now = max(now, row.model_update_time)
        """Milliseconds since the Unix epoch, never before an earlier change."""
        self.next_version: int = row.next_version
        self.revision: int = row.model_revision
        self._number = number
        self._row = row
        self._head = Head(row.history_sequence, bytes(row.history_sha256))
        self._is_changed = False
        self._waiting: dict[str, Mapping[str, Scalar]] = {}
        """Parts of `_WRITES`."""

    def first_answer(self, request: RepeatableRequest | None) -> str | None:
        """What the request made that it was opened for, where that came before. Raises RequestIdReused."""
        if request is None or self._row.answer is None:
            return None
        answer: str = answer_to(request, self._row.fingerprint, self._row.answer)
        return answer

    def read(self) -> Model:
        """The model as it is by now."""
        return to_model(_MODEL.execute(self.connection, {"b_model_pk": self.model_pk})[0])

    def check_revision(self, revision: int | None) -> None:
        """Raises EtagStale where a revision is given, and is not the model's."""
        if revision is not None and revision != self.revision:
            raise EtagStale(str(self.name))

    def version(self) -> OpenVersion:
        """The version that it was opened with. Raises ModelVersionNotFound."""
        if not self._number or self._row.version_pk is None:
            raise ModelVersionNotFound(str(ModelVersionName(self.name.workspace, self.name.model_id, self._number)))
        return OpenVersion(self, self._row.version_pk, to_version(self._row[: len(VERSION_COLUMNS)]))

    def versions_in(self, stage: str) -> list[OpenVersion]:
        """Its versions in a stage, however that is spelled, by number."""
        rows = _VERSIONS_IN_STAGE.execute(self.connection, {"b_model_pk": self.model_pk, "b_stage": stage})
        return [OpenVersion(self, row.version_pk, to_version(row)) for row in rows]

    def record_model(self, action: Action, by: By, before: Model | None, after: Model | None, version: int = 0) -> None:
        """Records what was done to the model itself, or to its aliases; counts as a change of it."""
        changes = changes_between(
            model_fields(before) if before is not None else {}, model_fields(after) if after is not None else {}
        )
        self.revision += 1
        self.record(action, by, version, changes)

    def record(self, action: Action, by: By, version: int, changes: Iterable[FieldChange]) -> None:
        """Records what was done."""
        entry = next_entry(self.uid, self._head, action, version, changes, self.now, by)
        self._head = entry.head
        self._is_changed = True
        self._wait("entry", {**_entry_values(self.name.workspace, entry), "b_model_id": self.name.model_id})

    def insert_version(self, values: Mapping[str, Scalar]) -> None:
        """Inserts a version of it; `values` are those of its columns, but for the key of the model."""
        self._wait(
            "new_version", {f"b_{column}": value for column, value in values.items()} | {"b_model_pk": self.model_pk}
        )

    def update_version(self, version_pk: int, values: Mapping[str, Scalar]) -> None:
        """Changes a version of it."""
        bound = {f"b_{column}": value for column, value in values.items()}
        self._wait("version", {**bound, "b_version_pk": version_pk})

    def remember(self, values: Mapping[str, Scalar]) -> None:
        """Keeps what a request made, as `FirstAnswers.values` gives it."""
        self._wait("request", values)

    def write(self) -> None:
        """Writes what was done so far, and what the model's row says of what was recorded."""
        if self._is_changed:
            self._is_changed = False
            self._wait(
                "model",
                {
                    "b_model_pk": self.model_pk,
                    "b_next_version": self.next_version,
                    "b_update_time": self.now,
                    "b_revision": self.revision,
                    "b_history_sequence": self._head.sequence,
                    "b_history_sha256": self._head.sha256,
                },
            )
        self._write_waiting()

    def _wait(self, part: str, values: Mapping[str, Scalar]) -> None:
        if part in self._waiting:
            self._write_waiting()
        self._waiting[part] = values

    def _write_waiting(self) -> None:
        if self._waiting:
            _WRITES.execute_later(self.connection, self._waiting)
            self._waiting = {}


class OpenVersion:
    """A version of a model that is open."""

    def __init__(self, model: OpenModel, version_pk: int, value: ModelVersion) -> None:
        self._model = model
        self.version_pk = version_pk
        self.value = value
        """As it is by now."""

    def check_revision(self, revision: int | None) -> None:
        """Raises EtagStale where a revision is given, and is not the version's."""
        if revision is not None and revision != self.value.revision:
            raise EtagStale(str(self.value.name))

    def become(self, action: Action, by: By, after: ModelVersion) -> None:
        """Gives the version other values of its own columns, and records that; the same values are no change.

        Tags are written by who changes them.
        """
        changes = changes_between(version_fields(self.value), version_fields(after))
        if not changes:
            return
        revision = self.value.revision + 1
        self.value = replace(after, update_time=self._model.now, revision=revision)
        self._model.update_version(
            self.version_pk,
            {
                "state": after.state.value,
                "state_message": after.state_message,
                "stage": after.stage,
                "description": after.description,
                "manifest_sha256": after.manifest_sha256,
                "update_time": self._model.now,
                "revision": revision,
            },
        )
        self._model.record(action, by, after.name.version, changes)


@contextmanager
def open_model(
    database: Database,
    name: ModelName,
    now: Callable[[], int],
    version: int = 0,
    request: RepeatableRequest | None = None,
) -> Iterator[OpenModel]:
    """Opens a model for changes, in a transaction that begins with it and ends with the block. Raises ModelNotFound.

    Args:
        database: Where it is.
        name: Of the model.
        now: Gives milliseconds since the Unix epoch.
        version: The number of a version of it that is to be changed, or pointed at; 0: none.
        request: What asks for it.
    """
    values = _opening_values({"b_workspace": name.workspace, "b_model_id": name.model_id}, now, version, request)
    statement = _OPEN_WITH_VERSION if version else _OPEN
    with database.transaction_from(lambda connection: statement.execute(connection, values)) as (connection, rows):
        yield from _opened(connection, rows, ModelNotFound(str(name)), now, version)


@contextmanager
def open_model_in(
    connection: Connection, name: ModelName, now: Callable[[], int], request: RepeatableRequest | None = None
) -> Iterator[OpenModel]:
    """Opens a model as `open_model` does, in a transaction that writes and has begun."""
    values = _opening_values({"b_workspace": name.workspace, "b_model_id": name.model_id}, now, 0, request)
    yield from _opened(connection, _OPEN.execute(connection, values), ModelNotFound(str(name)), now, 0)


@contextmanager
def open_model_by_uid(
    database: Database, workspace: str, uid: str, now: Callable[[], int], version: int
) -> Iterator[OpenModel]:
    """Opens a model as `open_model` does, by its uid. Raises ModelVersionNotFound where it is gone."""
    values = _opening_values({"b_workspace": workspace, "b_uid": uid}, now, version, None)
    with database.transaction_from(lambda connection: _OPEN_BY_UID.execute(connection, values)) as (connection, rows):
        missing = ModelVersionNotFound(artifact_owner(workspace, uid, version))
        yield from _opened(connection, rows, missing, now, version)


def _opening_values(
    of_model: Mapping[str, str], now: Callable[[], int], version: int, request: RepeatableRequest | None
) -> dict[str, str | int]:
    return {
        **of_model,
        "b_version": version,
        "b_request_id": request.request_id if request is not None else "",
        "b_forgotten_before": now() - RETENTION_MILLIS,
    }


def _opened(
    connection: Connection, rows: Sequence[Any], missing: CallerError, now: Callable[[], int], version: int
) -> Iterator[OpenModel]:
    if not rows:
        raise missing
    model = OpenModel(connection, rows[0], version, now())
    yield model
    model.write()


def _entry_values(workspace: str, entry: Entry) -> Mapping[str, str | int | bytes]:
    return {
        "b_workspace": workspace,
        "b_model_uid": entry.model_uid,
        "b_sequence": entry.sequence,
        "b_action": entry.action.value,
        "b_version": entry.version,
        "b_changes": entry.texts.changes,
        "b_time": entry.time,
        "b_actor": entry.actor,
        "b_reason": entry.reason,
        "b_previous_sha256": entry.previous_sha256,
        "b_sha256": entry.sha256,
    }
