from __future__ import annotations

import re
import time

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.tracking.v1 import lifecycle_pb2, run_inputs_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_testing.errors import error_of
from trivet_testing.records import (
    create_experiment,
    create_run,
    dataset_input,
    get_run,
    id_of,
    log,
    run_pages,
    search_experiments,
    search_runs,
    timestamp,
    write,
)
from trivet_testing.tracking import Tracking

UUID7 = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")


def create_by_name(tracking: Tracking, display_name: str, *, create: bool = False, run_id: str = "") -> Run:
    return tracking.stub.CreateRun(
        pb.CreateRunRequest(
            parent=tracking.parent, run_id=run_id, experiment_display_name=display_name, create_experiment=create
        )
    )


def update(tracking: Tracking, run: Run, *paths: str) -> Run:
    return tracking.stub.UpdateRun(pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths)))


def test_a_run_that_is_created_with_nothing_has_the_defaults(tracking: Tracking) -> None:
    before = time.time_ns() // 1_000_000
    created = tracking.stub.CreateRun(pb.CreateRunRequest(parent=tracking.parent, run_id="0192f0c1"))
    after = time.time_ns() // 1_000_000
    assert created.name == tracking.run_name("0192f0c1")
    assert created.experiment == tracking.experiment_name(0)
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]+", created.display_name)
    assert created.status == run_pb2.RUN_STATUS_RUNNING
    assert before <= created.start_time.ToMilliseconds() <= after
    assert before <= created.create_time.ToMilliseconds() <= after
    assert created.update_time == created.create_time
    assert not created.HasField("end_time")
    assert not created.HasField("delete_time")
    assert (created.user, created.source, created.git_commit, created.parent_run, created.description) == ("",) * 5
    assert created.created_by == "anonymous"
    assert created.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
    assert (len(created.params), len(created.tags), len(created.metrics)) == (0, 0, 0)
    assert created.etag
    assert get_run(tracking, created.name) == created


def test_create_run_keeps_what_it_is_given(tracking: Tracking) -> None:
    experiment = create_experiment(tracking)
    given = Run(
        experiment=experiment.name,
        display_name="Übung 🚕",
        status=run_pb2.RUN_STATUS_FAILED,
        start_time=timestamp(0),
        end_time=timestamp(253_402_300_799_999),
        user="ann",
        source="git@host:a/b.git#train.py",
        git_commit="abc",
        parent_run=tracking.run_name("never-created"),
        description="# It\n\nfailed",
        params={"lr": "0.1", "empty": "", "a b`\"'": "x\ny", "ключ": "значение"},
        tags={"lr": "tag of the same key", "🚀": "\t"},
    )
    created = tracking.stub.CreateRun(pb.CreateRunRequest(parent=tracking.parent, run_id="A-z_9", run=given))
    read = get_run(tracking, tracking.run_name("A-z_9"))
    assert read == created
    for field in Run.DESCRIPTOR.fields:
        if field.name not in ("name", "created_by", "state", "create_time", "update_time", "last_write_time", "etag"):
            assert getattr(read, field.name) == getattr(given, field.name), field.name


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param(Run(name="workspaces/elsewhere/runs/a"), id="name-of-another-workspace"),
        pytest.param(Run(name="not a name"), id="name-that-is-none"),
        pytest.param(Run(state=lifecycle_pb2.LIFECYCLE_STATE_DELETED, delete_time=timestamp(1)), id="deleted"),
        pytest.param(Run(create_time=timestamp(1), update_time=timestamp(1), created_by="root"), id="created"),
        pytest.param(Run(etag="77"), id="etag"),
    ],
)
def test_create_run_does_not_look_at_name_and_output_only_fields(tracking: Tracking, ignored: Run) -> None:
    plain = create_run(tracking)
    created = tracking.stub.CreateRun(pb.CreateRunRequest(parent=tracking.parent, run_id="a", run=ignored))
    assert created.name == tracking.run_name("a")
    assert created.created_by == "anonymous"
    assert created.state == lifecycle_pb2.LIFECYCLE_STATE_ACTIVE
    assert created.create_time.ToMilliseconds() >= plain.create_time.ToMilliseconds()
    assert not created.HasField("delete_time")
    assert created.etag == plain.etag


