"""What a search returns of runs, which columns there are, and runs side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.tracking.v1 import lifecycle_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, log, metric, timestamp, write
from trivet_testing.tracking import Tracking


def make(tracking: Tracking, run_id: str, **fields: object) -> str:
    run = create_run(
        tracking,
        run_id,
        params={"lr": "0.1", "a b": "x"},
        tags={"team": "t", "note": "n"},
        description="long",
        start_time=timestamp(0),
        **fields,
    ).name
    log(tracking, run, **{"rmse": 1.0, "val/loss": 2.0})
    return run


def search(tracking: Tracking, **fields: object) -> pb.SearchRunsResponse:
    return tracking.stub.SearchRuns(pb.SearchRunsRequest(parent=tracking.parent, **fields))  # type: ignore[arg-type] # fields of the request


def test_a_search_returns_only_the_fields_of_its_mask(tracking: Tracking) -> None:
    make(tracking, "a")
    (run,) = search(tracking, read_mask=FieldMask(paths=["display_name", "metrics"])).runs
    assert {field.name for field, _ in run.ListFields()} == {"display_name", "metrics"}
    (whole,) = search(tracking).runs
    (every,) = search(tracking, read_mask=FieldMask(paths=[field.name for field in whole.DESCRIPTOR.fields])).runs
    assert every == whole


def test_a_run_is_read_with_only_the_fields_of_a_mask(tracking: Tracking) -> None:
    name = make(tracking, "a")

    def get(*paths: str) -> run_pb2.Run:
        return tracking.stub.GetRun(pb.GetRunRequest(name=name, read_mask=FieldMask(paths=paths)))

    assert {field.name for field, _ in get("display_name", "params").ListFields()} == {"display_name", "params"}
    whole = get()
    assert dict(whole.tags) == {"team": "t", "note": "n"}
    assert get(*(field.name for field in whole.DESCRIPTOR.fields)) == whole
    failure = error_of(lambda: get("name", "metrics.rmse"))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("read_mask.paths[1]",))


def test_a_search_returns_only_the_keys_asked_for(tracking: Tracking) -> None:
    make(tracking, "a")
    (run,) = search(tracking, metric_keys=["val/loss", "never"], param_keys=["a b"], tag_keys=["team"]).runs
    assert [each.key for each in run.metrics] == ["val/loss"]
    assert dict(run.params) == {"a b": "x"}
    assert dict(run.tags) == {"team": "t"}
    assert run.description == "long"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"read_mask": FieldMask(paths=["name", "metrics.rmse"])}, "read_mask.paths[1]"),
        ({"read_mask": FieldMask(paths=["never"])}, "read_mask.paths[0]"),
        ({"metric_keys": ["a", ""]}, "metric_keys[1]"),
        ({"param_keys": ["k"] * 1001}, "param_keys"),
        ({"tag_keys": ["\0"]}, "tag_keys[0]"),
    ],
)
def test_columns_that_there_are_not_are_refused(tracking: Tracking, fields: dict[str, object], field: str) -> None:
    failure = error_of(lambda: search(tracking, **fields))
    assert (failure.code, failure.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (field,))


def test_all_that_pass_are_counted_when_asked(tracking: Tracking) -> None:
    for number in range(5):
        make(tracking, f"r{number}")
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=tracking.run_name("r4")))
    first = search(tracking, filter="run_id != 'r0'", page_size=2, count_total=True)
    assert (len(first.runs), first.total_size) == (2, 3)
    # The next page need not count again.
    second = search(tracking, filter="run_id != 'r0'", page_size=2, page_token=first.next_page_token)
    assert (len(second.runs), second.HasField("total_size")) == (1, False)
    nothing = search(tracking, filter="run_id = 'never'", count_total=True)
    assert nothing.HasField("total_size")
    assert nothing.total_size == 0
    everything = search(tracking, view=lifecycle_pb2.LIFECYCLE_VIEW_ALL, count_total=True)
    assert everything.total_size == 5


# Keys


def keys(tracking: Tracking, kind: str, page_size: int = 0, **fields: object) -> list[str]:
    found: list[str] = []
    request = pb.ListRunKeysRequest(
        parent=tracking.parent,
        kind=pb.RunKeyKind.Value(f"RUN_KEY_KIND_{kind}"),
        page_size=page_size,
        **fields,  # type: ignore[arg-type] # fields of the request
    )
    while True:
        page = tracking.stub.ListRunKeys(request)
        found += page.keys
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


@pytest.fixture
def keyed(tracking: Tracking) -> Tracking:
    """Two experiments, and runs with keys of their own."""
    first, second = (create_experiment(tracking, name).name for name in ("first", "second"))
    for run_id, experiment in (("a", first), ("b", first), ("c", second), ("gone", first)):
        run = make(tracking, run_id, experiment=experiment)
        write(tracking, run, params=[pb.Param(key=f"of_{run_id}", value="1")], metrics=metric(f"M_{run_id}", (0, 0, 1)))
    tracking.stub.DeleteRun(pb.DeleteRunRequest(name=tracking.run_name("gone")))
    return tracking


def test_keys_of_experiments_are_those_of_their_runs_in_use(keyed: Tracking) -> None:
    first, second = (
        keyed.stub.LookupExperiment(pb.LookupExperimentRequest(parent=keyed.parent, display_name=name)).name
        for name in ("first", "second")
    )
    assert keys(keyed, "PARAM") == ["a b", "lr", "of_a", "of_b", "of_c"]
    assert keys(keyed, "PARAM", page_size=1, experiments=[first]) == ["a b", "lr", "of_a", "of_b"]
    assert keys(keyed, "METRIC", page_size=2, experiments=[second]) == ["M_c", "rmse", "val/loss"]
    assert keys(keyed, "METRIC", experiments=[first, second]) == ["M_a", "M_b", "M_c", "rmse", "val/loss"]
    assert keys(keyed, "TAG", experiments=[first]) == ["note", "team"]
    keyed.stub.DeleteExperiment(pb.DeleteExperimentRequest(name=second))
    assert keys(keyed, "PARAM") == ["a b", "lr", "of_a", "of_b"]


def test_keys_of_runs_are_theirs_alone(keyed: Tracking) -> None:
    runs = [keyed.run_name("a"), keyed.run_name("gone")]
    assert keys(keyed, "PARAM", page_size=1, runs=runs) == ["a b", "lr", "of_a", "of_gone"]
    assert keys(keyed, "METRIC", runs=runs[:1]) == ["M_a", "rmse", "val/loss"]


@pytest.mark.parametrize("run_ids", ["", "abc"])
def test_keys_are_searched_by_what_they_hold(keyed: Tracking, run_ids: str) -> None:
    runs = [keyed.run_name(run_id) for run_id in run_ids]
    assert keys(keyed, "METRIC", contains="m_", runs=runs) == ["M_a", "M_b", "M_c"]
    assert keys(keyed, "METRIC", contains="SS", runs=runs) == ["val/loss"]
    assert keys(keyed, "METRIC", contains="%", runs=runs) == []
    assert keys(keyed, "PARAM", contains="of_", page_size=1, runs=runs) == ["of_a", "of_b", "of_c"]


def test_a_workspace_without_runs_has_no_keys(tracking: Tracking) -> None:
    assert keys(tracking, "METRIC") == []


REFUSED: dict[str, tuple[Callable[[Tracking], object], str]] = {
    "no kind": (lambda _: pb.ListRunKeysRequest(), "FIELD_REQUIRED"),
    "unknown kind": (lambda _: pb.ListRunKeysRequest(kind=99), "FIELD_INVALID"),  # type: ignore[arg-type] # on purpose
    "missing run": (
        lambda tracking: pb.ListRunKeysRequest(kind=pb.RUN_KEY_KIND_TAG, runs=[tracking.run_name("never")]),
        "RUN_NOT_FOUND",
    ),
    "missing experiment": (
        lambda tracking: pb.ListRunKeysRequest(kind=pb.RUN_KEY_KIND_TAG, experiments=[tracking.experiment_name(99)]),
        "EXPERIMENT_NOT_FOUND",
    ),
    "both": (
        lambda tracking: pb.ListRunKeysRequest(
            kind=pb.RUN_KEY_KIND_TAG, experiments=[tracking.experiment_name(0)], runs=[tracking.run_name("a")]
        ),
        "FIELD_INVALID",
    ),
    "a token of nothing": (
        lambda _: pb.ListRunKeysRequest(kind=pb.RUN_KEY_KIND_TAG, page_token="x"),
        "PAGE_TOKEN_INVALID",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_lists_of_keys_that_cannot_be_are_refused(tracking: Tracking, case: str) -> None:
    make_request, reason = REFUSED[case]
    request = make_request(tracking)
    assert isinstance(request, pb.ListRunKeysRequest)
    request.parent = tracking.parent
    assert error_of(partial(tracking.stub.ListRunKeys, request)).reason == reason


# Comparison


def compare(tracking: Tracking, *run_ids: str, **fields: object) -> pb.CompareRunsResponse:
    runs = [tracking.run_name(run_id) for run_id in run_ids]
    return tracking.stub.CompareRuns(pb.CompareRunsRequest(parent=tracking.parent, runs=runs, **fields))  # type: ignore[arg-type] # fields of the request


def test_runs_are_compared_key_by_key(tracking: Tracking) -> None:
    start = {"start_time": timestamp(1000)}
    a = create_run(tracking, "a", params={"lr": "1", "same": "x"}, display_name="A", end_time=timestamp(3000), **start)
    b = create_run(tracking, "b", params={"lr": "2", "same": "x"}, display_name="B", **start)
    write(tracking, a.name, metrics=metric("m", (0, 0, 5.0), (1, 0, 1.0)))
    write(tracking, b.name, metrics=metric("m", (7, 0, math.nan)))
    log(tracking, a.name, both=1.0)
    write(tracking, b.name, metrics=metric("both", (9, 9, 1.0)))
    compared = compare(tracking, "b", "a")
    assert [(text.key, text.differs, list(text.runs), list(text.values)) for text in compared.params] == [
        ("lr", True, [0, 1], ["2", "1"]),
        ("same", False, [0, 1], ["x", "x"]),
    ]
    both, m = compared.metrics
    assert (both.key, both.differs) == ("both", False)
    assert (m.key, m.differs, list(m.runs), list(m.steps)) == ("m", True, [0, 1], [7, 1])
    assert math.isnan(m.values[0])
    assert [m.values[1], m.mins[1], m.maxs[1]] == [1.0, 1.0, 5.0]
    differing = compare(tracking, "b", "a", only_differing=True)
    assert [text.key for text in differing.params] == ["lr"]
    assert [metric.key for metric in differing.metrics] == ["m"]
    assert {text.key: (list(text.runs), list(text.values)) for text in differing.attributes} == {
        "run_name": ([0, 1], ["B", "A"]),
        "end_time": ([1], ["3000"]),
        "duration": ([1], ["2000"]),
    }


def test_comparisons_that_cannot_be_are_refused(tracking: Tracking) -> None:
    create_run(tracking, "a")
    assert error_of(lambda: compare(tracking)).reason == "FIELD_REQUIRED"
    assert error_of(lambda: compare(tracking, "a", "never")).reason == "RUN_NOT_FOUND"
    assert error_of(lambda: compare(tracking, *["a"] * 101)).reason == "FIELD_INVALID"
    assert len(compare(tracking, *["a"] * 100).attributes[0].runs) == 100


def test_a_comparison_too_large_for_an_answer_is_refused(tracking: Tracking) -> None:
    create_run(tracking, "a", tags={f"t{number}": "x" * 60_000 for number in range(10)})
    assert error_of(lambda: compare(tracking, *["a"] * 10)).fields == ("runs",)
    assert compare(tracking, *["a"] * 10, only_differing=True) == pb.CompareRunsResponse()
