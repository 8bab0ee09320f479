"""Uploads that outlive processes, in SQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from trivet_artifacts.domain.artifacts import Artifact, Kind
from trivet_artifacts.domain.errors import UploadNotFound
from trivet_artifacts.domain.resumables import Parts, Resumable
from trivet_artifacts.domain.uploads import NewFile
from trivet_artifacts.store import tables
from trivet_kit.db import Database
from trivet_kit.resources import ArtifactOwnerName, UploadName

# The holder of reservations that no process renews.
RESUMABLE = "resumable"
LIFETIME_MILLIS = 24 * 60 * 60 * 1000

_reservation = tables.artifact_upload
_resumable = tables.artifact_resumable


class SqlResumables:
    """Implements `Resumables`. `now` gives milliseconds since the Unix epoch. Safe for threads."""

    def __init__(self, database: Database, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def reserve(self, workspace: str) -> str:
        """Returns a new object key."""
        object_key = f"{workspace}/{uuid.uuid4().hex}"
        row = {"object_key": object_key, "holder": RESUMABLE, "expire_time": self._now() + LIFETIME_MILLIS}
        with self._database.transaction("write") as connection:
            connection.execute(sa.insert(_reservation), row)
        return object_key

    def add(self, object_key: str, file: NewFile, parts: Parts, resume_key: str, store_upload: str) -> Resumable:
        """Makes an upload."""
        row = {
            "object_key": object_key,
            "workspace": file.owner.workspace,
            "owner": file.owner.name,
            "path": file.path,
            "media_type": file.media_type,
            "size_bytes": file.size_bytes or 0,
            "part_size_bytes": parts.size_bytes,
            "part_count": parts.count,
            "resume_key": resume_key,
            "store_upload": store_upload,
            "create_time": self._now(),
        }
        with self._database.transaction("write") as connection:
            connection.execute(sa.insert(_resumable), row)
            return _read(connection.execute(_select().where(_resumable.c.object_key == object_key)).one())

    def find(self, file: NewFile, parts: Parts, resume_key: str) -> Resumable | None:
        """Returns an upload of the same file that has not ended."""
        same = sa.and_(
            _resumable.c.workspace == file.owner.workspace,
            _resumable.c.resume_key == resume_key,
            _resumable.c.owner == file.owner.name,
            _resumable.c.path == file.path,
            _resumable.c.media_type == file.media_type,
            _resumable.c.size_bytes == file.size_bytes,
            _resumable.c.part_size_bytes == parts.size_bytes,
            _resumable.c.complete_time.is_(None),
            _reservation.c.expire_time > self._now(),
            _reservation.c.holder == RESUMABLE,
        )
        newest = _select().where(same).order_by(_resumable.c.create_time.desc()).limit(1)
        with self._database.transaction("read") as connection:
            row = connection.execute(newest).one_or_none()
        return None if row is None else self.use(_name(row.object_key))

    def use(self, name: UploadName) -> Resumable:
        """Returns an upload, which stays."""
        object_key = f"{name.workspace}/{name.upload_id}"
        now = self._now()
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.update(_reservation)
                .where(
                    _reservation.c.object_key == object_key,
                    _reservation.c.holder == RESUMABLE,
                    _reservation.c.expire_time > now,
                )
                .values(expire_time=now + LIFETIME_MILLIS)
            )
            row = connection.execute(_select().where(_resumable.c.object_key == object_key)).one_or_none()
        alive = row is not None and row.holder == RESUMABLE and row.expire_time > now
        if row is None or (row.complete_time is None and not alive):
            raise UploadNotFound(str(name))
        return _read(row)

    def note_etags(self, name: UploadName, etags_sha256: bytes) -> None:
        """Keeps which parts an upload is made of."""
        object_key = f"{name.workspace}/{name.upload_id}"
        with self._database.transaction("write") as connection:
            connection.execute(
                sa.update(_resumable).where(_resumable.c.object_key == object_key).values(etags_sha256=etags_sha256)
            )

    def give_up(self, name: UploadName) -> bool:
        """Lets an upload expire at once."""
        object_key = f"{name.workspace}/{name.upload_id}"
        with self._database.transaction("write") as connection:
            given_up = connection.execute(
                sa.update(_reservation)
                .where(_reservation.c.object_key == object_key, _reservation.c.holder == RESUMABLE)
                .values(expire_time=0)
            )
            return bool(given_up.rowcount)

    def count(self, workspace: str) -> int:
        """Returns how many have not ended."""
        open_ones = (
            sa.select(sa.func.count())
            .select_from(_resumable)
            .where(_resumable.c.workspace == workspace, _resumable.c.complete_time.is_(None))
        )
        with self._database.transaction("read") as connection:
            return int(connection.execute(open_ones).scalar_one())

    def forget_completed(self) -> None:
        """Drops the rows of uploads that have been complete for a day."""
        with self._database.transaction("write") as connection:
            connection.execute(sa.delete(_resumable).where(_resumable.c.complete_time < self._now() - LIFETIME_MILLIS))


def _select() -> sa.Select[Any]:
    return sa.select(*_resumable.c, _reservation.c.holder, _reservation.c.expire_time).select_from(
        _resumable.outerjoin(_reservation, _reservation.c.object_key == _resumable.c.object_key)
    )


def _name(object_key: str) -> UploadName:
    workspace, _, upload_id = object_key.partition("/")
    return UploadName(workspace, upload_id)


def _read(row: Row[Any]) -> Resumable:
    owner = ArtifactOwnerName(row.workspace, row.owner)
    file = NewFile(owner, row.path, row.media_type, row.size_bytes)
    completed = None
    if row.complete_time is not None:
        completed = Artifact(
            owner,
            row.path,
            Kind.FILE,
            row.size_bytes,
            row.sha256,
            row.media_type,
            row.complete_time,
            verified=row.verified,
        )
    return Resumable(
        name=_name(row.object_key),
        object_key=row.object_key,
        file=file,
        size_bytes=row.size_bytes,
        part_size_bytes=row.part_size_bytes,
        part_count=row.part_count,
        store_upload=row.store_upload,
        etags_sha256=row.etags_sha256,
        expire_time=row.expire_time or 0,
        completed=completed,
    )
