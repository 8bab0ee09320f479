"""Rows of objects, the bytes of files, which files share; and of the blobs in which they lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from trivet_artifacts.domain.uploads import Upload
from trivet_artifacts.store import tables
from trivet_artifacts.store.entries import chunks
from trivet_kit.db.bulk import Scalar
from trivet_kit.db.statements import Statement
from trivet_kit.db.upserts import Insert, insert_into, put_rows_later

_blob = tables.artifact_blob
_object = tables.artifact_object

# An object that is found may be collected before it is locked; then it is made, which another may do before, and so on.
_ATTEMPTS = 10

_IDENTITY = (_object.c.object_pk, _object.c.object_key, _object.c.size_bytes, _object.c.sha256)


def _making(dialect: str) -> Insert:
    """Makes a verified object where its workspace has none with the same bytes."""
    return insert_into(dialect, _object).on_conflict_do_nothing(
        index_elements=["workspace", "sha256"], index_where=sa.text("state = 0")
    )


def _making_one(dialect: str) -> sa.Insert:
    columns = ("workspace", "sha256", "size_bytes", "object_key", "offset_bytes", "create_time", "touch_time", "state")
    values: dict[str, Any] = {column: sa.bindparam(f"b_{column}") for column in columns}
    return _making(dialect).values(values).returning(*_IDENTITY)


_MAKE_ONE = Statement(_making_one("postgresql"), on_sqlite=_making_one("sqlite"))


def lock_verified(connection: Connection, workspace: str, digests: Iterable[bytes]) -> dict[bytes, Any]:
    """The verified objects of a workspace with these digests; they are not collected until the transaction ends."""
    found: dict[bytes, Any] = {}
    for chunk in chunks(sorted(set(digests))):
        statement = sa.select(*_IDENTITY).where(
            _object.c.workspace == workspace, _object.c.sha256.in_(chunk), _object.c.state == tables.VERIFIED
        )
        locked = statement.order_by(_object.c.sha256).with_for_update(read=True, key_share=True)
        found.update((bytes(row.sha256), row) for row in connection.execute(locked))
    return found


def touch(connection: Connection, object_pks: Iterable[int], now: int) -> None:
    """Says that a file ceased to refer to these objects: the grace period of those without files begins anew."""
    for chunk in chunks(sorted(set(object_pks))):
        # Locked in one order, so that two transactions do not wait for each other in a circle.
        ordered = sa.select(_object.c.object_pk).where(_object.c.object_pk.in_(chunk)).order_by(_object.c.object_pk)
        connection.execute(ordered.with_for_update(key_share=True)).all()
        connection.execute(sa.update(_object).where(_object.c.object_pk.in_(chunk)).values(touch_time=now))


class Objects:
    """The objects of a group of uploads: new ones, and those that their workspaces had already."""

    def __init__(self, connection: Connection, uploads: Sequence[Upload], now: int) -> None:
        """Finds or makes them. Those that are found are not collected until the transaction ends."""
        self.used_keys: set[str] = set()
        """Keys of the new blobs to which a file refers."""
        self._connection = connection
        self._now = now
        self._used: set[int] = set()
        self._new: dict[int, str] = {}
        """The blobs of new objects."""
        self._unverified: set[int] = set()
        self._pks: dict[tuple[str, bytes], int] = {}
        self._insert_blobs(uploads)
        by_content = {(upload.file.owner.workspace, upload.sha256): upload for upload in reversed(uploads)}
        for workspace in sorted({workspace for workspace, _ in by_content}):
            self._find_or_make([by_content[content] for content in sorted(by_content) if content[0] == workspace])

    def _insert_blobs(self, uploads: Sequence[Upload]) -> None:
        ends: dict[str, int] = {}
        for upload in uploads:
            end = upload.offset_bytes + upload.size_bytes
            ends[upload.object_key] = max(end, ends.get(upload.object_key, 0))
        rows: list[dict[str, Scalar]] = [
            {"object_key": key, "workspace": key.partition("/")[0], "size_bytes": end} for key, end in ends.items()
        ]
        if rows:
            put_rows_later(self._connection, _blob, rows)

    def _find_or_make(self, uploads: list[Upload]) -> None:
        """Finds or makes the objects of uploads of one workspace, in the order of their digests."""
        workspace = uploads[0].file.owner.workspace
        by_digest = {upload.sha256: upload for upload in uploads}
        remaining = dict(by_digest)
        unverified = {sha256: remaining.pop(sha256) for sha256, upload in by_digest.items() if not upload.verified}
        self._find(workspace, unverified)
        for upload in unverified.values():
            self._unverified.add(self._make_unverified(upload))
        for _ in range(_ATTEMPTS):
            if not remaining:
                return
            # By digest, so that two groups with the same contents do not wait for each other in a circle. Made first:
            # of most contents this is the first upload, for clients ask before they send.
            for row in self._make([self._row(remaining[sha256], tables.VERIFIED) for sha256 in sorted(remaining)]):
                self._note_new(workspace, row)
                del remaining[bytes(row.sha256)]
            self._find(workspace, remaining)
        raise AssertionError("objects vanish as soon as they are made")

    def _find(self, workspace: str, wanted: dict[bytes, Upload]) -> None:
        """Takes those out of the wanted ones that the workspace has verified."""
        for sha256, row in lock_verified(self._connection, workspace, wanted).items():
            self._pks[workspace, sha256] = row.object_pk
            del wanted[sha256]

    def _make(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Row[Any]]:
        """Those of new verified objects that nobody has made before."""
        if len(rows) == 1:  # as of one file alone; it is compiled once
            return _MAKE_ONE.execute(self._connection, {f"b_{column}": value for column, value in rows[0].items()})
        # Without `returning`, SQLAlchemy would send each row by itself.
        return self._connection.execute(_making(self._connection.dialect.name).returning(*_IDENTITY), rows).all()

    def _make_unverified(self, upload: Upload) -> int:
        """An object of this upload alone: what others send is not taken for the same on its client's word."""
        made = sa.insert(_object).values(**self._row(upload, tables.UNVERIFIED))
        row = self._connection.execute(made.returning(*_IDENTITY)).one()
        self._note_new(upload.file.owner.workspace, row)
        return int(row.object_pk)

    def _row(self, upload: Upload, state: int) -> dict[str, Any]:
        return {
            "workspace": upload.file.owner.workspace,
            "sha256": upload.sha256,
            "size_bytes": upload.size_bytes,
            "object_key": upload.object_key,
            "offset_bytes": upload.offset_bytes,
            "create_time": self._now,
            "touch_time": self._now,
            "state": state,
        }

    def _note_new(self, workspace: str, row: Row[Any]) -> None:
        self._pks[workspace, bytes(row.sha256)] = row.object_pk
        self._new[row.object_pk] = row.object_key

    def use(self, upload: Upload) -> int:
        """The key of the object with an upload's content, for a file that refers to it."""
        object_pk = self._pks[upload.file.owner.workspace, upload.sha256]
        self._used.add(object_pk)
        if object_pk in self._new:
            self.used_keys.add(self._new[object_pk])
        return object_pk

    def is_verified(self, object_pk: int) -> bool:
        """Whether an object of these is verified."""
        return object_pk not in self._unverified

    def remove_unused(self, uploads: Sequence[Upload]) -> None:
        """Removes the new objects that no file came to refer to, and the blobs of these uploads that have no others."""
        for chunk in chunks(sorted(self._new.keys() - self._used)):
            self._connection.execute(sa.delete(_object).where(_object.c.object_pk.in_(chunk)))
        unused = {upload.object_key for upload in uploads} - self.used_keys
        for keys in chunks(sorted(unused)):
            self._connection.execute(sa.delete(_blob).where(_blob.c.object_key.in_(keys)))
