"""Rules of promotion in SQL, on the row of each workspace."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db import Database
from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import EtagStale
from trivet_kit.resources import ModelVersionName, WorkspaceName
from trivet_registry.domain.errors import StageInUse
from trivet_registry.domain.promotion import PromotionRules, RulesOfPolicy
from trivet_registry.store import tables

_w = tables.workspace
_m = tables.model
_v = tables.version

RULE_COLUMNS = (
    _w.c.workspace,
    _w.c.stages,
    _w.c.protected_stages,
    _w.c.protected_aliases,
    _w.c.stage_approvals,
    _w.c.alias_approvals,
    _w.c.rules_update_time,
    _w.c.rules_updated_by,
    _w.c.rules_revision,
)
"""What `to_rules` needs."""
RULE_COLUMNS_BESIDE_MODEL = RULE_COLUMNS[1:]
"""The same in queries that have the workspace from `model`."""

# Of advisory locks in two parts: "trrl".
_LOCK_SPACE = 0x7472726C


def share_rules(workspace: sa.ColumnElement[str]) -> sa.Select[Any]:
    """Keeps the rules of a workspace as they are until the end of a transaction, on PostgreSQL; with others who do so.

    Not by the row: each that shares its lock would write to it, and several at once make lists of themselves.
    """
    return sa.select(sa.func.pg_advisory_xact_lock_shared(_LOCK_SPACE, sa.func.hashtext(workspace)))


_READ = Statement(sa.select(*RULE_COLUMNS).where(_w.c.workspace == sa.bindparam("b_workspace")))


class SqlPromotions:
    """Implements `Promotions`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int], policy: RulesOfPolicy) -> None:
        self._database = database
        self._now = now
        self._policy = policy

    def get(self, workspace: str) -> PromotionRules:
        """Returns the rules."""
        rows = _READ.read(self._database, {"b_workspace": workspace})
        return _rules(workspace, rows).under(self._policy(workspace))

    def update(
        self,
        workspace: str,
        change: Callable[[PromotionRules, PromotionRules], PromotionRules],
        actor: str,
        revision: int | None,
    ) -> PromotionRules:
        """Changes the rules."""
        policy = self._policy(workspace)
        with self._database.transaction("write") as connection:
            before = lock_workspace(connection, workspace)
            # Nobody changes a model meanwhile: they share this lock. After the row's, as those who create models do.
            if not self._database.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_SPACE, sa.func.hashtext(workspace))))
            if revision is not None and revision != before.revision:
                raise EtagStale(str(WorkspaceName(workspace)))
            after = replace(
                change(before, before.under(policy)),
                update_time=max(self._now(), before.update_time or 0),
                updated_by=actor,
                revision=before.revision + 1,
            )
            _check_unused(connection, workspace, set(before.stages) - set(after.stages))
            connection.execute(sa.update(_w).where(_w.c.workspace == workspace).values(_values(after)))
            return after.under(policy)


def read_rules(connection: Connection, workspace: str) -> PromotionRules:
    """The rules of a workspace, without the policy file."""
    return _rules(workspace, _READ.execute(connection, {"b_workspace": workspace}))


def _rules(workspace: str, rows: Sequence[Any]) -> PromotionRules:
    return to_rules(rows[0]) if rows else PromotionRules(workspace)


def to_rules(row: Any) -> PromotionRules:
    """A row that has RULE_COLUMNS as a value."""
    return PromotionRules(
        workspace=row.workspace,
        stages=tuple(json.loads(row.stages)),
        protected_stages=_with_approvals(row.protected_stages, row.stage_approvals),
        protected_aliases=_with_approvals(row.protected_aliases, row.alias_approvals),
        update_time=row.rules_update_time,
        updated_by=row.rules_updated_by,
        revision=row.rules_revision,
    )


def _with_approvals(protected: str, approvals: str) -> dict[str, int]:
    numbers = json.loads(approvals)
    return {name: numbers.get(name, 0) for name in json.loads(protected)}


def lock_workspace(connection: Connection, workspace: str) -> PromotionRules:
    """Locks the workspace's row until the end of the transaction; makes it where the workspace is new.

    Others who do the same have to wait; those who change models do not.
    """
    locked = sa.select(*RULE_COLUMNS).where(_w.c.workspace == workspace).with_for_update()
    row = connection.execute(locked).one_or_none()
    if row is None:
        new = insert_into(connection.dialect.name, _w).values(_values(PromotionRules(workspace)))
        connection.execute(new.on_conflict_do_nothing())
        row = connection.execute(locked).one()
    return to_rules(row)


def _values(rules: PromotionRules) -> dict[str, Any]:
    return {
        "workspace": rules.workspace,
        "stages": json.dumps(rules.stages),
        "protected_stages": json.dumps(sorted(rules.protected_stages)),
        "protected_aliases": json.dumps(sorted(rules.protected_aliases)),
        "stage_approvals": json.dumps(dict(rules.protected_stages)),
        "alias_approvals": json.dumps(dict(rules.protected_aliases)),
        "rules_update_time": rules.update_time,
        "rules_updated_by": rules.updated_by,
        "rules_revision": rules.revision,
    }


def _check_unused(connection: Connection, workspace: str, stages: set[str]) -> None:
    """Raises StageInUse."""
    if not stages:
        return
    found = connection.execute(
        sa.select(_m.c.model_id, _v.c.version, _v.c.stage)
        .join_from(_v, _m, _m.c.model_pk == _v.c.model_pk)
        .where(_v.c.workspace == workspace, _v.c.stage.in_(sorted(stages)))
        .order_by(_m.c.model_id, _v.c.version)
        .limit(1)
    ).one_or_none()
    if found is not None:
        raise StageInUse(str(ModelVersionName(workspace, found.model_id, found.version)), found.stage)
