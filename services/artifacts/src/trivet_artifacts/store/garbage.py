"""Files that are given up, and objects to which nothing refers, in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.errors import CollectionBusy
from trivet_artifacts.domain.garbage import Collected, Collection, OwnerKind, OwnerKindUsage, SpaceUsage
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import IS_FILE, chunks, lock_owner, remove_empty_folders
from trivet_artifacts.store.objects import touch
from trivet_kit.db import Database
from trivet_kit.db.upserts import insert_into
from trivet_kit.resources import ArtifactOwnerName

# How long a process that died may have a workspace to itself.
_CLAIM_MILLIS = 10 * 60 * 1000
# Nobody holds these keys: whoever looks for what is left behind removes the bytes.
_FREED = "freed"

_collection = tables.artifact_collection
_entry = tables.artifact_entry
_object = tables.artifact_object
_owner = tables.artifact_owner
_retention = tables.artifact_retention
_upload = tables.artifact_upload

_IS_REFERRED_TO = sa.exists().where(_entry.c.object_pk == _object.c.object_pk)


class SqlGarbage:
    """Implements `Garbage`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now
        self._holder = uuid.uuid4().hex

    def workspaces(self) -> list[str]:
        """Returns the workspaces that have files, or bytes."""
        # References alone can expire too, and objects alone be freed.
        found = sa.union(sa.select(_owner.c.workspace), sa.select(_object.c.workspace))
        with self._database.transaction("read") as connection:
            return sorted(connection.execute(found).scalars())

    def claim(self, workspace: str) -> None:
        """Begins to collect a workspace."""
        now = self._now()
        insert = insert_into(self._database.dialect, _collection).values(
            workspace=workspace, holder=self._holder, expire_time=now + _CLAIM_MILLIS
        )
        free = insert.on_conflict_do_update(
            index_elements=["workspace"],
            set_={"holder": insert.excluded.holder, "expire_time": insert.excluded.expire_time},
            where=_collection.c.expire_time <= now,
        )
        with self._database.transaction("write") as connection:
            if not connection.execute(free).rowcount:
                raise CollectionBusy(workspace)

    def unclaim(self, workspace: str) -> None:
        """Ends what `claim` began."""
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.delete(_collection).where(_collection.c.workspace == workspace, _collection.c.holder == self._holder)
            )

    def preview(self, collection: Collection) -> Collected:
        """Returns what would be collected."""
        with self._database.transaction("read") as connection:
            expired = connection.execute(self._expired(collection)).all()
            unused = connection.execute(self._unused(collection).where(~_IS_REFERRED_TO)).all()
        return _collected(expired, unused, collection.limit)

    def expire(self, collection: Collection) -> Collected:
        """Removes files that the policy gives up."""
        with self._database.transaction("read") as connection:
            found = connection.execute(self._expired(collection)).all()
        removed: list[Row[Any]] = []
        for name in sorted({row.owner for row in found}):
            with self._database.transaction("write") as connection:
                # Looked at again under the lock: files may be new, and the owner may be held.
                locked = lock_owner(connection, ArtifactOwnerName(collection.workspace, name))
                if locked is None or locked.held:
                    continue
                wanted = self._expired(collection).where(_owner.c.owner == name)
                rows = connection.execute(wanted).all()
                self._remove(connection, locked.owner_pk, rows)
            removed += rows
        return _collected(removed, [], collection.limit, more=len(found) > collection.limit)

    def detach(self, collection: Collection) -> tuple[Collected, Sequence[str]]:
        """Takes objects to which nothing refers out of the index."""
        now = self._now()
        with self._database.transaction("write") as connection:
            # Locked first, and then looked at again: whoever makes a file of an object locks it, too, so that from here
            # on no file can come to refer to those that are free. Those that somebody has just now are passed over.
            free = self._unused(collection).where(~_IS_REFERRED_TO).with_for_update(skip_locked=True)
            candidates = connection.execute(free).all()
            freed: list[Row[Any]] = []
            for chunk in chunks([row.object_pk for row in candidates[: collection.limit]]):
                still_free = self._unused(collection).where(_object.c.object_pk.in_(chunk), ~_IS_REFERRED_TO)
                freed += connection.execute(still_free).all()
            for rows in chunks(freed):
                connection.execute(sa.delete(_object).where(_object.c.object_pk.in_([row.object_pk for row in rows])))
                connection.execute(
                    sa.insert(_upload),
                    [{"object_key": row.object_key, "holder": _FREED, "expire_time": now - 1} for row in rows],
                )
        more = len(candidates) > collection.limit
        return _collected([], freed, collection.limit, more=more), [row.object_key for row in freed]

    def usage(self, workspace: str) -> SpaceUsage:
        """Returns how much room files take."""
        with self._database.transaction("read") as connection:
            kinds = [self._kind_usage(connection, workspace, kind) for kind in OwnerKind]
            sizes = sa.select(
                sa.func.count().label("objects"), sa.func.coalesce(sa.func.sum(_object.c.size_bytes), 0).label("bytes")
            ).where(_object.c.workspace == workspace)
            stored = connection.execute(sizes).one()
            unreferenced = connection.execute(sizes.where(~_IS_REFERRED_TO)).one()
        return SpaceUsage(
            tuple(kind for kind in kinds if kind.files),
            stored.objects,
            int(stored.bytes),
            unreferenced.objects,
            int(unreferenced.bytes),
        )

    def _expired(self, collection: Collection) -> sa.Select[Any]:
        """Files that the policy gives up, one more than the limit."""
        now = self._now()
        of_kind = sa.or_(
            *(
                sa.and_(_retention.c.owner_kind == kind.value, _is_of_kind(collection.workspace, kind))
                for kind in OwnerKind
            )
        )
        return (
            sa.select(
                _owner.c.owner,
                _entry.c.path,
                _entry.c.object_pk,
                sa.func.coalesce(_object.c.size_bytes, 0).label("size_bytes"),
            )
            .select_from(
                _retention.join(_owner, sa.and_(_owner.c.workspace == _retention.c.workspace, of_kind))
                .join(_entry, _entry.c.owner_pk == _owner.c.owner_pk)
                .outerjoin(_object, _object.c.object_pk == _entry.c.object_pk)
            )
            .where(
                _retention.c.workspace == collection.workspace,
                _owner.c.hold_time.is_(None),
                IS_FILE,
                _entry.c.create_time < now - _retention.c.keep_for_millis,
            )
            .order_by(_owner.c.owner, _entry.c.path)
            .limit(collection.limit + 1)
        )

    def _unused(self, collection: Collection) -> sa.Select[Any]:
        """Objects that have not been touched for the grace period, one more than the limit."""
        cutoff = self._now() - collection.grace // timedelta(milliseconds=1)
        return (
            sa.select(_object.c.object_pk, _object.c.object_key, _object.c.size_bytes)
            .where(_object.c.workspace == collection.workspace, _object.c.touch_time <= cutoff)
            .order_by(_object.c.touch_time)
            .limit(collection.limit + 1)
        )

    def _remove(self, connection: Connection, owner_pk: int, rows: Sequence[Row[Any]]) -> None:
        for chunk in chunks([row.path for row in rows]):
            connection.execute(sa.delete(_entry).where(_entry.c.owner_pk == owner_pk, _entry.c.path.in_(chunk)))
        for folder in sorted({paths.parent(row.path) for row in rows} - {""}):
            remove_empty_folders(connection, owner_pk, [*paths.ancestors(folder), folder])
        touch(connection, [row.object_pk for row in rows if row.object_pk is not None], self._now())

    def _kind_usage(self, connection: Connection, workspace: str, kind: OwnerKind) -> OwnerKindUsage:
        row = connection.execute(
            sa.select(
                sa.func.count(sa.distinct(_entry.c.owner_pk)).label("owners"),
                sa.func.count().label("files"),
                sa.func.coalesce(sa.func.sum(_object.c.size_bytes), 0).label("bytes"),
                sa.func.count(_entry.c.reference_uri).label("references"),
            )
            .select_from(
                _owner.join(_entry, _entry.c.owner_pk == _owner.c.owner_pk).outerjoin(
                    _object, _object.c.object_pk == _entry.c.object_pk
                )
            )
            .where(_owner.c.workspace == workspace, _is_of_kind(workspace, kind), IS_FILE)
        ).one()
        return OwnerKindUsage(kind, row.owners, row.files, int(row.bytes), row.references)


def _is_of_kind(workspace: str, kind: OwnerKind) -> sa.ColumnElement[bool]:
    """Whether an owner is of a kind: a range of names, for they are sorted by their bytes."""
    prefix = f"workspaces/{workspace}/{kind.value}"
    return sa.and_(_owner.c.owner > f"{prefix}/", _owner.c.owner < f"{prefix}0")  # `0` is the character after `/`


def _collected(
    expired: Sequence[Row[Any]], freed: Sequence[Row[Any]], limit: int, *, more: bool | None = None
) -> Collected:
    return Collected(
        len(expired[:limit]),
        sum(row.size_bytes for row in expired[:limit]),
        len(freed[:limit]),
        sum(row.size_bytes for row in freed[:limit]),
        more=max(len(expired), len(freed)) > limit if more is None else more,
    )
