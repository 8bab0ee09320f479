"""Rows of files and folders: what uploads, links and commits by digest all write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.contents import Reference
from trivet_artifacts.domain.errors import ArtifactPathTaken, ArtifactsHeld
from trivet_artifacts.store import tables
from trivet_kit.db.upserts import insert_into
from trivet_kit.resources import ArtifactOwnerName

# Parameters of one statement; SQLite takes 32,766, PostgreSQL's driver any number, and plans get no better by more.
_CHUNK = 500

_entry = tables.artifact_entry
_owner = tables.artifact_owner

IS_FILE = sa.or_(_entry.c.object_pk.is_not(None), _entry.c.reference_uri.is_not(None))


@dataclass(frozen=True)
class Owner:
    """An owner whose row is locked."""

    owner_pk: int
    held: bool
    """Whether a hold keeps its files."""


def chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    """The values in lists that fit into one statement."""
    remaining = iter(values)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def find_owner(connection: Connection, owner: ArtifactOwnerName) -> int | None:
    """The key of an owner; None for one that never had files."""
    found = connection.execute(_select_owner(owner)).one_or_none()
    return None if found is None else int(found.owner_pk)


def lock_owner(connection: Connection, owner: ArtifactOwnerName) -> Owner | None:
    """An owner; None for one that never had files. Nobody else changes its files until the transaction ends."""
    found = connection.execute(_select_owner(owner).with_for_update()).one_or_none()
    return None if found is None else Owner(found.owner_pk, found.hold_time is not None)


def lock_owners(connection: Connection, owners: Iterable[ArtifactOwnerName]) -> dict[ArtifactOwnerName, Owner]:
    """Owners, which are made where they are missing, and locked, always in one order."""
    locked = {}
    for owner in sorted(set(owners), key=lambda owner: (owner.workspace, owner.name)):
        found = lock_owner(connection, owner)
        if found is None:
            connection.execute(
                insert_into(connection.dialect.name, _owner)
                .values(workspace=owner.workspace, owner=owner.name)
                .on_conflict_do_nothing()
            )
            found = lock_owner(connection, owner)
        assert found is not None
        locked[owner] = found
    return locked


def _select_owner(owner: ArtifactOwnerName) -> sa.Select[Any]:
    return sa.select(_owner.c.owner_pk, _owner.c.hold_time).where(
        _owner.c.workspace == owner.workspace, _owner.c.owner == owner.name
    )


class Folders:
    """What lies at the paths of an owner that a transaction is about to write to, and above them.

    The owner is locked. Rows that are to be written are collected, and written at the end.
    """

    def __init__(self, connection: Connection, owner: ArtifactOwnerName, locked: Owner) -> None:
        self.replaced: set[int] = set()
        """The objects to which files referred that were replaced."""
        self._connection = connection
        self._owner = owner
        self._locked = locked
        self._there: dict[str, int | str | None] = {}
        self._rows: dict[str, dict[str, Any]] = {}

    def look_up(self, wanted: Sequence[str]) -> None:
        """Looks what lies at these paths, and above them; before any of them is placed."""
        needed = {path for wanted_path in wanted for path in (*paths.ancestors(wanted_path), wanted_path)}
        for chunk in chunks(sorted(needed)):
            rows = self._connection.execute(
                sa.select(_entry.c.path, _entry.c.object_pk, _entry.c.reference_uri).where(
                    _entry.c.owner_pk == self._locked.owner_pk, _entry.c.path.in_(chunk)
                )
            )
            self._there.update((row.path, _source(row)) for row in rows)

    def check_free(self, path: str) -> None:
        """Checks that a file may lie at a path that was looked up.

        Raises:
            ArtifactPathTaken: a folder is there, or a file above it.
            ArtifactsHeld: a file is there, which a hold keeps.
        """
        for folder in paths.ancestors(path):
            if self._there.get(folder) is not None:
                raise ArtifactPathTaken(self._owner.name, folder, "FILE")
        if path in self._there and self._there[path] is None:
            raise ArtifactPathTaken(self._owner.name, path, "FOLDER")
        if path in self._there and self._locked.held:
            raise ArtifactsHeld(self._owner.name)

    def source_at(self, path: str) -> int | str | None:
        """The object or the URI of the file at a path that was looked up; None where there is no file."""
        return self._there.get(path)

    def place(self, path: str, source: int | Reference, media_type: str, create_time: int) -> None:
        """Puts a file, with the folders that it needs, where `check_free` has found room; replaces one.

        Its source is the key of an object, or a reference.
        """
        for folder in paths.ancestors(path):
            if folder not in self._there:
                self._put(folder, None, "", create_time)
        before = self._there.get(path)
        if isinstance(before, int):
            self.replaced.add(before)
        self._put(path, source, media_type, create_time)

    def _put(self, path: str, source: int | Reference | None, media_type: str, create_time: int) -> None:
        reference = source if isinstance(source, Reference) else None
        self._there[path] = reference.uri if reference else source  # type: ignore[assignment] # a reference is not left
        self._rows[path] = {
            "owner_pk": self._locked.owner_pk,
            "path": path,
            "parent": paths.parent(path),
            "object_pk": source if isinstance(source, int) else None,
            "media_type": media_type,
            "create_time": create_time,
            "reference_uri": reference.uri if reference else None,
            "reference_size_bytes": reference.size_bytes if reference else None,
            "reference_sha256": reference.sha256 if reference else None,
        }

    def write(self) -> None:
        """Writes what was placed."""
        if not self._rows:
            return
        insert = insert_into(self._connection.dialect.name, _entry)
        kept = {"owner_pk", "path", "parent"}
        replaced = {column.name: insert.excluded[column.name] for column in _entry.c if column.name not in kept}
        statement = insert.on_conflict_do_update(index_elements=["owner_pk", "path"], set_=replaced)
        # RETURNING, for without it SQLAlchemy sends each row by itself.
        self._connection.execute(statement.returning(_entry.c.owner_pk), list(self._rows.values())).all()
        self._rows.clear()


def lock_folders(
    connection: Connection, files: Sequence[tuple[ArtifactOwnerName, str]]
) -> dict[ArtifactOwnerName, Folders]:
    """The owners of files that are to be placed, locked, and what they have at these paths."""
    folders = {
        owner: Folders(connection, owner, locked)
        for owner, locked in lock_owners(connection, [owner for owner, _ in files]).items()
    }
    wanted: dict[ArtifactOwnerName, list[str]] = {owner: [] for owner in folders}
    for owner, path in files:
        wanted[owner].append(path)
    for owner, of_owner in folders.items():
        of_owner.look_up(wanted[owner])
    return folders


def remove_empty_folders(connection: Connection, owner_pk: int, folders: Sequence[str]) -> None:
    """Removes folders in which nothing is left, from the innermost outwards, until one has something."""
    for folder in reversed(folders):
        inside = sa.select(_entry.c.path).where(_entry.c.owner_pk == owner_pk, _entry.c.parent == folder).limit(1)
        if connection.execute(inside).first() is not None:
            return
        connection.execute(sa.delete(_entry).where(_entry.c.owner_pk == owner_pk, _entry.c.path == folder))


def _source(row: Any) -> int | str | None:
    source: int | str | None = row.object_pk if row.object_pk is not None else row.reference_uri
    return source
