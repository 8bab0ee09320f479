"""What was deleted long enough is removed for good, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import grpc
import pytest
import sqlalchemy as sa
from google.protobuf.duration_pb2 import Duration

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.console_pb2 import CONSOLE_STREAM_STDOUT, ConsoleLine
from trivet_proto.tracking.v1.logged_model_pb2 import LoggedModel
from trivet_proto.tracking.v1.logged_model_service_pb2 import CreateLoggedModelRequest
from trivet_proto.tracking.v1.metric_pb2 import MetricContext
from trivet_proto.tracking.v1.purge_pb2 import (
    PurgedExperiment,
    PurgedRun,
    PurgeExperimentsRequest,
    PurgeRunsRequest,
)
from trivet_proto.tracking.v1.rule_pb2 import Divergence
from trivet_proto.tracking.v1.run_inputs_pb2 import LoggedModelInput, LoggedModelOutput, RunInputs, RunOutputs
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_run,
    create_saved_view,
    dataset_input,
    get_run,
    id_of,
    metric,
    read_history,
    saved_view_pages,
    search_experiments,
    search_runs,
    snapshot,
    write,
)
from trivet_testing.rules import Rules
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.server import open_database
from trivet_tracking.store import tables

VIEW_ALL = lifecycle_pb2.LIFECYCLE_VIEW_ALL
WITHOUT_KEYS = {"change_horizon", "workspace"}
"""Tables that hold nothing of a run or an experiment."""


@pytest.fixture(scope="module")
def database(server_database_url: str) -> Iterator[Database]:
    """The server's database, opened a second time."""
    with closing(open_database(server_database_url)) as database:
        yield database


def purge_runs(tracking: Tracking, seconds: int = 0, **fields: object) -> list[PurgedRun]:
    """What all pages say, by default of one run each."""
    request = PurgeRunsRequest(
        parent=tracking.parent,
        older_than=Duration(seconds=seconds),
        **{"page_size": 1, **fields},  # type: ignore[arg-type]
    )
    found: list[PurgedRun] = []
    while True:
        page = tracking.stub.PurgeRuns(request)
        found += page.runs
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def purge_experiments(tracking: Tracking, seconds: int = 0, **fields: object) -> list[PurgedExperiment]:
    """What all pages say, by default of one experiment each."""
    request = PurgeExperimentsRequest(
        parent=tracking.parent,
        older_than=Duration(seconds=seconds),
        **{"page_size": 1, **fields},  # type: ignore[arg-type]
    )
    found: list[PurgedExperiment] = []
    while True:
        page = tracking.stub.PurgeExperiments(request)
        found += page.experiments
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def ids(found: Sequence[PurgedRun | PurgedExperiment]) -> list[str]:
    return [id_of(each.name) for each in found]


def delete_run(tracking: Tracking, name: str) -> None:
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=name))


def delete_experiment(tracking: Tracking, name: str) -> None:
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=name))


def fill(tracking: Tracking, run_id: str, experiment: str = "") -> str:
    """A run with something in every table, and a logged model and a saved view in its experiment."""
    run = create_run(tracking, run_id, experiment=experiment, params={"a": "1"}, tags={"b": "2"}).name
    model = LoggedModel(experiment=experiment, params={"a": "1"}, tags={"b": "2"})
    create = CreateLoggedModelRequest(parent=tracking.parent, logged_model_id=f"m-{run_id}", logged_model=model)
    tracking.stub.CreateLoggedModel(create)
    create_saved_view(tracking, f"charts of {run_id}", experiment=experiment)
    inputs = RunInputs(datasets=[dataset_input("d", context="train")], models=[LoggedModelInput(model_id="m-other")])
    outputs = RunOutputs(models=[LoggedModelOutput(model_id=f"m-{run_id}", step=3)])
    write(tracking, run, inputs=inputs, outputs=outputs)
    write(tracking, run, console=[ConsoleLine(time_millis=1, stream=CONSOLE_STREAM_STDOUT, text="epoch 1")])
    chunked = [(step, 1, float(step)) for step in range(1000)]
    write(tracking, run, metrics=metric("many", *chunked), writer_id=7, sequence=1)
    rules = Rules(tracking)
    broken = rules.create(run_id, run=run, divergence=Divergence(metric="few", above=0.5), stop=True, tag=False)
    write(tracking, run, metrics=metric("few", (1, 1, 1.0), context=MetricContext(rank=1)), writer_id=7, sequence=2)
    rules.event(broken)
    return run


def keys_of(database: Database, tracking: Tracking, run: str) -> dict[str, int]:
    with database.transaction("read") as connection:
        row = connection.execute(
            sa.select(tables.run).where(tables.run.c.workspace == tracking.workspace, tables.run.c.run_id == id_of(run))
        ).one()
    return {"run_pk": row.run_pk, "experiment_pk": row.experiment_pk}


