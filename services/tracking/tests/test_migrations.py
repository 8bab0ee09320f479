"""`trivet-tracking migrate`, and what `serve` says of a schema that is not the one it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from trivet_kit.db.database import parse_url
from trivet_testing.servers import run_to_exit
from trivet_testing.tracking import migrate

COMMAND = (sys.executable, "-m", "trivet_tracking")
MIGRATED = "Schema trivet_tracking went from nothing to "
NOTHING_TO_DO = "Schema trivet_tracking is at "


def set_version(database_url: str, version: str) -> None:
    url = parse_url(database_url)
    table = "alembic_version" if url.get_backend_name() == "sqlite" else "trivet_tracking.alembic_version"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        changed = connection.execute(sa.text(f"UPDATE {table} SET version_num = :version"), {"version": version})
    engine.dispose()
    assert changed.rowcount == 1


def refusal(command: str, database_url: str) -> str:
    ended = run_to_exit([*COMMAND, command, "--database-url", database_url], {"TRIVET_LISTEN": "127.0.0.1:0"})
    assert (ended.returncode, ended.stdout) == (1, ""), ended
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("trivet-tracking: ")
    return lines[0]


def test_migrations_at_once_all_succeed_and_one_migrates(database_url: str) -> None:
    command = [*COMMAND, "migrate", "--database-url", database_url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(*process.communicate(timeout=120), process.returncode) for process in started]
    assert [(stderr, code) for _, stderr, code in ended] == [("", 0)] * 3
    said = [stdout for stdout, _, _ in ended]
    assert sum(line.startswith(MIGRATED) for line in said) == 1
    assert sum(line.startswith(NOTHING_TO_DO) for line in said) == 2


def test_serve_on_a_schema_that_is_not_its_own_says_what_to_do(database_url: str) -> None:
    line = refusal("serve", database_url)
    assert "has schema none of trivet_tracking" in line
    assert line.endswith("Run `trivet-tracking migrate` first.")
    migrate(database_url)
    set_version(database_url, "9999")
    line = refusal("serve", database_url)
    assert "has schema 9999 of trivet_tracking, which this version does not know" in line
    assert line.endswith("it was migrated by a newer one. Run that one.")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_migrate_leaves_a_newer_schema_alone(database_url: str) -> None:
    migrate(database_url)
    set_version(database_url, "9999")
    assert "has schema 9999 of trivet_tracking, which this version does not know" in refusal("migrate", database_url)
