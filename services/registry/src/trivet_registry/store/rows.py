"""Rows of models and versions: found, locked, touched, and read into values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import EtagStale
from trivet_kit.resources import ModelName, ModelVersionName
from trivet_registry.domain.errors import ModelNotFound, ModelVersionNotFound
from trivet_registry.domain.models import Model
from trivet_registry.domain.versions import ArtifactSource, ExternalSource, ModelVersion, VersionState
from trivet_registry.store import tables

_m = tables.model
_v = tables.version


def find_model(connection: Connection, name: ModelName, *, lock: bool = False) -> Row[Any]:
    """The row of a model, locked until the end of the transaction if asked. Raises ModelNotFound."""
    statement = sa.select(_m).where(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise ModelNotFound(str(name))
    return row


def find_version(connection: Connection, model: Row[Any], number: int) -> Row[Any]:
    """The row of a model's version. Raises ModelVersionNotFound."""
    statement = sa.select(_v).where(_v.c.model_pk == model.model_pk, _v.c.version == number)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise ModelVersionNotFound(str(ModelVersionName(model.workspace, model.model_id, number)))
    return row


def check_revision(row: Row[Any], revision: int | None, name: ModelName | ModelVersionName) -> None:
    """Raises EtagStale where a revision is given and is not that of a locked row."""
    if revision is not None and revision != row.revision:
        raise EtagStale(str(name))


def touch_model(connection: Connection, row: Row[Any], now: int, values: Mapping[str, Any] | None) -> None:
    """Writes a model's new values, and that there was a change; None stands for a change of a version alone."""
    changes = {"revision": row.revision + 1, **values} if values is not None else {}
    connection.execute(
        sa.update(_m).where(_m.c.model_pk == row.model_pk).values(update_time=max(now, row.update_time), **changes)
    )


def touch_version(connection: Connection, row: Row[Any], now: int, values: Mapping[str, Any]) -> None:
    """Writes a version's new values, and that there was a change."""
    connection.execute(
        sa.update(_v)
        .where(_v.c.version_pk == row.version_pk)
        .values(update_time=max(now, row.update_time), revision=row.revision + 1, **values)
    )


def change_tags(
    connection: Connection, table: sa.Table, owner_pk: int, tags: Mapping[str, str], deleted: frozenset[str]
) -> None:
    """Sets and removes tags of a model or a version; `table` says which, and `owner_pk` is its key."""
    owner = table.primary_key.columns[0]
    if deleted:
        connection.execute(sa.delete(table).where(owner == owner_pk, table.c.key.in_(sorted(deleted))))
    if tags:
        statement = insert_into(connection.dialect.name, table)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[owner.name, "key"], set_={"value": statement.excluded.value}
            ),
            [{owner.name: owner_pk, "key": key, "value": value} for key, value in sorted(tags.items())],
        )


def load_models(connection: Connection, model_pks: Sequence[int]) -> list[Model]:
    """The models with these keys, in their order."""
    rows = {row.model_pk: row for row in connection.execute(sa.select(_m).where(_m.c.model_pk.in_(model_pks)))}
    tags = _tags(connection, tables.model_tag, model_pks)
    aliases: dict[int, dict[str, int]] = {}
    alias = tables.alias
    for found in connection.execute(
        sa.select(alias.c.model_pk, alias.c.alias, _v.c.version)
        .join(_v, _v.c.version_pk == alias.c.version_pk)
        .where(alias.c.model_pk.in_(model_pks))
        .order_by(alias.c.alias)
    ):
        aliases.setdefault(found.model_pk, {})[found.alias] = found.version
    return [
        Model(
            name=ModelName(row.workspace, row.model_id),
            uid=row.uid,
            description=row.description,
            tags=tags.get(row.model_pk, {}),
            aliases=aliases.get(row.model_pk, {}),
            create_time=row.create_time,
            update_time=row.update_time,
            created_by=row.created_by,
            revision=row.revision,
        )
        for row in (rows[model_pk] for model_pk in model_pks)
    ]


def load_versions(connection: Connection, version_pks: Sequence[int]) -> list[ModelVersion]:
    """The versions with these keys, in their order."""
    statement = sa.select(_v, _m.c.workspace, _m.c.model_id, _m.c.uid).join(_m, _m.c.model_pk == _v.c.model_pk)
    rows = {row.version_pk: row for row in connection.execute(statement.where(_v.c.version_pk.in_(version_pks)))}
    tags = _tags(connection, tables.version_tag, version_pks)
    aliases: dict[int, list[str]] = {}
    alias = tables.alias
    for found in connection.execute(
        sa.select(alias.c.version_pk, alias.c.alias).where(alias.c.version_pk.in_(version_pks)).order_by(alias.c.alias)
    ):
        aliases.setdefault(found.version_pk, []).append(found.alias)
    return [
        _version(rows[version_pk], tags.get(version_pk, {}), tuple(aliases.get(version_pk, ())))
        for version_pk in version_pks
    ]


def artifact_owner(workspace: str, model_uid: str, number: int) -> str:
    """The owner of a version's files: by the model's uid, so that it survives a rename and is never used again."""
    return str(ModelVersionName(workspace, model_uid, number))


def _version(row: Row[Any], tags: Mapping[str, str], aliases: tuple[str, ...]) -> ModelVersion:
    has_artifacts = bool(row.source_owner)
    state = VersionState(row.state)
    return ModelVersion(
        name=ModelVersionName(row.workspace, row.model_id, row.version),
        state=state,
        state_message=row.state_message,
        stage=row.stage,
        aliases=aliases,
        source=(
            ArtifactSource(row.source_owner, row.source_path) if has_artifacts else ExternalSource(row.source_path)
        ),
        run_id=row.run_id,
        artifact_owner=artifact_owner(row.workspace, row.uid, row.version) if has_artifacts else "",
        manifest_sha256=bytes(row.manifest_sha256),
        verified=has_artifacts and state is VersionState.READY,
        description=row.description,
        tags=tags,
        create_time=row.create_time,
        update_time=row.update_time,
        created_by=row.created_by,
        revision=row.revision,
    )


def _tags(connection: Connection, table: sa.Table, owner_pks: Sequence[int]) -> dict[int, dict[str, str]]:
    owner = table.primary_key.columns[0]
    found: dict[int, dict[str, str]] = {}
    for row in connection.execute(
        sa.select(owner.label("owner_pk"), table.c.key, table.c.value).where(owner.in_(owner_pks)).order_by(table.c.key)
    ):
        found.setdefault(row.owner_pk, {})[row.key] = row.value
    return found
