from __future__ import annotations

import base64
import itertools
import json
import math
import random
from collections.abc import Callable
from functools import partial

import grpc
import pytest

from trivet_proto.tracking.v1 import export_pb2, lifecycle_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import create_experiment, create_run, id_of, run_pages, search_runs, timestamp, write
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

COUNT = 23


@pytest.fixture(scope="module")
def filled(channel: grpc.Channel, tracking_address: str) -> Tracking:
    """A workspace of this module's own: runs with few different values, and some without."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    chance = random.Random(7)
    for number in range(COUNT):
        params = {"p": chance.choice(["", "x", "é", "x" * 300])} if number % 4 else {}
        run = create_run(tracking, f"r{number:02}", start_time=timestamp(number % 3), params=params)
        if number % 5:
            value = chance.choice([math.nan, math.inf, -math.inf, 0.0, 0.1, 5e-324])
            write(tracking, run.name, metrics=MetricColumns(keys=["m"], values=[value], times_millis=[0]))
    for number in range(4):
        create_experiment(tracking, f"e{number}")
    return tracking


ORDERS = [
    "",
    "metrics.m",
    "metrics.m DESC",
    "params.p",
    "params.p DESC, metrics.m",
    "start_time ASC",
    "end_time DESC",
    "status, user_id DESC, start_time",
    "metrics.never, params.never DESC",
]


@pytest.mark.parametrize("order_by", ORDERS)
def test_pages_of_every_size_give_every_run_once_in_order(filled: Tracking, order_by: str) -> None:
    whole = search_runs(filled, order_by=order_by, page_size=1000)
    assert sorted(whole) == [f"r{number:02}" for number in range(COUNT)]
    for size in (1, 2, 5, COUNT - 1, COUNT, COUNT + 1):
        pages = list(run_pages(filled, pb.SearchRunsRequest(order_by=order_by, page_size=size)))
        assert [id_of(run.name) for page in pages for run in page] == whole
        assert all(0 < len(page) <= size for page in pages)


def test_the_page_size_may_change_between_pages(filled: Tracking) -> None:
    whole = search_runs(filled, order_by="metrics.m")
    found: list[str] = []
    token = ""
    for size in itertools.cycle([3, 1, 7]):
        page = filled.stub.SearchRuns(
            pb.SearchRunsRequest(parent=filled.parent, order_by="metrics.m", page_size=size, page_token=token)
        )
        found += [id_of(run.name) for run in page.runs]
        token = page.next_page_token
        if not token:
            break
    assert found == whole


def test_a_page_of_runs_has_100_by_default_and_at_most_1000(tracking: Tracking) -> None:
    ids = [f"{number:04}" for number in range(1001)]
    calls = [
        tracking.stub.CreateRun.future(
            pb.CreateRunRequest(parent=tracking.parent, run_id=run_id, run={"start_time": timestamp(0)})  # type: ignore[arg-type] # a message by its fields
        )
        for run_id in ids
    ]
    for call in calls:
        assert call.result().name
    for asked, given in ((0, 100), (1000, 1000), (5000, 1000), (2**31 - 1, 1000)):
        page = tracking.stub.SearchRuns(pb.SearchRunsRequest(parent=tracking.parent, page_size=asked))
        assert [id_of(run.name) for run in page.runs] == ids[:given]
        assert page.next_page_token
    assert search_runs(tracking, page_size=5000) == ids


@pytest.mark.parametrize("order_by", ["", "metrics.m", "metrics.m DESC", "tags.t", "run_id DESC"])
def test_runs_created_and_deleted_between_pages_do_not_shift_them(tracking: Tracking, order_by: str) -> None:
    values = [math.nan, 1.0, 1.0, None, 2.0, None, math.nan, 1.0, 3.0, 0.0]

    def add(run_id: str, value: float | None) -> str:
        run = create_run(tracking, run_id, start_time=timestamp(0)).name
        if value is not None:
            columns = MetricColumns(keys=["m"], values=[value], times_millis=[0])
            write(tracking, run, metrics=columns, tags=[pb.Tag(key="t", value=str(value))])
        return run

    for number, value in enumerate(values):
        add(f"r{number}", value)
    whole = search_runs(tracking, order_by=order_by)
    found: list[str] = []
    deleted: set[str] = set()
    pages = run_pages(tracking, pb.SearchRunsRequest(order_by=order_by, page_size=2))
    for number, page in enumerate(pages):
        found += [id_of(run.name) for run in page]
        if number >= 3:
            continue
        # New runs on both sides of where the pages are; gone are the last run of this page, which the token stands
        # for, and one that is still to come.
        for side, value in enumerate([*values[:4], -5.0, 5.0]):
            add(f"{'a' if side % 2 else 'z'}{number}-{side}", value)
        last = whole[-1 - number]
        deleted.add(last)
        for run_id in (id_of(page[-1].name), last):
            tracking.stub.DeleteRun(pb.DeleteRunRequest(name=tracking.run_name(run_id)))
    assert len(found) == len(set(found))
    of_before = [run_id for run_id in found if run_id in whole]
    assert of_before == [run_id for run_id in whole if run_id in of_before]
    assert set(whole) - deleted <= set(of_before)


# Tokens

SEARCHES: dict[str, Callable[..., pb.SearchRunsRequest]] = {
    "filter": partial(pb.SearchRunsRequest, filter="metrics.m > -1"),
    "order": partial(pb.SearchRunsRequest, order_by="metrics.m"),
    "view": partial(pb.SearchRunsRequest, view=lifecycle_pb2.LIFECYCLE_VIEW_ALL),
}


def first_token(tracking: Tracking, **fields: str) -> str:
    request = pb.SearchRunsRequest(parent=tracking.parent, page_size=1, **fields)  # type: ignore[arg-type] # texts
    token = tracking.stub.SearchRuns(request).next_page_token
    assert token
    return token


@pytest.mark.parametrize("case", [*SEARCHES, "experiments", "workspace"])
def test_a_token_of_another_search_is_refused(filled: Tracking, tracking: Tracking, case: str) -> None:
    token = first_token(filled)
    if case == "experiments":
        request = pb.SearchRunsRequest(experiments=[filled.experiment_name(0)])
    else:
        request = SEARCHES.get(case, pb.SearchRunsRequest)()
    request.parent = tracking.parent if case == "workspace" else filled.parent
    request.page_token = token
    failure = error_of(lambda: filled.stub.SearchRuns(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
    assert failure.metadata == {"field": "page_token"}


def test_a_token_of_another_method_is_refused(filled: Tracking) -> None:
    runs = first_token(filled)
    experiments = filled.stub.SearchExperiments(
        pb.SearchExperimentsRequest(parent=filled.parent, page_size=1)
    ).next_page_token
    several = filled.run_name("r01")
    write(filled, several, metrics=MetricColumns(keys=["x", "y"], values=[1, 1], times_millis=[0]))
    metrics = filled.stub.ListMetrics(pb.ListMetricsRequest(parent=several, page_size=1)).next_page_token
    assert experiments
    assert metrics
    for token in (experiments, metrics):
        asked = pb.SearchRunsRequest(parent=filled.parent, page_token=token)
        assert error_of(partial(filled.stub.SearchRuns, asked)).reason == "PAGE_TOKEN_INVALID"
    for token in (runs, metrics):
        wanted = pb.SearchExperimentsRequest(parent=filled.parent, page_token=token)
        assert error_of(partial(filled.stub.SearchExperiments, wanted)).reason == "PAGE_TOKEN_INVALID"
    for token in (runs, experiments):
        listed = pb.ListMetricsRequest(parent=several, page_token=token)
        assert error_of(partial(filled.stub.ListMetrics, listed)).reason == "PAGE_TOKEN_INVALID"
    another = pb.ListMetricsRequest(parent=filled.run_name("r02"), page_token=metrics)
    assert error_of(lambda: filled.stub.ListMetrics(another)).reason == "PAGE_TOKEN_INVALID"


def garbled(token: str) -> list[str]:
    """Texts that look like a token and are none."""
    return [
        "x",
        " ",
        "\0",
        "é" * 8,
        "💥",
        "A" * 100_000,
        token[:-4],
        token[4:],
        f" {token}",
        f"{token}\n",
        token + token,
        token.swapcase(),
        "e30=",
        "W10=",
        "bnVsbA==",
        _encoded(b"[" * 100_000),
        _encoded(b"\xff\xfe"),
        _encoded(b'["\\ud800"]'),
        _encoded(b"1e999"),
        _encoded(b"9" * 10_000),
    ]


FORGED_SCALARS = [
    "null",
    "true",
    "[]",
    "{}",
    '"a\\u0000"',
    '"\\ud800"',
    '"\\udc00x"',
    '"' + "9" * 50_000 + '"',
    "9" * 4000,
    "9" * 10_000,
    str(2**63),
    str(-(2**63) - 1),
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "1.5",
    "-0.0",
    "0",
    '"1"',
]


def forged(token: str) -> list[str]:
    """Tokens of the right search whose places hold what the server would never put there."""
    bound_to, *places = json.loads(base64.urlsafe_b64decode(token))
    texts = [json.dumps(place) for place in places]
    tokens = []
    for index in range(len(texts)):
        for scalar in FORGED_SCALARS:
            changed = [*texts[:index], scalar, *texts[index + 1 :]]
            tokens.append(_encoded(f"[{json.dumps(bound_to)},{','.join(changed)}]".encode()))
    lengths: list[list[str]] = [[], texts[:-1], [*texts, "0"], [*texts, *texts]]
    tokens += [_encoded(f"[{','.join([json.dumps(bound_to), *changed])}]".encode()) for changed in lengths]
    return [*tokens, _encoded(json.dumps({"for": bound_to}).encode())]


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def outcome(call: Callable[[], object]) -> str:
    """`served`, or the reason of the refusal."""
    try:
        call()
    except grpc.RpcError:
        return error_of(call).reason
    return "served"


@pytest.mark.parametrize("order_by", ["", "metrics.m DESC", "params.p, end_time"])
def test_garbage_and_forged_tokens_of_runs_are_refused(filled: Tracking, order_by: str) -> None:
    def ask(token: str) -> object:
        return filled.stub.SearchRuns(
            pb.SearchRunsRequest(parent=filled.parent, order_by=order_by, page_size=5, page_token=token)
        )

    token = first_token(filled, order_by=order_by)
    assert {outcome(partial(ask, text)) for text in garbled(token)} == {"PAGE_TOKEN_INVALID"}
    # A forged place may have a type that fits; then it is served as any other place.
    assert {outcome(partial(ask, text)) for text in forged(token)} == {"PAGE_TOKEN_INVALID", "served"}


@pytest.mark.parametrize("order_by", ["", "name DESC", "experiment_id"])
def test_garbage_and_forged_tokens_of_experiments_are_refused(filled: Tracking, order_by: str) -> None:
    request = pb.SearchExperimentsRequest(parent=filled.parent, order_by=order_by, page_size=1)

    def ask(token: str) -> object:
        asked = pb.SearchExperimentsRequest()
        asked.CopyFrom(request)
        asked.page_token = token
        return filled.stub.SearchExperiments(asked)

    token = filled.stub.SearchExperiments(request).next_page_token
    assert {outcome(partial(ask, text)) for text in garbled(token)} == {"PAGE_TOKEN_INVALID"}
    assert {outcome(partial(ask, text)) for text in forged(token)} == {"PAGE_TOKEN_INVALID", "served"}


def test_garbage_and_forged_tokens_of_metrics_are_refused(filled: Tracking) -> None:
    run = create_run(filled, start_time=timestamp(0)).name
    write(filled, run, metrics=MetricColumns(keys=["a", "b", "c"], values=[1, 2, 3], times_millis=[0]))

    def ask(token: str) -> object:
        return filled.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=1, page_token=token))

    token = filled.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=1)).next_page_token
    filled.stub.DeleteRun(pb.DeleteRunRequest(name=run))
    assert {outcome(partial(ask, text)) for text in garbled(token)} == {"PAGE_TOKEN_INVALID"}
    assert {outcome(partial(ask, text)) for text in forged(token)} == {"PAGE_TOKEN_INVALID", "served"}


def test_garbage_and_forged_tokens_of_exports_are_refused(filled: Tracking) -> None:
    def ask_for_runs(token: str) -> object:
        return list(filled.stub.ExportRuns(export_pb2.ExportRunsRequest(parent=filled.parent, resume_token=token)))

    def ask_for_points(token: str) -> object:
        request = export_pb2.ExportMetricPointsRequest(parent=filled.parent, resume_token=token)
        return list(filled.stub.ExportMetricPoints(request))

    *_, last = filled.stub.ExportRuns(export_pb2.ExportRunsRequest(parent=filled.parent))
    tokens = {ask_for_runs: last.resume_token}
    *_, last_points = filled.stub.ExportMetricPoints(export_pb2.ExportMetricPointsRequest(parent=filled.parent))
    bound_to, _ = json.loads(base64.urlsafe_b64decode(last_points.resume_token))
    tokens[ask_for_points] = _encoded(json.dumps([bound_to, "r00", "r01", "m", 0, 0, 0]).encode())
    for ask, token in tokens.items():
        assert {outcome(partial(ask, text)) for text in garbled(token)} == {"PAGE_TOKEN_INVALID"}
        assert {outcome(partial(ask, text)) for text in forged(token)} == {"PAGE_TOKEN_INVALID", "served"}


def test_a_forged_token_shows_nothing_of_another_workspace(filled: Tracking, tracking: Tracking) -> None:
    create_run(tracking, "a")
    create_run(tracking, "b")
    mine = json.loads(base64.urlsafe_b64decode(first_token(tracking)))
    theirs = json.loads(base64.urlsafe_b64decode(first_token(filled)))
    forgery = _encoded(json.dumps([mine[0], *theirs[1:]]).encode())
    page = tracking.stub.SearchRuns(pb.SearchRunsRequest(parent=tracking.parent, page_token=forgery))
    assert {id_of(run.name) for run in page.runs} <= {"a", "b"}


def test_a_page_ends_before_it_is_too_large_for_clients(tracking: Tracking) -> None:
    description = "x" * (64 * 1024)
    names = [create_run(tracking, display_name=f"{i:03}", description=description).display_name for i in range(70)]

    request = pb.SearchRunsRequest(parent=tracking.parent, order_by="run_name")
    pages = list(run_pages(tracking, request))

    assert [run.display_name for page in pages for run in page] == names
    assert len(pages) == 2