def rows_of(database: Database, column: str, key: int) -> dict[str, int]:
    """How many rows of each table have a key, of the tables that have the column."""
    with database.transaction("read") as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c[column] == key)
            ).scalar_one()
            for table in tables.metadata.sorted_tables
            if column in table.c
        }


def test_nothing_is_left_of_a_purged_run_in_any_table(tracking: Tracking, database: Database) -> None:
    """A new table has to be filled here, and then it is seen that it is cleared."""
    run, other = fill(tracking, "gone"), fill(tracking, "kept")
    key, other_key = (keys_of(database, tracking, each)["run_pk"] for each in (run, other))
    rows = rows_of(database, "run_pk", key)
    assert {name for name, count in rows.items() if not count} == {"purged_run"}
    kept = rows_of(database, "run_pk", other_key)
    delete_run(tracking, run)
    assert ids(purge_runs(tracking)) == ["gone"]
    assert set(rows_of(database, "run_pk", key).values()) == {0}
    assert rows_of(database, "run_pk", other_key) == kept
    assert read_history(tracking, other, "many")[-1] == (999, 1, 999.0)


def test_nothing_is_left_of_a_purged_experiment_in_any_table(tracking: Tracking, database: Database) -> None:
    """As above."""
    request_id = "6b1d3c1e-6a56-4c0a-9f5e-2f1d6f6c1a01"
    new = pb.CreateExperimentRequest(parent=tracking.parent, request_id=request_id)
    new.experiment.display_name = "gone"
    new.experiment.tags["a"] = "b"
    experiment = tracking.stub.CreateExperiment(new).name
    run = fill(tracking, "in-it", experiment=experiment)
    keys = keys_of(database, tracking, run)
    assert all(rows_of(database, "experiment_pk", keys["experiment_pk"]).values())
    delete_experiment(tracking, experiment)
    purge_experiments(tracking)
    assert ids(purge_runs(tracking)) == ["in-it"]
    for column, key in keys.items():
        assert set(rows_of(database, column, key).values()) == {0}
    assert tracking.stub.CreateExperiment(new).name != experiment


def test_saved_views_go_with_their_experiment_before_its_runs_do(tracking: Tracking) -> None:
    experiment = create_experiment(tracking, "gone").name
    fill(tracking, "in-it", experiment=experiment)
    kept = [
        create_saved_view(tracking, "a", experiment=create_experiment(tracking).name),
        create_saved_view(tracking, "b"),
    ]
    delete_experiment(tracking, experiment)
    assert len(next(saved_view_pages(tracking))) == 3
    purge_experiments(tracking, dry_run=True)
    assert len(next(saved_view_pages(tracking))) == 3
    purge_experiments(tracking)
    assert [*saved_view_pages(tracking)] == [kept]
    assert search_runs(tracking, view=VIEW_ALL, filter="run_id = 'in-it'") == []
    assert get_run(tracking, tracking.run_name("in-it")).name


def test_every_table_has_a_key_by_which_it_is_cleared() -> None:
    without = {
        table.name
        for table in tables.metadata.sorted_tables
        if not any(column.name.endswith("_pk") for column in table.c)
    }
    assert without == WITHOUT_KEYS


def test_only_what_was_deleted_long_enough_is_purged(tracking: Tracking, database: Database) -> None:
    for run_id in ("used", "fresh", "old"):
        fill(tracking, run_id)
    for run_id in ("fresh", "old"):
        delete_run(tracking, tracking.run_name(run_id))
    with database.transaction("write") as connection:
        connection.execute(
            sa.update(tables.run)
            .where(tables.run.c.workspace == tracking.workspace, tables.run.c.run_id == "old")
            .values(delete_time=tables.run.c.delete_time - 3_600_000)
        )
    before = snapshot(tracking)
    assert ids(purge_runs(tracking, seconds=3_700)) == []
    assert ids(purge_runs(tracking, seconds=10**11)) == []
    assert ids(purge_runs(tracking, seconds=1800, dry_run=True)) == ["old"]
    assert snapshot(tracking) == before
    assert ids(purge_runs(tracking, seconds=1800)) == ["old"]
    assert sorted(search_runs(tracking, view=VIEW_ALL)) == ["fresh", "used"]
    assert ids(purge_runs(tracking)) == ["fresh"]
    assert search_runs(tracking, view=VIEW_ALL) == ["used"]
    assert error_of(lambda: get_run(tracking, tracking.run_name("old"))).reason == "RUN_NOT_FOUND"
    assert ids(purge_runs(tracking)) == []


