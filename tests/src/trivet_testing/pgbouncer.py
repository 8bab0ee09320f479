"""PgBouncer before a PostgreSQL server, with the configuration that the project ships."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg2
import psycopg2.extras

from trivet_testing.postgres import PostgresServer
from trivet_testing.postgres_local import unprivileged_account
from trivet_testing.servers import ServerNotReadyError, ServerProcess, free_port

CONFIGURATION: Final = Path(__file__).parents[3] / "deploy" / "pgbouncer" / "pgbouncer.ini"
_POSTGRES: Final = "host=127.0.0.1 port=5432"
_PORT: Final = "listen_port = 6432"
_USERS: Final = "auth_file = userlist.txt"
_START_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class PgBouncer:
    """A running PgBouncer in transaction mode."""

    process: ServerProcess
    port: int
    server: PostgresServer

    def url(self, database_url: str) -> str:
        """The URL of a database of the server, by way of this."""
        address = self.server.cluster.address
        assert database_url.count(address) == 1
        return database_url.replace(address, f"127.0.0.1:{self.port}")

    def command(self, command: str) -> list[dict[str, Any]]:
        """What the console answers to a command of https://www.pgbouncer.org/usage.html, by the names of columns."""
        with closing(psycopg2.connect(self.url(self.server.url("pgbouncer")))) as connection:
            connection.autocommit = True  # the console knows no transactions
            with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(command)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []


@contextmanager
def started(program: Path, server: PostgresServer, changed: Mapping[str, str]) -> Iterator[PgBouncer]:
    """Starts it on a free port, as a user that is not root, which it refuses; it is gone at the end of the block.

    Args:
        program: `pgbouncer`.
        server: What it stands before.
        changed: Settings that are to be others than those that are shipped, as `default_pool_size`.
    """
    # Not a folder of pytest, which nobody else may look into.
    folder = Path(tempfile.mkdtemp(prefix="trivet-pgbouncer-"))
    try:
        account = unprivileged_account()
        users = folder / "userlist.txt"
        users.write_text(f'"{server.cluster.user}" "{server.cluster.password}"\n', encoding="utf-8")
        users.chmod(0o400)
        if account is not None:
            shutil.chown(folder, account)
            shutil.chown(users, account)
        for attempt in range(1, _START_ATTEMPTS + 1):
            port = free_port()
            file = folder / "pgbouncer.ini"
            file.write_text(_configuration(server, port, users, changed), encoding="utf-8")
            file.chmod(0o444)
            try:
                # It says so last, when it listens.
                process = ServerProcess.start(
                    [str(program), str(file)], {}, "process up: PgBouncer", ready_on="stderr", account=account
                )
                break
            except ServerNotReadyError:
                # Somebody else may have taken the port.
                if attempt == _START_ATTEMPTS:
                    raise
        with process:
            yield PgBouncer(process, port, server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configuration(server: PostgresServer, port: int, users: Path, changed: Mapping[str, str]) -> str:
    host, _, postgres_port = server.cluster.address.rpartition(":")
    text = CONFIGURATION.read_text(encoding="utf-8")
    for shipped, here in (
        (_POSTGRES, f"host={host} port={postgres_port}"),
        (_PORT, f"listen_port = {port}"),
        (_USERS, f"auth_file = {users}"),
        ("stats_users = trivet", f"admin_users = {server.cluster.user}"),
    ):
        assert text.count(shipped) == 1, shipped
        text = text.replace(shipped, here)
    # What comes later counts.
    return text + "".join(f"{name} = {value}\n" for name, value in changed.items())
