"""Exports over the wire: what comes is what the other reads say, in messages that can be resumed from."""

from __future__ import annotations

import itertools
import math
import random
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import grpc
import pytest
import sqlalchemy as sa

from trivet_kit.db import Database
from trivet_proto.tracking.v1 import export_pb2, lifecycle_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_testing.errors import error_of
from trivet_testing.records import (
    Point,
    create_experiment,
    create_run,
    get_run,
    id_of,
    log,
    metric,
    read_history,
    search_runs,
    timestamp,
    write,
)
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace
from trivet_tracking.store import tables
from trivet_tracking.store.folding import Folding

MAX_MESSAGE_BYTES = 2**20
# What the contract says of runs that come as of one moment.
PATIENCE_SECONDS = 30
BATCH_POINTS = 131_072

Series = tuple[str, str, bytes]
"""Run id, key, and the context in its serialised form."""


@pytest.fixture
def fold(tracking: Tracking, database: Database, folding: Folding) -> Callable[[str], None]:
    """Makes chunks of what the log has of a run, which is given by its resource name."""

    def fold(run: str) -> None:
        of_run = (tables.run.c.workspace == tracking.workspace, tables.run.c.run_id == id_of(run))
        with database.transaction("read") as connection:
            run_pk = connection.execute(sa.select(tables.run.c.run_pk).where(*of_run)).scalar_one()
        folding.fold(run_pk)

    return fold


def export_runs(tracking: Tracking, **fields: object) -> list[export_pb2.ExportRunsResponse]:
    request = export_pb2.ExportRunsRequest(parent=tracking.parent, **fields)  # type: ignore[arg-type] # fields of the request
    return list(tracking.stub.ExportRuns(request))


def export_points(tracking: Tracking, **fields: object) -> list[export_pb2.ExportMetricPointsResponse]:
    request = export_pb2.ExportMetricPointsRequest(parent=tracking.parent, **fields)  # type: ignore[arg-type] # fields of the request
    return list(tracking.stub.ExportMetricPoints(request))


def run_ids(messages: Sequence[export_pb2.ExportRunsResponse]) -> list[str]:
    return [run_id for message in messages for run_id in message.runs.run_ids]


def entries(columns: export_pb2.ExportedParams | export_pb2.ExportedTags) -> Iterator[tuple[str, str, str]]:
    owners = (
        run_id
        for run_id, count in zip(columns.run_ids, columns.counts, strict=True)
        for _ in itertools.repeat(0, count)
    )
    return zip(owners, columns.keys, columns.values, strict=True)


def pieces(messages: Sequence[export_pb2.ExportMetricPointsResponse]) -> Iterator[tuple[Series, list[Point]]]:
    """The series of messages in their order, each with its points; one that goes on comes again."""
    for message in messages:
        exported = message.points
        owners = [
            run_id
            for run_id, count in zip(exported.run_ids, exported.series_counts, strict=True)
            for _ in itertools.repeat(0, count)
        ]
        n_points = sum(exported.counts)
        steps = struct.unpack(f"<{n_points}q", exported.steps)
        times = struct.unpack(f"<{n_points}q", exported.times_millis)
        values = struct.unpack(f"<{n_points}d", exported.values)
        points = iter(
            [
                (step, time, math.nan if math.isnan(value) else value)
                for step, time, value in zip(steps, times, values, strict=True)
            ]
        )
        contexts = [MetricContext(), *exported.contexts]
        for owner, key, number, count in zip(
            owners, exported.keys, exported.context_index, exported.counts, strict=True
        ):
            series = (owner, key, contexts[number].SerializeToString(deterministic=True))
            yield series, list(itertools.islice(points, count))


def series_of(messages: Sequence[export_pb2.ExportMetricPointsResponse]) -> dict[Series, list[Point]]:
    series: dict[Series, list[Point]] = {}
    for name, points in pieces(messages):
        series.setdefault(name, []).extend(points)
    return series


def points(begin: int, end: int) -> list[Point]:
    return [(step, 7, float(step)) for step in range(begin, end)]


def write_many(tracking: Tracking, run: str, key: str, count: int) -> None:
    for begin in range(0, count, 50_000):
        write(tracking, run, metrics=metric(key, *points(begin, min(begin + 50_000, count))))


# --- runs, params and tags