def test_an_id_that_the_server_makes_is_a_uuid_of_version_7_and_new_each_time(tracking: Tracking) -> None:
    names = {create_run(tracking).name for _ in range(10)}
    assert len(names) == 10
    assert all(UUID7.fullmatch(id_of(name)) for name in names)


@pytest.mark.parametrize("run_id", ["0", "Z", "a" * 256, "9_-_-", "0192F0C1", "0192f0c1"])
def test_older_ids_are_kept(tracking: Tracking, run_id: str) -> None:
    assert create_run(tracking, run_id).name == tracking.run_name(run_id)
    assert get_run(tracking, tracking.run_name(run_id)).name == tracking.run_name(run_id)


def test_ids_that_differ_in_case_are_different_runs(tracking: Tracking) -> None:
    create_run(tracking, "a", description="small")
    create_run(tracking, "A", description="large")
    assert get_run(tracking, tracking.run_name("a")).description == "small"
    assert get_run(tracking, tracking.run_name("A")).description == "large"


def test_digits_finer_than_a_millisecond_are_dropped(tracking: Tracking) -> None:
    created = create_run(
        tracking, start_time=Timestamp(seconds=5, nanos=1_999_999), end_time=Timestamp(nanos=999_999_999)
    )
    assert created.start_time == Timestamp(seconds=5, nanos=1_000_000)
    assert created.end_time == Timestamp(nanos=999_000_000)


def test_a_run_goes_into_the_experiment_of_a_display_name(tracking: Tracking) -> None:
    experiment = create_experiment(tracking, "Übung")
    assert create_by_name(tracking, "Übung").experiment == experiment.name
    assert create_by_name(tracking, "Übung", create=True).experiment == experiment.name
    assert create_by_name(tracking, "Default").experiment == tracking.experiment_name(0)


def test_a_missing_experiment_is_created_only_if_asked(tracking: Tracking) -> None:
    failure = error_of(lambda: create_by_name(tracking, "taxi", run_id="a"))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "EXPERIMENT_NOT_FOUND"
    assert failure.metadata == {"name": "taxi"}
    assert search_experiments(tracking) == ["Default"]
    assert search_runs(tracking) == []
    assert create_by_name(tracking, "taxi", create=True).experiment == tracking.experiment_name(1)
    assert search_experiments(tracking) == ["taxi", "Default"]


def test_a_run_cannot_go_into_a_missing_experiment(tracking: Tracking) -> None:
    missing = tracking.experiment_name(99)
    failure = error_of(lambda: create_run(tracking, experiment=missing))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "EXPERIMENT_NOT_FOUND"
    assert failure.metadata == {"name": missing}


def test_params_and_tags_may_have_the_greatest_lengths(tracking: Tracking) -> None:
    # Four bytes a character: the limit of a key counts characters, that of a value bytes.
    key = "🔑" * 250
    created = create_run(tracking, params={key: "📦" * (4 * 1024)}, tags={key: "🏷" * (16 * 1024)})
    written = write(
        tracking,
        created.name,
        params=[pb.Param(key=key[:-1], value="x" * 16 * 1024)],
        tags=[pb.Tag(key=key[:-1], value="x" * 64 * 1024)],
    )
    assert not written.refused
    read = get_run(tracking, created.name)
    assert {name: len(value.encode()) for name, value in read.params.items()} == {key: 16384, key[:-1]: 16384}
    assert {name: len(value.encode()) for name, value in read.tags.items()} == {key: 65536, key[:-1]: 65536}


def test_a_run_may_have_thousands_of_params(tracking: Tracking) -> None:
    params = {f"param {number}": str(number) for number in range(3000)}
    created = create_run(tracking, params=params)
    assert dict(created.params) == params
    assert dict(get_run(tracking, created.name).params) == params


