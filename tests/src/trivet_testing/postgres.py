"""A real PostgreSQL server for tests, wherever it is to be had.

Three sources, tried in this order: a container where a Docker engine answers, the machine's own server programs, and
the programs of a wheel. The environment variable `TRIVET_TEST_POSTGRES` (`docker`, `local`, `wheel`) picks one of them.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg2
from psycopg2 import sql

from trivet_testing.docker_engine import NoEngineError
from trivet_testing.postgres_docker import postgres_image
from trivet_testing.postgres_local import LocalCluster, NoProgramsError, programs_of_machine, programs_of_wheel

CHOICE: Final = "TRIVET_TEST_POSTGRES"
"""Environment variable: the only source to try."""


class PostgresMissingError(Exception):
    """No source has PostgreSQL; the message says what each answered."""


class Cluster(Protocol):
    """A running server, whatever runs it."""

    @property
    def address(self) -> str:
        """`host:port`, the same for the server's whole life."""

    @property
    def user(self) -> str:
        """The superuser."""

    @property
    def password(self) -> str:
        """The superuser's password, of letters and digits."""

    @property
    def origin(self) -> str:
        """Where the server came from, for the person who reads the output of a run."""

    def stop(self) -> None:
        """Ends the server and deletes its data. Idempotent."""


class Source(Protocol):
    """Something that servers can be made of."""

    @property
    def origin(self) -> str:
        """What it is, for the person who reads the output of a run."""

    def create(self, *, syncs: bool) -> Cluster:
        """Makes an empty cluster and returns when its server answers.

        Args:
            syncs: Whether it waits for the disk. Without, only a crash of the machine loses what was committed.
        """


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL server whose databases are made and dropped at will. Safe among threads."""

    cluster: Cluster

    @property
    def origin(self) -> str:
        """Where the server came from, for the person who reads the output of a run."""
        return self.cluster.origin

    def url(self, database: str) -> str:
        """`postgresql://user:password@host:port/database` of the superuser; whether it exists is not asked."""
        return f"postgresql://{self.cluster.user}:{self.cluster.password}@{self.cluster.address}/{database}"

    def create_database(self) -> str:
        """Makes an empty database of a random name and returns its URL; UTF-8 and locale C, whatever the server's."""
        name = f"test_{secrets.token_hex(8)}"
        # Only template0 may be copied into another encoding or locale than its own.
        self._execute("create database {} template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'", name)
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drops the database that `create_database` returned, and ends the connections to it. Idempotent."""
        self._execute("drop database if exists {} with (force)", url.rpartition("/")[2])

    def _execute(self, statement: str, database: str) -> None:
        with closing(psycopg2.connect(self.url("postgres"))) as connection:
            connection.autocommit = True  # databases are neither made nor dropped in a transaction
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(sql.Identifier(database)))

    def restart_after_kill(self) -> None:
        """Kills the server as a crash would (SIGKILL) and returns when it runs again, recovered, at the same URL.

        Raises:
            TypeError: If the server runs in a container; one from `start_own` never does.
        """
        cluster = self._own_cluster()
        cluster.kill()
        cluster.start()

    def start_standby(self) -> PostgresServer:
        """Starts a hot standby, to which all that is committed here is streamed; its databases are those of this.

        Raises:
            TypeError: as `restart_after_kill` does.
        """
        return PostgresServer(self._own_cluster().create_standby())

    def _own_cluster(self) -> LocalCluster:
        if not isinstance(self.cluster, LocalCluster):
            raise TypeError(
                "only with a server of the test's own may this be done: use the fixture own_postgres_server"
            )
        return self.cluster

    def stop(self) -> None:
        """Ends the server and deletes its data. Idempotent."""
        self.cluster.stop()


def start() -> PostgresServer:
    """Starts a server from the first source that has one, or from the one that the environment picks.

    Raises:
        PostgresMissingError: If there is none.
    """
    return PostgresServer(_first(_ALL).create(syncs=False))


def start_own() -> PostgresServer:
    """Starts a server that its only user may kill: from programs, for those start in a second, not in a container.

    Raises:
        PostgresMissingError: If there are none.
    """
    return PostgresServer(_first(_PROGRAMS).create(syncs=True))


def prepare() -> tuple[str, str]:
    """Brings what `start` and `start_own` will need, and says where each of them will get its servers.

    Raises:
        PostgresMissingError: If one of them has no source.
    """
    return _first(_ALL).origin, _first(_PROGRAMS).origin


def _first(sources: Mapping[str, Callable[[], Source]]) -> Source:
    choice = os.environ.get(CHOICE, "")
    if choice and choice not in _ALL:
        raise PostgresMissingError(f"{CHOICE} is {choice!r}; it may be one of {', '.join(_ALL)}")
    refusals = []
    for name in [choice] if choice in sources else sources:
        try:
            return sources[name]()
        except (NoEngineError, NoProgramsError) as refusal:
            refusals.append(f"{name}: {refusal}")
    raise PostgresMissingError("; ".join(refusals))


_PROGRAMS: Final = {"local": programs_of_machine, "wheel": programs_of_wheel}
_ALL: Final[Mapping[str, Callable[[], Source]]] = {"docker": postgres_image, **_PROGRAMS}
