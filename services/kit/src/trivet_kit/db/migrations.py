"""Brings a database's schema to the version that the code needs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import resources

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from trivet_kit.db.database import Database
from trivet_kit.db.functions import Function, create_functions, missing_functions
from trivet_kit.db.schema_support import note_oldest_supported, oldest_supported
from trivet_kit.settings import StartupError

_log = logging.getLogger(__name__)

# Any number that nothing else in the database uses; the schema's name is mixed in.
_LOCK_SPACE = 0x7472_6976
# Where Alembic keeps the version.
_VERSION_TABLE = "alembic_version"
# Whoever calls waits behind a migration that waits for a table. It gives up, and lets all of them pass, before
# PostgreSQL looks for deadlocks (`deadlock_timeout`, 1 s): that would end a call as well as the migration.
_LOCK_TIMEOUT_MILLIS = 400
_LOCK_PAUSE_SECONDS = 1.0
_DISTURBED = (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected)
LOCK_PATIENCE_SECONDS = 600.0
"""How long a migration begins again: a backup, or an export, may hold tables for long."""


class Migrations:
    """The migrations of one service, laid out as Alembic has it: `migrations/versions/REVISION_WHAT.py`, in order."""

    def __init__(self, database: Database, package: str, functions: Sequence[Function] = ()) -> None:
        """Looks for nothing yet.

        Args:
            database: What is migrated.
            package: The service's; its folder `migrations` has the scripts.
            functions: What the code calls in PostgreSQL; not in SQLite.
        """
        self._database = database
        self._package = package
        self._functions = () if database.is_sqlite else tuple(functions)

    @property
    def head(self) -> str:
        """The version that the code needs."""
        return max(self._revisions)

    def current(self) -> str | None:
        """The version that the database has; None for an empty one."""
        with self._database.transaction("read") as connection:
            return self._revision(connection)

    def upgrade(self, patience_seconds: float = LOCK_PATIENCE_SECONDS) -> tuple[str | None, str]:
        """Migrates to `head` in one transaction; returns the version before and after.

        Safe when several start at once: one migrates, the others wait for it and find nothing to do. Calls of servers
        that work on it wait for fractions of a second: where a table is in use for longer, all is undone and begins
        again. A schema that is newer and supports this version stays as it is.

        Args:
            patience_seconds: How long it begins again.

        Raises:
            StartupError: the schema is of a newer Trivet that no longer supports this one; or its tables were in use
                all the time.
        """
        patience_ends = time.monotonic() + patience_seconds
        while True:
            try:
                return self._upgrade_once()
            except DBAPIError as error:
                if not isinstance(error.orig, _DISTURBED):
                    raise
                if time.monotonic() > patience_ends:
                    raise StartupError(
                        f"The schema {self._database.schema} stays as it is: others have used its tables all the time. "
                        "Look for long queries, such as those of a backup, and run this again."
                    ) from None
            _log.warning("tables of %s are in use; the migration begins again", self._database.schema)
            time.sleep(_LOCK_PAUSE_SECONDS)

    def _upgrade_once(self) -> tuple[str | None, str]:
        with self._locked() as connection:
            before = self._revision(connection)
            after = self.head
            if before is not None and not self._knows(before):
                self._demand_support(connection, before)
                after = before
            elif before != after:
                from trivet_kit.db.migrating import migrate  # noqa: PLC0415 - long, and rarely needed

                oldest = migrate(connection, self._package, after, self._version_schema)
                note_oldest_supported(connection, self._database.schema, oldest)
            if self._functions:
                create_functions(connection, self._functions)
            return before, after

    def check(self, command: str) -> None:
        """Checks that the code works on the schema, and that the functions that it calls are there.

        That is so of the schema that it was made for, and of a newer one that supports it; the log tells of the latter.
        `command` is what migrates, for the message.

        Raises:
            StartupError: it is older, or of a newer Trivet that no longer supports this one.
        """
        with self._database.transaction("read") as connection:
            current = self._revision(connection)
            if current is not None and not self._knows(current):
                self._demand_support(connection, current)
            elif current != self.head:
                raise StartupError(
                    f"The database has schema {current or 'none'} of {self._database.schema}, and {self.head} is "
                    f"needed. Run `{command}` first."
                )
            missing = missing_functions(connection, self._functions) if self._functions else ()
        if missing:
            raise StartupError(
                f"The database has schema {current} of {self._database.schema}, but not all functions that this "
                f"version calls: {missing[0].name} is missing. Run `{command}` first."
            )

    def _knows(self, revision: str) -> bool:
        return revision in self._revisions

    @cached_property
    def _revisions(self) -> frozenset[str]:
        files = resources.files(self._package).joinpath("migrations", "versions").iterdir()
        return frozenset(file.name.partition("_")[0] for file in files if file.name.endswith(".py"))

    def _demand_support(self, connection: Connection, revision: str) -> None:
        """Raises StartupError, unless this code may work on the schema of an unknown revision."""
        schema = self._database.schema
        oldest = oldest_supported(connection, schema, self._version_schema)
        if oldest is None or not self._knows(oldest):
            raise StartupError(
                f"The database has schema {revision} of {schema}, which this version does not know: it was migrated by "
                f"a newer one. Servers for schema {oldest or revision} and newer ones work on it, and this one is for "
                f"{self.head}: run a newer version, or restore the backup from before the migration."
            )
        _log.warning(
            "the schema %s is %s, newer than %s, which this version is for; it works on it", schema, revision, self.head
        )

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        # SQLite's write transaction is a lock by itself.
        with self._database.transaction("write") as connection:
            if not self._database.is_sqlite:
                connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
                connection.execute(
                    sa.text("SELECT pg_advisory_xact_lock(:space, hashtext(:schema))"),
                    {"space": _LOCK_SPACE, "schema": self._database.schema},
                )
                connection.execute(sa.text(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MILLIS}"))
                connection.execute(sa.schema.CreateSchema(self._database.schema, if_not_exists=True))
            yield connection

    def _revision(self, connection: Connection) -> str | None:
        if not sa.inspect(connection).has_table(_VERSION_TABLE, self._version_schema):
            return None
        table = sa.table(_VERSION_TABLE, sa.column("version_num", sa.Text), schema=self._version_schema)
        return connection.execute(sa.select(table.c.version_num)).scalar_one_or_none()

    @property
    def _version_schema(self) -> str | None:
        return None if self._database.is_sqlite else self._database.schema
