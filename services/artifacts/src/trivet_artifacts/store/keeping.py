"""Retention policies and holds in SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import sqlalchemy as sa

from trivet_artifacts.domain.garbage import Hold, HoldPage, OwnerKind
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import lock_owner, lock_owners
from trivet_kit.db import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import ArtifactOwnerName

_owner = tables.artifact_owner
_retention = tables.artifact_retention

_BY_OWNER = SortKey((SortColumn(_owner.c.owner, str),))


class SqlKeeping:
    """Implements `Keeping`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def policy(self, workspace: str) -> Mapping[OwnerKind, timedelta]:
        """Returns how long files are kept."""
        with self._database.transaction("read") as connection:
            rows = connection.execute(
                sa.select(_retention.c.owner_kind, _retention.c.keep_for_millis)
                .where(_retention.c.workspace == workspace)
                .order_by(_retention.c.owner_kind)
            ).all()
        return {OwnerKind(row.owner_kind): timedelta(milliseconds=row.keep_for_millis) for row in rows}

    def set_policy(self, workspace: str, policy: Mapping[OwnerKind, timedelta]) -> None:
        """Replaces the policy."""
        rows = [
            {"workspace": workspace, "owner_kind": kind.value, "keep_for_millis": keep_for // timedelta(milliseconds=1)}
            for kind, keep_for in policy.items()
        ]
        with self._database.transaction("write") as connection:
            connection.execute(sa.delete(_retention).where(_retention.c.workspace == workspace))
            if rows:
                connection.execute(sa.insert(_retention), rows)

    def hold(self, owner: ArtifactOwnerName, reason: str) -> Hold:
        """Keeps the files of an owner."""
        with self._database.transaction("write") as connection:
            owner_pk = lock_owners(connection, [owner])[owner].owner_pk
            since: int = connection.execute(
                sa.update(_owner)
                .where(_owner.c.owner_pk == owner_pk)
                .values(hold_time=sa.func.coalesce(_owner.c.hold_time, self._now()), hold_reason=reason)
                .returning(_owner.c.hold_time)
            ).scalar_one()
        return Hold(owner, reason, since)

    def release(self, owner: ArtifactOwnerName) -> None:
        """Ends a hold."""
        with self._database.transaction("write") as connection:
            if locked := lock_owner(connection, owner):
                connection.execute(
                    sa.update(_owner)
                    .where(_owner.c.owner_pk == locked.owner_pk)
                    .values(hold_time=None, hold_reason=None)
                )

    def holds(self, workspace: str, size: int, after: Cursor | None) -> HoldPage:
        """Returns a page of holds."""
        held = sa.select(_owner.c.owner, _owner.c.hold_time, _owner.c.hold_reason).where(
            _owner.c.workspace == workspace, _owner.c.hold_time.is_not(None)
        )
        with self._database.transaction("read") as connection:
            rows = connection.execute(_BY_OWNER.apply(held, after).limit(size + 1)).all()
        page = rows[:size]
        return HoldPage(
            tuple(Hold(ArtifactOwnerName(workspace, row.owner), row.hold_reason, row.hold_time) for row in page),
            tuple(_BY_OWNER.cursor(row) for row in page),
            is_last=len(rows) <= size,
        )