def test_update_run_changes_only_what_the_mask_names(tracking: Tracking) -> None:
    created = create_run(tracking, display_name="old", description="old", start_time=timestamp(1000), user="ann")
    wanted = Run(
        name=created.name,
        display_name="new",
        description="new",
        status=run_pb2.RUN_STATUS_FINISHED,
        start_time=timestamp(2000),
        end_time=timestamp(3000),
        user="bob",
        tags={"not": "looked at"},
    )
    expected = Run()
    expected.CopyFrom(created)
    for path in ("display_name", "description", "status", "start_time", "end_time"):
        updated = update(tracking, wanted, path)
        one = Run(**{path: getattr(wanted, path)})
        expected.MergeFrom(one)
        assert updated.etag != expected.etag
        assert updated.update_time.ToMilliseconds() >= expected.update_time.ToMilliseconds()
        expected.etag = updated.etag
        assert updated.last_write_time == updated.update_time
        expected.update_time.CopyFrom(updated.update_time)
        expected.last_write_time.CopyFrom(updated.last_write_time)
        assert updated == expected, path
    assert get_run(tracking, created.name) == expected


def test_update_run_changes_several_fields_at_once(tracking: Tracking) -> None:
    created = create_run(tracking)
    wanted = Run(name=created.name, status=run_pb2.RUN_STATUS_KILLED, end_time=timestamp(5))
    updated = update(tracking, wanted, "status", "end_time")
    assert (updated.status, updated.end_time) == (run_pb2.RUN_STATUS_KILLED, timestamp(5))


def test_update_run_returns_the_fields_that_are_asked_for(tracking: Tracking) -> None:
    created = create_run(tracking, display_name="old", params={"alpha": "1"}, tags={"team": "routes"})
    request = pb.UpdateRunRequest(
        run=Run(name=created.name, display_name="new"),
        update_mask=FieldMask(paths=["display_name"]),
        read_mask=FieldMask(paths=["name", "display_name", "tags"]),
    )
    updated = tracking.stub.UpdateRun(request)
    assert updated == Run(name=created.name, display_name="new", tags={"team": "routes"})
    assert get_run(tracking, created.name).params == {"alpha": "1"}


def test_a_mask_of_what_no_run_has_changes_nothing(tracking: Tracking) -> None:
    created = create_run(tracking, display_name="old")
    request = pb.UpdateRunRequest(
        run=Run(name=created.name, display_name="new"),
        update_mask=FieldMask(paths=["display_name"]),
        read_mask=FieldMask(paths=["colour"]),
    )
    failure = error_of(lambda: tracking.stub.UpdateRun(request))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("read_mask.paths[0]",))
    assert get_run(tracking, created.name) == created


def test_a_masked_end_time_that_is_absent_is_removed(tracking: Tracking) -> None:
    created = create_run(tracking, end_time=timestamp(5))
    assert not update(tracking, Run(name=created.name), "end_time").HasField("end_time")
    assert not get_run(tracking, created.name).HasField("end_time")


def test_a_masked_description_that_is_empty_is_cleared(tracking: Tracking) -> None:
    created = create_run(tracking, description="old")
    assert update(tracking, Run(name=created.name), "description").description == ""


def test_any_change_of_status_is_allowed(tracking: Tracking) -> None:
    name = create_run(tracking).name
    statuses = [
        run_pb2.RUN_STATUS_FINISHED,
        run_pb2.RUN_STATUS_SCHEDULED,
        run_pb2.RUN_STATUS_KILLED,
        run_pb2.RUN_STATUS_FAILED,
        run_pb2.RUN_STATUS_RUNNING,
    ]
    for status in statuses:
        assert update(tracking, Run(name=name, status=status), "status").status == status


def test_params_tags_and_metrics_do_not_count_as_changes_of_a_run(tracking: Tracking) -> None:
    created = create_run(tracking)
    write(tracking, created.name, params=[pb.Param(key="a", value="b")], tags=[pb.Tag(key="a", value="b")])
    log(tracking, created.name, loss=1.0)
    now = get_run(tracking, created.name)
    assert (dict(now.params), dict(now.tags), len(now.metrics)) == ({"a": "b"}, {"a": "b"}, 1)
    assert (now.etag, now.update_time) == (created.etag, created.update_time)


def test_the_metrics_of_a_run_are_sorted_by_key(tracking: Tracking) -> None:
    run = create_run(tracking)
    keys = ["b", "a", "B", "é", "z", "a/b", "a b", "10", "9", "🚀"]
    log(tracking, run.name, **dict.fromkeys(keys, 1.0))
    assert [metric.key for metric in get_run(tracking, run.name).metrics] == sorted(keys)


