"""The tables as the code sees them; the migrations make them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "trivet_artifacts"

metadata = sa.MetaData(schema=SCHEMA)

# Whoever changes the files of an owner locks its row first. `hold_time` is set where a hold keeps its files.
artifact_owner = sa.Table(
    "artifact_owner",
    metadata,
    sa.Column("owner_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("hold_time", sa.BigInteger),
    sa.Column("hold_reason", sa.Text),
)

# What `state` of an object says. Of the verified ones there is one for each content of a workspace; the others belong
# to a file of a direct upload, and to those that were linked from it.
VERIFIED = 0
UNVERIFIED = 1
CORRUPT = 2
DUPLICATE = 3  # of a verified one; no file refers to it

# What lies in the store of bytes, under a key: the bytes of an object, or those of several small ones in a row.
artifact_blob = sa.Table(
    "artifact_blob",
    metadata,
    sa.Column("object_key", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
)

# The bytes of files, which are part of a blob. `touch_time` is when it was made, or when a file last ceased to refer to
# it. `check_time` is when a process last began to read an unverified one.
artifact_object = sa.Table(
    "artifact_object",
    metadata,
    sa.Column("object_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("offset_bytes", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("touch_time", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("check_time", sa.BigInteger, nullable=False, server_default="0"),
)

# One row for each file, which has an object or a reference, and for each folder, which has neither. `parent` is the
# folder in which it lies, '' the top.
artifact_entry = sa.Table(
    "artifact_entry",
    metadata,
    sa.Column("owner_pk", sa.BigInteger, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("object_pk", sa.BigInteger),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("reference_uri", sa.Text),
    sa.Column("reference_size_bytes", sa.BigInteger),
    sa.Column("reference_sha256", sa.LargeBinary),
)

# Object keys under which there may be bytes that no file has. `holder` is a process, which renews its rows, or says
# that no process does: for an upload that outlives processes, and for bytes that are to be removed.
artifact_upload = sa.Table(
    "artifact_upload",
    metadata,
    sa.Column("object_key", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
)

# Uploads that outlive clients and servers; the bytes are reserved in `artifact_upload` until it is complete. Then the
# row stays for a while, so that the same call has the same answer.
artifact_resumable = sa.Table(
    "artifact_resumable",
    metadata,
    sa.Column("object_key", sa.Text, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("part_size_bytes", sa.BigInteger, nullable=False),
    sa.Column("part_count", sa.Integer, nullable=False),
    sa.Column("resume_key", sa.Text, nullable=False),
    sa.Column("store_upload", sa.Text, nullable=False),
    sa.Column("etags_sha256", sa.LargeBinary),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("complete_time", sa.BigInteger),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("verified", sa.Boolean),
)

# How long files are kept, by kind of owner; those without a row for ever.
artifact_retention = sa.Table(
    "artifact_retention",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("owner_kind", sa.Text, primary_key=True),
    sa.Column("keep_for_millis", sa.BigInteger, nullable=False),
)

# Which process collects the garbage of a workspace.
artifact_collection = sa.Table(
    "artifact_collection",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
)
