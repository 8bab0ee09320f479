"""Versions that begin: their rows, where their files lie, and what they wait for."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.bulk import Scalar
from trivet_kit.db.statements import Statement
from trivet_kit.resources import ModelName, ModelVersionName, model_version_in
from trivet_registry.domain.errors import (
    ModelNotFound,
    ModelSourceUnusable,
    ModelVersionNotFound,
    ModelVersionNotReady,
)
from trivet_registry.domain.fields import version_fields
from trivet_registry.domain.history import Action, By, changes_between
from trivet_registry.domain.stages import NO_STAGE
from trivet_registry.domain.versions import ArtifactSource, Link, ModelVersion, NewVersion, VersionState
from trivet_registry.store import tables
from trivet_registry.store.open_models import OpenModel
from trivet_registry.store.rows import VERSION_COLUMNS, artifact_owner, to_version
from trivet_registry.store.tags import change_tags

_m = tables.model
_v = tables.version
_d = tables.dataset

_KEY = Statement(
    sa.select(_v.c.version_pk).where(
        _v.c.model_pk == sa.bindparam("b_model_pk"), _v.c.version == sa.bindparam("b_version")
    )
)


def insert_version(model: OpenModel, new: NewVersion, by: By) -> tuple[ModelVersion, Link | None]:
    """Gives a version the next number of its model; returns it, and what it waits for where it is PENDING.

    Raises:
        ModelVersionNotFound, ModelVersionNotReady, ModelSourceUnusable: the source is a version without files.
    """
    source = new.source
    artifacts = source if isinstance(source, ArtifactSource) else None
    link_owner = _lasting_owner(model.connection, artifacts) if artifacts else ""
    number = model.next_version
    model.next_version = number + 1
    version = begun_version(new, by, model.name, model.uid, number, model.now)
    _insert(model, version, link_owner)
    model.record(Action.VERSION_CREATED, by, number, changes_between({}, version_fields(version)))
    if artifacts is None:
        return version, None
    return version, Link(model.name.workspace, model.uid, number, link_owner, artifacts.path, version.artifact_owner)


def begun_version(new: NewVersion, by: By, model: ModelName, model_uid: str, number: int, now: int) -> ModelVersion:
    """A version as it is when it has been registered: PENDING where it waits for files."""
    waits = isinstance(new.source, ArtifactSource)
    return ModelVersion(
        name=ModelVersionName(model.workspace, model.model_id, number),
        state=VersionState.PENDING if waits else VersionState.READY,
        state_message="",
        stage=NO_STAGE,
        aliases=(),
        source=new.source,
        provenance=new.provenance,
        signature=new.signature,
        copied_from=new.copied_from,
        artifact_owner=artifact_owner(model.workspace, model_uid, number) if waits else "",
        manifest_sha256=new.manifest_sha256,
        verified=False,
        description=new.description,
        tags=dict(new.tags),
        create_time=now,
        update_time=now,
        created_by=by.actor,
        revision=1,
    )


def copy_of(connection: Connection, name: ModelVersionName, destination: ModelName) -> NewVersion:
    """What a copy of a version in a model begins as.

    Raises:
        ModelNotFound, ModelVersionNotFound, ModelVersionNotReady: there is nothing to copy.
    """
    row = connection.execute(
        sa.select(*VERSION_COLUMNS)
        .join_from(_m, _v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == name.version), isouter=True)
        .where(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    ).one_or_none()
    if row is None:
        raise ModelNotFound(str(name.model))
    if row.version_pk is None:
        raise ModelVersionNotFound(str(name))
    origin = to_version(row)
    if origin.state is not VersionState.READY:
        raise ModelVersionNotReady(str(name), origin.state.name)
    return NewVersion(
        model=destination,
        source=ArtifactSource(origin.artifact_owner, "") if origin.artifact_owner else origin.source,
        provenance=origin.provenance,
        signature=origin.signature,
        description=origin.description,
        tags=origin.tags,
        copied_from=str(name),
        manifest_sha256=origin.manifest_sha256,
    )


def link_of(connection: Connection, version_pk: int) -> Link | None:
    """What a version waits for; None where it is not PENDING."""
    row = connection.execute(
        sa.select(_v, _m.c.uid)
        .join(_m, _m.c.model_pk == _v.c.model_pk)
        .where(_v.c.version_pk == version_pk, _v.c.state == VersionState.PENDING.value)
    ).one_or_none()
    if row is None:
        return None
    return Link(
        workspace=row.workspace,
        model_uid=row.uid,
        version=row.version,
        source_owner=row.link_owner,
        source_path=row.source_path,
        destination_owner=artifact_owner(row.workspace, row.uid, row.version),
    )


def columns_of(version: ModelVersion, link_owner: str) -> dict[str, Scalar]:
    """The columns of a version that begins, but for its keys."""
    source, provenance, signature = version.source, version.provenance, version.signature
    return {
        "workspace": version.name.workspace,
        "version": version.name.version,
        "state": version.state.value,
        "state_message": version.state_message,
        "stage": version.stage,
        "source_owner": source.owner if isinstance(source, ArtifactSource) else "",
        "source_path": source.path if isinstance(source, ArtifactSource) else source.uri,
        "link_owner": link_owner,
        "run_id": provenance.run_id,
        "logged_model_id": provenance.logged_model_id,
        "code_commit": provenance.commit,
        "signature_inputs": signature.inputs,
        "signature_outputs": signature.outputs,
        "signature_params": signature.params,
        "copied_from": version.copied_from,
        "manifest_sha256": version.manifest_sha256,
        "description": version.description,
        "create_time": version.create_time,
        "update_time": version.update_time,
        "created_by": version.created_by,
        "revision": version.revision,
        "attempt_time": version.create_time,
    }


def _insert(model: OpenModel, version: ModelVersion, link_owner: str) -> None:
    provenance = version.provenance
    model.insert_version(columns_of(version, link_owner))
    if not version.tags and not provenance.datasets:
        return
    model.write()
    of_version = {"b_model_pk": model.model_pk, "b_version": version.name.version}
    version_pk: int = _KEY.execute(model.connection, of_version)[0].version_pk
    change_tags(model.connection, tables.version_tag, version_pk, version.tags, frozenset())
    if provenance.datasets:
        rows = [
            {"version_pk": version_pk, "position": position, "name": each.name, "digest": each.digest}
            | {"context": each.context}
            for position, each in enumerate(provenance.datasets)
        ]
        model.connection.execute(sa.insert(_d), rows)


def _lasting_owner(connection: Connection, source: ArtifactSource) -> str:
    """Who has the files of a source, by a name that no rename changes.

    Raises:
        ModelVersionNotFound, ModelVersionNotReady, ModelSourceUnusable: the source is a version without files.
    """
    name = model_version_in(source.owner)
    if name is None:
        return source.owner
    by_uid = sa.and_(_m.c.workspace == name.workspace, _m.c.uid == name.model_id)
    by_name = sa.and_(_m.c.workspace == name.workspace, _m.c.model_id == name.model_id)
    # A model whose name is another one's uid goes first: that is what its caller sees.
    row = connection.execute(
        sa.select(_m.c.uid, _v.c.state, _v.c.source_owner)
        .join_from(_m, _v, sa.and_(_v.c.model_pk == _m.c.model_pk, _v.c.version == name.version), isouter=True)
        .where(sa.or_(by_name, by_uid))
        .order_by(sa.case((by_name, 0), else_=1))
        .limit(1)
    ).one_or_none()
    if row is None or row.state is None:
        raise ModelVersionNotFound(source.owner)
    if row.state != VersionState.READY.value:
        raise ModelVersionNotReady(source.owner, VersionState(row.state).name)
    if not row.source_owner:
        raise ModelSourceUnusable(source.owner, source.owner, source.path, "its files are outside of Trivet")
    return artifact_owner(name.workspace, row.uid, name.version)
