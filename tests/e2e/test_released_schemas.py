"""What servers of each release kept is migrated by today's code, which reads it as it was and goes on with it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from trivet_testing import artifacts, registry, tracking
from trivet_testing.released_sample import People, read_sample
from trivet_testing.released_schemas import FOLDER, KINDS, Kind, Place, differences, make, rows_of, schema_of

RELEASES = sorted(folder.name for folder in FOLDER.iterdir())
SERVICES = {"tracking": tracking, "artifacts": artifacts, "registry": registry}
WITHOUT_ROWS = {
    "tracking": {"rate_demand", "purged_run"},
    "artifacts": {"rate_demand", "artifact_collection"},
    "registry": {"rate_demand", "outbox"},
}
"""Tables in which there is something only while servers work."""


@pytest.fixture
def new_place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str, Kind], Place]]:
    """Makes places in folders of the test's, with databases of a kind."""
    made: list[str] = []

    def new(name: str, kind: Kind) -> Place:
        folder = tmp_path / name
        folder.mkdir()
        if kind == "postgres":
            made.append(request.getfixturevalue("postgres_server").create_database())
        return Place(folder, made[-1] if kind == "postgres" else "")

    yield new
    for url in made:
        request.getfixturevalue("postgres_server").drop_database(url)


def go_on(people: People) -> None:
    """Numbers go on where they were, and what waits for approval, or is protected, is so still."""
    client = people.writer
    run_id = client.create_run("1", run_name="later").info.run_id
    client.log_metric(run_id, "loss", 0.5, step=1, timestamp=1)
    client.set_terminated(run_id)
    assert [run.info.run_name for run in client.search_runs(["1"], "metrics.loss = 0.5 and run_name = 'later'")] == [
        "later"
    ]
    assert client.create_experiment("later") == "3"
    (first,) = client.search_runs(["1"], "run_name = 'first'")
    version = client.create_model_version("taxi", f"runs:/{first.info.run_id}/model", run_id=run_id)
    assert version.version == 5
    assert client.verify_model("taxi").is_intact


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("release", RELEASES)
def test_databases_of_a_release_are_migrated_and_read_as_they_were(
    new_place: Callable[[str, Kind], Place], release: str, kind: Kind
) -> None:
    kept = json.loads((FOLDER / release / f"{kind}.json").read_text(encoding="utf-8"))
    place, empty = new_place("kept", kind), new_place("new", kind)
    place.unpack(FOLDER / release / f"{kind}.tar.gz")
    for service, server in SERVICES.items():
        with closing(place.database(service)) as migrated, closing(empty.database(service)) as new:
            without = {name for name, rows in rows_of(migrated).items() if not rows}
            assert without == WITHOUT_ROWS[service], "the sample has to fill each table"
            for database in (migrated, new):
                server.migrate(database.url.render_as_string(hide_password=False))
            assert schema_of(migrated) == schema_of(new), f"a migration that is in {release} was changed"
    with place.served() as people:
        assert differences(kept, read_sample(people)) == []
        go_on(people)


def test_databases_are_made_as_they_are_kept(tmp_path: Path) -> None:
    make(tmp_path, "sqlite", None)
    made, kept = ((folder / "sqlite.json").read_text(encoding="utf-8") for folder in (tmp_path, FOLDER / RELEASES[-1]))
    read = json.loads(made)
    assert read.keys() >= json.loads(kept).keys()
    assert all(read.values())
    with tarfile.open(tmp_path / "sqlite.tar.gz") as archive:
        members = archive.getmembers()
    assert {member.name for member in members if "/" not in member.name} == {f"{each}.db" for each in SERVICES}
    # The same content makes the same bytes: nothing of when and by whom.
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}


def test_differences_are_named() -> None:
    kept = {"a": [1, {"b": "x"}], "c": 2}
    assert differences(kept, kept | {"new": 3}) == []
    assert differences(kept, {"a": [1, {"b": "y", "new": 0}]}) == [
        "/a/1/b: 'x' was read, and 'y' is",
        "/c: 2 was read, and None is",
    ]
    assert differences(kept, {"a": [1], "c": 2}) == ["/a: [1, {'b': 'x'}] was read, and [1] is"]
