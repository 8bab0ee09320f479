"""First answers of requests that carried a request id, so that a repeated one is not done again (design §3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trivet_kit.db.statements import Statement
from trivet_kit.errors import RequestIdReused
from trivet_kit.requests import RepeatableRequest

# How long a request id is remembered (design §3).
RETENTION_MILLIS = 24 * 60 * 60 * 1000


class FirstAnswers:
    """Remembers what requests made, in a table of the service. Safe for threads.

    Two equal requests at once have to wait for each other before `find`: by a lock on what they both change.
    """

    def __init__(self, table: sa.Table, answer: sa.Column[Any], now: Callable[[], int]) -> None:
        """Works on a table.

        Args:
            table: `workspace` and `request_id`, its key; `fingerprint`, `create_time` and the answer.
            answer: the column that says what a request made.
            now: gives milliseconds since the Unix epoch.
        """
        self._table = table
        self._answer = answer
        self._now = now
        prune, remember = statements_of(table, answer)
        self._prune = Statement(prune)
        self._find = Statement(
            sa.select(table.c.fingerprint, answer).where(
                table.c.workspace == sa.bindparam("b_workspace"), table.c.request_id == sa.bindparam("b_request_id")
            )
        )
        self._remember = Statement(remember)

    def find(self, connection: Connection, workspace: str, request: RepeatableRequest | None) -> Any:
        """What an earlier request with this id made; None without one. Forgets requests that are too old.

        Raises:
            RequestIdReused: the earlier one had another fingerprint.
        """
        if request is None:
            return None
        self._prune.execute_later(connection, {"b_forgotten_before": self.forgotten_before()})
        found = self._find.execute(connection, {"b_workspace": workspace, "b_request_id": request.request_id})
        return answer_to(request, *found[0]) if found else None

    def forgotten_before(self) -> int:
        """When the oldest requests were made that are remembered, in milliseconds since the Unix epoch."""
        return self._now() - RETENTION_MILLIS

    def remember(self, connection: Connection, workspace: str, request: RepeatableRequest | None, answer: Any) -> None:
        """Keeps what a request made, in a transaction of `remembering`; does nothing for None.

        Forgets requests that are too old. Makes no round trip of its own.
        """
        if request is None:
            return
        values = self.values(workspace, request, answer)
        self._prune.execute_later(connection, {"b_forgotten_before": values.pop("b_forgotten_before")})
        self._remember.execute_later(connection, values)

    def values(self, workspace: str, request: RepeatableRequest, answer: Any) -> dict[str, Any]:
        """What `statements_of` are bound to, to keep what a request made."""
        return {
            "b_forgotten_before": self.forgotten_before(),
            "b_workspace": workspace,
            "b_request_id": request.request_id,
            "b_fingerprint": request.fingerprint,
            f"b_{self._answer.name}": answer,
            "b_create_time": self._now(),
        }

    @contextmanager
    def remembering(self, request: RepeatableRequest | None) -> Iterator[None]:
        """Around the transaction in which a request is remembered.

        Raises:
            RequestIdReused: another request with this id came between. An equal one would have waited and been found.
        """
        try:
            yield
        except (sa.exc.IntegrityError, psycopg2.errors.UniqueViolation) as error:
            original = error.orig if isinstance(error, sa.exc.IntegrityError) else error
            is_ours = isinstance(original, psycopg2.errors.UniqueViolation) and (
                original.diag.table_name == self._table.name
            )
            if request is None or not is_ours:
                raise
            raise RequestIdReused(request.request_id) from None


def answer_to(request: RepeatableRequest, fingerprint: str, answer: Any) -> Any:
    """What the earlier request with the same id made. Raises RequestIdReused where that had another fingerprint."""
    if fingerprint != request.fingerprint:
        raise RequestIdReused(request.request_id)
    return answer


def statements_of(table: sa.Table, answer: sa.Column[Any]) -> tuple[sa.Delete, sa.Insert]:
    """What forgets the requests that are too old, and what keeps one, in a table as that of FirstAnswers."""
    values: dict[str, sa.BindParameter[Any]] = {
        name: sa.bindparam(f"b_{name}")
        for name in ("workspace", "request_id", "fingerprint", answer.name, "create_time")
    }
    return (
        sa.delete(table).where(table.c.create_time < sa.bindparam("b_forgotten_before")),
        sa.insert(table).inline().values(values),
    )
