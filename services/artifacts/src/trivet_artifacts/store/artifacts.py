"""Files and folders in SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.artifacts import (
    Artifact,
    ArtifactPage,
    ArtifactQuery,
    Kind,
    Manifest,
    StoredBytes,
    StoredFile,
)
from trivet_artifacts.domain.contents import Reference
from trivet_artifacts.domain.errors import (
    ArtifactCorrupt,
    ArtifactExists,
    ArtifactIsReference,
    ArtifactNotFound,
    ArtifactsHeld,
)
from trivet_artifacts.domain.manifests import manifest_of
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import (
    IS_FILE,
    Folders,
    find_owner,
    lock_owner,
    lock_two,
    remove_empty_folders,
)
from trivet_artifacts.store.objects import touch
from trivet_kit.db import Database
from trivet_kit.db.keyset import SortColumn, SortKey
from trivet_kit.db.statements import Statement
from trivet_kit.resources import ArtifactOwnerName

_owner = tables.artifact_owner
_blob = tables.artifact_blob
_entry = tables.artifact_entry
_object = tables.artifact_object

# How large the blob is in which an object lies.
_BLOB_BYTES = (
    sa.select(_blob.c.size_bytes)
    .where(_blob.c.object_key == _object.c.object_key)
    .correlate(_object)
    .scalar_subquery()
    .label("blob_bytes")
)

_BY_PATH = SortKey((SortColumn(_entry.c.path, str),))


def _select() -> sa.Select[Any]:
    """Files and folders with the objects of the former."""
    return sa.select(
        _entry.c.path,
        _entry.c.object_pk,
        _entry.c.media_type,
        _entry.c.create_time,
        _entry.c.reference_uri,
        sa.func.coalesce(_object.c.size_bytes, _entry.c.reference_size_bytes, 0).label("size_bytes"),
        sa.func.coalesce(_object.c.sha256, _entry.c.reference_sha256).label("sha256"),
        _object.c.object_key,
        _object.c.offset_bytes,
        _object.c.state,
    ).select_from(_entry.outerjoin(_object, _object.c.object_pk == _entry.c.object_pk))


_FILE = Statement(
    _select()
    .add_columns(_BLOB_BYTES)
    .join(_owner, _owner.c.owner_pk == _entry.c.owner_pk)
    .where(
        _owner.c.workspace == sa.bindparam("b_workspace"),
        _owner.c.owner == sa.bindparam("b_owner"),
        _entry.c.path == sa.bindparam("b_path"),
    )
)
_FILES = Statement(_select().where(_entry.c.owner_pk == sa.bindparam("b_owner_pk"), IS_FILE).order_by(_entry.c.path))
_FILES_AT_OR_BELOW = Statement(
    _select()
    .where(
        _entry.c.owner_pk == sa.bindparam("b_owner_pk"),
        sa.or_(
            _entry.c.path == sa.bindparam("b_path"),
            sa.and_(_entry.c.path > sa.bindparam("b_below_after"), _entry.c.path < sa.bindparam("b_below_before")),
        ),
        IS_FILE,
    )
    .order_by(_entry.c.path)
)


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
        rows = _FILE.read(self._database, {"b_workspace": owner.workspace, "b_owner": owner.name, "b_path": path})
        return _stored(owner, path, rows[0] if rows else None)

    def find_files(self, owner: ArtifactOwnerName, paths: Sequence[str]) -> tuple[StoredFile, ...]:
        """Returns the files at paths."""
        with self._database.transaction("read") as connection:
            owner_pk = find_owner(connection, owner)
            found = {
                row.path: row
                for row in connection.execute(
                    _select().add_columns(_BLOB_BYTES).where(_entry.c.owner_pk == owner_pk, _entry.c.path.in_(paths))
                )
            }
        return tuple(_stored(owner, path, found.get(path)) for path in paths)

    def list(self, owner: ArtifactOwnerName, query: ArtifactQuery) -> ArtifactPage:
        """Returns a page of a folder."""
        with self._database.transaction("read") as connection:
            owner_pk = find_owner(connection, owner)
            statement = _BY_PATH.apply(_select().where(_entry.c.owner_pk == owner_pk), query.after)
            # No file is the top.
            is_file = bool(query.folder) and _is_file(connection, owner_pk, query.folder)
            listed = _listed(query, is_file=is_file)
            rows = connection.execute(statement.where(listed).limit(query.size + 1)).all()
        page = rows[: query.size]
        return ArtifactPage(
            tuple(_artifact(owner, row) for row in page),
            tuple(_bytes_of(row) for row in page),
            tuple(_BY_PATH.cursor(row) for row in page),
            is_last=len(rows) <= query.size,
        )

    def delete(self, owner: ArtifactOwnerName, path: str) -> int:
        """Removes a file or a folder."""
        with self._database.transaction("write") as connection:
            locked = lock_owner(connection, owner)
            if locked is None:
                return 0
            there = sa.and_(_entry.c.owner_pk == locked.owner_pk, _at_or_below(path))
            files = connection.execute(sa.select(_entry.c.object_pk).where(there, IS_FILE)).scalars().all()
            if files and locked.held:
                raise ArtifactsHeld(owner.name)
            if connection.execute(sa.delete(_entry).where(there)).rowcount:
                remove_empty_folders(connection, locked.owner_pk, paths.ancestors(path))
            touch(connection, [object_pk for object_pk in files if object_pk is not None], self._now())
            return len(files)

    def manifest(self, owner: ArtifactOwnerName, path: str) -> Manifest:
        """Returns the digest of files."""
        with self._database.transaction("read") as connection:
            files = _files(connection, owner, find_owner(connection, owner), path)
        return _manifest([paths.below(file.path, path) for file in files], files)

    def link(self, source: ArtifactOwnerName, path: str, destination: ArtifactOwnerName, folder: str) -> Manifest:
        """Gives files to another owner."""
        now = self._now()
        locking = self._database.transaction_from(lambda connection: lock_two(connection, source, destination))
        with locking as (connection, owners):
            files = _files(connection, source, owners[source].owner_pk, path)
            below = [paths.below(file.path, path) for file in files]
            # A path that is too long where it is to lie is refused as one that is sent.
            targets = [paths.check_path(paths.join(folder, name), "destination_path") for name in below]
            folders = Folders(connection, destination, owners[destination])
            folders.look_up(targets)
            for target, file in zip(targets, files, strict=True):
                # An object is a content of the workspace: the same bytes are the same object.
                wanted = file.object_pk if file.object_pk is not None else file.reference_uri
                there = folders.source_at(target)
                if there is not None and there == wanted:
                    continue
                if there is not None:
                    raise ArtifactExists(destination.name, target)
                folders.check_free(target)
                folders.place(target, _source(file), file.media_type, now)
            folders.write()
        return _manifest(below, files)


def _listed(query: ArtifactQuery, *, is_file: bool) -> sa.ColumnElement[bool]:
    """What a list shows: the file itself, or what is in the folder."""
    if is_file:
        return _entry.c.path == query.folder
    if query.recursive:
        return sa.and_(_below(query.folder), IS_FILE)
    return _entry.c.parent == query.folder


def _is_file(connection: Connection, owner_pk: int | None, path: str) -> bool:
    """Whether a file lies at a path."""
    there = sa.select(sa.true()).where(_entry.c.owner_pk == owner_pk, _entry.c.path == path, IS_FILE)
    return connection.execute(there).scalar_one_or_none() is not None


def _below(folder: str) -> sa.ColumnElement[bool]:
    """All that lies in a folder, however deep: a range of paths, for they are sorted by their bytes."""
    if not folder:
        return sa.true()
    after, before = _bounds_below(folder)
    return sa.and_(_entry.c.path > after, _entry.c.path < before)


def _bounds_below(folder: str) -> tuple[str, str]:
    return f"{folder}/", f"{folder}0"  # `0` is the character after `/`


def _at_or_below(path: str) -> sa.ColumnElement[bool]:
    return sa.or_(_entry.c.path == path, _below(path)) if path else sa.true()


def _find(connection: Connection, owner: ArtifactOwnerName, path: str) -> Row[Any]:
    owner_pk = find_owner(connection, owner)
    there = _select().where(_entry.c.owner_pk == owner_pk, _entry.c.path == path)
    row = connection.execute(there).one_or_none()
    if row is None:
        raise ArtifactNotFound(owner.name, path)
    return row


def _files(connection: Connection, owner: ArtifactOwnerName, owner_pk: int | None, path: str) -> Sequence[Row[Any]]:
    """The file at a path, or those below it, sorted by path. Raises ArtifactNotFound where there are none."""
    if path:
        after, before = _bounds_below(path)
        bounds = {"b_owner_pk": owner_pk, "b_path": path, "b_below_after": after, "b_below_before": before}
        files = _FILES_AT_OR_BELOW.execute(connection, bounds)
    else:
        files = _FILES.execute(connection, {"b_owner_pk": owner_pk})
    if not files:
        raise ArtifactNotFound(owner.name, path)
    return files


def _manifest(names: Sequence[str], files: Sequence[Row[Any]]) -> Manifest:
    return manifest_of(
        (name, file.sha256, file.size_bytes, file.reference_uri or "") for name, file in zip(names, files, strict=True)
    )


def _source(file: Row[Any]) -> int | Reference:
    if file.object_pk is not None:
        return int(file.object_pk)
    return Reference(file.reference_uri, file.size_bytes, bytes(file.sha256))


def _stored(owner: ArtifactOwnerName, path: str, row: Row[Any] | None) -> StoredFile:
    if row is not None and row.reference_uri is not None:
        raise ArtifactIsReference(owner.name, path, row.reference_uri)
    if row is None or row.object_key is None:
        raise ArtifactNotFound(owner.name, path)
    if row.state == tables.CORRUPT:
        raise ArtifactCorrupt(owner.name, path)
    return StoredFile(
        _artifact(owner, row), row.object_key, row.offset_bytes, is_whole_blob=row.blob_bytes == row.size_bytes
    )


def _bytes_of(row: Row[Any]) -> StoredBytes | None:
    if row.object_key is None or row.state == tables.CORRUPT:
        return None
    return StoredBytes(row.object_key, row.offset_bytes, row.size_bytes)


def _artifact(owner: ArtifactOwnerName, row: Row[Any]) -> Artifact:
    if row.object_pk is None and row.reference_uri is None:
        return Artifact(owner, row.path, Kind.FOLDER, 0, b"", "", row.create_time)
    return Artifact(
        owner,
        row.path,
        Kind.FILE,
        row.size_bytes,
        bytes(row.sha256),
        row.media_type,
        row.create_time,
        verified=row.state == tables.VERIFIED,
        reference_uri=row.reference_uri or "",
    )
