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
from trivet_registry.domain.promotion import RulesOfPolicy
from trivet_registry.domain.stages import to_stage
from trivet_registry.domain.versions import ModelVersion, VersionState
from trivet_registry.store import tables
from trivet_registry.store.kept import functions_of, kept
from trivet_registry.store.promotions import RULE_COLUMNS, RULE_COLUMNS_BESIDE_MODEL, to_rules
from trivet_registry.store.rows import VERSION_COLUMNS, load_versions, to_version

_m = tables.model
_v = tables.version
_a = tables.alias
_w = tables.workspace
_other = _v.alias("other")

_OF_MODEL = (_m.c.workspace == sa.bindparam("b_workspace"), _m.c.model_id == sa.bindparam("b_model_id"))
# Rows without a version say that the model is there.
_BY_NUMBER = kept(
    "version_by_number",
    sa.select(*VERSION_COLUMNS)
    .join_from(_m, _v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == sa.bindparam("b_version")), isouter=True)
    .where(*_OF_MODEL),
)
_BY_ALIAS = kept(
    "version_by_alias",
    sa.select(*VERSION_COLUMNS)
    .join_from(_m, _a, sa.and_(_a.c.model_pk == _m.c.model_pk, _a.c.alias == sa.bindparam("b_alias")), isouter=True)
    .join(_v, _v.c.version_pk == _a.c.version_pk, isouter=True)
    .where(*_OF_MODEL),
)


class SqlVersionLookups:
    """Implements `VersionLookups`. Safe for threads."""

    def __init__(self, database: Database, policy: RulesOfPolicy) -> None:
        self._database = database
        self._policy = policy
        self._keys_of_latest = _keys_of_latest(database.dialect)

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
        policy = self._policy(model.workspace)
        values = {"b_workspace": model.workspace, "b_model_id": model.model_id, "b_stages": _as_array(policy.stages)}
        rows = _LATEST.read(self._database, values)
        if not rows:
            raise ModelNotFound(str(model))
        known = to_rules(rows[0]).under(policy).stages
        wanted = {to_stage(stage, known, f"stages[{index}]") for index, stage in enumerate(stages)} or set(known)
        count = len(VERSION_COLUMNS)
        found = [to_version(row[:count]) for row in rows if row.version_pk is not None and row.stage in wanted]
        return sorted(found, key=lambda version: known.index(version.stage))

    def latest_of_models(self, workspace: str, uids: Sequence[str]) -> Mapping[str, Sequence[ModelVersion]]:
        """The same for all stages of several models, by their uids."""
        if not uids:
            return {}
        policy = self._policy(workspace)
        values = {
            "b_workspace": workspace,
            "b_uids": json.dumps(list(uids)),
            "b_stages": _as_array(policy.stages),
        }
        with self._database.transaction("read") as connection:
            rows = [row for row in self._keys_of_latest.execute(connection, values) if row.version_pk is not None]
            versions = load_versions(connection, [row.version_pk for row in rows])
        stages = to_rules(rows[0]).under(policy).stages if rows else ()
        order = {stage: place for place, stage in enumerate(stages)}
        found: dict[str, list[ModelVersion]] = {}
        for row, version in zip(rows, versions, strict=True):
            found.setdefault(row.uid, []).append(version)
        return {uid: sorted(of_model, key=lambda version: order[version.stage]) for uid, of_model in found.items()}


def _as_array(stages: Sequence[str] | None) -> str:
    """What `_listed` is bound to: stages as a JSON array; empty for those of the workspace's row."""
    return json.dumps(stages) if stages else ""


def _listed(dialect: str) -> sa.TableValuedAlias:
    """The stages of a model's workspace: those that are given, or those of its row."""
    given = sa.func.nullif(sa.bindparam("b_stages", type_=sa.Text), "")
    return _texts_in(sa.func.coalesce(given, _w.c.stages), dialect, "listed")


def _texts_in(array: sa.ColumnElement[str], dialect: str, name: str) -> sa.TableValuedAlias:
    """The texts of a JSON array, as rows with the column `value`."""
    if dialect == "sqlite":
        return sa.func.json_each(array).table_valued("value", name=name)
    as_json = sa.cast(array, sa.JSON)
    return sa.func.json_array_elements_text(as_json).table_valued("value").render_derived(name=name)


def _in_stage(stage: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
    """Whether a version, by its other name, is READY and in that stage of its model."""
    byte_order = "BINARY" if dialect == "sqlite" else "C"
    return sa.and_(
        _other.c.model_pk == _m.c.model_pk,
        _other.c.stage == sa.collate(sa.cast(stage, sa.Text), byte_order),
        _other.c.state == VersionState.READY.value,
    )


def _latest(dialect: str) -> sa.Select[Any]:
    """A row for each stage of a model's workspace, with the newest READY version in it where there is one."""
    listed = _listed(dialect)
    newest = sa.select(sa.func.max(_other.c.version)).where(_in_stage(listed.c.value, dialect)).scalar_subquery()
    return (
        sa.select(*VERSION_COLUMNS, *RULE_COLUMNS_BESIDE_MODEL)
        .join_from(_m, _w, _w.c.workspace == _m.c.workspace)
        .join(listed, sa.true())
        .join(_v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == newest), isouter=True)
        .where(*_OF_MODEL)
    )


_LATEST = kept("latest_versions", _latest("postgresql"), on_sqlite=_latest("sqlite"))

FUNCTIONS = functions_of(_BY_NUMBER, _BY_ALIAS, _LATEST)


def _keys_of_latest(dialect: str) -> Statement:
    """The same rows of several models, with keys alone.

    Joined with the versions themselves, PostgreSQL takes them for so many that it reads all versions there are.
    """
    listed = _listed(dialect)
    given = _texts_in(sa.bindparam("b_uids", type_=sa.Text), dialect, "given")
    newest = (
        sa.select(_other.c.version_pk)
        .where(_in_stage(listed.c.value, dialect))
        .order_by(_other.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    return Statement(
        sa.select(_m.c.uid, newest.label("version_pk"), *RULE_COLUMNS)
        .join_from(_m, _w, _w.c.workspace == _m.c.workspace)
        .join(listed, sa.true())
        .where(_m.c.workspace == sa.bindparam("b_workspace"), _m.c.uid.in_(sa.select(given.c.value)))
    )
