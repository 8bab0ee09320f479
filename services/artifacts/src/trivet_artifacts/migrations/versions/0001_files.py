"""Owners, files and folders, the objects with their bytes, running uploads, what keeps or gives up files, and audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trivet_kit.db.shared_tables import create_audit_event, create_rate_demand

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
oldest_supported = "0001"

SCHEMA = "trivet_artifacts"


def upgrade() -> None:
    op.create_table(
        "artifact_owner",
        pk("owner_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("owner", text(), nullable=False),
        sa.Column("hold_time", sa.BigInteger),
        sa.Column("hold_reason", text()),
        sa.UniqueConstraint("workspace", "owner", name="artifact_owner_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "artifact_blob",
        sa.Column("object_key", text(), primary_key=True),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("artifact_blob_workspace", "artifact_blob", ["workspace"], schema=SCHEMA)
    op.create_table(
        "artifact_object",
        pk("object_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("object_key", text(), reference("artifact_blob", "object_key"), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("touch_time", sa.BigInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("check_time", sa.BigInteger, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    # Only a verified object is shared by files that do not come from each other.
    partial_index("artifact_object_sha256", "artifact_object", ["workspace", "sha256"], "state = 0", unique=True)
    partial_index("artifact_object_unverified", "artifact_object", ["check_time"], "state = 1")
    op.create_index("artifact_object_object_key", "artifact_object", ["object_key"], schema=SCHEMA)
    op.create_index("artifact_object_touch_time", "artifact_object", ["workspace", "touch_time"], schema=SCHEMA)
    op.create_table(
        "artifact_entry",
        sa.Column("owner_pk", sa.BigInteger, reference("artifact_owner", "owner_pk"), primary_key=True),
        sa.Column("path", text(), primary_key=True),
        sa.Column("parent", text(), nullable=False),
        sa.Column("object_pk", sa.BigInteger, reference("artifact_object", "object_pk")),
        sa.Column("media_type", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("reference_uri", text()),
        sa.Column("reference_size_bytes", sa.BigInteger),
        sa.Column("reference_sha256", sa.LargeBinary),
        schema=SCHEMA,
    )
    op.create_index("artifact_entry_parent", "artifact_entry", ["owner_pk", "parent", "path"], schema=SCHEMA)
    op.create_index("artifact_entry_object", "artifact_entry", ["object_pk"], schema=SCHEMA)
    op.create_table(
        "artifact_upload",
        sa.Column("object_key", text(), primary_key=True),
        sa.Column("holder", text(), nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("artifact_upload_expire_time", "artifact_upload", ["expire_time"], schema=SCHEMA)
    op.create_table(
        "artifact_resumable",
        sa.Column("object_key", text(), primary_key=True),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("owner", text(), nullable=False),
        sa.Column("path", text(), nullable=False),
        sa.Column("media_type", text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("part_size_bytes", sa.BigInteger, nullable=False),
        sa.Column("part_count", sa.Integer, nullable=False),
        sa.Column("resume_key", text(), nullable=False),
        sa.Column("store_upload", text(), nullable=False),
        sa.Column("etags_sha256", sa.LargeBinary),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("complete_time", sa.BigInteger),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("verified", sa.Boolean),
        schema=SCHEMA,
    )
    # What a client looks for that begins again; a path may be longer than an index row of both databases takes well.
    op.create_index("artifact_resumable_key", "artifact_resumable", ["workspace", "resume_key"], schema=SCHEMA)
    op.create_index("artifact_resumable_complete", "artifact_resumable", ["complete_time"], schema=SCHEMA)
    op.create_table(
        "artifact_retention",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("owner_kind", text(), primary_key=True),
        sa.Column("keep_for_millis", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "artifact_collection",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("holder", text(), nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    create_rate_demand(SCHEMA)
    create_audit_event(SCHEMA)


def partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name, table, columns, schema=SCHEMA, unique=unique, postgresql_where=condition, sqlite_where=condition
    )


def is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def text() -> sa.Text:
    # Byte order on both databases: it is what SQLite does, it does not change with the operating system's locale data,
    # and folders are ranges of paths in it.
    return sa.Text(collation="C") if is_postgres() else sa.Text()


def pk(name: str) -> sa.Column[int]:
    # SQLite counts up by itself only what is declared INTEGER PRIMARY KEY.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, sa.Identity(always=True) if is_postgres() else None, primary_key=True)


def reference(table: str, column: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{SCHEMA}.{table}.{column}")
