"""How many bytes of a workspace the store keeps, in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from trivet_artifacts.store import tables
from trivet_kit.db import Database
from trivet_kit.db.statements import Statement

_blob = tables.artifact_blob
_resumable = tables.artifact_resumable

_OF_BLOBS = sa.select(sa.func.coalesce(sa.func.sum(_blob.c.size_bytes), 0)).where(
    _blob.c.workspace == sa.bindparam("b_workspace")
)
_OF_UPLOADS = sa.select(sa.func.coalesce(sa.func.sum(_resumable.c.size_bytes), 0)).where(
    _resumable.c.workspace == sa.bindparam("b_workspace"), _resumable.c.complete_time.is_(None)
)
_KEPT = Statement(
    sa.select(sa.cast(_OF_BLOBS.scalar_subquery() + _OF_UPLOADS.scalar_subquery(), sa.BigInteger).label("bytes"))
)

_PARTS = sa.union_all(
    sa.select(_blob.c.workspace, _blob.c.size_bytes),
    sa.select(_resumable.c.workspace, _resumable.c.size_bytes).where(_resumable.c.complete_time.is_(None)),
).subquery()
_KEPT_BY_WORKSPACE = sa.select(
    _PARTS.c.workspace, sa.cast(sa.func.sum(_PARTS.c.size_bytes), sa.BigInteger).label("bytes")
).group_by(_PARTS.c.workspace)


class SqlSpace:
    """Reckons what is kept. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def kept_bytes(self, workspace: str) -> int:
        """Bytes of blobs, whether files refer to them or not, and those that uploads are going to have."""
        return int(_KEPT.read(self._database, {"b_workspace": workspace})[0].bytes)

    def kept_bytes_by_workspace(self) -> dict[str, int]:
        """The same of all workspaces that keep something, by their ids. It reads all rows."""
        with self._database.transaction("read") as connection:
            return {row.workspace: int(row.bytes) for row in connection.execute(_KEPT_BY_WORKSPACE)}