def test_runs_come_with_all_that_they_are(tracking: Tracking) -> None:
    experiment = create_experiment(tracking, "taxi")
    parent = create_run(tracking, "parent")
    run = create_run(
        tracking,
        "child",
        experiment=experiment.name,
        display_name="über",
        status=run_pb2.RUN_STATUS_FAILED,
        start_time=timestamp(1_000),
        end_time=timestamp(2_500),
        user="ada",
        source="train.py",
        git_commit="abc",
        parent_run=parent.name,
        description="# Notes",
    )
    (message,) = export_runs(tracking)
    runs = message.runs
    assert list(runs.run_ids) == ["child", "parent"]
    assert list(runs.experiment_ids) == [int(id_of(experiment.name)), 0]
    assert list(runs.experiment_names) == ["taxi", "Default"]
    assert list(runs.display_names) == ["über", parent.display_name]
    assert list(runs.statuses) == [run_pb2.RUN_STATUS_FAILED, run_pb2.RUN_STATUS_RUNNING]
    assert list(runs.start_times_millis) == [1_000, parent.start_time.ToMilliseconds()]
    assert list(runs.end_times_millis) == [2_500, -1]
    assert list(runs.users) == ["ada", ""]
    assert list(runs.creators) == ["anonymous", "anonymous"]
    assert list(runs.sources) == ["train.py", ""]
    assert list(runs.git_commits) == ["abc", ""]
    assert list(runs.parent_run_ids) == ["parent", ""]
    assert list(runs.descriptions) == ["# Notes", ""]
    assert list(runs.states) == [lifecycle_pb2.LIFECYCLE_STATE_ACTIVE] * 2
    assert list(runs.create_times_millis) == [of.create_time.ToMilliseconds() for of in (run, parent)]
    assert list(runs.update_times_millis) == [of.update_time.ToMilliseconds() for of in (run, parent)]
    assert list(runs.delete_times_millis) == [-1, -1]
    assert message.run_count == 2


def test_params_and_tags_come_by_run_and_key_and_params_as_numbers_too(tracking: Tracking) -> None:
    create_run(tracking, "b", params={"z": "", "a": "0.5"}, tags={"t": "1"})
    create_run(tracking, "a", params={"a": "inf"})
    create_run(tracking, "c", tags={"y": "2", "x": "ü" * 1000})
    (message,) = export_runs(tracking)
    assert list(entries(message.params)) == [("a", "a", "inf"), ("b", "a", "0.5"), ("b", "z", "")]
    assert list(message.params.numbers[:2]) == [math.inf, 0.5]
    assert math.isnan(message.params.numbers[2])
    assert list(entries(message.tags)) == [("b", "t", "1"), ("c", "x", "ü" * 1000), ("c", "y", "2")]


@pytest.mark.parametrize("table", ["runs", "params", "tags"])
def test_only_the_tables_that_are_asked_for_come(tracking: Tracking, table: str) -> None:
    create_run(tracking, params={"p": "1"}, tags={"t": "1"})
    (message,) = export_runs(tracking, tables=[f"RUN_TABLE_{table.upper()}"])
    assert [name for name in ("runs", "params", "tags") if message.HasField(name)] == [table]
    assert message.run_count == 1


