"""The tables as the code sees them; the migrations make them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "trivet_registry"

metadata = sa.MetaData(schema=SCHEMA)

# Locked by who creates or renames a model.
workspace = sa.Table("workspace", metadata, sa.Column("workspace", sa.Text, primary_key=True))

# Locked by who changes a model, its versions or its aliases.
model = sa.Table(
    "model",
    metadata,
    sa.Column("model_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),
    sa.Column("next_version", sa.BigInteger, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

version = sa.Table(
    "version",
    metadata,
    sa.Column("version_pk", sa.BigInteger, primary_key=True),
    sa.Column("model_pk", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("state_message", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    # Empty for an outside source.
    sa.Column("source_owner", sa.Text, nullable=False),
    # The logical path, or the outside URI.
    sa.Column("source_path", sa.Text, nullable=False),
    # Who has the files, by a name that no rename changes.
    sa.Column("link_owner", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.LargeBinary, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    # When somebody last set out to link the files.
    sa.Column("attempt_time", sa.BigInteger, nullable=False),
)


def _tags(name: str, owner: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column(owner, sa.BigInteger, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


model_tag = _tags("model_tag", "model_pk")
version_tag = _tags("version_tag", "version_pk")

alias = sa.Table(
    "alias",
    metadata,
    sa.Column("model_pk", sa.BigInteger, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("version_pk", sa.BigInteger, nullable=False),
)

# Every move of a version from stage to stage, also of models that are deleted. Rows are only ever added.
move = sa.Table(
    "move",
    metadata,
    sa.Column("move_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("model_uid", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("from_stage", sa.Text, nullable=False),
    sa.Column("to_stage", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("moved_by", sa.Text, nullable=False),
    sa.Column("move_time", sa.BigInteger, nullable=False),
)

# First answers of requests that carried a request id: a model's uid, and of a version its number too. No keys of rows,
# because SQLite gives those of deleted rows again.
request = sa.Table(
    "request",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
)
