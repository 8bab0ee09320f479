"""Brings a database's schema to the version that the code needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from trivet_kit.db.database import Database
from trivet_kit.db.functions import Function, create_functions, missing_functions
from trivet_kit.settings import StartupError

# Any number that nothing else in the database uses; the schema's name is mixed in.
_LOCK_SPACE = 0x7472_6976


class Migrations:
    """The migrations of one service, laid out as Alembic has it (`migrations/versions/…`)."""

    def __init__(self, database: Database, package: str, functions: Sequence[Function] = ()) -> None:
        """Finds the scripts.

        Args:
            database: What is migrated.
            package: The service's; its folder `migrations` has the scripts.
            functions: What the code calls in PostgreSQL; not in SQLite.
        """
        self._database = database
        self._functions = () if database.is_sqlite else tuple(functions)
        config = Config()
        config.set_main_option("script_location", f"{package}:migrations")
        self._scripts = ScriptDirectory.from_config(config)

    @property
    def head(self) -> str:
        """The version that the code needs."""
        head = self._scripts.get_current_head()
        if head is None:
            raise AssertionError("a service has at least one migration")
        return head

    def current(self) -> str | None:
        """The version that the database has; None for an empty one."""
        with self._database.transaction("read") as connection:
            return self._context(connection).get_current_revision()

    def upgrade(self) -> tuple[str | None, str]:
        """Migrates to `head` in one transaction; returns the version before and after.

        Safe when several start at once: one migrates, the others wait for it and find nothing to do.

        Raises:
            StartupError: the schema is of a newer Trivet.
        """
        with self._locked() as connection:
            before = self._context(connection).get_current_revision()
            if not self._knows(before):
                raise self._newer(before)
            if before != self.head:
                self._migrate(connection)
            if self._functions:
                create_functions(connection, self._functions)
            return before, self.head

    def check(self, command: str) -> None:
        """Checks that the schema is the one that the code needs, with its functions.

        `command` is what migrates, for the message.

        Raises:
            StartupError: it is older, or it is of a newer Trivet.
        """
        current = self.current()
        if current == self.head:
            self._check_functions(command)
            return
        if self._knows(current):
            raise StartupError(
                f"The database has schema {current or 'none'} of {self._database.schema}, and {self.head} is needed. "
                f"Run `{command}` first."
            )
        raise self._newer(current)

    def _check_functions(self, command: str) -> None:
        if not self._functions:
            return
        with self._database.transaction("read") as connection:
            missing = missing_functions(connection, self._functions)
        if missing:
            raise StartupError(
                f"The database has schema {self.head} of {self._database.schema}, but not all functions that this "
                f"version calls: {missing[0].name} is missing. Run `{command}` first."
            )

    def _knows(self, revision: str | None) -> bool:
        return revision is None or any(script.revision == revision for script in self._scripts.walk_revisions())

    def _newer(self, revision: str | None) -> StartupError:
        return StartupError(
            f"The database has schema {revision} of {self._database.schema}, which this version does not know: "
            "it was migrated by a newer one. Run that one."
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
                connection.execute(sa.schema.CreateSchema(self._database.schema, if_not_exists=True))
            yield connection

    def _context(self, connection: Connection) -> MigrationContext:
        return MigrationContext.configure(connection, opts={"version_table_schema": self._version_schema})

    @property
    def _version_schema(self) -> str | None:
        return None if self._database.is_sqlite else self._database.schema

    def _migrate(self, connection: Connection) -> None:
        head = self.head

        def steps(current: object, _context: object) -> list[object]:
            return list(self._scripts._upgrade_revs(head, current))  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command.upgrade does

        with EnvironmentContext(Config(), self._scripts, fn=steps, destination_rev=head) as environment:
            environment.configure(
                connection=connection, version_table_schema=self._version_schema, transactional_ddl=False
            )
            environment.run_migrations()
