"""Uploads in SQL."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_artifacts.domain.artifacts import Artifact, Kind
from trivet_artifacts.domain.errors import ArtifactPathTaken, ArtifactsHeld, UploadExpired
from trivet_artifacts.domain.uploads import Committed, Upload
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import chunks, lock_folders
from trivet_artifacts.store.new_files import Reservation, place_new
from trivet_artifacts.store.objects import Objects, touch
from trivet_artifacts.store.resumables import LIFETIME_MILLIS, RESUMABLE
from trivet_kit.db import Database
from trivet_kit.db.bulk import RowsOfKeys, Scalar
from trivet_kit.db.statements import Statement
from trivet_kit.errors import CallerError

# How many expired reservations a process takes over at once, so that several share the work.
_CLAIMED_AT_ONCE = 100

_upload = tables.artifact_upload
_resumable = tables.artifact_resumable

_RESERVE = Statement(
    sa.insert(_upload)
    .values(
        object_key=sa.bindparam("b_key"), holder=sa.bindparam("b_holder"), expire_time=sa.bindparam("b_expire_time")
    )
    .inline()
)


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
        # What this process may commit and end: its own, and those that no process holds.
        is_mine = sa.or_(_upload.c.holder == self._holder, _upload.c.holder == RESUMABLE)
        live = sa.select(_upload.c.object_key).where(is_mine, _upload.c.expire_time > 0)
        self._locking = RowsOfKeys(live.order_by(_upload.c.object_key).with_for_update(), texts=_upload.c.object_key)
        self._ending = RowsOfKeys(sa.delete(_upload).where(is_mine), texts=_upload.c.object_key)
        self._held: set[str] = set()
        self._spare: dict[str, list[Reservation]] = {}
        """By workspace, those that `commit_one` made, the newest last."""
        self._lock = threading.Lock()

    def reserve(self, workspace: str, count: int) -> list[str]:
        """Returns new object keys."""
        keys = [_new_key(workspace) for _ in range(count)]
        expire_time = self._now() + self._lease_millis
        rows: list[dict[str, Scalar]] = [
            {"b_key": key, "b_holder": self._holder, "b_expire_time": expire_time} for key in keys
        ]
        first, *others = rows
        with self._database.transaction_from(lambda connection: _RESERVE.execute(connection, first)) as (connection, _):
            for row in others:
                _RESERVE.execute_later(connection, row)
        with self._lock:
            self._held.update(keys)
        return keys

    def take_spare(self, workspace: str) -> str | None:
        """Returns a key that `commit_one` reserved."""
        with self._lock:
            spare = self._spare.get(workspace)
            # Where this process was stopped for a while, others may have taken it for dead.
            return spare.pop().object_key if spare and not self._is_old(spare[-1]) else None

    def commit_one(self, upload: Upload) -> Committed:
        """Makes a file visible."""
        if self._database.is_sqlite:
            return self.commit([upload])
        now = self._now()
        workspace = upload.file.owner.workspace
        following = Reservation(_new_key(workspace), now + self._lease_millis)
        placing = self._database.transaction_from(
            lambda connection: place_new(connection, upload, self._holder, following, now)
        )
        with placing as (_, is_placed):
            pass
        if not is_placed:
            return self.commit([upload])
        with self._lock:
            self._held.discard(upload.object_key)
            self._held.add(following.object_key)
            self._spare.setdefault(workspace, []).append(following)
        return Committed((_artifact(upload, now, verified=True),), frozenset((upload.object_key,)))

    def commit(self, uploads: Sequence[Upload]) -> Committed:
        """Makes files visible."""
        now = self._now()
        keys = [upload.object_key for upload in uploads]
        locking = self._database.transaction_from(lambda connection: self._lock_held(connection, keys))
        with locking as (connection, held):
            live = [upload for upload in uploads if upload.object_key in held]
            folders = lock_folders(connection, [(upload.file.owner, upload.file.path) for upload in live])
            objects = Objects(connection, live, now)
            results: list[Artifact | CallerError] = []
            for upload in uploads:
                if upload.object_key not in held:
                    results.append(UploadExpired())
                    continue
                try:
                    folders[upload.file.owner].check_free(upload.file.path)
                except (ArtifactPathTaken, ArtifactsHeld) as refusal:
                    results.append(refusal)
                    continue
                object_pk = objects.use(upload)
                folders[upload.file.owner].place(upload.file.path, object_pk, upload.file.media_type, now)
                artifact = _artifact(upload, now, verified=objects.is_verified(object_pk))
                results.append(artifact)
                if upload.outlives:
                    _complete(connection, upload.object_key, artifact)
            for of_owner in folders.values():
                of_owner.write()
            touch(connection, set().union(*(of_owner.replaced for of_owner in folders.values())), now)
            objects.remove_unused(live)
            self._delete(connection, objects.used_keys)
        self._drop(objects.used_keys)
        return Committed(tuple(results), frozenset(objects.used_keys))

    def release(self, object_keys: Sequence[str]) -> None:
        """Ends reservations, and with them the uploads that were not complete."""
        self._drop(object_keys)
        with self._database.transaction("write") as connection:
            self._delete(connection, object_keys)
            for chunk in chunks(sorted(object_keys)):
                connection.execute(
                    sa.delete(_resumable).where(
                        _resumable.c.object_key.in_(chunk), _resumable.c.complete_time.is_(None)
                    )
                )

    def end_freed(self, object_keys: Sequence[str]) -> None:
        """Ends the reservations of objects that were collected."""
        with self._database.transaction("write") as connection:
            for chunk in chunks(sorted(object_keys)):
                # Whoever holds them by now: their bytes are gone.
                connection.execute(sa.delete(_upload).where(_upload.c.object_key.in_(chunk)))

    def forget(self, object_keys: Sequence[str]) -> None:
        """Renews these no longer."""
        self._drop(object_keys)

    def renew(self) -> None:
        """Says that this process lives."""
        self._release_spare(self._is_old)
        with self._lock:
            held = sorted(self._held)
        for chunk in chunks(held):
            now = self._now()
            with self._database.transaction("write") as connection:
                for holder, lifetime in ((self._holder, self._lease_millis), (RESUMABLE, LIFETIME_MILLIS)):
                    connection.execute(
                        sa.update(_upload)
                        .where(_upload.c.object_key.in_(chunk), _upload.c.holder == holder, _upload.c.expire_time > 0)
                        .values(expire_time=now + lifetime)
                    )

    def release_spare(self) -> None:
        """Ends the reservations that `commit_one` made."""
        self._release_spare(lambda _: True)

    def _release_spare(self, is_chosen: Callable[[Reservation], bool]) -> None:
        with self._lock:
            chosen = [each.object_key for spare in self._spare.values() for each in spare if is_chosen(each)]
            kept = {
                workspace: [each for each in spare if not is_chosen(each)] for workspace, spare in self._spare.items()
            }
            self._spare = {workspace: spare for workspace, spare in kept.items() if spare}
        if chosen:
            self.release(chosen)

    def _is_old(self, spare: Reservation) -> bool:
        """Whether no file came for it in a quarter of the lease."""
        return self._now() > spare.expire_time - self._lease_millis * 3 // 4

    def hold(self, object_key: str) -> None:
        """Renews the reservation of an upload of `Resumables`, until it is forgotten or released."""
        with self._lock:
            self._held.add(object_key)

    def claim_expired(self) -> list[str]:
        """Takes over what was not renewed for too long."""
        expired = _upload.c.expire_time < self._now()
        with self._database.transaction("read") as connection:
            found = connection.execute(
                sa.select(_upload.c.object_key).where(expired).order_by(_upload.c.expire_time).limit(_CLAIMED_AT_ONCE)
            )
            keys = list(found.scalars())
        claimed = []
        for key in keys:
            with self._database.transaction("write") as connection:
                # Only one of several that found it sees it expired here.
                taken = connection.execute(
                    sa.update(_upload)
                    .where(_upload.c.object_key == key, expired)
                    .values(holder=self._holder, expire_time=self._now() + self._lease_millis)
                )
                if taken.rowcount:
                    claimed.append(key)
        return claimed

    def _lock_held(self, connection: Connection, keys: Sequence[str]) -> set[str]:
        """Those of the keys that this process holds still; nobody can claim them until the transaction ends."""
        held: set[str] = set()
        for chunk in chunks(sorted(keys)):
            held.update(key for (key,) in self._locking.read(connection, texts=chunk))
        return held

    def _delete(self, connection: Connection, keys: Iterable[str]) -> None:
        for chunk in chunks(sorted(keys)):
            self._ending.delete_later(connection, texts=chunk)

    def _drop(self, keys: Iterable[str]) -> None:
        with self._lock:
            self._held.difference_update(keys)


def _new_key(workspace: str) -> str:
    return f"{workspace}/{secrets.token_hex(16)}"


def _complete(connection: Connection, object_key: str, artifact: Artifact) -> None:
    """Notes what came of an upload that outlives processes, for whoever asks again."""
    connection.execute(
        sa.update(_resumable)
        .where(_resumable.c.object_key == object_key)
        .values(
            complete_time=artifact.create_time,
            size_bytes=artifact.size_bytes,
            sha256=artifact.sha256,
            verified=artifact.verified,
        )
    )


def _artifact(upload: Upload, now: int, *, verified: bool) -> Artifact:
    file = upload.file
    return Artifact(
        file.owner, file.path, Kind.FILE, upload.size_bytes, upload.sha256, file.media_type, now, verified=verified
    )
