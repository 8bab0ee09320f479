"""Databases of releases, as their servers left them, in `tests/released`: today's code has to go on with them.

`make released VERSION=v1.2.3` makes those of a release, just before its tag: what its servers keep of a sample, on
SQLite and on PostgreSQL, and what its client reads of it.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import psycopg2
import sqlalchemy as sa

from trivet_artifacts import server as artifacts
from trivet_kit.db import Database
from trivet_registry import server as registry
from trivet_testing import postgres
from trivet_testing.approvers import Team
from trivet_testing.gateways import start_standalone
from trivet_testing.postgres import PostgresServer
from trivet_testing.released_sample import SETTINGS, WORKSPACE, People, people, read_sample, write_sample
from trivet_tracking import server as tracking

FOLDER: Final = Path(__file__).parents[2] / "released"
Kind = Literal["sqlite", "postgres"]
KINDS: Final[tuple[Kind, ...]] = ("sqlite", "postgres")
_DATABASES: Final[Mapping[str, Callable[[str], Database]]] = {
    "tracking": tracking.open_database,
    "artifacts": artifacts.open_database,
    "registry": registry.open_database,
}
_DATA: Final = ".trivet"
_DUMP: Final = "database.sql"
# What psql alone understands, and a setting that older servers do not have.
_NOT_SQL: Final = re.compile(r"^(\\.*|SET transaction_timeout .*)$", re.MULTILINE)

# Indexes, those of constraints too, and triggers, each with its table, name and definition.
_OTHERS: Final = {
    "sqlite": "SELECT tbl_name, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')",
    "postgresql": (
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = :schema UNION ALL "
        "SELECT relname, tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid "
        "WHERE relnamespace = CAST(:schema AS regnamespace) AND NOT tgisinternal"
    ),
}
_PARTITION: Final = re.compile(r"_\d\d$")


class Place:
    """Where one server at a time keeps things: a folder of data, and a database where it is not in there."""

    def __init__(self, folder: Path, database_url: str) -> None:
        """Args: an empty folder; the URL of an empty PostgreSQL database, or nothing for SQLite."""
        self._folder = folder
        self._database_url = database_url
        self._team = Team(folder, (WORKSPACE,))

    @contextmanager
    def served(self) -> Iterator[People]:
        """Serves until the end of the block, in which clients of some people are there."""
        options = ("--database", self._database_url) if self._database_url else ()
        with start_standalone(self._folder, *options, **SETTINGS, **self._team.settings) as server:
            with people(self._team, server.address) as those:
                yield those
            assert server.terminate() == 0, server.stderr
            assert "Traceback" not in server.stderr, server.stderr

    def database(self, service: str) -> Database:
        """The database of a service."""
        own = f"sqlite:///{self._folder / _DATA / f'{service}.db'}"
        return _DATABASES[service](self._database_url or own)

    def pack(self, archive: Path) -> None:
        """Packs all that is kept, while nobody serves it."""
        data = self._folder / _DATA
        if self._database_url:
            dump = [
                "pg_dump",
                "--no-owner",
                "--no-privileges",
                "--rows-per-insert=100",
                f"--dbname={self._database_url}",
            ]
            ended = subprocess.run(dump, check=True, capture_output=True, text=True)
            (data / _DUMP).write_text(_NOT_SQL.sub("", ended.stdout), encoding="utf-8")
        files = sorted(path for path in data.rglob("*") if path.is_file() and path.name != "trivet.lock")
        # The same bytes for the same content: nothing of when and by whom.
        with gzip.GzipFile(archive, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
            for file in files:
                content = file.read_bytes()
                member = tarfile.TarInfo(str(file.relative_to(data)))
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

    def unpack(self, archive: Path) -> None:
        """Puts back what was packed."""
        data = self._folder / _DATA
        with tarfile.open(archive) as tar:
            tar.extractall(data, filter="data")
        if self._database_url:
            with closing(psycopg2.connect(self._database_url)) as connection, connection, connection.cursor() as cursor:
                cursor.execute((data / _DUMP).read_text(encoding="utf-8"))


def make(folder: Path, kind: Kind, server: PostgresServer | None) -> None:
    """Makes what is kept of a release, `KIND.tar.gz` and `KIND.json`, by today's servers and client.

    Args:
        folder: Where to; it is made where it is not there.
        kind: Of the database.
        server: For a database of the latter kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), _new_database(server))
        with place.served() as those:
            write_sample(those, Path(name))
        # What a server notes after it has answered is there once it has ended, and the next one puts points together.
        place.pack(folder / f"{kind}.tar.gz")
        with place.served() as those:
            read = read_sample(those)
    text = json.dumps(read, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / f"{kind}.json").write_text(f"{text}\n", encoding="utf-8")


def differences(kept: Any, read: Any, where: str = "") -> list[str]:
    """What is not read as it was; what is read besides is none of it."""
    if isinstance(kept, dict) and isinstance(read, dict):
        return [each for key, value in kept.items() for each in differences(value, read.get(key), f"{where}/{key}")]
    if isinstance(kept, list) and isinstance(read, list) and len(kept) == len(read):
        pairs = enumerate(zip(kept, read, strict=True))
        return [each for number, pair in pairs for each in differences(*pair, f"{where}/{number}")]
    return [] if kept == read else [f"{where}: {kept!r} was read, and {read!r} is"]


def schema_of(database: Database) -> Mapping[str, object]:
    """What the tables of a service are, whatever way they came about, and their indexes and triggers."""
    schema = None if database.is_sqlite else database.schema
    with database.transaction("read") as connection:
        seen = sa.inspect(connection)
        tables = {
            table: {
                "columns": {
                    column["name"]: (str(column["type"]), column["nullable"], column["default"])
                    for column in seen.get_columns(table, schema)
                },
                "key": seen.get_pk_constraint(table, schema)["constrained_columns"],
                "references": sorted(map(_text, seen.get_foreign_keys(table, schema))),
                "checks": sorted(map(_text, seen.get_check_constraints(table, schema))),
            }
            for table in _tables(connection, database)
        }
        others = connection.execute(sa.text(_OTHERS[database.dialect]), {"schema": database.schema})
        return tables | {f"{name} of {table}": definition for table, name, definition in others}


def rows_of(database: Database) -> Mapping[str, int]:
    """How many rows each table has; partitions count with their table."""
    schema = None if database.is_sqlite else database.schema
    with database.transaction("read") as connection:
        tables = {name: sa.table(name, schema=schema) for name in _tables(connection, database)}
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }


def _tables(connection: sa.Connection, database: Database) -> list[str]:
    """Without partitions, which are as their table."""
    names = sa.inspect(connection).get_table_names(None if database.is_sqlite else database.schema)
    return [name for name in names if not _PARTITION.search(name)]


def _text(facts: object) -> str:
    return json.dumps(facts, default=str, sort_keys=True)


def main() -> int:
    """Makes those of the release that the command line names."""
    if len(sys.argv) != 2 or not re.fullmatch(r"v\d+\.\d+\.\d+", sys.argv[1]):
        sys.stderr.write("python -m trivet_testing.released_schemas v1.2.3\n")
        return 2
    folder = FOLDER / sys.argv[1]
    server = postgres.start()
    try:
        for kind in KINDS:
            make(folder, kind, server if kind == "postgres" else None)
            sys.stdout.write(f"{folder / kind}.tar.gz\n{folder / kind}.json\n")
    finally:
        server.stop()
    return 0


def _new_database(server: PostgresServer | None) -> str:
    return "" if server is None else server.create_database()


if __name__ == "__main__":
    sys.exit(main())
