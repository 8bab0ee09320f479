"""What the index says of the store, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from trivet_artifacts.domain.garbage import Piece
from trivet_artifacts.domain.verification import File, IndexedBlob
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import chunks
from trivet_kit.db import Database
from trivet_kit.resources import ArtifactOwnerName

_blob = tables.artifact_blob
_entry = tables.artifact_entry
_object = tables.artifact_object
_owner = tables.artifact_owner

_PIECE = (_object.c.object_pk, _object.c.object_key, _object.c.sha256, _object.c.offset_bytes, _object.c.size_bytes)


class SqlInventory:
    """Implements `Inventory`. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def blobs(self, workspace: str, limit: int, after_key: str) -> Sequence[IndexedBlob]:
        """Returns the next blobs of a workspace by key."""
        wanted = (
            sa.select(_blob.c.object_key)
            .where(_blob.c.workspace == workspace, _blob.c.object_key > after_key)
            .order_by(_blob.c.object_key)
            .limit(limit)
        )
        pieces: dict[str, list[Piece]] = {}
        with self._database.transaction("read") as connection:
            keys = connection.execute(wanted).scalars().all()
            for chunk in chunks(keys):
                for row in connection.execute(_pieces_of(chunk)):
                    pieces.setdefault(row.object_key, []).append(_piece(row))
        return [IndexedBlob(key, tuple(pieces.get(key, ()))) for key in keys]

    def still_there(self, blob: IndexedBlob) -> frozenset[int]:
        """Returns the objects of a blob that the index has still."""
        with self._database.transaction("read") as connection:
            rows = connection.execute(_pieces_of([blob.object_key])).all()
        return frozenset(row.object_pk for row in rows if _piece(row) in blob.pieces)

    def files(self, object_pks: Iterable[int], limit: int) -> Mapping[int, Sequence[File]]:
        """Returns files that have these objects."""
        found: dict[int, list[File]] = {object_pk: [] for object_pk in object_pks}
        with self._database.transaction("read") as connection:
            for chunk in chunks(sorted(found)):
                for row in connection.execute(_files_of(chunk, limit)):
                    found[row.object_pk].append((ArtifactOwnerName(row.workspace, row.owner), row.path))
        return found


def _files_of(object_pks: Sequence[int], limit: int) -> sa.Select[Any]:
    order = (_owner.c.owner, _entry.c.path)
    place = sa.func.row_number().over(partition_by=_entry.c.object_pk, order_by=order).label("place")
    placed = (
        sa.select(_entry.c.object_pk, _owner.c.workspace, _owner.c.owner, _entry.c.path, place)
        .join_from(_entry, _owner, _entry.c.owner_pk == _owner.c.owner_pk)
        .where(_entry.c.object_pk.in_(object_pks))
        .subquery()
    )
    return sa.select(placed).where(placed.c.place <= limit).order_by(placed.c.object_pk, placed.c.place)


def _pieces_of(keys: Sequence[str]) -> sa.Select[Any]:
    wanted = sa.select(*_PIECE).where(_object.c.object_key.in_(keys), _object.c.state != tables.DUPLICATE)
    return wanted.order_by(_object.c.object_key, _object.c.offset_bytes, _object.c.object_pk)


def _piece(row: sa.Row[Any]) -> Piece:
    return Piece(row.object_pk, bytes(row.sha256), row.offset_bytes, row.size_bytes)
