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
from trivet_kit.db.bulk import RowsOfKeys, Scalar
from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import insert_into, put_rows_later
from trivet_kit.resources import ArtifactOwnerName

# Parameters of one statement; SQLite takes 32,766, PostgreSQL's driver any number, and plans get no better by more.
_CHUNK = 500

_entry = tables.artifact_entry
_owner = tables.artifact_owner


def _locking_two(dialect: str) -> sa.Insert:
    """Makes two owners, or writes what they are already, which locks them: the first one first."""
    insert = insert_into(dialect, _owner).values(
        [
            {column: sa.bindparam(f"b_{which}_{column}") for column in ("workspace", "owner")}
            for which in ("first", "second")
        ]
    )
    return insert.on_conflict_do_update(
        index_elements=["workspace", "owner"], set_={"owner": insert.excluded.owner}
    ).returning(_owner.c.owner_pk, _owner.c.workspace, _owner.c.owner, _owner.c.hold_time)


_BY_NAME = sa.select(_owner.c.owner_pk, _owner.c.hold_time).where(
    _owner.c.workspace == sa.bindparam("b_workspace"), _owner.c.owner == sa.bindparam("b_owner")
)
_OWNER = Statement(_BY_NAME)
_LOCK_OWNER = Statement(_BY_NAME.with_for_update())
_LOCK_TWO = Statement(_locking_two("postgresql"), on_sqlite=_locking_two("sqlite"))
_AT_PATHS = RowsOfKeys(
    sa.select(_entry.c.path, _entry.c.object_pk, _entry.c.reference_uri), _entry.c.owner_pk, _entry.c.path
)

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
    rows = _OWNER.execute(connection, _of_owner(owner))
    return int(rows[0].owner_pk) if rows else None


def lock_owner(connection: Connection, owner: ArtifactOwnerName) -> Owner | None:
    """An owner; None for one that never had files. Nobody else changes its files until the transaction ends."""
    rows = _LOCK_OWNER.execute(connection, _of_owner(owner))
    return Owner(rows[0].owner_pk, rows[0].hold_time is not None) if rows else None


def lock_two(
    connection: Connection, one: ArtifactOwnerName, other: ArtifactOwnerName
) -> dict[ArtifactOwnerName, Owner]:
    """As `lock_owners` does, by one statement."""
    if one == other:
        return lock_owners(connection, (one,))
    first, second = _in_order((one, other))
    values = {
        "b_first_workspace": first.workspace,
        "b_first_owner": first.name,
        "b_second_workspace": second.workspace,
        "b_second_owner": second.name,
    }
    return {
        ArtifactOwnerName(row.workspace, row.owner): Owner(row.owner_pk, row.hold_time is not None)
        for row in _LOCK_TWO.execute(connection, values)
    }


def _in_order(owners: Iterable[ArtifactOwnerName]) -> list[ArtifactOwnerName]:
    """In the order in which they are locked."""
    return sorted(set(owners), key=lambda owner: (owner.workspace, owner.name))


def lock_owners(connection: Connection, owners: Iterable[ArtifactOwnerName]) -> dict[ArtifactOwnerName, Owner]:
    """Owners, which are made where they are missing, and locked, always in one order."""
    locked = {}
    for owner in _in_order(owners):
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


def _of_owner(owner: ArtifactOwnerName) -> dict[str, Scalar]:
    return {"b_workspace": owner.workspace, "b_owner": owner.name}


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
            for path, object_pk, reference_uri in _AT_PATHS.read(self._connection, [self._locked.owner_pk], chunk):
                self._there[path] = reference_uri if object_pk is None else object_pk

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
        put_rows_later(self._connection, _entry, list(self._rows.values()))
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
