"""Rows of models and versions, read into values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import RowsOfKeys
from trivet_kit.db.statements import JsonRows
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.models import Model
from trivet_registry.domain.versions import (
    ArtifactSource,
    Dataset,
    ExternalSource,
    ModelVersion,
    Provenance,
    Signature,
    VersionState,
)
from trivet_registry.store import tables

_m = tables.model
_v = tables.version
# By names of their own, for queries that these tables stand in as well.
_held = tables.alias.alias("held")
_target = _v.alias("target")
_d = tables.dataset


def _tags_of(table: sa.Table, owner: sa.Column[int]) -> sa.ScalarSelect[str]:
    return sa.select(JsonRows(table.c.key, table.c.value)).where(table.c[owner.name] == owner).scalar_subquery()


MODEL_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    _m.c.model_pk,
    _m.c.workspace,
    _m.c.model_id,
    _m.c.uid,
    _m.c.description,
    _m.c.create_time,
    _m.c.update_time,
    _m.c.created_by,
    _m.c.revision,
    _tags_of(tables.model_tag, _m.c.model_pk).label("tags"),
    sa.select(JsonRows(_held.c.alias, _target.c.version))
    .join_from(_held, _target, _target.c.version_pk == _held.c.version_pk)
    .where(_held.c.model_pk == _m.c.model_pk)
    .scalar_subquery()
    .label("aliases"),
)
"""What `to_model` needs, of `model`."""

VERSION_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    _v.c.version_pk,
    _m.c.workspace,
    _m.c.model_id,
    _m.c.uid,
    _v.c.version,
    _v.c.state,
    _v.c.state_message,
    _v.c.stage,
    _v.c.source_owner,
    _v.c.source_path,
    _v.c.run_id,
    _v.c.logged_model_id,
    _v.c.code_commit,
    _v.c.signature_inputs,
    _v.c.signature_outputs,
    _v.c.signature_params,
    _v.c.copied_from,
    _v.c.manifest_sha256,
    _v.c.description,
    _v.c.create_time,
    _v.c.update_time,
    _v.c.created_by,
    _v.c.revision,
    _tags_of(tables.version_tag, _v.c.version_pk).label("tags"),
    sa.select(JsonRows(_held.c.alias)).where(_held.c.version_pk == _v.c.version_pk).scalar_subquery().label("aliases"),
    sa.select(JsonRows(_d.c.position, _d.c.name, _d.c.digest, _d.c.context))
    .where(_d.c.version_pk == _v.c.version_pk)
    .scalar_subquery()
    .label("datasets"),
)
"""What `to_version` needs, of `version` and `model`."""

MODEL_ROWS = sa.select(*MODEL_COLUMNS)
VERSION_ROWS = sa.select(*VERSION_COLUMNS).join_from(_v, _m, _m.c.model_pk == _v.c.model_pk)

_MODELS_OF_KEYS = RowsOfKeys(MODEL_ROWS, _m.c.model_pk)
_VERSIONS_OF_KEYS = RowsOfKeys(VERSION_ROWS, _v.c.version_pk)


def load_models(connection: Connection, model_pks: Sequence[int]) -> list[Model]:
    """The models with these keys, in their order."""
    found = {row[0]: to_model(row) for row in _MODELS_OF_KEYS.read(connection, model_pks)} if model_pks else {}
    return [found[model_pk] for model_pk in model_pks]


def load_versions(connection: Connection, version_pks: Sequence[int]) -> list[ModelVersion]:
    """The versions with these keys, in their order."""
    found = {row[0]: to_version(row) for row in _VERSIONS_OF_KEYS.read(connection, version_pks)} if version_pks else {}
    return [found[version_pk] for version_pk in version_pks]


def to_model(row: Sequence[Any]) -> Model:
    """A row of MODEL_COLUMNS as a value."""
    _, workspace, model_id, uid, description, create_time, update_time, created_by, revision, tags, aliases = row
    return Model(
        name=ModelName(workspace, model_id),
        uid=uid,
        description=description,
        tags=dict(_rows(tags)),
        aliases=dict(_rows(aliases)),
        create_time=create_time,
        update_time=update_time,
        created_by=created_by,
        revision=revision,
    )


def to_version(row: Sequence[Any]) -> ModelVersion:
    """A row of VERSION_COLUMNS as a value."""
    fields = dict(zip(_VERSION_NAMES, row, strict=True))
    has_artifacts = bool(fields["source_owner"])
    state = VersionState(fields["state"])
    return ModelVersion(
        name=ModelVersionName(fields["workspace"], fields["model_id"], fields["version"]),
        state=state,
        state_message=fields["state_message"],
        stage=fields["stage"],
        aliases=tuple(alias for (alias,) in _rows(fields["aliases"])),
        source=(
            ArtifactSource(fields["source_owner"], fields["source_path"])
            if has_artifacts
            else ExternalSource(fields["source_path"])
        ),
        provenance=Provenance(
            fields["run_id"],
            fields["logged_model_id"],
            fields["code_commit"],
            tuple(Dataset(*dataset) for _, *dataset in _rows(fields["datasets"])),
        ),
        signature=Signature(fields["signature_inputs"], fields["signature_outputs"], fields["signature_params"]),
        copied_from=fields["copied_from"],
        artifact_owner=(artifact_owner(fields["workspace"], fields["uid"], fields["version"]) if has_artifacts else ""),
        manifest_sha256=bytes(fields["manifest_sha256"]),
        verified=has_artifacts and state is VersionState.READY,
        description=fields["description"],
        tags=dict(_rows(fields["tags"])),
        create_time=fields["create_time"],
        update_time=fields["update_time"],
        created_by=fields["created_by"],
        revision=fields["revision"],
    )


def artifact_owner(workspace: str, model_uid: str, number: int) -> str:
    """The owner of a version's files: by the model's uid, so that it survives a rename and is never used again."""
    return str(ModelVersionName(workspace, model_uid, number))


_VERSION_NAMES = VERSION_ROWS.exported_columns.keys()


def _rows(aggregated: str | None) -> list[list[Any]]:
    return sorted(json.loads(aggregated)) if aggregated else []
