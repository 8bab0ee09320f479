"""A database that is read and written in transactions, PostgreSQL or SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import psycopg2.errors
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, RootTransaction
from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from trivet_kit.db import planning, postgres
from trivet_kit.db.traced import SqliteConnection
from trivet_kit.errors import CallerError, DatabaseUnavailable, DeadlineExceeded, Overloaded, StorageFull
from trivet_kit.readings import PoolUse
from trivet_kit.redaction import redacted
from trivet_kit.settings import StartupError
from trivet_kit.tracing import is_tracing

Mode = Literal["read", "write"]
_Result = TypeVar("_Result")

URL_SETTING: Final = "TRIVET_DATABASE_URL"
"""Where the URL of a database comes from, unless something else is said."""
# The pool is as large as the server's thread pool, and a background writer needs one more.
_POOL_SIZE = 20
_POOL_WAIT_SECONDS = 5.0
# Longer than any query that a user should wait for, shorter than the server's own deadline of a call.
_STATEMENT_TIMEOUT_MILLIS = 30_000
_CONNECT_TIMEOUT_SECONDS = 5
# In the transaction, not in the session: a pooler in transaction mode gives each one another session.
_LIMIT = f"SET LOCAL statement_timeout = {_STATEMENT_TIMEOUT_MILLIS}"
_BEGIN: dict[Mode, str] = {
    # One snapshot for all statements of a read, so that what belongs together is seen together.
    "read": f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_LIMIT}",
    "write": f"BEGIN; {_LIMIT}",
}
# How long a SQLite transaction waits for another process's write.
_SQLITE_BUSY_MILLIS = 30_000


class Database:
    """A pool of connections, and transactions on them. Safe for threads; not to be used across a fork.

    Exceptions of the driver do not leave it as they are: a database that is away is DatabaseUnavailable, a statement
    that ran too long is DeadlineExceeded, a pool that stays empty is Overloaded.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        *,
        setting: str = URL_SETTING,
        silence_seconds: int = _STATEMENT_TIMEOUT_MILLIS // 1000,
    ) -> None:
        """Prepares the pool; connects to nothing yet.

        Args:
            url: `postgresql://…` or `sqlite:///FILE`.
            schema: the schema of the service's tables; SQLite has none, and a file of its own instead.
            setting: which setting it comes from, for the message.
            silence_seconds: how long a PostgreSQL server may not take what is sent to it before it counts as gone.

        Raises:
            StartupError: a URL of another kind, or a SQLite file whose folder cannot be used.
        """
        self.url = parse_url(url, setting)
        self.schema = schema
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url, silence_seconds)
        event.listen(self._engine, "handle_error", _translate)
        # Tables are declared once, with the schema's name; SQLite has no schemas.
        translated = {schema: None} if self.is_sqlite else {}
        self._modes: dict[Mode, Engine] = {
            "read": self._engine.execution_options(trivet_mode="read", schema_translate_map=translated),
            "write": self._engine.execution_options(trivet_mode="write", schema_translate_map=translated),
        }
        self._begin_later: dict[Mode, Engine] = {
            mode: engine.execution_options(trivet_begins_later=True) for mode, engine in self._modes.items()
        }

    @property
    def dialect(self) -> Literal["postgresql", "sqlite"]:
        """Which of the two it is."""
        return "sqlite" if self.is_sqlite else "postgresql"

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back when it raises.

        `read` sees one snapshot throughout. `write` takes SQLite's write lock at once: a transaction that begins by
        reading and is upgraded later fails beside a second writer.

        Raises:
            DatabaseUnavailable, DeadlineExceeded, Overloaded: as the class says.
        """
        connection, transaction, _ = self._begun(self._modes[mode], lambda _: None)
        with connection, transaction:
            yield connection

    def read(self, work: Callable[[Connection], _Result]) -> _Result:
        """What `work` returns of one snapshot, which has all that was committed before this was called.

        Args:
            work: Reads, and changes nothing. It may run twice: a standby may read in place of the database, and fail.

        Raises:
            DatabaseUnavailable, DeadlineExceeded, Overloaded: as the class says.
            BaseException: what `work` raises.
        """
        with self.transaction("read") as connection:
            return work(connection)

    @contextmanager
    def transaction_from(
        self, first: Callable[[Connection], _Result], mode: Mode = "write"
    ) -> Iterator[tuple[Connection, _Result]]:
        """A transaction with what its first statement gave: BEGIN makes no round trip of its own.

        Args:
            first: Executes one statement and returns what is needed of it. It may run twice where the connection was
                broken; what it did before is undone then.
            mode: As `transaction` has it.

        Raises:
            DatabaseUnavailable, DeadlineExceeded, Overloaded: as the class says.
            BaseException: what `first` raises.
        """
        connection, transaction, result = self._begun(self._begin_later[mode], first)
        with connection, transaction:
            yield connection, result

    def _begun(
        self, engine: Engine, first: Callable[[Connection], _Result]
    ) -> tuple[Connection, RootTransaction, _Result]:
        # A connection may have broken while it lay in the pool. Nothing was done on it yet, so another takes its place
        # unseen; the pool makes that anew, because it takes all that lay there to be broken.
        for last in (False, True):
            connection = self._connected(engine)
            try:
                return connection, connection.begin(), first(connection)
            except BaseException as error:
                connection.close()
                if last or not isinstance(error, DatabaseUnavailable):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _connected(self, engine: Engine) -> Connection:
        try:
            return engine.connect()
        except sa.exc.TimeoutError:
            raise Overloaded("database calls", retry_after_seconds=1) from None

    def run_once(self, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one query on PostgreSQL, which is a transaction by itself, committed when this returns.

        It takes one round trip, where a transaction takes two or three.

        Args:
            query: As the driver takes it. It may run twice where the connection was broken: it only reads, or does
                nothing where it was done before.
            parameters: What is bound in it.

        Raises:
            DatabaseUnavailable, DeadlineExceeded, Overloaded: as the class says.
        """
        try:
            return self._run_once(query, parameters)
        except DatabaseUnavailable:
            # As in `_begun`: the connection may have broken while it lay in the pool.
            return self._run_once(query, parameters)

    def _run_once(self, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        pooled: PoolProxiedConnection | None = None
        try:
            pooled = self._engine.raw_connection()
            with closing(pooled.cursor()) as cursor:
                # Statements of one message are one transaction, also for a pooler.
                cursor.execute(f"{_LIMIT}; {query}", parameters)
                return list(cursor.fetchall())
        except sa.exc.TimeoutError:
            raise Overloaded("database calls", retry_after_seconds=1) from None
        except psycopg2.Error as error:
            is_disconnect = pooled is None or bool(getattr(pooled.driver_connection, "closed", False))
            if pooled is not None and is_disconnect:
                pooled.invalidate(error)
            raise caller_error(error, is_disconnect=is_disconnect) or error from error
        finally:
            if pooled is not None:
                pooled.close()

    def check_usable(self) -> None:
        """Connects for the first time, when a process starts.

        Raises:
            StartupError: it cannot; says why in the driver's words, which are for the operator and hold no password.
        """
        try:
            self.probe()
        except (CallerError, sa.exc.DatabaseError) as error:
            cause = error.orig if isinstance(error, sa.exc.DatabaseError) else error.__cause__ or error
            why = str(cause).strip().splitlines()[0]
            # Some of the options are passwords as well, such as `sslpassword`.
            options = {name: value for name, value in self.url.query.items() if "password" not in name.lower()}
            shown = self.url.set(drivername=self.url.get_backend_name(), query=options).render_as_string()
            raise StartupError(f"Cannot use the database {shown}: {redacted(why)}.") from None

    def probe(self) -> None:
        """Asks the database for an answer. Raises DatabaseUnavailable."""
        with self.transaction("read") as connection:
            # Without a table, SQLite would answer without a look at the file.
            connection.execute(sa.text("SELECT count(*) FROM sqlite_master" if self.is_sqlite else "SELECT 1"))

    def pool_use(self) -> PoolUse:
        """How many connections are in use, at this moment."""
        pool = self._engine.pool
        assert isinstance(pool, QueuePool)
        return PoolUse(pool.checkedout(), pool.size())

    def close(self) -> None:
        """Closes all connections; calling it again does nothing."""
        self._engine.dispose()


def parse_url(url: str, setting: str = URL_SETTING) -> URL:
    """The database's URL with its driver; `setting` is where it comes from, for the message.

    Raises:
        StartupError: not `postgresql://…` or `sqlite:///FILE`. The message never has the password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is not a number is a ValueError
        parsed = None
    if parsed is not None and parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg2"):
        # Said in full: SQLAlchemy from 2.1 on takes plain `postgresql` to mean another driver.
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed is not None and parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    raise StartupError(f"{setting} must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE or sqlite:///FILE.")


def _postgres_engine(url: URL, silence_seconds: int) -> Engine:
    engine = sa.create_engine(
        url.set(drivername=postgres.DRIVER_NAME),
        isolation_level="AUTOCOMMIT",
        pool_size=_POOL_SIZE,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        pool_use_lifo=True,  # the session that was used last has its plans already
        connect_args={
            "connection_factory": postgres.Connection,
            "cursor_factory": postgres.Cursor,
            "connect_timeout": _CONNECT_TIMEOUT_SECONDS,
            "tcp_user_timeout": silence_seconds * 1000,  # a host that is gone does not say so
            "application_name": "trivet",
        },
    )

    def begin(connection: Connection) -> None:
        connection.info.pop(planning.PREFERENCE, None)
        options = connection.get_execution_options()
        begin = _BEGIN[options.get("trivet_mode", "write")]
        if options.get("trivet_begins_later"):
            postgres.execute_later(connection, begin)
        else:
            connection.exec_driver_sql(begin)

    event.listen(engine, "begin", begin)
    return engine


def _sqlite_engine(url: URL) -> Engine:
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab"):
            pass
    except OSError as error:
        raise StartupError(f"Cannot write to {file}: {(error.strerror or str(error)).lower()}.") from None
    engine = sa.create_engine(
        url,
        pool_size=_POOL_SIZE,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_SECONDS,
        connect_args={"factory": SqliteConnection} if is_tracing() else {},
    )

    def connect(driver_connection: Any, _record: Any) -> None:
        # SQLAlchemy begins transactions by the listener below; the driver must not begin any by itself.
        driver_connection.isolation_level = None
        cursor = driver_connection.cursor()
        for pragma in (
            f"busy_timeout={_SQLITE_BUSY_MILLIS}",
            "journal_mode=WAL",
            "synchronous=NORMAL",  # with WAL it survives a crash of the process; power loss may take the last moments
            "foreign_keys=ON",
            "case_sensitive_like=ON",  # LIKE counts case on PostgreSQL
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("trivet_mode") == "write"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
    return engine


def _translate(context: Any) -> CallerError | None:
    """What callers see instead of the driver's exception; None leaves that as it is."""
    return caller_error(context.original_exception, is_disconnect=context.is_disconnect)


def caller_error(original: BaseException, *, is_disconnect: bool) -> CallerError | None:
    """What callers see instead of a driver's exception; None where that is a fault of ours."""
    if isinstance(original, psycopg2.errors.QueryCanceled):
        return DeadlineExceeded("The database query")
    if isinstance(original, sqlite3.Error):
        return _SQLITE_ERRORS.get(getattr(original, "sqlite_errorcode", 0) & 0xFF, lambda: None)()
    if isinstance(original, psycopg2.errors.DiskFull):
        return StorageFull()
    if is_disconnect or (
        isinstance(original, psycopg2.OperationalError)
        and getattr(original, "pgcode", None) in (None, "57P03", "53300")
    ):
        return DatabaseUnavailable()
    return None


# By primary result code; the extended ones have it in their lowest byte (https://sqlite.org/rescode.html).
_SQLITE_ERRORS: dict[int, Callable[[], CallerError | None]] = {
    sqlite3.SQLITE_BUSY: lambda: Overloaded("writers", retry_after_seconds=1),
    sqlite3.SQLITE_FULL: StorageFull,
}
