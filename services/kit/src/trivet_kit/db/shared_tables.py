"""Makes the tables that every service has, in the first migration of each.

They must make what they always made: a change of a table is another migration.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_audit_event(schema: str) -> None:
    """Creates the table as `audit_event_table` declares it, with its indexes; within a migration."""
    text = _text()
    op.create_table(
        "audit_event",
        sa.Column("event_id", text, primary_key=True),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("first_time", sa.BigInteger, nullable=False),
        sa.Column("call_count", sa.BigInteger, nullable=False),
        sa.Column("method", text, nullable=False),
        sa.Column("subject", text, nullable=False),
        sa.Column("authenticated", sa.Boolean, nullable=False),
        sa.Column("token_id", text, nullable=False),
        sa.Column("workspace", text, nullable=False),
        sa.Column("resources", text, nullable=False),
        sa.Column("more_resources", sa.Integer, nullable=False),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("code", text, nullable=False),
        sa.Column("reason", text, nullable=False),
        sa.Column("peer", text, nullable=False),
        sa.Column("claimed_forwarded_for", text, nullable=False),
        sa.Column("user_agent", text, nullable=False),
        sa.Column("request_id", text, nullable=False),
        schema=schema,
    )
    # By what administrators page: all of it, a workspace's, or what one principal did.
    op.create_index("audit_event_time", "audit_event", ["time", "event_id"], schema=schema)
    op.create_index("audit_event_workspace", "audit_event", ["workspace", "time", "event_id"], schema=schema)
    op.create_index("audit_event_subject", "audit_event", ["subject", "time", "event_id"], schema=schema)


def create_rate_demand(schema: str) -> None:
    """Creates the table as `rate_demand_table` declares it; within a migration."""
    text = _text()
    op.create_table(
        "rate_demand",
        sa.Column("replica", text, primary_key=True),
        sa.Column("quota", text, primary_key=True),
        sa.Column("workspace", text, primary_key=True),
        sa.Column("per_second", sa.Double, nullable=False),
        sa.Column("report_time", sa.BigInteger, nullable=False),
        schema=schema,
    )


def _text() -> sa.Text:
    """Byte order on both databases, as in all tables."""
    return sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()
