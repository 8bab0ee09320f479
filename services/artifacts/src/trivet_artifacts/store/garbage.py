"""Files that are given up, and objects to which nothing refers, in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.errors import CollectionBusy
from trivet_artifacts.domain.garbage import (
    Collected,
    Collection,
    OwnerKind,
    OwnerKindUsage,
    Piece,
    SpaceUsage,
    Sparse,
)
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import IS_FILE, chunks, lock_owner, remove_empty_folders
from trivet_artifacts.store.objects import touch
from trivet_kit.db import Database
from trivet_kit.db.upserts import insert_into
from trivet_kit.resources import ArtifactOwnerName

# How long a process that died may have a workspace to itself.
_CLAIM_MILLIS = 10 * 60 * 1000
# How long bytes that moved stay where they were, for those who know that place already: a URL to read them from holds
# for five minutes.
_READERS_MILLIS = 15 * 60 * 1000
# Nobody holds these keys: whoever looks for what is left behind removes the bytes.
_FREED = "freed"

_blob = tables.artifact_blob
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
            keys = _free_blobs(connection, {row.object_key for row in freed}, now - 1)
        more = len(candidates) > collection.limit
        return _collected([], freed, collection.limit, more=more), keys

    def sparse(self, collection: Collection) -> Sequence[Sparse]:
        """Returns blobs of which at most half is in use."""
        of_blob = _object.c.object_key == _blob.c.object_key
        used = sa.select(sa.func.sum(_object.c.size_bytes)).where(of_blob).scalar_subquery()
        with self._database.transaction("read") as connection:
            keys = connection.execute(
                sa.select(_blob.c.object_key)
                .where(
                    _blob.c.workspace == collection.workspace, _blob.c.size_bytes >= 2 * used, _blob.c.size_bytes > 0
                )
                .limit(collection.limit)
            ).scalars()
            return [Sparse(key, _pieces(connection, key)) for key in keys.all()]

    def move(self, sparse: Sparse, object_key: str) -> bool:
        """Says that a reserved blob has the pieces of a sparse one."""
        places: dict[int, int] = {}
        end = 0
        for piece in sparse.pieces:
            places[piece.object_pk] = end
            end += piece.size_bytes
        with self._database.transaction("write") as connection:
            reserved = sa.select(_upload.c.object_key).where(_upload.c.object_key == object_key)
            if connection.execute(reserved.with_for_update()).one_or_none() is None:
                return False  # this process was taken for dead
            # Locked in this order by all. No object can come to lie in a blob that is there.
            there = sa.select(_object.c.object_pk).where(_object.c.object_key == sparse.object_key)
            locked = there.order_by(_object.c.sha256).with_for_update(key_share=True)
            moving = [pk for pk in connection.execute(locked).scalars() if pk in places]
            if not moving:
                return False
            workspace = object_key.partition("/")[0]
            connection.execute(sa.insert(_blob).values(object_key=object_key, workspace=workspace, size_bytes=end))
            for object_pk in moving:
                connection.execute(
                    sa.update(_object)
                    .where(_object.c.object_pk == object_pk)
                    .values(object_key=object_key, offset_bytes=places[object_pk])
                )
            connection.execute(sa.delete(_upload).where(_upload.c.object_key == object_key))
            _free_blobs(connection, {sparse.object_key}, self._now() + _READERS_MILLIS)
        return True

    def usage(self, workspace: str) -> SpaceUsage:
        """Returns how much room files take."""
        with self._database.transaction("read") as connection:
            kinds = [self._kind_usage(connection, workspace, kind) for kind in OwnerKind]
            sizes = sa.select(
                sa.func.count().label("objects"), sa.func.coalesce(sa.func.sum(_object.c.size_bytes), 0).label("bytes")
            ).where(_object.c.workspace == workspace)
            objects = connection.execute(sizes).one()
            unreferenced = connection.execute(sizes.where(~_IS_REFERRED_TO)).one()
            blobs = sa.select(sa.func.coalesce(sa.func.sum(_blob.c.size_bytes), 0))
            stored = int(connection.execute(blobs.where(_blob.c.workspace == workspace)).scalar_one())
        return SpaceUsage(
            tuple(kind for kind in kinds if kind.files),
            objects.objects,
            stored,
            unreferenced.objects,
            stored - int(objects.bytes) + int(unreferenced.bytes),
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


def _free_blobs(connection: Connection, keys: Iterable[str], expire_time: int) -> list[str]:
    """Takes those of these blobs out of the index that have no objects any more; reserves their keys until a time."""
    freed: list[str] = []
    for chunk in chunks(sorted(keys)):
        # Locked first: of two that take objects out of one blob, the second one sees that it was the last.
        chosen = sa.select(_blob.c.object_key).where(_blob.c.object_key.in_(chunk))
        connection.execute(chosen.order_by(_blob.c.object_key).with_for_update()).all()
        has_objects = sa.exists().where(_object.c.object_key == _blob.c.object_key)
        freed += connection.execute(chosen.where(~has_objects)).scalars()
    for chunk in chunks(freed):
        connection.execute(sa.delete(_blob).where(_blob.c.object_key.in_(chunk)))
        rows = [{"object_key": key, "holder": _FREED, "expire_time": expire_time} for key in chunk]
        connection.execute(sa.insert(_upload), rows)
    return freed


def _pieces(connection: Connection, object_key: str) -> tuple[Piece, ...]:
    rows = connection.execute(
        sa.select(_object.c.object_pk, _object.c.sha256, _object.c.offset_bytes, _object.c.size_bytes)
        .where(_object.c.object_key == object_key)
        .order_by(_object.c.offset_bytes)
    )
    return tuple(Piece(row.object_pk, bytes(row.sha256), row.offset_bytes, row.size_bytes) for row in rows)


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