@pytest.mark.parametrize("table", [0, 99])
def test_an_unknown_table_is_invalid(tracking: Tracking, table: int) -> None:
    failure = error_of(lambda: export_runs(tracking, tables=["RUN_TABLE_TAGS", table]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert failure.fields == ("tables[1]",)


def test_large_texts_come_in_messages_below_a_mebibyte(tracking: Tracking) -> None:
    for number in range(3):
        create_run(
            tracking, f"run-{number}", tags={f"t{tag:03}": "ü" * 32_000 for tag in range(40)}, description="x" * 65_000
        )
    messages = export_runs(tracking)
    assert len(messages) > 3
    assert max(message.ByteSize() for message in messages) < MAX_MESSAGE_BYTES
    tags = [entry for message in messages for entry in entries(message.tags)]
    assert tags == [(f"run-{run}", f"t{tag:03}", "ü" * 32_000) for run in range(3) for tag in range(40)]
    assert run_ids(messages) == ["run-0", "run-1", "run-2"]
    assert sum(message.run_count for message in messages) == 3
    assert messages[-1].resume_token


# --- which runs


def test_filter_experiments_and_view_choose_as_a_search_does(tracking: Tracking) -> None:
    experiments = [create_experiment(tracking).name for _ in range(3)]
    for number in range(12):
        run = create_run(
            tracking, f"run-{number:02}", experiment=experiments[number % 3], params={"p": str(number % 2)}
        )
        log(tracking, run.name, m=number)
        if number % 4 == 0:
            tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run.name))
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiments[2]))
    for filter_, chosen, view in itertools.product(
        ("", "metrics.m > 3 AND params.p = '1'", "params.p > 0.5 OR run_id = 'run-02'", "metrics.none > 0"),
        ((), experiments[:1], experiments),
        ("LIFECYCLE_VIEW_ACTIVE", "LIFECYCLE_VIEW_DELETED", "LIFECYCLE_VIEW_ALL"),
    ):
        selected = {"filter": filter_, "experiments": chosen, "view": view}
        expected = sorted(search_runs(tracking, **selected))  # type: ignore[arg-type] # fields of the request
        assert run_ids(export_runs(tracking, **selected)) == expected
        assert [run for run, _, _ in series_of(export_points(tracking, **selected))] == expected


def test_a_run_of_a_deleted_experiment_is_deleted(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    create_run(tracking, "run", experiment=experiment.name)
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=experiment.name))
    (message,) = export_runs(tracking, view="LIFECYCLE_VIEW_DELETED")
    assert list(message.runs.states) == [lifecycle_pb2.LIFECYCLE_STATE_DELETED]
    assert list(message.runs.delete_times_millis) == [-1]


@pytest.mark.parametrize("export", [export_runs, export_points])
def test_nothing_to_export_is_an_empty_stream(tracking: Tracking, export: object) -> None:
    assert callable(export)
    assert export(tracking) == []
    create_run(tracking)
    assert export(tracking, filter="metrics.none = 1") == []


def test_runs_without_points_are_counted(tracking: Tracking) -> None:
    for _ in range(3):
        create_run(tracking)
    (message,) = export_points(tracking)
    assert message.run_count == 3
    assert not message.HasField("points")


def test_other_workspaces_are_not_seen(tracking: Tracking, channel: grpc.Channel) -> None:
    other = Tracking(tracking.stub, unused_workspace())
    run = create_run(other, "theirs", params={"p": "1"})
    log(other, run.name, m=1.0)
    assert export_runs(tracking) == []
    assert export_points(tracking) == []


@pytest.mark.parametrize("export", [export_runs, export_points])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"filter": "metrics.m >"}, "FILTER_INVALID"),
        ({"experiments": ["workspaces/other/experiments/1"]}, "WORKSPACES_MIXED"),
        ({"view": 9}, "FIELD_INVALID"),
        ({"resume_token": "x"}, "PAGE_TOKEN_INVALID"),
    ],
    ids=["filter", "experiments", "view", "resume_token"],
)
def test_what_cannot_be_understood_is_invalid(
    tracking: Tracking, export: object, fields: dict[str, object], reason: str
) -> None:
    assert callable(export)
    failure = error_of(lambda: export(tracking, **fields))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)