def test_a_dry_run_says_what_a_purge_then_removes(tracking: Tracking) -> None:
    experiment, other = (create_experiment(tracking, name) for name in ("with its runs", "empty"))
    for run_id in ("one", "two"):
        fill(tracking, run_id, experiment=experiment.name)
    delete_run(tracking, fill(tracking, "three"))
    fill(tracking, "four")
    for each in (experiment, other):
        delete_experiment(tracking, each.name)
    before = snapshot(tracking)
    experiments = purge_experiments(tracking, dry_run=True)
    assert [(each.display_name, each.run_count) for each in experiments] == [("with its runs", 2), ("empty", 0)]
    runs = purge_runs(tracking, dry_run=True)
    assert ids(runs) == ["one", "two", "three"]
    assert {run.point_count for run in runs} == {1001}
    assert all(run.point_bytes > 100 and run.display_name for run in runs)
    assert snapshot(tracking) == before

    # Runs of an experiment that may still be restored are not taken from it.
    assert ids(purge_runs(tracking)) == ["three"]
    assert purge_experiments(tracking) == experiments
    for each in (experiment, other):
        failure = error_of(
            lambda each=each: tracking.stub.RestoreExperiment(pb.RestoreExperimentRequest(name=each.name))  # type: ignore[misc]
        )
        assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "EXPERIMENT_NOT_FOUND")
    assert search_experiments(tracking, view=VIEW_ALL) == ["Default"]
    assert search_runs(tracking, view=VIEW_ALL) == ["four"]
    # Until they are purged too, they are whole and have their names.
    assert read_history(tracking, tracking.run_name("one"), "many")[-1] == (999, 1, 999.0)
    failure = error_of(lambda: tracking.stub.RestoreRun(pb.RestoreRunRequest(name=tracking.run_name("one"))))
    assert failure.reason == "EXPERIMENT_DELETED"
    assert purge_runs(tracking) == runs[:2]
    assert purge_runs(tracking) == []


def test_chosen_ones_alone_are_purged(tracking: Tracking) -> None:
    experiments = [create_experiment(tracking) for _ in range(2)]
    for number, experiment in enumerate(experiments):
        for letter in "ab":
            fill(tracking, f"{letter}{number}", experiment=experiment.name)
        delete_run(tracking, tracking.run_name(f"a{number}"))
    names = [tracking.run_name(run_id) for run_id in ("a0", "b0", "never-there")]
    assert ids(purge_runs(tracking, runs=names, page_size=0)) == ["a0"]
    for experiment in experiments:
        delete_experiment(tracking, experiment.name)
    chosen = [experiments[1].name, f"{tracking.parent}/experiments/99"]
    assert ids(purge_experiments(tracking, experiments=chosen)) == [id_of(experiments[1].name)]
    assert ids(purge_runs(tracking, experiments=chosen, page_size=0)) == ["a1", "b1"]
    assert search_runs(tracking, view=VIEW_ALL) == ["b0"]


def test_ids_and_names_of_what_is_gone_may_be_used_again(tracking: Tracking) -> None:
    experiment = create_experiment(tracking, "taxi")
    run = fill(tracking, "again", experiment=experiment.name)
    delete_experiment(tracking, experiment.name)
    purge_experiments(tracking)
    anew = create_experiment(tracking, "taxi")
    assert anew.name != experiment.name
    # The run is still there, and its id taken.
    assert error_of(lambda: create_run(tracking, "again", tags={"a": "1"})).reason == "RUN_ID_TAKEN"
    purge_runs(tracking)
    created = create_run(tracking, "again", experiment=anew.name, tags={"a": "1"})
    assert (created.name, len(created.metrics), dict(created.params)) == (run, 0, {})
    assert read_history(tracking, run, "many") == []
    # What its predecessor's writer sent is not known any more.
    assert not write(tracking, run, metrics=metric("many", (1, 1, 5.0)), writer_id=7, sequence=1).resend
    assert read_history(tracking, run, "many") == [(1, 1, 5.0)]


def test_a_purge_keeps_to_its_workspace(tracking: Tracking) -> None:
    elsewhere = Tracking(tracking.stub, unused_workspace())
    theirs = create_experiment(elsewhere)
    run = fill(elsewhere, f"run-{tracking.workspace}", experiment=theirs.name)
    delete_run(elsewhere, run)
    delete_experiment(elsewhere, theirs.name)
    create_run(tracking)
    assert ids(purge_runs(tracking)) == []
    assert ids(purge_experiments(tracking)) == []
    assert read_history(elsewhere, run, "many")[-1] == (999, 1, 999.0)
    failure = error_of(lambda: purge_runs(tracking, runs=[run]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "WORKSPACES_MIXED")
