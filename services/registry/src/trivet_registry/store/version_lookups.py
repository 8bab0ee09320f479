"""The reads of single versions, which loading a model begins with: one statement each, by one round trip."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.db.statements import Statement
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.errors import ModelAliasNotFound, ModelNotFound, ModelVersionNotFound
from trivet_registry.domain.stages import to_stage
from trivet_registry.domain.versions import ModelVersion, VersionState
from trivet_registry.store import tables
from trivet_registry.store.promotions import RULE_COLUMNS, to_rules
from trivet_registry.store.rows import VERSION_COLUMNS, to_version

_m = tables.model
_v = tables.version
_a = tables.alias
_w = tables.workspace

_OF_MODEL = (_m.c.workspace == sa.bindparam("b_workspace"), _m.c.model_id == sa.bindparam("b_model_id"))
# Rows without a version say that the model is there.
_BY_NUMBER = Statement(
    sa.select(*VERSION_COLUMNS)
    .join_from(_m, _v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == sa.bindparam("b_version")), isouter=True)
    .where(*_OF_MODEL)
)
_BY_ALIAS = Statement(
    sa.select(*VERSION_COLUMNS)
    .join_from(_m, _a, sa.and_(_a.c.model_pk == _m.c.model_pk, _a.c.alias == sa.bindparam("b_alias")), isouter=True)
    .join(_v, _v.c.version_pk == _a.c.version_pk, isouter=True)
    .where(*_OF_MODEL)
)


class SqlVersionLookups:
    """Implements `VersionLookups`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        newest = _newest(database.dialect)
        given = _texts_in(sa.bindparam("b_uids", type_=sa.Text), database.dialect, "given")
        self._latest = Statement(newest.where(*_OF_MODEL))
        self._latest_of_models = Statement(
            newest.where(
                _m.c.workspace == sa.bindparam("b_workspace"),
                _m.c.uid.in_(sa.select(given.c.value)),
            )
        )

    def get(self, name: ModelVersionName) -> ModelVersion:
        """Returns a version. Raises ModelNotFound, ModelVersionNotFound."""
        of_model = {"b_workspace": name.workspace, "b_model_id": name.model_id}
        rows = _BY_NUMBER.read(self._database, {**of_model, "b_version": name.version})
        if not rows:
            raise ModelNotFound(str(name.model))
        if rows[0].version_pk is None:
            raise ModelVersionNotFound(str(name))
        return to_version(rows[0])

    def get_by_alias(self, model: ModelName, alias: str) -> ModelVersion:
        """Returns the version that an alias points at. Raises ModelNotFound, ModelAliasNotFound."""
        values = {"b_workspace": model.workspace, "b_model_id": model.model_id, "b_alias": alias}
        rows = _BY_ALIAS.read(self._database, values)
        if not rows:
            raise ModelNotFound(str(model))
        if rows[0].version_pk is None:
            raise ModelAliasNotFound(str(model), alias)
        return to_version(rows[0])

    def latest(self, model: ModelName, stages: Sequence[str]) -> Sequence[ModelVersion]:
        """The newest READY versions by stage. Raises ModelNotFound, FieldInvalid."""
        values = {"b_workspace": model.workspace, "b_model_id": model.model_id}
        rows = self._latest.read(self._database, values)
        if not rows:
            raise ModelNotFound(str(model))
        known = to_rules(rows[0]).stages
        wanted = {to_stage(stage, known, f"stages[{index}]") for index, stage in enumerate(stages)} or set(known)
        count = len(VERSION_COLUMNS)
        found = [to_version(row[:count]) for row in rows if row.version_pk is not None and row.stage in wanted]
        return sorted(found, key=lambda version: known.index(version.stage))

    def latest_of_models(self, workspace: str, uids: Sequence[str]) -> Mapping[str, Sequence[ModelVersion]]:
        """The same for all stages of several models, by their uids."""
        if not uids:
            return {}
        rows = self._latest_of_models.read(self._database, {"b_workspace": workspace, "b_uids": json.dumps(list(uids))})
        found: dict[str, list[ModelVersion]] = {}
        count = len(VERSION_COLUMNS)
        for row in rows:
            if row.version_pk is not None:
                found.setdefault(row.uid, []).append(to_version(row[:count]))
        order = {stage: place for place, stage in enumerate(to_rules(rows[0]).stages)} if rows else {}
        return {uid: sorted(versions, key=lambda version: order[version.stage]) for uid, versions in found.items()}


def _texts_in(array: sa.ColumnElement[str], dialect: str, name: str) -> sa.TableValuedAlias:
    """The texts of a JSON array, as rows with the column `value`."""
    if dialect == "sqlite":
        return sa.func.json_each(array).table_valued("value", name=name)
    as_json = sa.cast(array, sa.JSON)
    return sa.func.json_array_elements_text(as_json).table_valued("value").render_derived(name=name)


def _newest(dialect: str) -> sa.Select[Any]:
    """A row for each stage of a model's workspace, with the newest READY version in it where there is one."""
    other = _v.alias("other")
    byte_order = "BINARY" if dialect == "sqlite" else "C"
    listed = _texts_in(_w.c.stages, dialect, "listed")
    newest = (
        sa.select(sa.func.max(other.c.version))
        .where(
            other.c.model_pk == _m.c.model_pk,
            other.c.stage == sa.collate(sa.cast(listed.c.value, sa.Text), byte_order),
            other.c.state == VersionState.READY.value,
        )
        .scalar_subquery()
    )
    rules = [column.label(f"rules_of_{column.name}") if column is _w.c.workspace else column for column in RULE_COLUMNS]
    return (
        sa.select(*VERSION_COLUMNS, *rules)
        .join_from(_m, _w, _w.c.workspace == _m.c.workspace)
        .join(listed, sa.true())
        .join(_v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == newest), isouter=True)
    )
