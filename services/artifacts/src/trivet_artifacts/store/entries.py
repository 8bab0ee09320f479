"""Rows of files and folders: what uploads and links both write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.errors import ArtifactPathTaken
from trivet_artifacts.store import tables
from trivet_kit.db.upserts import insert_into
from trivet_kit.resources import ArtifactOwnerName

# Parameters of one statement; SQLite takes 32,766, PostgreSQL's driver any number, and plans get no better by more.
_CHUNK = 500

_entry = tables.artifact_entry
_owner = tables.artifact_owner


def chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    """The values in lists that fit into one statement."""
    remaining = iter(values)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk


def find_owner(connection: Connection, owner: ArtifactOwnerName) -> int | None:
    """The key of an owner; None for one that never had files."""
    return _only_value(connection.execute(_select_owner(owner)))


def lock_owner(connection: Connection, owner: ArtifactOwnerName) -> int | None:
    """As `find_owner`; nobody else changes its files until the transaction ends."""
    return _only_value(connection.execute(_select_owner(owner).with_for_update()))


def lock_owners(connection: Connection, owners: Iterable[ArtifactOwnerName]) -> dict[ArtifactOwnerName, int]:
    """The keys of owners, which are made where they are missing, and locked, always in one order."""
    keys = {}
    for owner in sorted(set(owners), key=lambda owner: (owner.workspace, owner.name)):
        key = lock_owner(connection, owner)
        if key is None:
            connection.execute(
                insert_into(connection.dialect.name, _owner)
                .values(workspace=owner.workspace, owner=owner.name)
                .on_conflict_do_nothing()
            )
            key = lock_owner(connection, owner)
        assert key is not None
        keys[owner] = key
    return keys


def _only_value(result: sa.CursorResult[Any]) -> int | None:
    value: int | None = result.scalar_one_or_none()
    return value


def _select_owner(owner: ArtifactOwnerName) -> sa.Select[Any]:
    return sa.select(_owner.c.owner_pk).where(_owner.c.workspace == owner.workspace, _owner.c.owner == owner.name)


@dataclass
class Folders:
    """What lies at the paths of an owner that a transaction is about to write to, and above them.

    The owner is locked. Rows that are to be written are collected, and written at the end.
    """

    connection: Connection
    owner: ArtifactOwnerName
    owner_pk: int

    def __post_init__(self) -> None:
        self._objects: dict[str, int | None] = {}
        self._rows: dict[str, dict[str, Any]] = {}

    def look_up(self, wanted: Sequence[str]) -> None:
        """Looks what lies at these paths, and above them; before any of them is placed."""
        needed = {path for wanted_path in wanted for path in (*paths.ancestors(wanted_path), wanted_path)}
        for chunk in chunks(sorted(needed)):
            rows = self.connection.execute(
                sa.select(_entry.c.path, _entry.c.object_pk).where(
                    _entry.c.owner_pk == self.owner_pk, _entry.c.path.in_(chunk)
                )
            )
            self._objects.update((row.path, row.object_pk) for row in rows)

    def check_free(self, path: str) -> None:
        """Checks that a file may lie at a path that was looked up.

        Raises:
            ArtifactPathTaken: a folder is there, or a file above it.
        """
        for folder in paths.ancestors(path):
            if self._objects.get(folder) is not None:
                raise ArtifactPathTaken(self.owner.name, folder, "FILE")
        if path in self._objects and self._objects[path] is None:
            raise ArtifactPathTaken(self.owner.name, path, "FOLDER")

    def object_at(self, path: str) -> int | None:
        """The object of the file at a path that was looked up; None where there is none."""
        return self._objects.get(path)

    def place(self, path: str, object_pk: int, media_type: str, create_time: int) -> None:
        """Puts a file, with the folders that it needs, where `check_free` has found room; replaces one."""
        for folder in paths.ancestors(path):
            if folder not in self._objects:
                self._put(folder, None, "", create_time)
        self._put(path, object_pk, media_type, create_time)

    def _put(self, path: str, object_pk: int | None, media_type: str, create_time: int) -> None:
        self._objects[path] = object_pk
        self._rows[path] = {
            "owner_pk": self.owner_pk,
            "path": path,
            "parent": paths.parent(path),
            "object_pk": object_pk,
            "media_type": media_type,
            "create_time": create_time,
        }

    def write(self) -> None:
        """Writes what was placed."""
        if not self._rows:
            return
        insert = insert_into(self.connection.dialect.name, _entry)
        replaced = {name: insert.excluded[name] for name in ("object_pk", "media_type", "create_time")}
        statement = insert.on_conflict_do_update(index_elements=["owner_pk", "path"], set_=replaced)
        self.connection.execute(statement, list(self._rows.values()))
        self._rows.clear()
