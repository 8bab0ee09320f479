"""Schemas of releases that come later: which of them a release works on, and how they come while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from trivet_kit.db import Database, Migrations
from trivet_kit.settings import StartupError
from trivet_testing.later_schemas import package_of_migrations
from trivet_testing.waiting import wait_until

COMMAND = "ledger migrate"
FIRST = '    op.create_table("entry", sa.Column("entry_id", sa.Text, primary_key=True), schema="ledger")'
# Alembic leaves the schema out of what creates for SQLite, which has none, and not out of what alters.
EXPANDED = '    op.add_column("entry", sa.Column("note", sa.Text), schema=op.get_context().version_table_schema)'
CONTRACTED = '    op.create_table("page", sa.Column("page_id", sa.Text, primary_key=True), schema="ledger")'
SCRIPTS = {"0001 0001": FIRST, "0002 0001": EXPANDED, "0003 0002": CONTRACTED}
"""The last one is one that the first release does not survive, and the second does."""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, "ledger")) as database:
        yield database


@pytest.fixture
def release(database: Database, tmp_path: Path) -> Iterator[Callable[[int], Migrations]]:
    """Gives the migrations that the release of a number has."""
    with ExitStack() as stack:

        def of(number: int) -> Migrations:
            scripts = dict(list(SCRIPTS.items())[:number])
            return Migrations(database, stack.enter_context(package_of_migrations(tmp_path, scripts)))

        yield of


def columns(database: Database) -> set[str]:
    with database.transaction("read") as connection:
        schema = None if database.is_sqlite else "ledger"
        return {column["name"] for column in sa.inspect(connection).get_columns("entry", schema)}


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(StartupError) as failure:
        act()
    return str(failure.value)


def test_release_works_on_a_schema_that_was_expanded_since(
    release: Callable[[int], Migrations], database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = release(1), release(2)
    assert old.upgrade() == (None, "0001")
    old.check(COMMAND)
    assert caplog.messages == []
    assert new.upgrade() == ("0001", "0002")
    new.check(COMMAND)
    assert caplog.messages == []
    old.check(COMMAND)
    assert old.upgrade() == ("0002", "0002")
    assert (
        caplog.messages == ["the schema ledger is 0002, newer than 0001, which this version is for; it works on it"] * 2
    )
    assert columns(database) == {"entry_id", "note"}


def test_release_refuses_a_schema_that_was_contracted_since(release: Callable[[int], Migrations]) -> None:
    old, between, new = release(1), release(2), release(3)
    assert new.upgrade() == (None, "0003")
    said = {refusal(lambda: old.check(COMMAND)), refusal(old.upgrade)}
    assert said == {
        "The database has schema 0003 of ledger, which this version does not know: it was migrated by a newer one. "
        "Servers for schema 0002 and newer ones work on it, and this one is for 0001: run a newer version, or restore "
        "the backup from before the migration."
    }
    assert new.current() == "0003"
    between.check(COMMAND)


def test_schema_of_which_nothing_is_noted_is_refused(release: Callable[[int], Migrations], database: Database) -> None:
    old = release(1)
    release(2).upgrade()
    with database.transaction("write") as connection:
        connection.execute(sa.text(f"DROP TABLE {'' if database.is_sqlite else 'ledger.'}schema_support"))
    assert "Servers for schema 0002 and newer ones work on it" in refusal(lambda: old.check(COMMAND))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_migration_lets_calls_pass_while_a_table_is_in_use(
    release: Callable[[int], Migrations], database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    release(1).upgrade()
    new = release(2)
    with closing(psycopg2.connect(database_url)) as user, ThreadPoolExecutor(1) as thread:
        with user.cursor() as cursor:
            cursor.execute("INSERT INTO ledger.entry VALUES ('a')")
        assert "others have used its tables all the time" in refusal(lambda: new.upgrade(patience_seconds=0))
        assert new.current() == "0001"
        migrating = thread.submit(new.upgrade)

        def called() -> bool:
            """Calls, and says whether the migration has begun again in the meantime."""
            with database.transaction("read") as connection:
                assert connection.execute(sa.text("SELECT count(*) FROM ledger.entry")).scalar_one() == 0
            return len(caplog.messages) >= 2

        wait_until(called)
        assert not migrating.done()
        user.commit()
        assert migrating.result(60) == ("0001", "0002")
    assert set(caplog.messages) == {"tables of ledger are in use; the migration begins again"}
    assert columns(database) == {"entry_id", "note"}
