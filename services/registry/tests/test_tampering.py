"""Whoever alters rows of the database behind the registry's back is found out, by name."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_proto.registry.v1 import model_history_pb2 as pb
from trivet_registry.server import open_database
from trivet_registry.store import tables
from trivet_testing.registry import Registry
from trivet_testing.tracking import full

Kind = pb.HistoryFaultKind.Name


@dataclass(frozen=True)
class Kept:
    """A registry in a workspace of the test's own, with the database below it."""

    registry: Registry
    database: Database

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Which rows of a table are of this workspace."""
        if "workspace" in table.c:
            return table.c.workspace == self.registry.workspace
        owner = tables.model if "model_pk" in table.c else tables.version
        (key,) = owner.primary_key
        return table.c[key.name].in_(sa.select(key).where(self.own(owner)))

    def alter(self, statement: sa.Update | sa.Delete) -> None:
        """Does what no server does, to the rows of this workspace."""
        assert isinstance(statement.table, sa.Table)
        with self.database.transaction("write") as connection:
            assert connection.execute(statement.where(self.own(statement.table))).rowcount > 0

    def faults(self) -> Sequence[pb.HistoryFault]:
        """What is found of the model."""
        return self.registry.verify("taxi").faults


@pytest.fixture(scope="module")
def database(server_database_url: str) -> Iterator[Database]:
    """The shared server's database, opened a second time."""
    with closing(open_database(server_database_url)) as database:
        yield database


@pytest.fixture
def kept(registry: Registry, database: Database) -> Kept:
    registry.create_model("taxi", description="words", tags={"a": "1"})
    for number in range(1, 4):
        registry.create_version("taxi", f"s3://{number}", run_id="r1", description="words", tags={"k": "v"})
        registry.move("taxi", number, "Production", archive=True, reason="because")
        registry.set_alias("taxi", "champion", number)
    assert list(registry.verify("taxi").faults) == []
    return Kept(registry, database)


def named(faults: Sequence[pb.HistoryFault]) -> list[tuple[str, int, int, str]]:
    return [
        (Kind(fault.kind).removeprefix("HISTORY_FAULT_KIND_"), fault.sequence, fault.version, fault.field)
        for fault in faults
    ]


ENTRY_COLUMNS: dict[str, Any] = {
    "action": 3,
    "version": 9,
    "changes": '[["stage","None","Archived"]]',
    "time": 1,
    "actor": "mallory",
    "reason": "no reason",
    "previous_sha256": b"x" * 32,
    "sha256": b"x" * 32,
}


@pytest.mark.parametrize("column", ENTRY_COLUMNS)
def test_an_altered_entry_is_named(kept: Kept, column: str) -> None:
    history = tables.history
    kept.alter(sa.update(history).where(history.c.sequence == 5).values({column: ENTRY_COLUMNS[column]}))
    found = named(kept.faults())
    assert ("ENTRY_ALTERED", 5) in {fault[:2] for fault in found}


def test_garbage_in_entries_is_named(kept: Kept) -> None:
    history = tables.history
    for changes in ("", "{", "[]", "[[1,2]]", '[["stage",1,null]]', "null"):
        kept.alter(sa.update(history).where(history.c.sequence == 5).values(changes=changes))
        assert ("ENTRY_ALTERED", 5) in {fault[:2] for fault in named(kept.faults())}
    kept.alter(sa.update(history).where(history.c.sequence == 5).values(action=99))
    assert kept.registry.history("taxi")[4].action == pb.MODEL_ACTION_UNSPECIFIED


def test_removed_entries_are_named(kept: Kept) -> None:
    history = tables.history
    kept.alter(sa.delete(history).where(history.c.sequence == 10))
    assert named(kept.faults())[0][:2] == ("ENTRY_MISSING", 10)
    kept.alter(sa.delete(history).where(history.c.sequence == 4))
    assert {fault[:2] for fault in named(kept.faults())} >= {("ENTRY_MISSING", 4), ("ENTRY_MISSING", 10)}


