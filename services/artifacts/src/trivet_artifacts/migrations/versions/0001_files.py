"""Owners, files and folders, the objects with their bytes, and running uploads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "trivet_artifacts"


def upgrade() -> None:
    op.create_table(
        "artifact_owner",
        pk("owner_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("owner", text(), nullable=False),
        sa.UniqueConstraint("workspace", "owner", name="artifact_owner_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "artifact_object",
        pk("object_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("object_key", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace", "sha256", name="artifact_object_sha256_key"),
        sa.UniqueConstraint("object_key", name="artifact_object_object_key_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "artifact_entry",
        sa.Column("owner_pk", sa.BigInteger, reference("artifact_owner", "owner_pk"), primary_key=True),
        sa.Column("path", text(), primary_key=True),
        sa.Column("parent", text(), nullable=False),
        sa.Column("object_pk", sa.BigInteger, reference("artifact_object", "object_pk")),
        sa.Column("media_type", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("artifact_entry_parent", "artifact_entry", ["owner_pk", "parent", "path"], schema=SCHEMA)
    op.create_index("artifact_entry_object", "artifact_entry", ["object_pk"], schema=SCHEMA)
    op.create_table(
        "artifact_upload",
        sa.Column("object_key", text(), primary_key=True),
        sa.Column("holder", text(), nullable=False),
        sa.Column("renew_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("artifact_upload_renew_time", "artifact_upload", ["renew_time"], schema=SCHEMA)


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
