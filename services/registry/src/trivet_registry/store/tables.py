"""The tables as the code sees them; the migrations make them. Times are milliseconds since the Unix epoch."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA = "trivet_registry"

metadata = sa.MetaData(schema=SCHEMA)

# A row for each workspace that has a model or rules of its own. Its lock keeps those apart who create or rename models,
# or change the rules of promotion.
workspace = sa.Table(
    "workspace",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    # The rules, each a JSON array of texts.
    sa.Column("stages", sa.Text, nullable=False),
    sa.Column("protected_stages", sa.Text, nullable=False),
    sa.Column("protected_aliases", sa.Text, nullable=False),
    # JSON objects: how many approvals what is protected takes. What is not named is frozen.
    sa.Column("stage_approvals", sa.Text, nullable=False),
    sa.Column("alias_approvals", sa.Text, nullable=False),
    # NULL where they never were changed.
    sa.Column("rules_update_time", sa.BigInteger),
    sa.Column("rules_updated_by", sa.Text, nullable=False),
    sa.Column("rules_revision", sa.BigInteger, nullable=False),
)

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
    # Where its history ends.
    sa.Column("history_sequence", sa.BigInteger, nullable=False),
    sa.Column("history_sha256", sa.LargeBinary, nullable=False),
)

version = sa.Table(
    "version",
    metadata,
    sa.Column("version_pk", sa.BigInteger, primary_key=True),
    sa.Column("model_pk", sa.BigInteger, nullable=False),
    # The model's, so that an index can have all versions of a workspace in order.
    sa.Column("workspace", sa.Text, nullable=False),
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
    sa.Column("logged_model_id", sa.Text, nullable=False),
    sa.Column("code_commit", sa.Text, nullable=False),
    # JSON texts.
    sa.Column("signature_inputs", sa.Text, nullable=False),
    sa.Column("signature_outputs", sa.Text, nullable=False),
    sa.Column("signature_params", sa.Text, nullable=False),
    sa.Column("copied_from", sa.Text, nullable=False),
    # Of a copy that is PENDING: what it must become.
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

# The datasets that a version was made of, in the order in which they were named.
dataset = sa.Table(
    "dataset",
    metadata,
    sa.Column("version_pk", sa.BigInteger, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("context", sa.Text, nullable=False),
)

# Entries of histories, also of models that are deleted. Rows are only ever added.
history = sa.Table(
    "history",
    metadata,
    sa.Column("entry_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("model_uid", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("action", sa.SmallInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    # A JSON array of [field, before, after].
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("time", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("previous_sha256", sa.LargeBinary, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
)

# What nobody has been told yet: written with an entry of a history, and moved to `event` soon after.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("outbox_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    # The model's name at the time.
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("model_uid", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("action", sa.SmallInteger, nullable=False),
)

# What watchers and webhooks are told, numbered in the order in which it was committed: who has read up to a number has
# missed none below it.
event = sa.Table(
    "event",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("model_id", sa.Text, nullable=False),
    sa.Column("model_uid", sa.Text, nullable=False),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("action", sa.SmallInteger, nullable=False),
)

webhook = sa.Table(
    "webhook",
    metadata,
    sa.Column("webhook_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("webhook_id", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    # A JSON array of numbers; empty: all.
    sa.Column("actions", sa.Text, nullable=False),
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("delivery_pk", sa.BigInteger, primary_key=True),
    sa.Column("webhook_pk", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    # NULL before the first attempt.
    sa.Column("attempt_time", sa.BigInteger),
    # When it is sent, or sent again; while somebody sends it, when that is taken to have failed.
    sa.Column("due_time", sa.BigInteger, nullable=False),
    sa.Column("http_status", sa.Integer, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
)

# Changes of what is protected that somebody asked for; they stay, also when the model is deleted. Decided under the
# lock of the model, and each decision is in its history.
promotion_request = sa.Table(
    "promotion_request",
    metadata,
    sa.Column("promotion_request_pk", sa.BigInteger, primary_key=True),
    sa.Column("workspace", sa.Text, nullable=False),
    sa.Column("promotion_request_id", sa.Text, nullable=False),
    sa.Column("model_uid", sa.Text, nullable=False),
    # The name that the model had when it was deleted; until then the one at the time of asking.
    sa.Column("model_id", sa.Text, nullable=False),
    # 0: the alias is removed.
    sa.Column("version", sa.BigInteger, nullable=False),
    # Of the move of a version; empty for that of an alias.
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("archive_existing", sa.Boolean, nullable=False),
    sa.Column("from_stage", sa.Text, nullable=False),
    # A JSON array of numbers.
    sa.Column("archived", sa.Text, nullable=False),
    # Of the move of an alias; empty for that of a version.
    sa.Column("alias", sa.Text, nullable=False),
    sa.Column("from_version", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    # A JSON array of [approver, time, reason].
    sa.Column("approvals", sa.Text, nullable=False),
    sa.Column("required_approvals", sa.Integer, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("expire_time", sa.BigInteger, nullable=False),
    sa.Column("ended_by", sa.Text, nullable=False),
    # NULL while it is PENDING.
    sa.Column("end_time", sa.BigInteger),
    sa.Column("end_reason", sa.Text, nullable=False),
)

# First answers of requests that carried a request id: a model's uid, and of a version its number too, or the id of a
# webhook or a promotion request. No keys of rows, because SQLite gives those of deleted rows again.
request = sa.Table(
    "request",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
)
