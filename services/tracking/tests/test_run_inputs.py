"""Datasets and logged models that runs used and made."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import run_inputs_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.run_inputs_pb2 import DatasetInput, RunInputs, RunOutputs
from trivet_testing.errors import error_of, failure_in
from trivet_testing.records import (
    create_experiment,
    create_run,
    dataset_input,
    get_run,
    run_pages,
    search_datasets,
    search_runs,
    snapshot,
    write,
)
from trivet_testing.tracking import Tracking

CONTEXT = "mlflow.data.context"


def inputs(*datasets: DatasetInput, models: tuple[str, ...] = ()) -> RunInputs:
    return RunInputs(
        datasets=datasets, models=[run_inputs_pb2.LoggedModelInput(model_id=model_id) for model_id in models]
    )


def outputs(*models: tuple[str, int]) -> RunOutputs:
    return RunOutputs(
        models=[run_inputs_pb2.LoggedModelOutput(model_id=model_id, step=step) for model_id, step in models]
    )


def test_a_run_shows_what_it_used_and_made(tracking: Tracking) -> None:
    run = create_run(tracking).name
    train = dataset_input(
        "trips",
        "4fb5574f",
        "training",
        tags={"split": "a"},
        source_type="local",
        source='{"uri": "trips.csv"}',
        schema="[]",
        profile='{"rows": 2}',
    )
    write(
        tracking,
        run,
        inputs=inputs(dataset_input("zones"), train, models=("m-2", "m-1")),
        outputs=outputs(("m-9", 7), ("m-8", 7), ("m-9", -1)),
    )
    found = get_run(tracking, run)
    assert found.inputs == inputs(train, dataset_input("zones"), models=("m-1", "m-2"))
    assert found.outputs == outputs(("m-9", -1), ("m-8", 7), ("m-9", 7))


def test_a_run_without_inputs_has_none(tracking: Tracking) -> None:
    run = create_run(tracking).name
    write(tracking, run, tags=[pb.Tag(key="a", value="1")])
    found = get_run(tracking, run)
    assert not found.HasField("inputs")
    assert not found.HasField("outputs")


def test_what_is_written_again_is_there_once(tracking: Tracking) -> None:
    run = create_run(tracking).name
    used, made = inputs(dataset_input("trips", "1", "training"), models=("m-1",)), outputs(("m-1", 3))
    for _ in range(2):
        write(tracking, run, inputs=used, outputs=made)
    twice = inputs(*used.datasets, *used.datasets, models=("m-1", "m-1"))
    write(tracking, run, inputs=twice, outputs=outputs(("m-1", 3), ("m-1", 3)))
    found = get_run(tracking, run)
    assert (found.inputs, found.outputs) == (used, made)
    assert search_datasets(tracking) == [("0", "trips", "1", "training")]


def test_tags_of_an_input_are_set_over_those_that_were_there(tracking: Tracking) -> None:
    run = create_run(tracking).name
    write(tracking, run, inputs=inputs(dataset_input("trips", "1", "training", tags={"a": "1", "b": "1"})))
    write(tracking, run, inputs=inputs(dataset_input("trips", "1", tags={"b": "2"})))
    (used,) = get_run(tracking, run).inputs.datasets
    assert dict(used.tags) == {CONTEXT: "training", "a": "1", "b": "2"}
    assert search_runs(tracking, "datasets.context = 'training'")
    write(
        tracking, run, inputs=inputs(dataset_input("trips", "1", "eval"), dataset_input("trips", "1", tags={"c": "3"}))
    )
    (used,) = get_run(tracking, run).inputs.datasets
    assert dict(used.tags) == {CONTEXT: "eval", "a": "1", "b": "2", "c": "3"}
    assert not search_runs(tracking, "datasets.context = 'training'")


def test_what_the_first_one_says_of_a_dataset_stays_in_its_experiment(tracking: Tracking) -> None:
    first, second = create_run(tracking).name, create_run(tracking).name
    elsewhere = create_run(tracking, experiment=create_experiment(tracking).name).name
    write(tracking, first, inputs=inputs(dataset_input("trips", source="a")))
    for run in (second, elsewhere):
        write(tracking, run, inputs=inputs(dataset_input("trips", source="b"), dataset_input("trips", "2", source="c")))
    sources = {
        run: [used.dataset.source for used in get_run(tracking, run).inputs.datasets] for run in (second, elsewhere)
    }
    assert sources == {second: ["a", "c"], elsewhere: ["b", "c"]}


def test_bad_records_are_refused_by_kind_and_the_others_written(tracking: Tracking) -> None:
    run = create_run(tracking).name
    answer = write(
        tracking,
        run,
        inputs=inputs(dataset_input(""), dataset_input("trips"), dataset_input("trips", ""), models=("a b", "m-1")),
        outputs=outputs(("m-1", 0), ("", 1)),
        tags=[pb.Tag(key="", value="1")],
    )
    assert [(record.kind, record.index, failure_in(record.status).reason) for record in answer.refused] == [
        (pb.RECORD_KIND_TAG, 0, "FIELD_REQUIRED"),
        (pb.RECORD_KIND_DATASET_INPUT, 0, "FIELD_REQUIRED"),
        (pb.RECORD_KIND_DATASET_INPUT, 2, "FIELD_REQUIRED"),
        (pb.RECORD_KIND_MODEL_INPUT, 0, "FIELD_INVALID"),
        (pb.RECORD_KIND_MODEL_OUTPUT, 1, "FIELD_REQUIRED"),
    ]
    assert failure_in(answer.refused[2].status).fields == ("inputs.datasets[2].dataset.digest",)
    found = get_run(tracking, run)
    assert found.inputs == inputs(dataset_input("trips"), models=("m-1",))
    assert found.outputs == outputs(("m-1", 0))


def test_an_atomic_write_with_a_bad_input_writes_nothing(tracking: Tracking) -> None:
    run = create_run(tracking).name
    before = snapshot(tracking)
    good = {"tags": [pb.Tag(key="a", value="1")], "outputs": outputs(("m-1", 0))}
    failure = error_of(
        lambda: write(tracking, run, inputs=inputs(dataset_input("trips"), dataset_input("")), atomic=True, **good)
    )
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED")
    assert failure.fields == ("inputs.datasets[1].dataset.name",)
    assert snapshot(tracking) == before
    assert search_datasets(tracking) == []


def test_a_bad_record_beside_good_inputs_keeps_them_from_an_atomic_write(tracking: Tracking) -> None:
    run = create_run(tracking, params={"lr": "1"}).name
    changed = [pb.Param(key="lr", value="2")]
    failure = error_of(lambda: write(tracking, run, params=changed, inputs=inputs(dataset_input("trips")), atomic=True))
    assert failure.reason == "PARAM_CHANGED"
    assert search_datasets(tracking) == []


def test_a_resend_has_no_effect(tracking: Tracking) -> None:
    run = create_run(tracking).name
    write(tracking, run, inputs=inputs(dataset_input("trips", context="training")), writer_id=1, sequence=1)
    answer = write(tracking, run, inputs=inputs(dataset_input("trips", context="eval")), writer_id=1, sequence=1)
    assert answer.resend
    assert search_datasets(tracking) == [("0", "trips", "1", "training")]


def test_a_deleted_run_takes_no_inputs(tracking: Tracking) -> None:
    run = create_run(tracking).name
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    failure = error_of(lambda: write(tracking, run, inputs=inputs(dataset_input("trips"))))
    assert failure.reason == "RUN_DELETED"


def test_texts_come_back_as_they_were_written(tracking: Tracking) -> None:
    run = create_run(tracking).name
    used = dataset_input(
        "größe '\"\\{},NULL " + "🚕" * 400,
        "ü" * 64,
        "🚕" * 500,
        tags={"🔑" * 255: "x" * 500},
        source_type="s" * 250,
        source="x" * 65_535,
        schema="y" * 1_048_575,
        profile="z" * 1024 * 1024,
    )
    write(tracking, run, inputs=inputs(used))
    assert get_run(tracking, run).inputs == inputs(used)
    quoted = used.dataset.name.replace("'", "''")
    assert search_runs(tracking, f"datasets.name = '{quoted}'", read_mask=FieldMask(paths=["name"]))


def test_a_search_shows_inputs_and_outputs_where_they_are_asked_for(tracking: Tracking) -> None:
    run = create_run(tracking, "a").name
    create_run(tracking, "b")
    write(tracking, run, inputs=inputs(dataset_input("trips"), models=("m-1",)), outputs=outputs(("m-2", 0)))
    shown = {}
    for paths in ([], ["inputs"], ["outputs"], ["name", "tags"]):
        request = pb.SearchRunsRequest(order_by="run_id", read_mask=FieldMask(paths=paths))
        ((first, second),) = run_pages(tracking, request)
        shown[tuple(paths)] = (first.HasField("inputs"), first.HasField("outputs"))
        assert not second.HasField("inputs")
    assert shown == {
        (): (True, True),
        ("inputs",): (True, False),
        ("outputs",): (False, True),
        ("name", "tags"): (False, False),
    }


def test_searches_look_at_each_dataset_of_a_run(tracking: Tracking) -> None:
    for run_id, used in {
        "a": (dataset_input("trips", "1", "training"), dataset_input("zones", "9", "eval")),
        "b": (dataset_input("trips", "2", "eval"),),
        "c": (dataset_input("trips", "2"),),
        "d": (),
    }.items():
        run = create_run(tracking, run_id).name
        write(tracking, run, inputs=inputs(*used))
    for text, found in {
        "datasets.name = 'trips'": "abc",
        "datasets.name != 'trips'": "a",
        "NOT datasets.name = 'trips'": "d",
        "datasets.name = 'zones' AND datasets.context = 'training'": "a",
        "datasets.digest IN ('1', '9')": "a",
        "datasets.digest NOT IN ('1', '9')": "bc",
        "dataset.context LIKE '%a%'": "ab",
        "dataset.context ILIKE 'EVAL'": "ab",
        "datasets.context IS NULL": "cd",
        "datasets.context IS NOT NULL OR run_id = 'd'": "abd",
        "datasets.name IS NULL": "d",
        "NOT (datasets.name = 'trips' AND datasets.digest = '2')": "ad",
    }.items():
        assert search_runs(tracking, text, "run_id") == list(found), text
        assert search_runs(tracking, text, "run_id", page_size=1) == list(found), text
        assert search_runs(tracking, text, "run_id", experiments=[tracking.experiment_name(0)]) == list(found), text


def test_datasets_are_summed_up_over_runs(tracking: Tracking) -> None:
    other = create_experiment(tracking).name
    for experiment in ("", "", other):
        run = create_run(tracking, experiment=experiment).name
        used = (dataset_input("trips", "1", "training"), dataset_input("trips", "2"), dataset_input("b", "1", "eval"))
        write(tracking, run, inputs=inputs(*used))
    run = create_run(tracking).name
    write(tracking, run, inputs=inputs(dataset_input("trips", "1", "eval")))
    of_default = [("0", "b", "1", "eval"), ("0", "trips", "1", "eval"), ("0", "trips", "1", "training")]
    of_default.append(("0", "trips", "2", ""))
    of_other = [
        ("1", name, digest, context)
        for _, name, digest, context in of_default
        if (digest, context, name) != ("1", "eval", "trips")
    ]
    for page_size in (0, 1, 2, 3):
        assert search_datasets(tracking, page_size) == of_default + of_other
    assert search_datasets(tracking, experiments=[other]) == of_other
    assert search_datasets(tracking, experiments=[tracking.experiment_name(0), other]) == of_default + of_other
    tracking.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=other))
    assert search_datasets(tracking) == of_default
    assert search_datasets(tracking, experiments=[other]) == []


def test_datasets_of_a_missing_experiment_are_not_found(tracking: Tracking) -> None:
    failure = error_of(lambda: search_datasets(tracking, experiments=[tracking.experiment_name(77)]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "EXPERIMENT_NOT_FOUND")


def test_many_inputs_go_into_one_write(tracking: Tracking) -> None:
    run = create_run(tracking).name
    many = inputs(
        *(dataset_input(f"d{number:04}") for number in range(1000)), models=tuple(f"m-{n:04}" for n in range(1000))
    )
    made = outputs(*((f"m-{number:04}", number) for number in range(1000)))
    assert not write(tracking, run, inputs=many, outputs=made).refused
    found = get_run(tracking, run)
    assert (found.inputs, found.outputs) == (many, made)
    many.datasets.append(dataset_input("one more"))
    failure = error_of(lambda: write(tracking, run, inputs=many))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("inputs.datasets",))


@pytest.mark.parametrize("count", [2, 40])
def test_runs_that_write_the_same_dataset_at_once_share_it(tracking: Tracking, count: int) -> None:
    runs = [create_run(tracking).name for _ in range(count)]
    calls = [
        tracking.stub.WriteRun.future(
            pb.WriteRunRequest(run=run, inputs=inputs(dataset_input("trips", context="training"), dataset_input("b")))
        )
        for run in runs
    ]
    assert not any(call.result().refused for call in calls)
    assert search_datasets(tracking) == [("0", "b", "1", ""), ("0", "trips", "1", "training")]
    assert len(search_runs(tracking, "datasets.name = 'trips'")) == count