@pytest.mark.parametrize("export", [export_runs, export_points])
def test_a_missing_experiment_is_not_found(tracking: Tracking, export: object) -> None:
    assert callable(export)
    failure = error_of(lambda: export(tracking, experiments=[tracking.experiment_name(77)]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "EXPERIMENT_NOT_FOUND")


def test_a_token_of_another_export_is_invalid(tracking: Tracking) -> None:
    log(tracking, create_run(tracking).name, m=1.0)
    token = export_points(tracking)[-1].resume_token
    for export in (
        lambda: export_runs(tracking, resume_token=token),
        lambda: export_points(tracking, resume_token=token, filter="metrics.m = 1"),
    ):
        assert error_of(export).reason == "PAGE_TOKEN_INVALID"


# --- points


CONTEXTS = [None, MetricContext(rank=0), MetricContext(rank=1), MetricContext(model_id="m", dataset_name="d")]


def test_points_are_those_of_each_history_whatever_is_folded(
    tracking: Tracking, fold: Callable[[str], None], seed: int
) -> None:
    chance = random.Random(seed)
    runs = [create_run(tracking).name for _ in range(6)]
    for _ in range(60):
        run = chance.choice(runs[:5])
        written = [
            (chance.randrange(-3, 40), chance.randrange(3), chance.choice([math.nan, math.inf, -math.inf, 0.0, 1.5]))
            for _ in range(chance.randrange(1, 80))
        ]
        context = chance.choice(CONTEXTS)
        write(tracking, run, metrics=metric(chance.choice(["a", "b/ü", "B"]), *written, context=context))
        if chance.random() < 0.2:
            fold(run)
    exported = series_of(export_points(tracking))
    for run, key, context in itertools.product(runs, ("a", "b/ü", "B"), CONTEXTS):
        expected = read_history(tracking, run, key, context=context or MetricContext())
        serialised = b"" if context is None else context.SerializeToString(deterministic=True)
        assert exported.pop((id_of(run), key, serialised), []) == expected
    assert exported == {}


def test_series_come_by_run_and_key(tracking: Tracking) -> None:
    for run_id in ("b", "a"):
        run = create_run(tracking, run_id).name
        write(tracking, run, metrics=metric("y", (1, 1, 1.0), context=MetricContext(rank=3)))
        write(tracking, run, metrics=metric("x", (1, 1, 1.0)))
        write(tracking, run, metrics=metric("Z", (1, 1, 1.0)))
    names = [(run, key) for (run, key, _), _ in pieces(export_points(tracking))]
    assert names == [("a", "Z"), ("a", "x"), ("a", "y"), ("b", "Z"), ("b", "x"), ("b", "y")]


@pytest.fixture
def long_run(tracking: Tracking) -> str:
    """A run of more points than a batch has: one long series between short ones, some in the log."""
    run = create_run(tracking, "long").name
    write_many(tracking, run, "m", BATCH_POINTS + 30_000)
    write(tracking, run, metrics=metric("m", *points(10, 20), context=MetricContext(rank=1)))
    for key in ("a", "z"):
        write(tracking, run, metrics=metric(key, *points(0, 1000)))
    # In the log, between points that are in chunks, and after them.
    write(tracking, run, metrics=metric("m", *((step, 8, 0.5) for step in range(0, BATCH_POINTS, 5000))))
    write(tracking, run, metrics=metric("a", (5, 8, math.nan)))
    return run


def check_long_run(tracking: Tracking, run: str, exported: dict[Series, list[Point]]) -> None:
    run_id = id_of(run)
    assert [(key, context) for owner, key, context in exported if owner == run_id] == [
        ("a", b""),
        ("m", b""),
        ("m", MetricContext(rank=1).SerializeToString()),
        ("z", b""),
    ]
    for key in ("a", "m", "z"):
        assert exported[run_id, key, b""] == read_history(tracking, run, key, context=MetricContext())
    assert exported[run_id, "m", MetricContext(rank=1).SerializeToString()] == points(10, 20)


def test_a_long_run_comes_in_messages_below_a_mebibyte(tracking: Tracking, long_run: str) -> None:
    messages = export_points(tracking)
    assert max(message.ByteSize() for message in messages) < MAX_MESSAGE_BYTES
    assert sum(message.run_count for message in messages) == 1
    check_long_run(tracking, long_run, series_of(messages))


def test_an_export_goes_on_after_every_token(tracking: Tracking, long_run: str) -> None:
    for number in range(5):
        log(tracking, create_run(tracking, f"k{number}").name, m=number)
        log(tracking, create_run(tracking, f"m{number}").name, m=number)
    messages = export_points(tracking)
    whole = list(series_of(messages).items())
    tokens = [(place, message.resume_token) for place, message in enumerate(messages, 1) if message.resume_token]
    assert len(tokens) >= 3
    for place, token in tokens:
        rest = export_points(tracking, resume_token=token)
        assert list(series_of([*messages[:place], *rest]).items()) == whole
        assert sum(message.run_count for message in [*messages[:place], *rest]) == 11
    assert export_points(tracking, resume_token=tokens[-1][1]) == []


def test_runs_go_on_after_every_token(tracking: Tracking) -> None:
    # Of more text than a batch has.
    for number in range(8):
        create_run(tracking, f"run-{number}", tags={f"t{tag:02}": "x" * 60_000 for tag in range(15)})
    messages = export_runs(tracking)
    whole = [entry for message in messages for entry in entries(message.tags)]
    tokens = [(place, message.resume_token) for place, message in enumerate(messages, 1) if message.resume_token]
    assert len(tokens) >= 2
    for place, token in tokens:
        resumed = [*messages[:place], *export_runs(tracking, resume_token=token)]
        assert [entry for message in resumed for entry in entries(message.tags)] == whole
        assert run_ids(resumed) == [f"run-{number}" for number in range(8)]


def test_folding_and_late_points_between_two_batches_lose_and_double_nothing(
    tracking: Tracking, fold: Callable[[str], None], long_run: str
) -> None:
    before = {key: set(read_history(tracking, long_run, key, context=MetricContext())) for key in ("a", "m", "z")}
    token, received = "", []
    for round_ in itertools.count(1):
        request = export_pb2.ExportMetricPointsRequest(parent=tracking.parent, resume_token=token)
        stream = tracking.stub.ExportMetricPoints(request)
        batch = list(itertools.islice(_until_token(stream), 100))
        stream.cancel()
        if not batch:
            break
        received += batch
        token = batch[-1].resume_token
        fold(long_run)
        late = [(step, 1000 + round_, 0.25) for step in range(0, BATCH_POINTS + 60_000, 10_000)]
        for key in ("a", "m", "z"):
            write(tracking, long_run, metrics=metric(key, *late))
    after = {key: set(read_history(tracking, long_run, key, context=MetricContext())) for key in ("a", "m", "z")}
    exported = series_of(received)
    for key in ("a", "m", "z"):
        found = exported["long", key, b""]
        assert len(set(found)) == len(found)
        assert before[key] <= set(found) <= after[key]


def _until_token(
    stream: Iterator[export_pb2.ExportMetricPointsResponse],
) -> Iterator[export_pb2.ExportMetricPointsResponse]:
    for message in stream:
        yield message
        if message.resume_token:
            return


def test_a_run_that_is_deleted_meanwhile_ends_and_the_others_come(tracking: Tracking, long_run: str) -> None:
    log(tracking, create_run(tracking, "next").name, m=1.0)
    messages = export_points(tracking)
    first = next(message for message in messages if message.resume_token)
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=long_run))
    # A run that comes into view before the one that goes on is not sent.
    log(tracking, create_run(tracking, "earlier").name, m=1.0)
    rest = export_points(tracking, resume_token=first.resume_token)
    assert [series for series, _ in pieces(rest)] == [("next", "m", b"")]


