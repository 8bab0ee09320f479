"""Models, versions, aliases, histories, promotion requests, events, webhooks, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trivet_kit.db.shared_tables import create_audit_event, create_rate_demand

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
oldest_supported = "0001"

SCHEMA = "trivet_registry"


def upgrade() -> None:
    create_workspaces()
    create_models()
    create_versions()
    create_tags("model")
    create_tags("version")
    op.create_table(
        "alias",
        sa.Column("model_pk", sa.BigInteger, reference("model"), primary_key=True),
        sa.Column("alias", text(), primary_key=True),
        sa.Column("version_pk", sa.BigInteger, reference("version"), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("alias_version_idx", "alias", ["version_pk"], schema=SCHEMA)
    create_datasets()
    create_history()
    create_promotion_requests()
    create_events()
    create_webhooks()
    op.create_table(
        "request",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("request_id", text(), primary_key=True),
        sa.Column("fingerprint", text(), nullable=False),
        sa.Column("answer", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("request_create_time_idx", "request", ["create_time"], schema=SCHEMA)
    create_rate_demand(SCHEMA)
    create_audit_event(SCHEMA)


def is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def text() -> sa.Text:
    # Byte order on both databases: it is what SQLite does, it does not change with the operating system's locale data,
    # and it lets an index serve LIKE 'prefix%'.
    return sa.Text(collation="C") if is_postgres() else sa.Text()


def pk(name: str) -> sa.Column[int]:
    # SQLite counts up by itself only what is declared INTEGER PRIMARY KEY.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column(name, kind, sa.Identity(always=True) if is_postgres() else None, primary_key=True)


def reference(table: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{SCHEMA}.{table}.{table}_pk")


def create_workspaces() -> None:
    op.create_table(
        "workspace",
        sa.Column("workspace", text(), primary_key=True),
        sa.Column("stages", text(), nullable=False),
        sa.Column("protected_stages", text(), nullable=False),
        sa.Column("protected_aliases", text(), nullable=False),
        sa.Column("stage_approvals", text(), nullable=False),
        sa.Column("alias_approvals", text(), nullable=False),
        sa.Column("rules_update_time", sa.BigInteger),
        sa.Column("rules_updated_by", text(), nullable=False),
        sa.Column("rules_revision", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )


def create_models() -> None:
    op.create_table(
        "model",
        pk("model_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("model_id", text(), nullable=False),
        sa.Column("uid", text(), nullable=False),
        sa.Column("next_version", sa.BigInteger, nullable=False),
        sa.Column("description", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("history_sequence", sa.BigInteger, nullable=False),
        sa.Column("history_sha256", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("workspace", "model_id", name="model_id_key"),
        sa.UniqueConstraint("uid", name="model_uid_key"),
        schema=SCHEMA,
    )
    op.create_index("model_update_idx", "model", ["workspace", "update_time"], schema=SCHEMA)


def create_versions() -> None:
    op.create_table(
        "version",
        pk("version_pk"),
        sa.Column("model_pk", sa.BigInteger, reference("model"), nullable=False),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("state_message", text(), nullable=False),
        sa.Column("stage", text(), nullable=False),
        sa.Column("source_owner", text(), nullable=False),
        sa.Column("source_path", text(), nullable=False),
        sa.Column("link_owner", text(), nullable=False),
        sa.Column("run_id", text(), nullable=False),
        sa.Column("logged_model_id", text(), nullable=False),
        sa.Column("code_commit", text(), nullable=False),
        sa.Column("signature_inputs", text(), nullable=False),
        sa.Column("signature_outputs", text(), nullable=False),
        sa.Column("signature_params", text(), nullable=False),
        sa.Column("copied_from", text(), nullable=False),
        sa.Column("manifest_sha256", sa.LargeBinary, nullable=False),
        sa.Column("description", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("attempt_time", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("model_pk", "version", name="version_number_key"),
        sa.CheckConstraint("state IN (1, 2, 3)", name="version_state_check"),
        schema=SCHEMA,
        # A key of a deleted version must not be that of another one: somebody may still be linking its files.
        sqlite_autoincrement=True,
    )
    op.create_index("version_stage_idx", "version", ["model_pk", "stage", "version"], schema=SCHEMA)
    op.create_index("version_update_idx", "version", ["workspace", "update_time"], schema=SCHEMA)
    op.create_index("version_run_idx", "version", ["workspace", "run_id"], schema=SCHEMA)
    pending = sa.text("state = 1")
    op.create_index(
        "version_pending_idx",
        "version",
        ["attempt_time"],
        schema=SCHEMA,
        postgresql_where=pending,
        sqlite_where=pending,
    )


def create_tags(owner: str) -> None:
    op.create_table(
        f"{owner}_tag",
        sa.Column(f"{owner}_pk", sa.BigInteger, reference(owner), primary_key=True),
        sa.Column("key", text(), primary_key=True),
        sa.Column("value", text(), nullable=False),
        schema=SCHEMA,
    )
    # A bounded prefix: PostgreSQL refuses index rows over 2.7 kB. Queries test the prefix and the value.
    op.create_index(
        f"{owner}_tag_value_idx",
        f"{owner}_tag",
        ["key", sa.text("substr(value, 1, 200)"), f"{owner}_pk"],
        schema=SCHEMA,
    )


def create_datasets() -> None:
    op.create_table(
        "dataset",
        sa.Column("version_pk", sa.BigInteger, reference("version"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("name", text(), nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("context", text(), nullable=False),
        schema=SCHEMA,
    )
    for column in ("name", "digest"):
        op.create_index(f"dataset_{column}_idx", "dataset", [column, "version_pk"], schema=SCHEMA)


def create_history() -> None:
    op.create_table(
        "history",
        pk("entry_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("model_uid", text(), nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("action", sa.SmallInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("changes", text(), nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("actor", text(), nullable=False),
        sa.Column("reason", text(), nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("model_uid", "sequence", name="history_sequence_key"),
        schema=SCHEMA,
    )


def create_promotion_requests() -> None:
    op.create_table(
        "promotion_request",
        pk("promotion_request_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("promotion_request_id", text(), nullable=False),
        sa.Column("model_uid", text(), nullable=False),
        sa.Column("model_id", text(), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("stage", text(), nullable=False),
        sa.Column("archive_existing", sa.Boolean, nullable=False),
        sa.Column("from_stage", text(), nullable=False),
        sa.Column("archived", text(), nullable=False),
        sa.Column("alias", text(), nullable=False),
        sa.Column("from_version", sa.BigInteger, nullable=False),
        sa.Column("reason", text(), nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("approvals", text(), nullable=False),
        sa.Column("required_approvals", sa.Integer, nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("expire_time", sa.BigInteger, nullable=False),
        sa.Column("ended_by", text(), nullable=False),
        sa.Column("end_time", sa.BigInteger),
        sa.Column("end_reason", text(), nullable=False),
        sa.UniqueConstraint("workspace", "promotion_request_id", name="promotion_request_id_key"),
        sa.CheckConstraint("state IN (1, 2, 3, 4, 5)", name="promotion_request_state_check"),
        schema=SCHEMA,
    )
    op.create_index(
        "promotion_request_workspace_idx", "promotion_request", ["workspace", "promotion_request_pk"], schema=SCHEMA
    )
    op.create_index(
        "promotion_request_model_idx", "promotion_request", ["model_uid", "promotion_request_pk"], schema=SCHEMA
    )
    pending = sa.text("state = 1")
    op.create_index(
        "promotion_request_pending_idx",
        "promotion_request",
        ["expire_time"],
        schema=SCHEMA,
        postgresql_where=pending,
        sqlite_where=pending,
    )


def create_events() -> None:
    for table, key in (("outbox", pk("outbox_pk")), ("event", sa.Column("position", sa.BigInteger, primary_key=True))):
        op.create_table(
            table,
            key,
            sa.Column("workspace", text(), nullable=False),
            sa.Column("model_id", text(), nullable=False),
            sa.Column("model_uid", text(), nullable=False),
            sa.Column("sequence", sa.BigInteger, nullable=False),
            sa.Column("action", sa.SmallInteger, nullable=False),
            schema=SCHEMA,
        )
    op.create_index("event_workspace_idx", "event", ["workspace", "position"], schema=SCHEMA)


def create_webhooks() -> None:
    op.create_table(
        "webhook",
        pk("webhook_pk"),
        sa.Column("workspace", text(), nullable=False),
        sa.Column("webhook_id", text(), nullable=False),
        sa.Column("description", text(), nullable=False),
        sa.Column("url", text(), nullable=False),
        sa.Column("actions", text(), nullable=False),
        sa.Column("secret", text(), nullable=False),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("created_by", text(), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace", "webhook_id", name="webhook_id_key"),
        schema=SCHEMA,
    )
    op.create_table(
        "delivery",
        pk("delivery_pk"),
        sa.Column("webhook_pk", sa.BigInteger, reference("webhook"), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("attempt_time", sa.BigInteger),
        sa.Column("due_time", sa.BigInteger, nullable=False),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("problem", text(), nullable=False),
        sa.UniqueConstraint("webhook_pk", "position", name="delivery_event_key"),
        schema=SCHEMA,
    )
    pending = sa.text("state = 1")
    op.create_index(
        "delivery_due_idx", "delivery", ["due_time"], schema=SCHEMA, postgresql_where=pending, sqlite_where=pending
    )
