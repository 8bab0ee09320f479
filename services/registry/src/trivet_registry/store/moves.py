"""Moves of versions and aliases, of a model that is open: by who may, and by requests that were approved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import Insert, insert_into
from trivet_registry.domain.errors import ModelVersionNotReady
from trivet_registry.domain.history import Action, By
from trivet_registry.domain.models import Model
from trivet_registry.domain.stages import ARCHIVED
from trivet_registry.domain.versions import ModelVersion, VersionState
from trivet_registry.store import tables
from trivet_registry.store.open_models import OpenModel, OpenVersion

_a = tables.alias

Check = Callable[[ModelVersion, str], None]
"""Raises where a version may not go into a stage."""


def _set_alias(dialect: str) -> Insert:
    statement = insert_into(dialect, _a).values({column.name: sa.bindparam(f"b_{column.name}") for column in _a.c})
    return statement.on_conflict_do_update(
        index_elements=["model_pk", "alias"], set_={"version_pk": statement.excluded.version_pk}
    )


_SET_ALIAS = Statement(_set_alias("postgresql"), on_sqlite=_set_alias("sqlite"))


def check_ready(version: OpenVersion) -> None:
    """Checks that a version can be moved, and pointed at. Raises ModelVersionNotReady."""
    if version.value.state is not VersionState.READY:
        raise ModelVersionNotReady(str(version.value.name), version.value.state.name)


def others_in(model: OpenModel, stage: str, version: OpenVersion) -> list[OpenVersion]:
    """The versions in a stage but this one, by number."""
    return [other for other in model.versions_in(stage) if other.version_pk != version.version_pk]


def move_version(
    model: OpenModel, version: OpenVersion, stage: str, by: By, check: Check, *, archive_existing: bool
) -> None:
    """Moves a version into a stage, and, where asked, those that were there to Archived. Raises what `check` does."""
    if archive_existing:
        for other in others_in(model, stage, version):
            _put(other, ARCHIVED, by, check)
    _put(version, stage, by, check)


def _put(version: OpenVersion, stage: str, by: By, check: Check) -> None:
    """Puts a version into a stage; one that is there already stays as it is."""
    check(version.value, stage)
    version.become(Action.VERSION_MOVED, by, replace(version.value, stage=stage))


def point_alias(model: OpenModel, before: Model, alias: str, target: OpenVersion, by: By) -> Model:
    """Lets an alias point at a version; returns the model, which was `before`, as it is after it."""
    _SET_ALIAS.execute_later(
        model.connection, {"b_model_pk": model.model_pk, "b_alias": alias, "b_version_pk": target.version_pk}
    )
    number = target.value.name.version
    after = replace(before, aliases=dict(sorted({**before.aliases, alias: number}.items())))
    return record(model, Action.ALIAS_SET, by, before, after, number)


def remove_alias(model: OpenModel, before: Model, alias: str, by: By) -> Model:
    """Removes an alias that is there; returns as `point_alias` does."""
    model.connection.execute(sa.delete(_a).where(_a.c.model_pk == model.model_pk, _a.c.alias == alias))
    after = replace(before, aliases={each: at for each, at in before.aliases.items() if each != alias})
    return record(model, Action.ALIAS_DELETED, by, before, after, before.aliases[alias])


def record(model: OpenModel, action: Action, by: By, before: Model | None, after: Model, version: int = 0) -> Model:
    """Records a change of a model; returns the model as it is after it."""
    model.record_model(action, by, before, after, version)
    return replace(after, update_time=model.now, revision=model.revision)
