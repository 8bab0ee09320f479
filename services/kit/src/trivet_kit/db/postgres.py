"""PostgreSQL connections whose transactions begin by one statement of ours.

psycopg2 begins transactions by itself, by a round trip before the first statement, and what a transaction needs to be
set would be another. Here it never does: whoever opens a transaction sends BEGIN with all settings at once.
"""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

DRIVER_NAME = "postgresql+trivet"


class Dialect(PGDialect_psycopg2):
    """psycopg2 that sends no BEGIN of its own, which the isolation level AUTOCOMMIT keeps it from."""

    supports_statement_cache = True

    def do_commit(self, dbapi_connection: Any) -> None:
        """Ends the transaction."""
        _execute(dbapi_connection, "COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Ends the transaction, where there is one; the pool asks for it whenever a connection comes back."""
        if dbapi_connection.get_transaction_status() != TRANSACTION_STATUS_IDLE:
            _execute(dbapi_connection, "ROLLBACK")


def _execute(dbapi_connection: Any, statement: str) -> None:
    with dbapi_connection.cursor() as cursor:
        cursor.execute(statement)


registry.register("postgresql.trivet", __name__, Dialect.__name__)
