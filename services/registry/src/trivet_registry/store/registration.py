"""Versions registered on PostgreSQL where nothing is in their way: one function, in one round trip (ADR 66)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.bulk import DriverStatement, Scalar, array_of_texts
from trivet_kit.db.first_answers import FirstAnswers, statements_of
from trivet_kit.db.functions import function_of
from trivet_kit.requests import RepeatableRequest
from trivet_kit.resources import model_version_in
from trivet_registry.domain.errors import ModelNotFound
from trivet_registry.domain.fields import version_fields
from trivet_registry.domain.history import Action, By, changes_between, entry_texts
from trivet_registry.domain.versions import ArtifactSource, Link, ModelVersion, NewVersion
from trivet_registry.store import tables
from trivet_registry.store.new_versions import begun_version, columns_of
from trivet_registry.store.promotions import share_rules

_m = tables.model
_v = tables.version
_r = tables.request

_BY_THE_MODEL = ("model_pk", "version", "create_time", "update_time", "attempt_time")
_GIVEN = tuple(column.name for column in _v.c if column.name not in ("version_pk", *_BY_THE_MODEL))
_DATASET = ("name", "digest", "context")
_TEXTS = (
    *("model_id", "request_id", "fingerprint", "reason", "tag_keys", "tag_values"),
    *(f"dataset_{name}s" for name in _DATASET),
    *("kind_json", "action_json", "actor_json", "reason_json", "changes"),
)
_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    **{name: _v.c[name].type for name in _GIVEN},
    **dict.fromkeys(_TEXTS, sa.Text()),
    "action": tables.history.c.action.type,
    "now": sa.BigInteger(),
}
_OF_WORKSPACE: sa.BindParameter[str] = sa.bindparam("b_workspace", type_=sa.Text)
_FORGET, _ = statements_of(_r, _r.c.answer)
_QUERY = sa.text(
    f"""
    WITH opened AS (
        SELECT m.model_pk, m.uid, m.next_version AS version, greatest(m.update_time, :b_now) AS time,
            m.history_sequence + 1 AS sequence, m.history_sha256 AS previous, r.answer
        FROM {tables.SCHEMA}.model m
        LEFT JOIN {tables.SCHEMA}.request r ON r.workspace = m.workspace AND r.request_id = :b_request_id
        WHERE m.workspace = :b_workspace AND m.model_id = :b_model_id
    ), taken AS (
        SELECT *, sha256(convert_to('[' || concat_ws(',', :b_kind_json, '"' || uid || '"', sequence, :b_action_json,
            version, time, :b_actor_json, :b_reason_json, :b_changes, '"' || encode(previous, 'hex') || '"') || ']',
            'UTF8')) AS sha256
        FROM opened WHERE answer IS NULL
    ), registered AS (
        INSERT INTO {tables.SCHEMA}.version ({", ".join((*_BY_THE_MODEL, *_GIVEN))})
        SELECT model_pk, version, time, time, time, {", ".join(f":b_{name}" for name in _GIVEN)} FROM taken
        RETURNING version_pk
    ), tags AS (
        INSERT INTO {tables.SCHEMA}.version_tag (version_pk, key, value)
        SELECT version_pk, tag.* FROM registered
        CROSS JOIN unnest(CAST(:b_tag_keys AS text[]), CAST(:b_tag_values AS text[])) AS tag
    ), datasets AS (
        INSERT INTO {tables.SCHEMA}.dataset (version_pk, {", ".join(_DATASET)}, position)
        SELECT version_pk, {", ".join(_DATASET)}, place - 1 FROM registered
        CROSS JOIN unnest({", ".join(f"CAST(:b_dataset_{name}s AS text[])" for name in _DATASET)})
            WITH ORDINALITY AS dataset ({", ".join(_DATASET)}, place)
    ), recorded AS (
        INSERT INTO {tables.SCHEMA}.history
            (workspace, model_uid, sequence, action, version, changes, time, actor, reason, previous_sha256, sha256)
        SELECT :b_workspace, uid, sequence, :b_action, version, :b_changes, time, :b_created_by, :b_reason, previous,
            sha256 FROM taken
    ), told AS (
        INSERT INTO {tables.SCHEMA}.outbox (workspace, model_id, model_uid, sequence, action)
        SELECT :b_workspace, :b_model_id, uid, sequence, :b_action FROM taken
    ), changed AS (
        UPDATE {tables.SCHEMA}.model SET (next_version, update_time, history_sequence, history_sha256) =
            (SELECT version + 1, time, sequence, sha256 FROM taken)
        WHERE model_pk = (SELECT model_pk FROM taken)
    ), remembered AS (
        INSERT INTO {tables.SCHEMA}.request (workspace, request_id, fingerprint, answer, create_time)
        SELECT :b_workspace, :b_request_id, :b_fingerprint, uid || '/' || version, :b_now FROM taken
    )
    SELECT uid, version, time, answer IS NOT NULL FROM opened
    """  # noqa: S608 - the names are ours
)
_REGISTER = function_of(
    tables.SCHEMA,
    "register_version",
    _QUERY.bindparams(*(sa.bindparam(f"b_{name}", type_=kind) for name, kind in _TYPES.items())).columns(
        sa.column("uid", sa.Text),
        sa.column("version", sa.BigInteger),
        sa.column("time", sa.BigInteger),
        sa.column("is_repeated", sa.Boolean),
    ),
    before=(
        share_rules(_OF_WORKSPACE),
        sa.select(_m.c.model_pk)
        .where(_m.c.workspace == _OF_WORKSPACE, _m.c.model_id == sa.bindparam("b_model_id"))
        .with_for_update(),
        _FORGET,
    ),
)
_DRIVER = DriverStatement(_REGISTER)

FUNCTIONS = (_REGISTER,)
"""What PostgreSQL has as functions."""


class Registration:
    """Registers versions on PostgreSQL. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, first_answers: FirstAnswers, now: Callable[[], int]) -> None:
        self._database = database
        self._first_answers = first_answers
        self._now = now

    def register(self, new: NewVersion, by: By, request: RepeatableRequest) -> tuple[ModelVersion, Link | None] | None:
        """Takes the model's next number, in a transaction of its own, and returns as `Versions.register` does.

        None, and nothing is done, where the request registered a version before, and where the files are those of a
        version: who has those is looked up first.

        Raises:
            ModelNotFound: there is no such model.
            UniqueViolation: the request id is that of another model's request.
        """
        source = new.source
        owner = source.owner if isinstance(source, ArtifactSource) else ""
        if owner and model_version_in(owner) is not None:
            return None
        rows = self._database.run_once(_DRIVER.text, _DRIVER.parameters(self._values(new, by, request, owner)))
        if not rows:
            raise ModelNotFound(str(new.model))
        uid, number, time, is_repeated = rows[0]
        if is_repeated:
            return None
        version = begun_version(new, by, new.model, uid, number, time)
        if not isinstance(source, ArtifactSource):
            return version, None
        return version, Link(new.model.workspace, uid, number, owner, source.path, version.artifact_owner)

    def _values(self, new: NewVersion, by: By, request: RepeatableRequest, owner: str) -> dict[str, Scalar]:
        # What is recorded of a version says neither its number nor its time: those of its entry do.
        begun = begun_version(new, by, new.model, "", 0, 0)
        said = entry_texts(Action.VERSION_CREATED, by.actor, by.reason, changes_between({}, version_fields(begun)))
        columns = columns_of(begun, owner)
        datasets = new.provenance.datasets
        return {
            **{f"b_{name}": columns[name] for name in _GIVEN},
            "b_model_id": new.model.model_id,
            "b_request_id": request.request_id,
            "b_fingerprint": request.fingerprint,
            "b_reason": by.reason,
            "b_tag_keys": array_of_texts(new.tags),
            "b_tag_values": array_of_texts(new.tags.values()),
            **{
                f"b_dataset_{name}s": array_of_texts(getattr(dataset, name) for dataset in datasets)
                for name in _DATASET
            },
            "b_kind_json": said.kind,
            "b_action_json": said.action,
            "b_actor_json": said.actor,
            "b_reason_json": said.reason,
            "b_changes": said.changes,
            "b_action": Action.VERSION_CREATED.value,
            "b_now": self._now(),
            "b_forgotten_before": self._first_answers.forgotten_before(),
        }
