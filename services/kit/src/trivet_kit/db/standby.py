"""A hot standby beside a database, which answers what only reads, and never with less than the database has (ADR 75).

What was committed until a read began is named by a position in the write-ahead log, which the database tells in a
fraction of a millisecond. A standby that has replayed the log up to there shows all of it; one that does not in time is
left alone, and the database reads itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeVar

import psycopg2
from prometheus_client import Counter
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from trivet_kit.db.database import Database
from trivet_kit.errors import DatabaseUnavailable, Overloaded
from trivet_kit.settings import READ_URL_SETTING, StartupError

_Result = TypeVar("_Result")
_Outcome = Literal["standby", "behind", "away"]

# How far a standby may be behind: longer than replication takes as a rule, shorter than what anybody notices.
PATIENCE_SECONDS: Final = 0.2
_FIRST_PAUSE_SECONDS: Final = 0.001
# After it failed, one read tries it again so much later, and the others do without until that has succeeded.
LEFT_ALONE_SECONDS: Final = 5.0
# A standby that is gone is done without: whoever waits for it waits in vain.
_SILENCE_SECONDS: Final = 3

# The position is one that is on the disk, as all is that was acknowledged. Positions of other servers, and of other
# lives of the same one after a failover, say nothing about each other.
_POSITION: Final = (
    "SELECT CAST(lsn AS TEXT), ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int, "
    "(SELECT system_identifier FROM pg_control_system()) FROM pg_current_wal_flush_lsn() AS lsn"
)
_STATE: Final = (
    "SELECT pg_is_in_recovery() "
    "AND (SELECT system_identifier FROM pg_control_system()) = %(system)s "
    "AND (SELECT timeline_id FROM pg_control_checkpoint()) = %(timeline)s, "
    "pg_last_wal_replay_lsn() >= CAST(%(lsn)s AS pg_lsn), "
    "CAST(pg_postmaster_start_time() AS TEXT)"
)

_READS: Final = Counter(
    "trivet_standby_reads", "Reads that a standby answered, or that it was behind or away for.", ["outcome"]
)
_log = logging.getLogger("trivet.database")


class _Position(NamedTuple):
    """How far a server has written."""

    lsn: str
    timeline: int
    system: int


class _State(NamedTuple):
    """What a server is to a database that has written up to a position."""

    is_standby: bool
    """Whether it is one of this database, which goes on replaying what that writes."""
    is_reached: bool | None
    """Whether it has replayed all up to there. None: it never replayed anything."""
    server: str
    """Which one answered; servers started at the same microsecond are one."""


class _NotThereError(Exception):
    """The standby does not have what is to be read."""

    def __init__(self, outcome: _Outcome) -> None:
        super().__init__(outcome)
        self.outcome: _Outcome = outcome


class DatabaseWithStandby(Database):
    """A database of PostgreSQL with a hot standby for what only reads. Safe for threads."""

    def __init__(self, url: str, schema: str, standby_url: str) -> None:
        """Prepares both pools; connects to nothing yet.

        Args:
            url: `postgresql://…`.
            schema: as `Database` has it.
            standby_url: `postgresql://…` of a standby that streams from the database, or of what spreads connections or
                transactions over several.

        Raises:
            StartupError: one of them is not PostgreSQL.
        """
        super().__init__(url, schema)
        self._standby = Database(standby_url, schema, setting=READ_URL_SETTING, silence_seconds=_SILENCE_SECONDS)
        if self.is_sqlite or self._standby.is_sqlite:
            raise StartupError(f"{READ_URL_SETTING} is for standbys of PostgreSQL; SQLite has none.")
        self._lock = threading.Lock()
        self._tried_from = 0.0
        """The moment from which on a read may try the standby."""
        self._is_in_use = True

    def read(self, work: Callable[[Connection], _Result]) -> _Result:
        """As `Database.read` says, on the standby where that has all that was committed by now."""
        if not self._may_try():
            return super().read(work)
        position = _Position(*self.run_once(_POSITION, {})[0])
        try:
            result = self._read_at_standby(position, work)
        except _NotThereError as error:
            self._note(error.outcome)
        except (DatabaseUnavailable, Overloaded):
            self._note("away")
        else:
            self._note("standby")
            return result
        return super().read(work)

    def check_usable(self) -> None:
        """As `Database.check_usable` does. A standby that cannot be used is said in the log, and done without."""
        super().check_usable()
        try:
            self._standby.check_usable()
        except StartupError as error:
            _log.warning("%s Until it answers, the database reads itself.", error)

    def close(self) -> None:
        """Closes all connections to both; calling it again does nothing."""
        self._standby.close()
        super().close()

    def _read_at_standby(self, position: _Position, work: Callable[[Connection], _Result]) -> _Result:
        """Raises _NotThereError, DatabaseUnavailable, Overloaded, and what `work` raises."""
        state = self._awaited(position)

        def is_the_same(connection: Connection) -> bool:
            # Its snapshot came after what was asked before, which holds for it where the same server answers.
            return _State(*connection.exec_driver_sql(_STATE, position._asdict()).one()) == state

        try:
            with self._standby.transaction_from(is_the_same, "read") as (connection, is_same):
                if not is_same:
                    raise _NotThereError("behind")
                return work(connection)
        except (DBAPIError, psycopg2.Error) as error:
            # What it replays has removed what was being read. What the driver runs by itself raises its own errors.
            if not isinstance(getattr(error, "orig", error), psycopg2.errors.SerializationFailure):
                raise
            raise _NotThereError("away") from None

    def _awaited(self, position: _Position) -> _State:
        """The standby's state once it has all up to a position. Raises as `_read_at_standby` does."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            state = _State(*self._standby.run_once(_STATE, position._asdict())[0])
            if not state.is_standby:
                raise _NotThereError("away")
            if state.is_reached:
                return state
            if time.monotonic() + pause > deadline:
                raise _NotThereError("behind")
            time.sleep(pause)
            pause *= 2

    def _may_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._tried_from:
                return False
            if not self._is_in_use:
                # This read tries it, and until it has, no other does.
                self._tried_from = now + LEFT_ALONE_SECONDS
            return True

    def _note(self, outcome: _Outcome) -> None:
        _READS.labels(outcome).inc()
        is_used = outcome == "standby"
        with self._lock:
            is_new = is_used != self._is_in_use
            self._is_in_use = is_used
            self._tried_from = 0.0 if is_used else time.monotonic() + LEFT_ALONE_SECONDS
        if is_new and is_used:
            _log.info("the standby answers reads again")
        elif is_new:
            _log.warning("the standby is %s; the database reads itself", outcome)
