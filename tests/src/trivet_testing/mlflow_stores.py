"""A real MLflow with a bit of everything in it: its database, its folder and its server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg2
from psycopg2.extras import execute_values

from trivet_testing.cache import made_once
from trivet_testing.environments import MLFLOW_VERSION, mlflow_environment
from trivet_testing.postgres import PostgresServer
from trivet_testing.recorded_http import recorded
from trivet_testing.servers import ServerProcess, free_port

_PROGRAM: Final = Path(__file__).with_name("mlflow_records.py")
_SETTINGS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # Workers for jobs of its own, which nothing here asks for.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
# Where a database has the places of files.
_PLACES: Final = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


@dataclass(frozen=True)
class MlflowDatabase:
    """A database of SQLite, as a server of MLflow leaves it: it names files by `mlflow-artifacts:`."""

    folder: Path

    @property
    def path(self) -> Path:
        """The database."""
        return self.folder / "mlflow.db"

    @property
    def url(self) -> str:
        """Of the database."""
        return f"sqlite:///{self.path}"

    @property
    def files(self) -> Path:
        """Where the server keeps files."""
        return self.folder / "files"

    def copied_to(self, folder: Path) -> MlflowDatabase:
        """The same elsewhere, to be changed."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return MlflowDatabase(folder)

    def execute(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """What a statement gives."""
        with closing(sqlite3.connect(self.path)) as connection:
            rows: list[tuple[object, ...]] = connection.execute(statement, parameters).fetchall()
            connection.commit()
        return rows

    def place_files(self, before: str, after: str) -> None:
        """Lets it name its files otherwise."""
        for table, columns in _PLACES.items():
            for column in columns:
                self.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", before, after)


def mlflow_database(n_runs: int) -> MlflowDatabase:
    """Such a database, made once."""

    def make(folder: Path) -> None:
        made = MlflowDatabase(folder)
        files = f"file://{made.files}"
        fill_mlflow(made.url, files, n_runs)
        made.place_files(files, "mlflow-artifacts:")

    return MlflowDatabase(made_once(_name("database", n_runs), make))


def mlflow_folder(n_runs: int) -> Path:
    """An `mlruns` folder, made once. It names places where it was made, as one does that was moved."""

    def make(folder: Path) -> None:
        fill_mlflow(f"file://{folder / 'mlruns'}", "", n_runs)

    return made_once(_name("folder", n_runs), make) / "mlruns"


def _name(kind: str, n_runs: int) -> str:
    digest = hashlib.sha256(_PROGRAM.read_bytes()).hexdigest()[:12]
    return f"mlflow-{MLFLOW_VERSION}-{kind}-{n_runs}-{digest}"


def fill_mlflow(store_uri: str, artifacts_uri: str, n_runs: int) -> None:
    """Writes a bit of everything into a store, by MLflow's own client."""
    python = mlflow_environment() / "bin" / "python"
    command = [str(python), "-W", "ignore", str(_PROGRAM), store_uri, artifacts_uri, str(n_runs)]
    done = subprocess.run(command, env=os.environ | _SETTINGS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class MlflowTables:
    """What MLflow has put into a database of PostgreSQL."""

    folder: Path

    @property
    def files(self) -> Path:
        """Where its files are."""
        return self.folder / "files"

    def copy_to(self, url: str) -> None:
        """Makes the same tables, without their indexes, in an empty database."""
        tables = json.loads((self.folder / "tables.json").read_text(encoding="utf-8"))
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            for name, (columns, rows) in tables.items():
                declared = ", ".join(f"{column} {kind}" for column, kind in columns)
                cursor.execute(f"CREATE TABLE {name} ({declared})")
                if rows:
                    execute_values(cursor, f"INSERT INTO {name} VALUES %s", rows)
            connection.commit()


def mlflow_tables(n_runs: int, postgres: PostgresServer) -> MlflowTables:
    """Such tables, made once on a server."""

    def make(folder: Path) -> None:
        url = postgres.create_database()
        files = f"file://{folder / 'files'}"
        fill_mlflow(url.replace("postgresql://", "postgresql+psycopg2://", 1), files, n_runs)
        text = json.dumps(_tables_of(url)).replace(files, "mlflow-artifacts:")
        (folder / "tables.json").write_text(text, encoding="utf-8")
        postgres.drop_database(url)

    return MlflowTables(made_once(_name("tables", n_runs), make))


def _tables_of(url: str) -> dict[str, tuple[list[tuple[str, str]], list[tuple[object, ...]]]]:
    """Columns with their types, and rows."""
    columns: dict[str, list[tuple[str, str]]] = {}
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute "
            "JOIN pg_class ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
            "AND attnum > 0 AND NOT attisdropped ORDER BY relname, attnum"
        )
        for table, column, kind in cursor:
            columns.setdefault(table, []).append((column, kind))
        tables = {}
        for table, declared in columns.items():
            cursor.execute(f"SELECT * FROM {table}")
            tables[table] = (declared, cursor.fetchall())
    return tables


def mlflow_answers(n_runs: int, version: str, walk: Callable[[str], None]) -> Path:
    """What a server over `mlflow_database` answers to whoever walks through it, recorded once; for `replayed`.

    Args:
        n_runs: Of the database.
        version: Of what asks: another one may ask for something else.
        walk: Asks, at the address that it is given, all that is to be answered.
    """

    def make(folder: Path) -> None:
        with (
            tempfile.TemporaryDirectory() as name,
            mlflow_server(mlflow_database(n_runs).copied_to(Path(name))) as address,
            recorded(address, folder / "answers.json") as recording,
        ):
            walk(recording)

    return made_once(_name(f"answers-{version}", n_runs), make) / "answers.json"


@contextmanager
def mlflow_server(database: MlflowDatabase) -> Iterator[str]:
    """The address of a server over a database that is its own."""
    address = f"http://127.0.0.1:{free_port()}"
    command = [
        *(str(mlflow_environment() / "bin" / "python"), "-m", "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", address.rpartition(":")[2], "--workers", "1"),
        *("--backend-store-uri", database.url, "--artifacts-destination", str(database.files)),
    ]
    with ServerProcess.start(
        command, _SETTINGS, "Uvicorn running on", ready_on="stderr", timeout_seconds=180
    ) as server:
        yield address
        server.terminate()
