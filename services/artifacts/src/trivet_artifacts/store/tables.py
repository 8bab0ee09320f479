"""The tables as the code sees them; the migrations make them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "trivet_artifacts"

metadata = sa.MetaData(schema=SCHEMA)

# Whoever changes the files of an owner locks its row first.
artifact_owner = sa.Table(
    "artifact_owner",
    metadata,
    sa.Column("owner_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
)

# The bytes of files, each content once a workspace.
artifact_object = sa.Table(
    "artifact_object",
    metadata,
    sa.Column("object_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
)

# One row for each file and for each folder, which has no object. `parent` is the folder in which it lies, '' the top.
artifact_entry = sa.Table(
    "artifact_entry",
    metadata,
    sa.Column("owner_pk", sa.BigInteger, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("object_pk", sa.BigInteger),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
)

# Object keys under which there may be bytes that no file has yet. `holder` is a process; it renews its rows.
artifact_upload = sa.Table(
    "artifact_upload",
    metadata,
    sa.Column("object_key", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("renew_time", sa.BigInteger, nullable=False),
)
