"""Files and folders in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.artifacts import Artifact, ArtifactPage, ArtifactQuery, Kind, Linked, StoredFile
from trivet_artifacts.domain.errors import ArtifactExists, ArtifactNotFound
from trivet_artifacts.domain.manifests import manifest_sha256
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import Folders, find_owner, lock_owner, lock_owners
from trivet_kit.db import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.resources import ArtifactOwnerName

_entry = tables.artifact_entry
_object = tables.artifact_object

_BY_PATH = SortKey((SortColumn(_entry.c.path, str),))


class SqlArtifacts:
    """Implements `Artifacts`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def get(self, owner: ArtifactOwnerName, path: str) -> Artifact:
        """Returns what lies at a path."""
        with self._database.transaction("read") as connection:
            return _artifact(owner, _find(connection, owner, path))

    def find_file(self, owner: ArtifactOwnerName, path: str) -> StoredFile:
        """Returns the file at a path."""
        with self._database.transaction("read") as connection:
            row = _find(connection, owner, path)
        if row.object_key is None:
            raise ArtifactNotFound(owner.name, path)
        return StoredFile(_artifact(owner, row), row.object_key)

    def list(self, owner: ArtifactOwnerName, query: ArtifactQuery) -> ArtifactPage:
        """Returns a page of a folder."""
        with self._database.transaction("read") as connection:
            owner_pk = find_owner(connection, owner)
            statement = _BY_PATH.apply(_select().where(_entry.c.owner_pk == owner_pk), query.after)
            listed = _listed(query, is_file=_is_file(connection, owner_pk, query.folder))
            rows = connection.execute(statement.where(listed).limit(query.size + 1)).all()
        page = rows[: query.size]
        return ArtifactPage(
            tuple(_artifact(owner, row) for row in page),
            tuple(_BY_PATH.cursor(row) for row in page),
            is_last=len(rows) <= query.size,
        )

    def delete(self, owner: ArtifactOwnerName, path: str) -> int:
        """Removes a file or a folder."""
        with self._database.transaction("write") as connection:
            owner_pk = lock_owner(connection, owner)
            if owner_pk is None:
                return 0
            there = sa.and_(_entry.c.owner_pk == owner_pk, _at_or_below(path))
            files: int = connection.execute(
                sa.select(sa.func.count()).select_from(_entry).where(there, _entry.c.object_pk.is_not(None))
            ).scalar_one()
            if connection.execute(sa.delete(_entry).where(there)).rowcount:
                _remove_empty_folders(connection, owner_pk, paths.ancestors(path))
            return files

    def link(self, source: ArtifactOwnerName, path: str, destination: ArtifactOwnerName) -> Linked:
        """Gives files to another owner."""
        now = self._now()
        with self._database.transaction("write") as connection:
            owners = lock_owners(connection, (source, destination))
            files = connection.execute(
                _select()
                .where(_entry.c.owner_pk == owners[source], _at_or_below(path), _entry.c.object_pk.is_not(None))
                .order_by(_entry.c.path)
            ).all()
            if not files:
                raise ArtifactNotFound(source.name, path)
            targets = [paths.below(file.path, path) for file in files]
            folders = Folders(connection, destination, owners[destination])
            folders.look_up(targets)
            for target, file in zip(targets, files, strict=True):
                folders.check_free(target)
                there = folders.object_at(target)
                # An object is a content of the workspace: the same bytes are the same object.
                if there not in (None, file.object_pk):
                    raise ArtifactExists(destination.name, target)
                if there is None:
                    folders.place(target, file.object_pk, file.media_type, now)
            folders.write()
        return Linked(
            len(files),
            sum(file.size_bytes for file in files),
            manifest_sha256((target, file.sha256) for target, file in zip(targets, files, strict=True)),
        )


def _select() -> sa.Select[Any]:
    """Files and folders with the objects of the former."""
    return sa.select(
        _entry.c.path,
        _entry.c.object_pk,
        _entry.c.media_type,
        _entry.c.create_time,
        _object.c.size_bytes,
        _object.c.sha256,
        _object.c.object_key,
    ).select_from(_entry.outerjoin(_object, _object.c.object_pk == _entry.c.object_pk))


def _listed(query: ArtifactQuery, *, is_file: bool) -> sa.ColumnElement[bool]:
    """What a list shows: the file itself, or what is in the folder."""
    if is_file:
        return _entry.c.path == query.folder
    if query.recursive:
        return sa.and_(_below(query.folder), _entry.c.object_pk.is_not(None))
    return _entry.c.parent == query.folder


def _is_file(connection: Connection, owner_pk: int | None, path: str) -> bool:
    """Whether a file lies at a path."""
    there = sa.select(_entry.c.object_pk).where(_entry.c.owner_pk == owner_pk, _entry.c.path == path)
    return connection.execute(there).scalar_one_or_none() is not None


def _below(folder: str) -> sa.ColumnElement[bool]:
    """All that lies in a folder, however deep: a range of paths, for they are sorted by their bytes."""
    if not folder:
        return sa.true()
    return sa.and_(_entry.c.path > f"{folder}/", _entry.c.path < f"{folder}0")  # `0` is the character after `/`


def _at_or_below(path: str) -> sa.ColumnElement[bool]:
    return sa.or_(_entry.c.path == path, _below(path)) if path else sa.true()


def _find(connection: Connection, owner: ArtifactOwnerName, path: str) -> Row[Any]:
    owner_pk = find_owner(connection, owner)
    row = connection.execute(_select().where(_entry.c.owner_pk == owner_pk, _entry.c.path == path)).one_or_none()
    if row is None:
        raise ArtifactNotFound(owner.name, path)
    return row


def _remove_empty_folders(connection: Connection, owner_pk: int, folders: list[str]) -> None:
    """Removes folders in which nothing is left, from the innermost outwards."""
    for folder in reversed(folders):
        inside = sa.select(_entry.c.path).where(_entry.c.owner_pk == owner_pk, _entry.c.parent == folder).limit(1)
        if connection.execute(inside).first() is not None:
            return
        connection.execute(sa.delete(_entry).where(_entry.c.owner_pk == owner_pk, _entry.c.path == folder))


def _artifact(owner: ArtifactOwnerName, row: Row[Any]) -> Artifact:
    if row.object_pk is None:
        return Artifact(owner, row.path, Kind.FOLDER, 0, b"", "", row.create_time)
    return Artifact(owner, row.path, Kind.FILE, row.size_bytes, row.sha256, row.media_type, row.create_time)
