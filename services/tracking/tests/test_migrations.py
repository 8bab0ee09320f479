"""`trivet-tracking migrate`, and what is said of a schema that is not the one that the code needs.

Where a process of its own is not the point, the same is asked in this one: a start costs seconds of a processor.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_kit.settings import StartupError
from trivet_testing.servers import run_to_exit
from trivet_testing.tracking import start_server
from trivet_tracking.server import migrations, open_database

COMMAND = (sys.executable, "-m", "trivet_tracking")
MIGRATED = "Schema trivet_tracking went from nothing to "
NOTHING_TO_DO = "Schema trivet_tracking is at "
EMPTY = "has schema none of trivet_tracking, and "
NEWER = "has schema 9999 of trivet_tracking, which this version does not know: it was migrated by a newer one."


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(open_database(database_url)) as database:
        yield database


def set_version(database: Database, version: str, oldest_supported: str) -> None:
    schema = "" if database.is_sqlite else "trivet_tracking."
    with database.transaction("write") as connection:
        for table, column, value in (
            ("alembic_version", "version_num", version),
            ("schema_support", "oldest_supported", oldest_supported),
        ):
            changed = connection.execute(sa.text(f"UPDATE {schema}{table} SET {column} = :value"), {"value": value})
            assert changed.rowcount == 1


def test_migrations_at_once_all_succeed_and_one_migrates(database_url: str) -> None:
    command = [*COMMAND, "migrate", "--database-url", database_url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]
    assert [(stderr, code) for _, stderr, code in ended] == [("", 0)] * 3
    said = [stdout for stdout, _, _ in ended]
    assert sum(line.startswith(MIGRATED) for line in said) == 1
    assert sum(line.startswith(NOTHING_TO_DO) for line in said) == 2


def test_schema_that_is_missing_or_newer_is_refused(database: Database) -> None:
    schema = migrations(database)
    with pytest.raises(StartupError) as failure:
        schema.check("trivet-tracking migrate")
    assert EMPTY in str(failure.value)
    assert schema.upgrade() == (None, schema.head)
    assert schema.upgrade() == (schema.head, schema.head)
    schema.check("trivet-tracking migrate")
    set_version(database, "9999", "9998")
    for refuse in (lambda: schema.check("trivet-tracking migrate"), schema.upgrade):
        with pytest.raises(StartupError) as failure:
            refuse()
        assert NEWER in str(failure.value)
    assert schema.current() == "9999"


def test_serve_and_migrate_end_with_one_line_about_a_schema_that_they_cannot_use(postgres_url: str) -> None:
    def refusal(command: str) -> str:
        ended = run_to_exit([*COMMAND, command, "--database-url", postgres_url], {"TRIVET_LISTEN": "127.0.0.1:0"})
        assert (ended.returncode, ended.stdout) == (1, ""), ended
        (line,) = ended.stderr.splitlines()
        return line

    assert EMPTY in (line := refusal("serve"))
    assert line.startswith("trivet-tracking: ")
    assert line.endswith("Run `trivet-tracking migrate` first.")
    with closing(open_database(postgres_url)) as database:
        migrations(database).upgrade()
        set_version(database, "9999", "9998")
    assert NEWER in refusal("serve")
    assert NEWER in refusal("migrate")


def test_server_starts_on_a_newer_schema_that_supports_it_and_says_so(database: Database, database_url: str) -> None:
    migrations(database).upgrade()
    set_version(database, "9999", migrations(database).head)
    with start_server(database_url) as server:
        server.wait_for_line(
            "the schema trivet_tracking is 9999, newer than 0001, which this version is for", on="stderr"
        )
        assert server.terminate() == 0


def test_functions_of_a_release_are_made_on_a_newer_schema_too(postgres_url: str) -> None:
    with closing(open_database(postgres_url)) as database:
        schema = migrations(database)
        schema.upgrade()
        set_version(database, "9999", schema.head)
        with database.transaction("write") as connection:
            names = connection.execute(
                sa.text(
                    "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'trivet_tracking'::regnamespace "
                    "AND proname ~ '_[0-9a-f]{16}$'"  # a digest, which those of triggers lack
                )
            ).scalars()
            for name in names.all():
                connection.execute(sa.text(f"DROP FUNCTION {name}"))
        with pytest.raises(StartupError) as failure:
            schema.check("trivet-tracking migrate")
        assert "The database has schema 9999 of trivet_tracking, but not all functions" in str(failure.value)
        assert schema.upgrade() == ("9999", "9999")
        schema.check("trivet-tracking migrate")
