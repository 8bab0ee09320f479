"""Uploads in SQL."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_artifacts.domain.artifacts import Artifact, Kind
from trivet_artifacts.domain.errors import ArtifactPathTaken, UploadExpired
from trivet_artifacts.domain.uploads import Outcome, Upload
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import Folders, chunks, lock_owners
from trivet_kit.db import Database
from trivet_kit.db.upserts import insert_into
from trivet_kit.errors import CallerError
from trivet_kit.resources import ArtifactOwnerName

# How many expired reservations a process takes over at once, so that several share the work.
_CLAIMED_AT_ONCE = 100

_object = tables.artifact_object
_upload = tables.artifact_upload


class SqlUploads:
    """Implements `Uploads`. Safe for threads.

    Locks are taken in one order by all: reservations, then owners by name, then objects by digest.
    """

    def __init__(self, database: Database, now: Callable[[], int], lease: timedelta) -> None:
        """Works on a migrated database.

        Args:
            database: where.
            now: gives milliseconds since the Unix epoch; the clocks of servers may differ by much less than `lease`.
            lease: how long a reservation holds without being renewed.
        """
        self._database = database
        self._now = now
        self._lease_millis = int(lease.total_seconds() * 1000)
        self._holder = uuid.uuid4().hex
        self._held: set[str] = set()
        self._lock = threading.Lock()

    def reserve(self, workspace: str, count: int) -> list[str]:
        """Returns new object keys."""
        keys = [f"{workspace}/{uuid.uuid4().hex}" for _ in range(count)]
        now = self._now()
        rows = [{"object_key": key, "holder": self._holder, "renew_time": now} for key in keys]
        with self._database.transaction("write") as connection:
            connection.execute(sa.insert(_upload), rows)
        with self._lock:
            self._held.update(keys)
        return keys

    def commit(self, uploads: Sequence[Upload]) -> list[Outcome]:
        """Makes files visible."""
        now = self._now()
        with self._database.transaction("write") as connection:
            held = self._lock_held(connection, [upload.object_key for upload in uploads])
            live = [upload for upload in uploads if upload.object_key in held]
            folders = _lock_folders(connection, live)
            objects = _Objects(connection, live, now)
            results: list[Artifact | CallerError] = []
            for upload in uploads:
                if upload.object_key not in held:
                    results.append(UploadExpired())
                    continue
                try:
                    folders[upload.file.owner].check_free(upload.file.path)
                except ArtifactPathTaken as refusal:
                    results.append(refusal)
                    continue
                object_pk = objects.use(upload)
                folders[upload.file.owner].place(upload.file.path, object_pk, upload.file.media_type, now)
                results.append(_artifact(upload, now))
            for of_owner in folders.values():
                of_owner.write()
            objects.remove_unused()
            self._delete(connection, objects.used_keys)
        self._drop(objects.used_keys)
        return [
            Outcome(result, is_spare=upload.object_key not in objects.used_keys)
            for upload, result in zip(uploads, results, strict=True)
        ]

    def release(self, object_keys: Sequence[str]) -> None:
        """Ends reservations."""
        self._drop(object_keys)
        with self._database.transaction("write") as connection:
            self._delete(connection, object_keys)

    def forget(self, object_keys: Sequence[str]) -> None:
        """Renews these no longer."""
        self._drop(object_keys)

    def renew(self) -> None:
        """Says that this process lives."""
        with self._lock:
            held = sorted(self._held)
        for chunk in chunks(held):
            with self._database.transaction("write") as connection:
                connection.execute(
                    sa.update(_upload)
                    .where(_upload.c.object_key.in_(chunk), _upload.c.holder == self._holder)
                    .values(renew_time=self._now())
                )

    def claim_expired(self) -> list[str]:
        """Takes over what was not renewed for too long."""
        expired = _upload.c.renew_time < self._now() - self._lease_millis
        with self._database.transaction("read") as connection:
            found = connection.execute(
                sa.select(_upload.c.object_key).where(expired).order_by(_upload.c.renew_time).limit(_CLAIMED_AT_ONCE)
            )
            keys = list(found.scalars())
        claimed = []
        for key in keys:
            with self._database.transaction("write") as connection:
                # Only one of several that found it sees it expired here.
                taken = connection.execute(
                    sa.update(_upload)
                    .where(_upload.c.object_key == key, expired)
                    .values(holder=self._holder, renew_time=self._now())
                )
                if taken.rowcount:
                    claimed.append(key)
        return claimed

    def _lock_held(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Those of the keys that this process holds still; nobody can claim them until the transaction ends."""
        held: set[str] = set()
        for chunk in chunks(sorted(keys)):
            statement = sa.select(_upload.c.object_key).where(
                _upload.c.object_key.in_(chunk), _upload.c.holder == self._holder
            )
            held.update(connection.execute(statement.order_by(_upload.c.object_key).with_for_update()).scalars())
        return held

    def _delete(self, connection: Connection, keys: Iterable[str]) -> None:
        for chunk in chunks(sorted(keys)):
            connection.execute(
                sa.delete(_upload).where(_upload.c.object_key.in_(chunk), _upload.c.holder == self._holder)
            )

    def _drop(self, keys: Iterable[str]) -> None:
        with self._lock:
            self._held.difference_update(keys)