def test_a_history_that_is_made_anew_as_a_whole_is_told_by_who_knows_the_old_one(kept: Kept) -> None:
    known = kept.registry.verify("taxi")
    history, model = tables.history, tables.model
    # The last entry goes, with all that it did: nothing in the database contradicts that.
    kept.alter(sa.delete(history).where(history.c.sequence == known.sequence))
    before = sa.select(history.c.sha256).where(kept.own(history), history.c.sequence == known.sequence - 1)
    with kept.database.transaction("read") as connection:
        sha256 = connection.execute(before).scalar_one()
    kept.alter(sa.update(model).values(history_sequence=known.sequence - 1, history_sha256=sha256))
    version = tables.version
    second = sa.select(version.c.version_pk).where(kept.own(version), version.c.version == 2).scalar_subquery()
    kept.alter(sa.update(tables.alias).values(version_pk=second))
    assert kept.faults() == []
    (fault,) = kept.registry.verify("taxi", known.sequence, known.sha256).faults
    assert named([fault]) == [("KNOWN_ENTRY_ALTERED", known.sequence, 0, "")]


VERSION_COLUMNS: dict[str, tuple[Any, str]] = {
    "stage": ("Production", "stage"),
    "source_path": ("s3://other", "source.external_uri"),
    "run_id": ("r2", "source.run"),
    "logged_model_id": ("m-1", "source.logged_model"),
    "code_commit": ("abc", "source.commit"),
    "signature_inputs": ("[]", "signature.inputs"),
    "signature_outputs": ("[]", "signature.outputs"),
    "signature_params": ("[]", "signature.params"),
    "copied_from": ("workspaces/default/models/x/versions/1", "copied_from"),
    "manifest_sha256": (b"x" * 32, "manifest_sha256"),
    "description": ("other words", "description"),
    "created_by": ("mallory", "created_by"),
    "create_time": (1, "create_time"),
    "state": (3, "state"),
    "state_message": ("no", "state_message"),
}


@pytest.mark.parametrize("column", VERSION_COLUMNS)
def test_an_altered_version_is_named(kept: Kept, column: str) -> None:
    value, field = VERSION_COLUMNS[column]
    version = tables.version
    kept.alter(sa.update(version).where(version.c.version == 1).values({column: value}))
    assert named(kept.faults()) == [("STATE_ALTERED", 0, 1, field)]


def test_other_alterations_are_named(kept: Kept) -> None:
    version, model, alias = tables.version, tables.model, tables.alias
    kept.alter(sa.update(tables.version_tag).values(value="other"))
    assert {fault[2:] for fault in named(kept.faults())} == {(1, "tags.k"), (2, "tags.k"), (3, "tags.k")}
    kept.alter(sa.update(tables.version_tag).values(value="v"))
    assert kept.faults() == []

    kept.alter(sa.update(model).values(description="other"))
    kept.alter(sa.update(tables.model_tag).values(key="b"))
    first = sa.select(version.c.version_pk).where(kept.own(version), version.c.version == 1).scalar_subquery()
    kept.alter(sa.update(alias).values(version_pk=first))
    assert [fault[3] for fault in named(kept.faults())] == ["aliases.champion", "description", "tags.a", "tags.b"]

    kept.alter(sa.update(version).where(version.c.version == 3).values(version=7))
    assert [fault.message for fault in kept.faults()[-2:]] == [
        "Version 3 is gone, which the history does not say.",
        "Version 7 is not in the history.",
    ]


def test_random_alterations_are_all_found(kept: Kept) -> None:
    """One flip at a time, taken back after it."""
    draw = random.Random(13)
    history, version = tables.history, tables.version
    places = [
        *((history, history.c.sequence, list(range(1, 11)), column) for column in ("changes", "actor", "reason")),
        *((history, history.c.sequence, list(range(1, 11)), column) for column in ("time", "version", "action")),
        *((version, version.c.version, [1, 2, 3], column) for column in ("stage", "source_path", "description")),
        *((version, version.c.version, [1, 2, 3], column) for column in ("created_by", "run_id")),
    ]
    count = full(60, 500)
    for _ in range(count):
        table, key, keys, column = draw.choice(places)
        row = key == draw.choice(keys)
        with kept.database.transaction("read") as connection:
            before = connection.execute(sa.select(table.c[column]).where(kept.own(table), row)).scalar_one()
        after = before + 1 if isinstance(before, int) else _flipped(draw, before)
        kept.alter(sa.update(table).where(row).values({column: after}))
        assert kept.faults(), (table.name, column, before, after)
        kept.alter(sa.update(table).where(row).values({column: before}))
    assert kept.faults() == []


def _flipped(draw: random.Random, text: str) -> str:
    if not text:
        return "x"
    at = draw.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
