"""New files with new contents, as they mostly come one at a time, written by one statement.

It does what a commit of `SqlUploads` does where the reservation holds, the owner had files before, nothing lies at the
path or in the way of it, and the workspace has no such bytes. Everything else it leaves alone. PostgreSQL alone has it,
as a function; SQLite makes no round trips that it would save.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from trivet_artifacts.domain import paths
from trivet_artifacts.domain.uploads import Upload
from trivet_artifacts.store import tables
from trivet_kit.db.bulk import DriverStatement, array_of_texts
from trivet_kit.db.functions import function_of

_owner = tables.artifact_owner
_upload = tables.artifact_upload

_RESERVATION = sa.select(_upload.c.object_key).where(
    _upload.c.object_key == sa.bindparam("b_object_key"),
    _upload.c.holder == sa.bindparam("b_holder"),
    _upload.c.expire_time > 0,
)
_OWNER = sa.select(_owner.c.owner_pk).where(
    _owner.c.workspace == sa.bindparam("b_workspace"), _owner.c.owner == sa.bindparam("b_owner")
)
_PLACE = function_of(
    tables.SCHEMA,
    "place_new_file",
    sa.text(
        f"""
    WITH free AS (
        SELECT owner_pk FROM {tables.SCHEMA}.artifact_owner AS owner
        WHERE owner.workspace = :b_workspace AND owner.owner = :b_owner
        AND EXISTS (
            SELECT FROM {tables.SCHEMA}.artifact_upload AS upload
            WHERE upload.object_key = :b_object_key AND upload.holder = :b_holder AND upload.expire_time > 0
        ) AND NOT EXISTS (
            SELECT FROM {tables.SCHEMA}.artifact_entry AS entry
            WHERE entry.owner_pk = owner.owner_pk AND entry.path = :b_path
        ) AND NOT EXISTS (
            SELECT FROM {tables.SCHEMA}.artifact_entry AS entry
            WHERE entry.owner_pk = owner.owner_pk AND entry.path = ANY(CAST(:b_folders AS text[]))
            AND (entry.object_pk IS NOT NULL OR entry.reference_uri IS NOT NULL)
        )
    ), object AS (
        INSERT INTO {tables.SCHEMA}.artifact_object
            (workspace, sha256, size_bytes, object_key, offset_bytes, create_time, touch_time, state)
        SELECT :b_workspace, :b_sha256, :b_size_bytes, :b_object_key, 0, :b_now, :b_now, {tables.VERIFIED} FROM free
        ON CONFLICT (workspace, sha256) WHERE state = 0 DO NOTHING
        RETURNING object_pk
    ), blob AS (
        INSERT INTO {tables.SCHEMA}.artifact_blob (object_key, workspace, size_bytes)
        SELECT :b_object_key, :b_workspace, :b_size_bytes FROM object
    ), folder AS (
        INSERT INTO {tables.SCHEMA}.artifact_entry (owner_pk, path, parent, media_type, create_time)
        SELECT owner_pk, each.path, each.parent, '', :b_now
        FROM free, object, unnest(CAST(:b_folders AS text[]), CAST(:b_parents AS text[])) AS each (path, parent)
        ON CONFLICT (owner_pk, path) DO NOTHING
    ), entry AS (
        INSERT INTO {tables.SCHEMA}.artifact_entry (owner_pk, path, parent, object_pk, media_type, create_time)
        SELECT owner_pk, :b_path, :b_parent, object_pk, :b_media_type, :b_now FROM free, object
    ), reservation AS (
        UPDATE {tables.SCHEMA}.artifact_upload
        SET object_key = :b_next_key, expire_time = :b_expire_time
        WHERE object_key = :b_object_key AND EXISTS (SELECT FROM object)
    )
    SELECT object_pk FROM object
    """  # noqa: S608 - the schema's name is ours
    )
    .bindparams(
        *(
            sa.bindparam(f"b_{name}", type_=sa.Text)
            for name in ("workspace", "owner", "object_key", "next_key", "holder", "path", "parent", "media_type")
        ),
        *(sa.bindparam(f"b_{name}", type_=ARRAY(sa.Text)) for name in ("folders", "parents")),
        *(sa.bindparam(f"b_{name}", type_=sa.BigInteger) for name in ("size_bytes", "now", "expire_time")),
        sa.bindparam("b_sha256", type_=sa.LargeBinary),
    )
    .columns(sa.column("object_pk", sa.BigInteger)),
    # In the order in which all take these locks. What comes after them sees what others did who had them before.
    before=(_RESERVATION.with_for_update(), _OWNER.with_for_update()),
)
_CALL = DriverStatement(_PLACE)
FUNCTIONS = (_PLACE,)
"""What PostgreSQL has as functions: to plan it takes longer than what it does (ADR 35)."""


@dataclass(frozen=True)
class Reservation:
    """A key that a process holds."""

    object_key: str
    expire_time: int
    """In milliseconds since the Unix epoch, unless it is renewed."""


def place_new(connection: Connection, upload: Upload, holder: str, following: Reservation, now: int) -> bool:
    """Makes a file of a blob of its own visible, in a transaction on PostgreSQL; returns whether it did.

    Args:
        connection: The transaction.
        upload: The file.
        holder: Who holds the reservation of its key.
        following: What is reserved for the same holder in place of that.
        now: In milliseconds since the Unix epoch.
    """
    file = upload.file
    folders = paths.ancestors(file.path)
    rows = _CALL.execute(
        connection,
        {
            "b_workspace": file.owner.workspace,
            "b_owner": file.owner.name,
            "b_object_key": upload.object_key,
            "b_next_key": following.object_key,
            "b_holder": holder,
            "b_path": file.path,
            "b_parent": paths.parent(file.path),
            "b_media_type": file.media_type,
            "b_folders": array_of_texts(folders),
            "b_parents": array_of_texts(paths.parent(folder) for folder in folders),
            "b_size_bytes": upload.size_bytes,
            "b_now": now,
            "b_expire_time": following.expire_time,
            "b_sha256": upload.sha256,
        },
    )
    return bool(rows)