class _Objects:
    """The objects of a group of uploads: new ones, and those that the workspace had already."""

    def __init__(self, connection: Connection, uploads: Sequence[Upload], now: int) -> None:
        self.used_keys: set[str] = set()
        """Keys of the new objects that a file refers to."""
        self._connection = connection
        self._used: set[int] = set()
        self._pks: dict[tuple[str, bytes], int] = {}
        self._keys: dict[int, str] = {}
        by_content = {(upload.file.owner.workspace, upload.sha256): upload for upload in reversed(uploads)}
        # By digest, so that two groups with the same contents do not wait for each other in a circle.
        for content in sorted(by_content):
            self._add(content, by_content[content], now)
        self._new = {pk for pk, key in self._keys.items() if key in {upload.object_key for upload in uploads}}

    def _add(self, content: tuple[str, bytes], upload: Upload, now: int) -> None:
        workspace, sha256 = content
        self._connection.execute(
            insert_into(self._connection.dialect.name, _object)
            .values(
                workspace=workspace,
                sha256=sha256,
                size_bytes=upload.size_bytes,
                object_key=upload.object_key,
                create_time=now,
            )
            .on_conflict_do_nothing(index_elements=["workspace", "sha256"])
        )
        row = self._connection.execute(
            sa.select(_object.c.object_pk, _object.c.object_key).where(
                _object.c.workspace == workspace, _object.c.sha256 == sha256
            )
        ).one()
        self._pks[content] = row.object_pk
        self._keys[row.object_pk] = row.object_key

    def use(self, upload: Upload) -> int:
        """The key of the object with an upload's content, for a file that refers to it."""
        object_pk = self._pks[upload.file.owner.workspace, upload.sha256]
        self._used.add(object_pk)
        if object_pk in self._new:
            self.used_keys.add(self._keys[object_pk])
        return object_pk

    def remove_unused(self) -> None:
        """Removes the new objects that no file came to refer to."""
        for chunk in chunks(sorted(self._new - self._used)):
            self._connection.execute(sa.delete(_object).where(_object.c.object_pk.in_(chunk)))


def _lock_folders(connection: Connection, uploads: Sequence[Upload]) -> dict[ArtifactOwnerName, Folders]:
    """The owners of uploads, locked, and what they have where the files are to lie."""
    owners = lock_owners(connection, [upload.file.owner for upload in uploads])
    folders = {owner: Folders(connection, owner, owner_pk) for owner, owner_pk in owners.items()}
    for owner, of_owner in folders.items():
        of_owner.look_up([upload.file.path for upload in uploads if upload.file.owner == owner])
    return folders


def _artifact(upload: Upload, now: int) -> Artifact:
    file = upload.file
    return Artifact(file.owner, file.path, Kind.FILE, upload.size_bytes, upload.sha256, file.media_type, now)