def test_a_run_that_does_not_exist_is_not_found(tracking: Tracking) -> None:
    missing = tracking.run_name("missing")
    failure = error_of(lambda: get_run(tracking, missing))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert failure.reason == "RUN_NOT_FOUND"
    assert failure.metadata == {"name": missing}


# Up to 1,000 entries of a kind and 10 datasets are read with the run; more of them as for a page of runs.
@pytest.mark.parametrize(("entries", "datasets"), [(0, 0), (3, 2), (1000, 10), (1001, 1), (1, 11)])
def test_a_run_by_itself_has_what_it_has_on_a_page(tracking: Tracking, entries: int, datasets: int) -> None:
    run = create_run(
        tracking,
        display_name="näme",
        description="a 'quoted' \\ \"text\"\n",
        params={f"param {number}": f'"{number}\\' for number in range(entries)},
        tags={f"tag {number}": "ä" * number for number in range(entries)},
        start_time=timestamp(5),
        parent_run=tracking.run_name("parent"),
        user="ann",
        source="train.py",
        git_commit="abc",
    ).name
    values = [float("inf"), float("-inf"), float("nan"), -0.0, 0.1 + 0.2, 5.0, 1e300]
    numbers = range(max(entries, len(values)) if entries else 0)
    if entries:
        columns = MetricColumns(
            keys=[f"metric {number}" for number in numbers],
            steps=[number - 3 for number in numbers],
            times_millis=list(numbers),
            values=[values[number % len(values)] for number in numbers],
            contexts=[MetricContext(rank=1)],
            context_index=[number % 2 for number in numbers],
        )
        assert not write(tracking, run, metrics=columns).refused
    used = run_inputs_pb2.RunInputs(
        datasets=[dataset_input(f"d{number:02}", schema="[]", tags={"b": "1", "a": "2"}) for number in range(datasets)],
        models=[run_inputs_pb2.LoggedModelInput(model_id=f"m-{number:04}") for number in range(entries)],
    )
    made = run_inputs_pb2.RunOutputs(
        models=[run_inputs_pb2.LoggedModelOutput(model_id=f"m-{number:04}", step=-number) for number in range(entries)]
    )
    for begin in range(0, max(entries, datasets), 1000):
        of_part = slice(begin, begin + 1000)
        write(
            tracking,
            run,
            inputs=run_inputs_pb2.RunInputs(datasets=used.datasets[of_part], models=used.models[of_part]),
            outputs=run_inputs_pb2.RunOutputs(models=made.models[of_part]),
        )
    ((on_page,),) = run_pages(tracking, pb.SearchRunsRequest(filter="run_name = 'näme'"))
    alone = get_run(tracking, run)
    assert alone.SerializeToString(deterministic=True) == on_page.SerializeToString(deterministic=True)
    assert (len(alone.params), len(alone.tags), len(alone.metrics)) == (entries, entries, len(numbers))
    assert (len(alone.inputs.datasets), len(alone.outputs.models)) == (datasets, entries)
    changed = update(tracking, Run(name=run, status=run_pb2.RUN_STATUS_FINISHED), "status")
    now = get_run(tracking, run)
    assert changed.SerializeToString(deterministic=True) == now.SerializeToString(deterministic=True)
    assert (changed.status, changed.etag != alone.etag) == (run_pb2.RUN_STATUS_FINISHED, True)


def test_what_creates_a_run_is_answered_with_it_as_it_is_read(tracking: Tracking) -> None:
    created = create_run(
        tracking,
        "one",
        display_name="a",
        status=run_pb2.RUN_STATUS_KILLED,
        start_time=timestamp(7),
        end_time=timestamp(8),
        user="ann",
        source="train.py",
        git_commit="abc",
        description="text",
        parent_run=tracking.run_name("parent"),
        params={"number": "1e-3", "text": "x"},
        tags={"team": "routes"},
    )
    assert get_run(tracking, created.name) == created
    assert search_runs(tracking, "params.number = 0.001 AND params.text = 'x' AND tags.team = 'routes'") == ["one"]