def test_many_series_of_few_points_come_whole(tracking: Tracking, fold: Callable[[str], None]) -> None:
    runs = [create_run(tracking, f"run-{number}").name for number in range(3)]
    keys = [f"metric/{number:05}" for number in range(3000)]
    for run in runs:
        for step in range(2):
            columns = MetricColumns(keys=keys, steps=[step] * 3000, times_millis=[5], values=[float(step)] * 3000)
            write(tracking, run, metrics=columns)
    fold(runs[1])
    exported = series_of(export_points(tracking))
    assert list(exported) == [(id_of(run), key, b"") for run in runs for key in keys]
    assert all(found == [(0, 5, 0.0), (1, 5, 1.0)] for found in exported.values())


def transactions_since_before(moment: datetime, database: Database) -> int:
    """How many transactions of others that are open now began before a moment."""
    with database.transaction("read") as connection:
        return int(
            connection.execute(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < :moment"
                ),
                {"moment": moment},
            ).scalar_one()
        )


def test_a_reader_that_stands_still_holds_no_transaction_and_stops_no_writer(
    tracking: Tracking, database: Database, long_run: str
) -> None:
    stream = tracking.stub.ExportMetricPoints(export_pb2.ExportMetricPointsRequest(parent=tracking.parent))
    first = next(stream)
    write(tracking, long_run, metrics=metric("a", (10**6, 9, 1.0)))
    assert get_run(tracking, long_run).metrics[0].step == 10**6
    if database.dialect == "postgresql":
        # The server and its folder have short transactions of their own at any time; one of the reader would stay.
        with database.transaction("read") as connection:
            now = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while transactions_since_before(now, database):
            assert time.monotonic() < deadline, "the reader holds a transaction"
    exported = series_of([first, *stream])
    assert exported["long", "m", b""] == read_history(tracking, long_run, "m", context=MetricContext())
