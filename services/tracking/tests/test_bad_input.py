"""Every kind of bad input of every method: what it is answered with, and that nothing of it is written.

One file above the usual length, because it is one table: a case that is missing shows where its neighbours stand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.tracking.v1 import experiment_activity_pb2 as activity_pb
from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.experiment_pb2 import Experiment
from trivet_proto.tracking.v1.logged_model_pb2 import LoggedModel
from trivet_proto.tracking.v1.metric_pb2 import MetricColumns, MetricContext
from trivet_proto.tracking.v1.param_importance_pb2 import ReadParamImportanceRequest
from trivet_proto.tracking.v1.purge_pb2 import PurgeExperimentsRequest, PurgeRunsRequest
from trivet_proto.tracking.v1.rewrite_pb2 import DeleteMetricsRequest, ForkRunRequest, RewindRunRequest
from trivet_proto.tracking.v1.run_inputs_pb2 import DatasetInput, LoggedModelInput, LoggedModelOutput
from trivet_proto.tracking.v1.run_pb2 import Run
from trivet_proto.tracking.v1.saved_view_pb2 import (
    CreateSavedViewRequest,
    DeleteSavedViewRequest,
    GetSavedViewRequest,
    ListSavedViewsRequest,
    SavedView,
    UpdateSavedViewRequest,
)
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of, rpc_error_of
from trivet_testing.records import (
    create_experiment,
    create_logged_model,
    create_run,
    create_saved_view,
    dataset_input,
    metric,
    snapshot,
    write,
)
from trivet_testing.tracking import Tracking
from trivet_testing.workspaces import unused_workspace

SERVICE = "/trivet.tracking.v1.TrackingService/"
METHODS = pb.DESCRIPTOR.services_by_name["TrackingService"].methods_by_name
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
W = "workspaces/WORKSPACE"
"""In a name below, WORKSPACE stands for the workspace that the test works in."""
RUN, EXPERIMENT, MODEL = f"{W}/runs/known", f"{W}/experiments/1", f"{W}/loggedModels/m-known"
SAVED_VIEW = f"{W}/savedViews/{'0' * 32}"
"""One that is not there: the server makes their ids."""


@dataclass(frozen=True)
class Kept:
    """A workspace with some of everything, and what a reader saw in it last."""

    tracking: Tracking
    channel: grpc.Channel
    seen: list[list[bytes]]

    def ask(self, method: str, request: bytes) -> object:
        """Sends bytes to a method and reads its answer to the end."""
        path = SERVICE + method
        if method in METHODS and METHODS[method].server_streaming:
            stream: grpc.UnaryStreamMultiCallable[bytes, bytes] = self.channel.unary_stream(path)
            return list(stream(request))
        unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(path)
        return unary(request)

    def check(self) -> None:
        """Checks that a reader sees what was seen last."""
        before, now = self.seen[0], snapshot(self.tracking)
        self.seen[0] = now
        assert now == before


@pytest.fixture(scope="module")
def kept(channel: grpc.Channel, tracking_address: str) -> Kept:
    """A workspace of this module's own; its tests change nothing in it."""
    tracking = Tracking(TrackingServiceStub(channel), unused_workspace())
    create_experiment(tracking, "taken", tags={"old": "1"})
    create_experiment(tracking, "other")
    run = create_run(tracking, "known", params={"known": "1"}, tags={"old": "1"}).name
    write(tracking, run, metrics=metric("loss", (1, 1, 1.0), context=MetricContext(rank=0)), writer_id=7, sequence=1)
    write(tracking, run, inputs={"datasets": [dataset_input("trips")]})
    create_logged_model(tracking, "m-known", params={"known": "1"}, tags={"old": "1"})
    create_saved_view(tracking, "taken", experiment=tracking.experiment_name(1))
    return Kept(tracking, channel, [snapshot(tracking)])


@pytest.fixture(autouse=True)
def nothing_is_written(kept: Kept) -> Iterator[None]:
    """Checks after each test that what can be read is what could be read before."""
    yield
    kept.check()


def placed(request: Message, workspace: str) -> bytes:
    """The bytes of a request, with the workspace in its names."""

    def place(message: Message) -> None:
        for field, value in message.ListFields():
            holder: Any = message
            if field.message_type and field.message_type.GetOptions().map_entry:
                continue
            if field.message_type:
                for inner in value if field.is_repeated else (value,):
                    place(inner)
            elif field.type == field.TYPE_STRING and field.is_repeated:
                getattr(holder, field.name)[:] = [text.replace("WORKSPACE", workspace) for text in value]
            elif field.type == field.TYPE_STRING:
                setattr(holder, field.name, value.replace("WORKSPACE", workspace))

    # The request is that of other tests too, each with a workspace of its own.
    copy = type(request)()
    copy.CopyFrom(request)
    place(copy)
    return copy.SerializeToString()


Row = tuple[str, str, Message, str]
"""Id, method, request, reason."""

CODES = {
    "RUN_NOT_FOUND": "NOT_FOUND",
    "EXPERIMENT_NOT_FOUND": "NOT_FOUND",
    "WORKSPACE_NOT_FOUND": "NOT_FOUND",
    "TAG_NOT_FOUND": "NOT_FOUND",
    "LOGGED_MODEL_NOT_FOUND": "NOT_FOUND",
    "SAVED_VIEW_NOT_FOUND": "NOT_FOUND",
    "LOGGED_MODEL_ID_TAKEN": "ALREADY_EXISTS",
    "SAVED_VIEW_NAME_TAKEN": "ALREADY_EXISTS",
    "EXPERIMENT_NAME_TAKEN": "ALREADY_EXISTS",
    "RUN_ID_TAKEN": "ALREADY_EXISTS",
    "EXPERIMENT_PROTECTED": "FAILED_PRECONDITION",
    "PARAM_CHANGED": "FAILED_PRECONDITION",
    "SEQUENCE_GAP": "FAILED_PRECONDITION",
    "ETAG_STALE": "ABORTED",
    "METHOD_UNKNOWN": "UNIMPLEMENTED",
    "MESSAGE_TOO_LARGE": "RESOURCE_EXHAUSTED",
}
"""Codes of reasons; all others are INVALID_ARGUMENT."""


def code_of(reason: str) -> grpc.StatusCode:
    return grpc.StatusCode[CODES.get(reason, "INVALID_ARGUMENT")]


def new_experiment(request_id: str = "", **fields: Any) -> pb.CreateExperimentRequest:
    experiment = Experiment(**{"display_name": "new", **fields})
    return pb.CreateExperimentRequest(parent=W, experiment=experiment, request_id=request_id)


def new_run(run_id: str = "new", **fields: Any) -> pb.CreateRunRequest:
    return pb.CreateRunRequest(parent=W, run_id=run_id, run=Run(**fields))


def changed_experiment(*paths: str, **fields: Any) -> pb.UpdateExperimentRequest:
    experiment = Experiment(**{"name": EXPERIMENT, **fields})
    return pb.UpdateExperimentRequest(experiment=experiment, update_mask=FieldMask(paths=paths))


def changed_run(*paths: str, **fields: Any) -> pb.UpdateRunRequest:
    return pb.UpdateRunRequest(run=Run(**{"name": RUN, **fields}), update_mask=FieldMask(paths=paths))


def tags(**fields: Any) -> pb.SetExperimentTagsRequest:
    return pb.SetExperimentTagsRequest(name=EXPERIMENT, **fields)


def written(**fields: Any) -> pb.WriteRunRequest:
    return pb.WriteRunRequest(**{"run": RUN, **fields})


def history(**fields: Any) -> pb.ReadMetricHistoryRequest:
    return pb.ReadMetricHistoryRequest(**{"run": RUN, "key": "loss", **fields})


def curves(**fields: Any) -> pb.ReadMetricCurvesRequest:
    return pb.ReadMetricCurvesRequest(**{"runs": [RUN], "keys": ["loss"], **fields})


def columns(**fields: Any) -> pb.WriteRunRequest:
    """A write of metrics, beside which a tag would be good."""
    return written(metrics=MetricColumns(**fields), tags=[pb.Tag(key="beside", value="1")])


BAD_KEYS = {
    "of-251-characters": ("k" * 251, "FIELD_TOO_LONG"),
    "of-251-wide-characters": ("🔑" * 251, "FIELD_TOO_LONG"),
    "with-nul": ("a\0b", "FIELD_INVALID"),
    "with-line-feed": ("a\nb", "FIELD_INVALID"),
    "with-escape": ("\x1b[2J", "FIELD_INVALID"),
    "with-del": ("a\x7f", "FIELD_INVALID"),
    "with-c1-control": ("a\x9bb", "FIELD_INVALID"),
}
BAD_TIMES = {
    "before-the-epoch": Timestamp(seconds=-1),
    "just-before-the-epoch": Timestamp(seconds=-1, nanos=999_999_999),
    "after-9999": Timestamp(seconds=253_402_300_800),
    "greatest-seconds": Timestamp(seconds=2**63 - 1),
    "least-seconds": Timestamp(seconds=-(2**63)),
    "negative-nanos": Timestamp(seconds=1, nanos=-1),
    "too-many-nanos": Timestamp(seconds=1, nanos=1_000_000_000),
}
PARAM, TAG, NUL = "x" * (16 * 1024 + 1), "x" * (64 * 1024 + 1), "a\0b"


def text_rows() -> Iterator[Row]:
    for case, (key, reason) in {"that-is-empty": ("", "FIELD_REQUIRED"), **BAD_KEYS}.items():
        yield f"experiment-tag-key-{case}", "CreateExperiment", new_experiment(tags={"a": "b", key: "1"}), reason
        yield f"param-key-{case}", "CreateRun", new_run(params={"a": "b", key: "1"}), reason
        yield f"tag-key-{case}", "CreateRun", new_run(tags={"a": "b", key: "1"}), reason
        yield f"key-to-set-{case}", "SetExperimentTags", tags(tags={"a": "b", key: "1"}), reason
        yield f"key-to-remove-{case}", "SetExperimentTags", tags(deleted_tags=["old", key]), reason
        yield f"key-{case}", "ReadMetricHistory", history(key=key), reason
        yield f"key-{case}", "ReadMetricCurves", curves(keys=["loss", key]), reason
    for name, length in (("user", 251), ("git_commit", 251), ("source", 4097), ("display_name", 501)):
        yield f"{name}-too-long", "CreateRun", new_run(**{name: "x" * length}), "FIELD_TOO_LONG"
        yield f"{name}-with-nul", "CreateRun", new_run(**{name: NUL}), "FIELD_INVALID"
    yield "param-value-too-long", "CreateRun", new_run(params={"a": PARAM}), "FIELD_TOO_LONG"
    yield "tag-value-too-long", "CreateRun", new_run(tags={"a": TAG}), "FIELD_TOO_LONG"
    yield "param-value-with-nul", "CreateRun", new_run(params={"a": NUL}), "FIELD_INVALID"
    yield "tag-value-with-nul", "CreateRun", new_run(tags={"a": NUL}), "FIELD_INVALID"
    yield "description-too-long", "CreateRun", new_run(description=TAG), "FIELD_TOO_LONG"
    yield "description-with-nul", "CreateRun", new_run(description=NUL), "FIELD_INVALID"
    yield "display-name-with-tab", "CreateRun", new_run(display_name="a\tb"), "FIELD_INVALID"

    for case, name, reason in (
        ("of-501-characters", "x" * 501, "FIELD_TOO_LONG"),
        ("with-nul", NUL, "FIELD_INVALID"),
        ("with-line-feed", "a\nb", "FIELD_INVALID"),
        ("of-white-space", " \u2003", "FIELD_INVALID"),
        ("that-is-taken", "taken", "EXPERIMENT_NAME_TAKEN"),
        ("of-default", "Default", "EXPERIMENT_NAME_TAKEN"),
    ):
        yield f"display-name-{case}", "CreateExperiment", new_experiment(display_name=name), reason
        if name != "taken":
            yield (
                f"display-name-{case}",
                "UpdateExperiment",
                changed_experiment("display_name", display_name=name),
                reason,
            )
    yield "display-name-that-is-empty", "CreateExperiment", new_experiment(display_name=""), "FIELD_REQUIRED"
    yield "display-name-that-is-empty", "UpdateExperiment", changed_experiment("display_name"), "FIELD_REQUIRED"
    yield "description-too-long", "CreateExperiment", new_experiment(description=TAG), "FIELD_TOO_LONG"
    yield (
        "description-too-long-in-bytes",
        "CreateExperiment",
        new_experiment(description="🚀" * 16385),
        "FIELD_TOO_LONG",
    )
    yield "description-with-nul", "CreateExperiment", new_experiment(description=NUL), "FIELD_INVALID"
    yield (
        "artifact-location-too-long",
        "CreateExperiment",
        new_experiment(artifact_location="x" * 2049),
        "FIELD_TOO_LONG",
    )
    yield "artifact-location-with-nul", "CreateExperiment", new_experiment(artifact_location=NUL), "FIELD_INVALID"
    yield "tag-value-too-long", "CreateExperiment", new_experiment(tags={"a": TAG}), "FIELD_TOO_LONG"
    yield "tag-value-with-nul", "CreateExperiment", new_experiment(tags={"a": NUL}), "FIELD_INVALID"
    yield "request-id-that-is-no-uuid", "CreateExperiment", new_experiment("x"), "FIELD_INVALID"
    yield "request-id-with-nul", "CreateExperiment", new_experiment("\0"), "FIELD_INVALID"
    yield "tag-value-too-long", "SetExperimentTags", tags(tags={"a": TAG}), "FIELD_TOO_LONG"
    yield "tag-value-with-nul", "SetExperimentTags", tags(tags={"a": NUL}), "FIELD_INVALID"
    yield "tag-set-and-removed", "SetExperimentTags", tags(tags={"old": "2"}, deleted_tags=["old"]), "FIELD_INVALID"
    yield "tag-that-is-not-there", "SetExperimentTags", tags(deleted_tags=["old", "x"]), "TAG_NOT_FOUND"
    yield "tag-removed-twice", "SetExperimentTags", tags(tags={"a": "b"}, deleted_tags=["x", "x"]), "TAG_NOT_FOUND"
    for case, name, reason in (
        ("that-is-empty", "", "FIELD_REQUIRED"),
        ("with-nul", NUL, "FIELD_INVALID"),
        ("of-501-characters", "x" * 501, "FIELD_TOO_LONG"),
        ("of-nobody", "x", "EXPERIMENT_NOT_FOUND"),
    ):
        request = pb.LookupExperimentRequest(parent=W, display_name=name)
        yield f"display-name-{case}", "LookupExperiment", request, reason


def run_rows() -> Iterator[Row]:
    for run_id in ("-a", "_a", "a" * 257, "a b", "a/b", "..", "a.b", "%61", "a\n", "\n", "a\0", "ä", "a:b"):
        case = "of-257-characters" if len(run_id) > 9 else ascii(run_id)
        yield f"run-id-{case}", "CreateRun", new_run(run_id), "FIELD_INVALID"
    yield "run-id-taken", "CreateRun", new_run("known"), "RUN_ID_TAKEN"
    yield "status-unknown", "CreateRun", new_run(status=99), "FIELD_INVALID"
    yield "status-negative", "CreateRun", new_run(status=-1), "FIELD_INVALID"
    yield "missing-experiment", "CreateRun", new_run(experiment=f"{W}/experiments/99"), "EXPERIMENT_NOT_FOUND"
    both = pb.CreateRunRequest(parent=W, run=Run(experiment=EXPERIMENT), experiment_display_name="taken")
    yield "experiment-twice", "CreateRun", both, "FIELD_INVALID"
    for case, name, reason in (
        ("of-nobody", "nobody", "EXPERIMENT_NOT_FOUND"),
        ("with-nul", NUL, "FIELD_INVALID"),
        ("of-501-characters", "x" * 501, "FIELD_TOO_LONG"),
    ):
        request = pb.CreateRunRequest(parent=W, experiment_display_name=name, create_experiment=case != "of-nobody")
        yield f"experiment-name-{case}", "CreateRun", request, reason
    # What is wrong with the run keeps the experiment from being created too.
    bad = pb.CreateRunRequest(
        parent=W, run=Run(params={"": "1"}), experiment_display_name="new", create_experiment=True
    )
    yield "bad-param-in-a-new-experiment", "CreateRun", bad, "FIELD_REQUIRED"
    taken = pb.CreateRunRequest(parent=W, run_id="known", experiment_display_name="new", create_experiment=True)
    yield "run-id-taken-in-a-new-experiment", "CreateRun", taken, "RUN_ID_TAKEN"
    for case, time in BAD_TIMES.items():
        yield f"start-time-{case}", "CreateRun", new_run(start_time=time), "FIELD_INVALID"
        yield f"end-time-{case}", "CreateRun", new_run(end_time=time), "FIELD_INVALID"
        yield f"start-time-{case}", "UpdateRun", changed_run("start_time", start_time=time), "FIELD_INVALID"
        yield f"end-time-{case}", "UpdateRun", changed_run("end_time", end_time=time), "FIELD_INVALID"
    yield "status-unknown", "UpdateRun", changed_run("description", "status", status=99), "FIELD_INVALID"
    yield "status-unspecified", "UpdateRun", changed_run("status"), "FIELD_INVALID"
    yield "display-name-with-nul", "UpdateRun", changed_run("display_name", display_name=NUL), "FIELD_INVALID"
    yield "display-name-too-long", "UpdateRun", changed_run("display_name", display_name="x" * 501), "FIELD_TOO_LONG"
    yield "description-too-long", "UpdateRun", changed_run("description", description=TAG), "FIELD_TOO_LONG"


def mask_rows() -> Iterator[Row]:
    bad = ("", "*", "name", "etag", "tags", "state", "create_time", "Description", "description.x", "a\0b", "é")
    for paths in ((), *((path,) for path in bad), ("description", "name")):
        case = "empty" if not paths else ascii(",".join(paths))
        request = changed_experiment(*paths, display_name="new", description="new")
        yield f"mask-{case}", "UpdateExperiment", request, "UPDATE_MASK_INVALID"
        yield f"mask-{case}", "UpdateRun", changed_run(*paths, description="new"), "UPDATE_MASK_INVALID"
    for path in ("experiment", "user", "source", "git_commit", "parent_run", "params", "metrics"):
        yield f"mask-{path}", "UpdateRun", changed_run(path), "UPDATE_MASK_INVALID"
    yield "mask-artifact-location", "UpdateExperiment", changed_experiment("artifact_location"), "UPDATE_MASK_INVALID"
    yield "stale-etag", "UpdateExperiment", changed_experiment("description", etag="77"), "ETAG_STALE"
    yield "stale-etag", "UpdateRun", changed_run("description", etag="77"), "ETAG_STALE"
    default = changed_experiment("display_name", name=f"{W}/experiments/0", display_name="new")
    yield "default-renamed", "UpdateExperiment", default, "EXPERIMENT_PROTECTED"


def search_rows() -> Iterator[Row]:
    for size in (-1, -(2**31)):
        yield f"page-size-{size}", "SearchRuns", pb.SearchRunsRequest(parent=W, page_size=size), "FIELD_INVALID"
        request = pb.SearchExperimentsRequest(parent=W, page_size=size)
        yield f"page-size-{size}", "SearchExperiments", request, "FIELD_INVALID"
        yield f"page-size-{size}", "ListMetrics", pb.ListMetricsRequest(parent=RUN, page_size=size), "FIELD_INVALID"
    for token in ("x", "====", "\0", "é", "bnVsbA==", "W10="):
        case = f"page-token-{token!a}"
        yield case, "SearchRuns", pb.SearchRunsRequest(parent=W, page_token=token), "PAGE_TOKEN_INVALID"
        yield case, "SearchExperiments", pb.SearchExperimentsRequest(parent=W, page_token=token), "PAGE_TOKEN_INVALID"
        yield case, "ListMetrics", pb.ListMetricsRequest(parent=RUN, page_token=token), "PAGE_TOKEN_INVALID"
    for view in (99, -1):
        yield f"view-{view}", "SearchRuns", pb.SearchRunsRequest(parent=W, view=view), "FIELD_INVALID"  # type: ignore[arg-type] # no view
        yield f"view-{view}", "SearchExperiments", pb.SearchExperimentsRequest(parent=W, view=view), "FIELD_INVALID"  # type: ignore[arg-type] # no view
    missing = pb.SearchRunsRequest(parent=W, experiments=[EXPERIMENT, f"{W}/experiments/99"])
    yield "missing-experiment", "SearchRuns", missing, "EXPERIMENT_NOT_FOUND"
    empty = pb.SearchRunsRequest(parent=W, experiments=[EXPERIMENT, ""])
    yield "empty-experiment", "SearchRuns", empty, "RESOURCE_NAME_INVALID"


def missing_rows() -> Iterator[Row]:
    run, experiment = f"{W}/runs/missing", f"{W}/experiments/99"
    yield "missing-run", "GetRun", pb.GetRunRequest(name=run), "RUN_NOT_FOUND"
    yield "missing-run", "UpdateRun", changed_run("description", name=run), "RUN_NOT_FOUND"
    yield "missing-run", "DeleteRun", pb.DeleteRunRequest(name=run), "RUN_NOT_FOUND"
    yield "missing-run", "RestoreRun", pb.RestoreRunRequest(name=run), "RUN_NOT_FOUND"
    yield "missing-run", "WriteRun", written(run=run, tags=[pb.Tag(key="a")]), "RUN_NOT_FOUND"
    yield "missing-run", "ListMetrics", pb.ListMetricsRequest(parent=run), "RUN_NOT_FOUND"
    yield "missing-run", "ReadMetricHistory", history(run=run), "RUN_NOT_FOUND"
    yield "missing-run", "ReadMetricCurves", curves(runs=[run]), "RUN_NOT_FOUND"
    yield "missing", "GetExperiment", pb.GetExperimentRequest(name=experiment), "EXPERIMENT_NOT_FOUND"
    yield "missing", "UpdateExperiment", changed_experiment("description", name=experiment), "EXPERIMENT_NOT_FOUND"
    request = pb.SetExperimentTagsRequest(name=experiment, tags={"a": "b"})
    yield "missing", "SetExperimentTags", request, "EXPERIMENT_NOT_FOUND"
    yield "missing", "DeleteExperiment", pb.DeleteExperimentRequest(name=experiment), "EXPERIMENT_NOT_FOUND"
    yield "missing", "RestoreExperiment", pb.RestoreExperimentRequest(name=experiment), "EXPERIMENT_NOT_FOUND"
    greatest = pb.GetExperimentRequest(name=f"{W}/experiments/{'9' * 18}")
    yield "missing-of-18-digits", "GetExperiment", greatest, "EXPERIMENT_NOT_FOUND"
    default = pb.DeleteExperimentRequest(name=f"{W}/experiments/0")
    yield "default", "DeleteExperiment", default, "EXPERIMENT_PROTECTED"


def write_rows() -> Iterator[Row]:
    one: dict[str, Any] = {"keys": ["a"], "values": [1.0]}
    unfit: dict[str, dict[str, Any]] = {
        "keys-without-values": {"keys": ["a"]},
        "more-keys-than-values": {"keys": ["a", "b"], "values": [1.0]},
        "more-values-than-keys": {"keys": ["a"], "values": [1.0, 2.0]},
        "fewer-counts-than-keys": {"keys": ["a", "b"], "counts": [2], "values": [1.0, 2.0]},
        "more-counts-than-keys": {"keys": ["a"], "counts": [1, 0], "values": [1.0]},
        "counts-above-values": {"keys": ["a"], "counts": [2], "values": [1.0]},
        "counts-below-values": {"keys": ["a"], "counts": [1], "values": [1.0, 2.0]},
        "counts-that-overflow-32-bits": {"keys": ["a", "b"], "counts": [2**32 - 1, 2], "values": [1.0]},
        "fewer-steps": {"keys": ["a"], "counts": [3], "values": [1.0] * 3, "steps": [1, 2]},
        "one-step-for-all": {"keys": ["a"], "counts": [2], "values": [1.0] * 2, "steps": [1]},
        "more-steps": {**one, "steps": [1, 2]},
        "fewer-times": {"keys": ["a"], "counts": [3], "values": [1.0] * 3, "times_millis": [1, 2]},
        "more-times": {**one, "times_millis": [1, 2]},
        "context-index-out-of-range": {**one, "context_index": [1]},
        "contexts-without-index": {**one, "contexts": [MetricContext(rank=1)]},
        "context-index-above-contexts": {**one, "contexts": [MetricContext(rank=1)], "context_index": [2]},
        "greatest-context-index": {**one, "contexts": [MetricContext(rank=1)], "context_index": [2**32 - 1]},
        "fewer-context-indexes": {"keys": ["a", "b"], "values": [1, 2], "contexts": [{}], "context_index": [1]},
        "more-context-indexes": {**one, "contexts": [MetricContext(rank=1)], "context_index": [1, 1]},
        "rank-below-0": {**one, "contexts": [MetricContext(rank=-1)], "context_index": [1]},
        "model-with-nul": {**one, "contexts": [MetricContext(model_id=NUL)], "context_index": [1]},
        "dataset-with-nul": {**one, "contexts": [MetricContext(dataset_name=NUL)], "context_index": [1]},
    }
    yield "metrics-of-nothing", "WriteRun", columns(), "FIELD_REQUIRED"
    yield "values-without-keys", "WriteRun", columns(values=[1.0]), "FIELD_REQUIRED"
    for case, fields in unfit.items():
        yield case, "WriteRun", columns(**fields), "FIELD_INVALID"
    for name, length in (("model_id", 251), ("dataset_name", 501), ("dataset_digest", 65)):
        context = MetricContext(**{name: "x" * length})  # type: ignore[arg-type] # texts
        request = columns(keys=["a"], values=[1.0], contexts=[context], context_index=[1])
        yield f"{name}-too-long", "WriteRun", request, "FIELD_TOO_LONG"
        yield f"{name}-too-long", "ReadMetricHistory", history(context=context), "FIELD_TOO_LONG"
    yield "negative-buckets", "ReadMetricCurves", curves(bucket_count=-1), "FIELD_INVALID"
    yield "unknown-axis", "ReadMetricCurves", curves(axis=9), "FIELD_INVALID"
    yield "too-many-runs", "ReadMetricCurves", curves(runs=[RUN] * 101), "FIELD_INVALID"
    yield "too-many-keys", "ReadMetricCurves", curves(keys=["a"] * 101), "FIELD_INVALID"
    yield "rank-below-0", "ReadMetricCurves", curves(context=MetricContext(rank=-1)), "FIELD_INVALID"
    yield "rank-below-0", "ReadMetricHistory", history(context=MetricContext(rank=-1)), "FIELD_INVALID"
    yield "model-with-nul", "ReadMetricHistory", history(context=MetricContext(model_id=NUL)), "FIELD_INVALID"
    good = [pb.Tag(key="beside", value="1")]
    yield "sequence-without-writer", "WriteRun", written(sequence=1, tags=good), "FIELD_INVALID"
    yield "writer-without-sequence", "WriteRun", written(writer_id=1, tags=good), "FIELD_INVALID"
    yield "sequence-of-64-bits", "WriteRun", written(writer_id=1, sequence=2**63, tags=good), "FIELD_INVALID"
    yield "greatest-sequence", "WriteRun", written(writer_id=1, sequence=2**64 - 1, tags=good), "FIELD_INVALID"
    yield "gap-of-a-new-writer", "WriteRun", written(writer_id=9, sequence=2, tags=good), "SEQUENCE_GAP"
    yield "gap-of-a-known-writer", "WriteRun", written(writer_id=7, sequence=3, tags=good), "SEQUENCE_GAP"
    for case, (key, reason) in {"that-is-empty": ("", "FIELD_REQUIRED"), **BAD_KEYS}.items():
        metrics = MetricColumns(keys=["good", key], values=[1, 2])
        yield f"atomic-metric-key-{case}", "WriteRun", written(metrics=metrics, tags=good, atomic=True), reason
        params = [pb.Param(key="good", value="1"), pb.Param(key=key, value="1")]
        yield f"atomic-param-key-{case}", "WriteRun", written(params=params, tags=good, atomic=True), reason
        both = [*good, pb.Tag(key=key, value="1")]
        yield f"atomic-tag-key-{case}", "WriteRun", written(tags=both, atomic=True), reason
        removed = written(deleted_tags=["old", key], tags=good, atomic=True)
        yield f"atomic-tag-to-remove-{case}", "WriteRun", removed, reason
    for case, param, reason in (
        ("changed", pb.Param(key="known", value="2"), "PARAM_CHANGED"),
        ("too-long", pb.Param(key="a", value=PARAM), "FIELD_TOO_LONG"),
        ("with-nul", pb.Param(key="a", value=NUL), "FIELD_INVALID"),
    ):
        yield f"atomic-param-{case}", "WriteRun", written(params=[param], tags=good, atomic=True), reason
    twice = [pb.Param(key="a", value="1"), pb.Param(key="a", value="2")]
    yield "atomic-param-changed-within", "WriteRun", written(params=twice, tags=good, atomic=True), "PARAM_CHANGED"
    late = MetricColumns(keys=["a"], counts=[2], values=[1, 2], times_millis=[1, -1])
    yield "atomic-negative-time", "WriteRun", written(metrics=late, tags=good, atomic=True), "FIELD_INVALID"
    least = MetricColumns(keys=["a"], values=[1], times_millis=[-(2**63)])
    yield "atomic-least-time", "WriteRun", written(metrics=least, tags=good, atomic=True), "FIELD_INVALID"


def rewrite_rows() -> Iterator[Row]:
    missing = f"{W}/runs/missing"

    def deleted(**fields: Any) -> DeleteMetricsRequest:
        return DeleteMetricsRequest(**{"run": RUN, "keys": ["loss"], **fields})

    def forked(**fields: Any) -> ForkRunRequest:
        return ForkRunRequest(**{"name": RUN, "step": 1, "run_id": "new", **fields})

    yield "no-keys", "DeleteMetrics", deleted(keys=[]), "FIELD_REQUIRED"
    yield "too-many-keys", "DeleteMetrics", deleted(keys=["a"] * 1001), "FIELD_INVALID"
    for case, (key, reason) in {"that-is-empty": ("", "FIELD_REQUIRED"), **BAD_KEYS}.items():
        yield f"key-{case}", "DeleteMetrics", deleted(keys=["loss", key]), reason
    yield "rank-below-0", "DeleteMetrics", deleted(context=MetricContext(rank=-1)), "FIELD_INVALID"
    yield "missing-run", "DeleteMetrics", deleted(run=missing), "RUN_NOT_FOUND"
    yield "no-step", "RewindRun", RewindRunRequest(name=RUN), "FIELD_REQUIRED"
    yield "stale-etag", "RewindRun", RewindRunRequest(name=RUN, step=0, etag="77"), "ETAG_STALE"
    yield "missing-run", "RewindRun", RewindRunRequest(name=missing, step=0), "RUN_NOT_FOUND"
    yield "no-step", "ForkRun", ForkRunRequest(name=RUN, run_id="new"), "FIELD_REQUIRED"
    yield "missing-run", "ForkRun", forked(name=missing), "RUN_NOT_FOUND"
    yield "run-id-of-another-run", "ForkRun", forked(run_id="known"), "RUN_ID_TAKEN"
    yield "run-id-with-a-slash", "ForkRun", forked(run_id="a/b"), "FIELD_INVALID"
    yield "experiment", "ForkRun", forked(run=Run(experiment=EXPERIMENT)), "FIELD_INVALID"
    yield "display-name-too-long", "ForkRun", forked(run=Run(display_name="x" * 501)), "FIELD_TOO_LONG"
    yield "param-value-too-long", "ForkRun", forked(run=Run(params={"a": PARAM})), "FIELD_TOO_LONG"
    yield "tag-key-with-nul", "ForkRun", forked(run=Run(tags={NUL: "1"})), "FIELD_INVALID"


def purge_rows() -> Iterator[Row]:
    for method, request in (("PurgeExperiments", PurgeExperimentsRequest), ("PurgeRuns", PurgeRunsRequest)):

        def asked(request: Any = request, **fields: Any) -> Any:
            return request(**{"parent": W, "older_than": Duration(), "dry_run": True, **fields})

        yield "no-age", method, request(parent=W), "FIELD_REQUIRED"
        for case, age in (("seconds", Duration(seconds=-1)), ("nanos", Duration(nanos=-1))):
            yield f"negative-{case}", method, asked(older_than=age), "FIELD_INVALID"
        yield "page-size", method, asked(page_size=-1), "FIELD_INVALID"
        for token in ("x", "W10="):
            yield f"page-token-{token}", method, asked(page_token=token), "PAGE_TOKEN_INVALID"
        yield "too-many-experiments", method, asked(experiments=[EXPERIMENT] * 1001), "FIELD_INVALID"
        yield "no-name-of-an-experiment", method, asked(experiments=[f"{W}/experiments/x"]), "RESOURCE_NAME_INVALID"
    runs = PurgeRunsRequest(parent=W, older_than=Duration(), runs=[RUN] * 1001)
    yield "too-many-runs", "PurgeRuns", runs, "FIELD_INVALID"


def new_model(model_id: str = "m-new", **fields: Any) -> models_pb.CreateLoggedModelRequest:
    return models_pb.CreateLoggedModelRequest(parent=W, logged_model_id=model_id, logged_model=LoggedModel(**fields))


def model_tags(**fields: Any) -> models_pb.SetLoggedModelTagsRequest:
    return models_pb.SetLoggedModelTagsRequest(**{"name": MODEL, **fields})


def model_params(name: str = MODEL, **params: str) -> models_pb.AddLoggedModelParamsRequest:
    return models_pb.AddLoggedModelParamsRequest(name=name, params=params)


def finalized(status: Any, name: str = MODEL, etag: str = "") -> models_pb.FinalizeLoggedModelRequest:
    return models_pb.FinalizeLoggedModelRequest(name=name, status=status, etag=etag)


def models(**fields: Any) -> models_pb.SearchLoggedModelsRequest:
    return models_pb.SearchLoggedModelsRequest(parent=W, **fields)


def datasets(**fields: Any) -> models_pb.SearchDatasetsRequest:
    return models_pb.SearchDatasetsRequest(parent=W, **fields)


def importances(**fields: Any) -> ReadParamImportanceRequest:
    return ReadParamImportanceRequest(**{"parent": W, "metric_key": "loss", **fields})


def activity(**fields: Any) -> activity_pb.ListExperimentActivityRequest:
    return activity_pb.ListExperimentActivityRequest(parent=W, **fields)


def new_saved_view(request_id: str = "", **fields: Any) -> CreateSavedViewRequest:
    saved_view = SavedView(**{"display_name": "new", "state": "{}", "experiment": EXPERIMENT, **fields})
    return CreateSavedViewRequest(parent=W, saved_view=saved_view, request_id=request_id)


def changed_saved_view(*paths: str, **fields: Any) -> UpdateSavedViewRequest:
    saved_view = SavedView(**{"name": SAVED_VIEW, **fields})
    return UpdateSavedViewRequest(saved_view=saved_view, update_mask=FieldMask(paths=paths))


def saved_views(**fields: Any) -> ListSavedViewsRequest:
    return ListSavedViewsRequest(parent=W, **fields)


def saved_view_rows() -> Iterator[Row]:
    create, update, list_ = "CreateSavedView", "UpdateSavedView", "ListSavedViews"
    for case, (name, reason) in {
        "that-is-empty": ("", "FIELD_REQUIRED"),
        "of-white-space": (" \u2003", "FIELD_INVALID"),
        **BAD_KEYS,
    }.items():
        yield f"display-name-{case}", create, new_saved_view(display_name=name), reason
        changed = changed_saved_view("display_name", display_name=name)
        yield f"display-name-{case}", update, changed, reason
    yield "display-name-that-is-taken", create, new_saved_view(display_name="taken"), "SAVED_VIEW_NAME_TAKEN"
    for case, state, reason in (
        ("that-is-empty", "", "FIELD_REQUIRED"),
        ("of-65536-bytes", '{"a": "' + "x" * 65_527 + '"}', "FIELD_TOO_LONG"),
        ("of-65536-bytes-in-wide-characters", '{"a":"' + "🚀" * 16_382 + '"}', "FIELD_TOO_LONG"),
        ("that-is-a-list", "[]", "FIELD_INVALID"),
        ("that-is-null", "null", "FIELD_INVALID"),
        ("that-is-text", '"a"', "FIELD_INVALID"),
        ("that-is-cut-off", '{"a": 1', "FIELD_INVALID"),
        ("with-more-behind", "{} {}", "FIELD_INVALID"),
        ("with-nan", '{"a": NaN}', "FIELD_INVALID"),
        ("with-infinity", '{"a": -Infinity}', "FIELD_INVALID"),
        ("with-nul", '{"a": "\0"}', "FIELD_INVALID"),
        ("with-a-byte-order-mark", "\ufeff{}", "FIELD_INVALID"),
        ("that-is-deep", '{"a": ' + "[" * 30_000 + "]" * 30_000 + "}", "FIELD_INVALID"),
    ):
        yield f"state-{case}", create, new_saved_view(state=state), reason
        yield f"state-{case}", update, changed_saved_view("state", state=state), reason
    yield "missing-experiment", create, new_saved_view(experiment=f"{W}/experiments/99"), "EXPERIMENT_NOT_FOUND"
    yield "request-id-that-is-no-uuid", create, new_saved_view("x"), "FIELD_INVALID"
    for paths in ((), ("name",), ("experiment",), ("created_by",), ("etag",), ("*",), ("state", "name")):
        changed = changed_saved_view(*paths, display_name="new", state="{}", experiment=EXPERIMENT)
        yield f"mask-{','.join(paths) or 'empty'}", update, changed, "UPDATE_MASK_INVALID"
    missing = changed_saved_view("state", state="{}")
    yield "missing", update, missing, "SAVED_VIEW_NOT_FOUND"
    yield "missing", "GetSavedView", GetSavedViewRequest(name=SAVED_VIEW), "SAVED_VIEW_NOT_FOUND"
    yield "missing", "DeleteSavedView", DeleteSavedViewRequest(name=SAVED_VIEW), "SAVED_VIEW_NOT_FOUND"
    yield "page-size-below-0", list_, saved_views(page_size=-1), "FIELD_INVALID"
    for token in ("x", "bnVsbA==", "W10="):
        yield f"page-token-{token}", list_, saved_views(page_token=token), "PAGE_TOKEN_INVALID"
    yield "missing-experiment", list_, saved_views(experiment=f"{W}/experiments/99"), "EXPERIMENT_NOT_FOUND"


def model_rows() -> Iterator[Row]:
    create, tag, add, search = "CreateLoggedModel", "SetLoggedModelTags", "AddLoggedModelParams", "SearchLoggedModels"
    for case, (key, reason) in {"that-is-empty": ("", "FIELD_REQUIRED"), **BAD_KEYS}.items():
        yield f"param-key-{case}", create, new_model(params={"a": "b", key: "1"}), reason
        yield f"tag-key-{case}", create, new_model(tags={"a": "b", key: "1"}), reason
        yield f"key-to-set-{case}", tag, model_tags(tags={"a": "b", key: "1"}), reason
        yield f"key-to-remove-{case}", tag, model_tags(deleted_tags=["old", key]), reason
        yield f"key-{case}", add, model_params(**{"a": "b", key: "1"}), reason
    for model_id in ("-a", "a b", "a/b", "..", "m-1\n", "\0", "ä"):
        yield f"id-{model_id!a}", create, new_model(model_id), "FIELD_INVALID"
    yield "id-of-251-characters", create, new_model("a" * 251), "FIELD_TOO_LONG"
    yield "id-taken", create, new_model("m-known"), "LOGGED_MODEL_ID_TAKEN"
    yield "missing-experiment", create, new_model(experiment=f"{W}/experiments/99"), "EXPERIMENT_NOT_FOUND"
    for letter in "/:.%\"'":
        yield f"name-with-{letter}", create, new_model(display_name=f"a{letter}b"), "FIELD_INVALID"
    yield "name-with-tab", create, new_model(display_name="a\tb"), "FIELD_INVALID"
    yield "name-of-white-space", create, new_model(display_name="  "), "FIELD_INVALID"
    yield "name-too-long", create, new_model(display_name="x" * 501), "FIELD_TOO_LONG"
    yield "type-too-long", create, new_model(model_type="x" * 501), "FIELD_TOO_LONG"
    yield "type-with-nul", create, new_model(model_type=NUL), "FIELD_INVALID"
    yield "param-value-too-long", create, new_model(params={"a": PARAM}), "FIELD_TOO_LONG"
    yield "tag-value-with-nul", create, new_model(tags={"a": NUL}), "FIELD_INVALID"
    yield "value-too-long", add, model_params(a=PARAM), "FIELD_TOO_LONG"
    yield "changed-param", add, model_params(known="2", new="1"), "PARAM_CHANGED"
    yield "tag-value-too-long", tag, model_tags(tags={"a": TAG}), "FIELD_TOO_LONG"
    yield "tag-set-and-removed", tag, model_tags(tags={"old": "2"}, deleted_tags=["old"]), "FIELD_INVALID"
    yield "tag-that-is-not-there", tag, model_tags(tags={"a": "b"}, deleted_tags=["old", "x"]), "TAG_NOT_FOUND"
    yield "stale-etag", tag, model_tags(tags={"a": "b"}, etag="77"), "ETAG_STALE"
    yield "stale-etag", "FinalizeLoggedModel", finalized(2, etag="77"), "ETAG_STALE"
    for status in (1, 4, 99, -1):
        yield f"status-{status}", "FinalizeLoggedModel", finalized(status), "FIELD_INVALID"
    yield "status-unspecified", "FinalizeLoggedModel", finalized(0), "FIELD_REQUIRED"
    missing = f"{W}/loggedModels/missing"
    yield "missing", "GetLoggedModel", models_pb.GetLoggedModelRequest(name=missing), "LOGGED_MODEL_NOT_FOUND"
    yield "missing", "FinalizeLoggedModel", finalized(2, missing), "LOGGED_MODEL_NOT_FOUND"
    yield "missing", tag, model_tags(name=missing, tags={"a": "b"}), "LOGGED_MODEL_NOT_FOUND"
    yield "missing", add, model_params(missing, a="b"), "LOGGED_MODEL_NOT_FOUND"
    yield "missing", "DeleteLoggedModel", models_pb.DeleteLoggedModelRequest(name=missing), "LOGGED_MODEL_NOT_FOUND"
    dataset, digest = models_pb.DatasetSelector(name="d"), models_pb.DatasetSelector(digest="1")
    yield "dataset-without-name", search, models(datasets=[dataset, digest]), "FIELD_REQUIRED"
    yield "empty-dataset", search, models(datasets=[models_pb.DatasetSelector()]), "FIELD_REQUIRED"
    yield "too-many-datasets", search, models(datasets=[dataset] * 101), "FIELD_INVALID"
    long_name = models_pb.DatasetSelector(name="x" * 501)
    yield "dataset-name-too-long", search, models(datasets=[long_name]), "FIELD_TOO_LONG"
    long_digest = models_pb.DatasetSelector(name="x", digest="x" * 65)
    yield "digest-too-long", search, models(datasets=[long_digest]), "FIELD_TOO_LONG"
    order = {"order_by": "metrics.a, name"}
    yield "order-dataset-of-a-name", search, models(**order, order_by_datasets=[dataset, dataset]), "FIELD_INVALID"
    yield "order-dataset-without-clause", search, models(order_by_datasets=[dataset]), "FIELD_INVALID"
    yield "fewer-order-datasets", search, models(**order, order_by_datasets=[dataset]), "FIELD_INVALID"
    one = models(order_by="metrics.a", order_by_datasets=[digest])
    yield "order-dataset-without-name", search, one, "FIELD_REQUIRED"
    yield "mask-of-no-field", search, models(read_mask=FieldMask(paths=["name", "nobody"])), "FIELD_INVALID"
    yield "filter-of-nothing", search, models(filter="nobody = 1"), "FILTER_INVALID"
    yield "order-by-nothing", search, models(order_by="nobody"), "ORDER_BY_INVALID"
    for method, ask in (("SearchLoggedModels", models), ("SearchDatasets", datasets)):
        yield "page-size-below-0", method, ask(page_size=-1), "FIELD_INVALID"
        yield "bad-page-token", method, ask(page_token="x"), "PAGE_TOKEN_INVALID"
        yield "missing-experiment", method, ask(experiments=[f"{W}/experiments/99"]), "EXPERIMENT_NOT_FOUND"
        yield "too-many-experiments", method, ask(experiments=[EXPERIMENT] * 1001), "FIELD_INVALID"


def importance_rows() -> Iterator[Row]:
    method = "ReadParamImportance"
    yield "no-metric", method, importances(metric_key=""), "FIELD_REQUIRED"
    yield "long-metric", method, importances(metric_key="m" * 251), "FIELD_TOO_LONG"
    yield "unknown-figure", method, importances(figure=99), "FIELD_INVALID"
    yield "unknown-view", method, importances(view=99), "FIELD_INVALID"
    yield "filter-of-nothing", method, importances(filter="nobody = 1"), "FILTER_INVALID"
    yield "too-many-params", method, importances(param_keys=["p"] * 101), "FIELD_INVALID"
    yield "empty-param", method, importances(param_keys=[""]), "FIELD_REQUIRED"
    yield "missing-experiment", method, importances(experiments=[f"{W}/experiments/99"]), "EXPERIMENT_NOT_FOUND"
    yield "too-many-experiments", method, importances(experiments=[EXPERIMENT] * 1001), "FIELD_INVALID"


def activity_rows() -> Iterator[Row]:
    method = "ListExperimentActivity"
    yield "no-experiments", method, activity(), "FIELD_REQUIRED"
    yield "too-many-experiments", method, activity(experiments=[EXPERIMENT] * 1001), "FIELD_INVALID"
    missing = activity(experiments=[EXPERIMENT, f"{W}/experiments/99"])
    yield "missing-experiment", method, missing, "EXPERIMENT_NOT_FOUND"


def input_rows() -> Iterator[Row]:
    good = [pb.Tag(key="beside", value="1")]

    def of_dataset(**fields: Any) -> pb.WriteRunRequest:
        used = dataset_input(**{"name": "new", **fields})
        return written(inputs={"datasets": [dataset_input("good"), used]}, tags=good, atomic=True)

    for case, (key, reason) in {"that-is-empty": ("", "FIELD_REQUIRED"), **BAD_KEYS}.items():
        if "251" not in case:
            yield f"dataset-name-{case}", "WriteRun", of_dataset(name=key), reason
            yield f"dataset-digest-{case}", "WriteRun", of_dataset(digest=key), reason
            yield f"input-tag-{case}", "WriteRun", of_dataset(tags={key: "1"}), reason
    for name, length in (("name", 501), ("digest", 65), ("source_type", 251), ("source", 65_536), ("schema", 2**20)):
        yield f"dataset-{name}-too-long", "WriteRun", of_dataset(**{name: "x" * length}), "FIELD_TOO_LONG"
        yield f"dataset-{name}-with-nul", "WriteRun", of_dataset(**{name: NUL}), "FIELD_INVALID"
    yield "dataset-profile-too-long", "WriteRun", of_dataset(profile="x" * (4 * 2**20 + 1)), "FIELD_TOO_LONG"
    yield "input-tag-key-too-long", "WriteRun", of_dataset(tags={"x" * 256: "1"}), "FIELD_TOO_LONG"
    yield "input-tag-value-too-long", "WriteRun", of_dataset(tags={"a": "x" * 501}), "FIELD_TOO_LONG"
    yield "input-tag-value-with-nul", "WriteRun", of_dataset(tags={"a": NUL}), "FIELD_INVALID"
    empty = written(inputs={"datasets": [DatasetInput()]}, tags=good, atomic=True)
    yield "input-of-nothing", "WriteRun", empty, "FIELD_REQUIRED"
    for case, model_id, reason in (
        ("empty", "", "FIELD_REQUIRED"),
        ("malformed", "a/b", "FIELD_INVALID"),
        ("too-long", "a" * 251, "FIELD_TOO_LONG"),
    ):
        used, made = [LoggedModelInput(model_id=model_id)], [LoggedModelOutput(model_id=model_id)]
        yield f"model-input-{case}", "WriteRun", written(inputs={"models": used}, tags=good, atomic=True), reason
        yield f"model-output-{case}", "WriteRun", written(outputs={"models": made}, tags=good, atomic=True), reason
    many = [LoggedModelOutput(model_id="m")] * 1001
    yield "too-many-outputs", "WriteRun", written(outputs={"models": many}, tags=good), "FIELD_INVALID"


def rows() -> Iterator[Row]:
    yield from text_rows()
    yield from run_rows()
    yield from mask_rows()
    yield from search_rows()
    yield from missing_rows()
    yield from write_rows()
    yield from rewrite_rows()
    yield from purge_rows()
    yield from model_rows()
    yield from input_rows()
    yield from importance_rows()
    yield from activity_rows()
    yield from saved_view_rows()


ROWS = list(rows())


@pytest.mark.parametrize(
    ("method", "request_", "reason"), [row[1:] for row in ROWS], ids=[f"{row[1]}-{row[0]}" for row in ROWS]
)
def test_bad_input_is_refused(kept: Kept, method: str, request_: Message, reason: str) -> None:
    failure = error_of(lambda: kept.ask(method, placed(request_, kept.tracking.workspace)))
    assert (failure.code, failure.reason) == (code_of(reason), reason)
    if "field" in failure.metadata:
        assert failure.fields == (failure.metadata["field"],)


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_request_lacks_a_field(kept: Kept, method: str) -> None:
    failure = error_of(lambda: kept.ask(method, b""))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_REQUIRED")
    assert len(failure.fields) == 1


MALFORMED = {
    "wire-type-7": b"\x0f",
    "cut-off-length": b"\x0a\x20abc",
    "endless-number": b"\x0a" + b"\xff" * 11,
    "field-0": b"\x02\x00",
    "text-that-is-no-utf-8": b"\x0a\x02\xc3\x28",
    "surrogate-in-utf-8": b"\x0a\x03\xed\xa0\x80",
    "overlong-nul": b"\x0a\x02\xc0\x80",
    "group-without-end": b"\x0b",
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("method", ["CreateExperiment", "GetRun", "SearchRuns", "WriteRun", "ReadMetricHistory"])
def test_bytes_that_are_no_message_are_malformed(kept: Kept, method: str, case: str) -> None:
    failure = error_of(lambda: kept.ask(method, MALFORMED[case]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_MALFORMED")
    assert failure.metadata == {"messageType": METHODS[method].input_type.full_name}


def test_random_bytes_never_fail_the_server(kept: Kept, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        method = chance.choice(list(METHODS))
        data = chance.randbytes(chance.randrange(1, 60))
        failure = error_of(partial(kept.ask, method, data))
        assert failure.code == grpc.StatusCode.INVALID_ARGUMENT, (method, data)


@pytest.mark.parametrize("method", ["CreateExperiment", "WriteRun", "ReadMetricHistory"])
def test_a_message_above_the_limit_is_too_large(kept: Kept, method: str) -> None:
    # An unknown field, of a number that no message has: only the size is wrong.
    for size in (MAX_MESSAGE_BYTES + 1, 2 * MAX_MESSAGE_BYTES):
        failure = error_of(partial(kept.ask, method, _padded(size)))
        assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE")
        assert failure.metadata == {"messageBytes": str(size), "maxMessageBytes": str(MAX_MESSAGE_BYTES)}


def test_a_message_of_exactly_the_limit_is_read(kept: Kept) -> None:
    assert error_of(lambda: kept.ask("WriteRun", _padded(MAX_MESSAGE_BYTES))).reason == "FIELD_REQUIRED"


@pytest.mark.parametrize("method", ["WriteRun", "ReadMetricHistory"])
def test_a_message_far_above_the_limit_is_refused_unread(kept: Kept, method: str) -> None:
    error = rpc_error_of(lambda: kept.ask(method, _padded(4 * MAX_MESSAGE_BYTES)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def _padded(size: int) -> bytes:
    """A message of this size that holds nothing but an unknown field."""
    head = 2 + 4
    length = size - head
    return b"\xfa\x7f" + bytes((length >> 7 * i) & 0x7F | (0x80 if i < 3 else 0) for i in range(4)) + b"x" * length


@pytest.mark.parametrize("method", ["Fly", "writeRun", "WriteRun/", "", "GetRun%00"])
def test_an_unknown_method_is_unimplemented(kept: Kept, method: str) -> None:
    failure = error_of(lambda: kept.ask(method, b""))
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
    assert failure.metadata == {"method": SERVICE + method}


LONG = "a" * 4096
BAD_NAMES = {
    "relative": "known",
    "absolute": "/PARENT/KIND/known",
    "trailing-slash": "PARENT/KIND/1/",
    "double-slash": "PARENT//KIND/1",
    "dots": "PARENT/KIND/..",
    "dot": "PARENT/KIND/.",
    "dots-within": "PARENT/KIND/../KIND/1",
    "percent-dots": "PARENT/KIND/%2e%2e",
    "percent-slash": "PARENT%2fKIND/1",
    "backslash": "PARENT\\KIND\\1",
    "line-feed": "PARENT/KIND/1\n",
    "carriage-return": "PARENT/KIND/1\r",
    "leading-space": " PARENT/KIND/1",
    "nul": "PARENT/KIND/1\0",
    "no-id": "PARENT/KIND/",
    "no-kind": "PARENT/1",
    "only-the-workspace": "PARENT",
    "wrong-kind": "PARENT/models/1",
    "kind-of-another-case": "PARENT/KINDS/1",
    "more-segments": "PARENT/KIND/1/metrics/a",
    "wildcard": "PARENT/KIND/-",
    "star": "PARENT/KIND/*",
    "empty-workspace": "workspaces//KIND/1",
    "workspace-of-capitals": "workspaces/Default/KIND/1",
    "workspace-of-dots": "workspaces/../KIND/1",
    "workspace-with-end-dash": "workspaces/a-/KIND/1",
    "workspace-of-64-characters": "workspaces/" + "a" * 64 + "/KIND/1",
    "4-kilobytes": "PARENT/KIND/" + LONG,
    "workspace-of-4-kilobytes": f"workspaces/{LONG}/KIND/1",
    "quote": "PARENT/KIND/1' OR '1'='1",
    "full-width-digit": "PARENT/KIND/\uff11",
    "zero-width-space": "PARENT/KIND/1\u200b",
    "right-to-left": "PARENT/KIND/\u202e1",
    "url": "https://host/PARENT/KIND/1",
}
BAD_EXPERIMENTS = {
    "leading-zero": "PARENT/experiments/01",
    "negative": "PARENT/experiments/-1",
    "plus": "PARENT/experiments/+1",
    "fraction": "PARENT/experiments/1.0",
    "19-digits": "PARENT/experiments/9223372036854775808",
    "hexadecimal": "PARENT/experiments/0x1",
    "run": "PARENT/runs/known",
}
BAD_WORKSPACES = {
    "relative": "WORKSPACE",
    "trailing-slash": "PARENT/",
    "line-feed": "PARENT\n",
    "nul": "PARENT\0",
    "dots": "workspaces/..",
    "percent-dots": "workspaces/%2e%2e",
    "capitals": "workspaces/A",
    "no-id": "workspaces/",
    "wildcard": "workspaces/-",
    "experiment": "PARENT/experiments/1",
    "run": "PARENT/runs/known",
    "4-kilobytes": f"workspaces/{LONG}",
}

TakesName = Callable[[str], tuple[str, Message]]
OF_RUNS: dict[str, TakesName] = {
    "GetRun": lambda name: ("GetRun", pb.GetRunRequest(name=name)),
    "UpdateRun": lambda name: ("UpdateRun", changed_run("description", name=name, description="new")),
    "DeleteRun": lambda name: ("DeleteRun", pb.DeleteRunRequest(name=name)),
    "RestoreRun": lambda name: ("RestoreRun", pb.RestoreRunRequest(name=name)),
    "WriteRun": lambda name: ("WriteRun", written(run=name, tags=[pb.Tag(key="a", value="b")])),
    "ListMetrics": lambda name: ("ListMetrics", pb.ListMetricsRequest(parent=name)),
    "ReadMetricHistory": lambda name: ("ReadMetricHistory", history(run=name)),
    "ReadMetricCurves": lambda name: ("ReadMetricCurves", curves(runs=[RUN, name])),
    "CreateLoggedModel.source_run": lambda name: ("CreateLoggedModel", new_model(source_run=name)),
    "CreateRun.parent_run": lambda name: ("CreateRun", new_run(parent_run=name)),
}
OF_EXPERIMENTS: dict[str, TakesName] = {
    "GetExperiment": lambda name: ("GetExperiment", pb.GetExperimentRequest(name=name)),
    "UpdateExperiment": lambda name: ("UpdateExperiment", changed_experiment("description", name=name)),
    "SetExperimentTags": lambda name: (
        "SetExperimentTags",
        pb.SetExperimentTagsRequest(name=name, tags={"a": "b"}),
    ),
    "DeleteExperiment": lambda name: ("DeleteExperiment", pb.DeleteExperimentRequest(name=name)),
    "RestoreExperiment": lambda name: ("RestoreExperiment", pb.RestoreExperimentRequest(name=name)),
    "CreateLoggedModel.experiment": lambda name: ("CreateLoggedModel", new_model(experiment=name)),
    "SearchLoggedModels.experiments": lambda name: ("SearchLoggedModels", models(experiments=[name])),
    "ReadParamImportance.experiments": lambda name: ("ReadParamImportance", importances(experiments=[name])),
    "SearchDatasets.experiments": lambda name: ("SearchDatasets", datasets(experiments=[name])),
    "ListExperimentActivity.experiments": lambda name: ("ListExperimentActivity", activity(experiments=[name])),
    "CreateSavedView.experiment": lambda name: ("CreateSavedView", new_saved_view(experiment=name)),
    "ListSavedViews.experiment": lambda name: ("ListSavedViews", saved_views(experiment=name)),
    "CreateRun.experiment": lambda name: ("CreateRun", new_run(experiment=name)),
    "SearchRuns.experiments": lambda name: ("SearchRuns", pb.SearchRunsRequest(parent=W, experiments=[name])),
}
OF_MODELS: dict[str, TakesName] = {
    "GetLoggedModel": lambda name: ("GetLoggedModel", models_pb.GetLoggedModelRequest(name=name)),
    "FinalizeLoggedModel": lambda name: ("FinalizeLoggedModel", finalized(2, name)),
    "SetLoggedModelTags": lambda name: ("SetLoggedModelTags", model_tags(name=name, tags={"a": "b"})),
    "AddLoggedModelParams": lambda name: ("AddLoggedModelParams", model_params(name, a="b")),
    "DeleteLoggedModel": lambda name: ("DeleteLoggedModel", models_pb.DeleteLoggedModelRequest(name=name)),
}
OF_SAVED_VIEWS: dict[str, TakesName] = {
    "GetSavedView": lambda name: ("GetSavedView", GetSavedViewRequest(name=name)),
    "UpdateSavedView": lambda name: ("UpdateSavedView", changed_saved_view("state", name=name, state="{}")),
    "DeleteSavedView": lambda name: ("DeleteSavedView", DeleteSavedViewRequest(name=name)),
}
OF_WORKSPACES: dict[str, TakesName] = {
    "CreateSavedView": lambda name: (
        "CreateSavedView",
        CreateSavedViewRequest(parent=name, saved_view=SavedView(display_name="new", state="{}")),
    ),
    "ListSavedViews": lambda name: ("ListSavedViews", ListSavedViewsRequest(parent=name)),
    "CreateLoggedModel": lambda name: ("CreateLoggedModel", models_pb.CreateLoggedModelRequest(parent=name)),
    "SearchLoggedModels": lambda name: ("SearchLoggedModels", models_pb.SearchLoggedModelsRequest(parent=name)),
    "ReadParamImportance": lambda name: (
        "ReadParamImportance",
        ReadParamImportanceRequest(parent=name, metric_key="loss"),
    ),
    "SearchDatasets": lambda name: ("SearchDatasets", models_pb.SearchDatasetsRequest(parent=name)),
    "CreateExperiment": lambda name: (
        "CreateExperiment",
        pb.CreateExperimentRequest(parent=name, experiment=Experiment(display_name="new")),
    ),
    "LookupExperiment": lambda name: (
        "LookupExperiment",
        pb.LookupExperimentRequest(parent=name, display_name="Default"),
    ),
    "SearchExperiments": lambda name: ("SearchExperiments", pb.SearchExperimentsRequest(parent=name)),
    "ListExperimentActivity": lambda name: (
        "ListExperimentActivity",
        activity_pb.ListExperimentActivityRequest(parent=name, experiments=[EXPERIMENT]),
    ),
    "CreateRun": lambda name: ("CreateRun", pb.CreateRunRequest(parent=name, run_id="new")),
    "SearchRuns": lambda name: ("SearchRuns", pb.SearchRunsRequest(parent=name)),
}


def refuses_names(kept: Kept, takes: TakesName, names: dict[str, str], kind: str) -> None:
    for case, name in names.items():
        full = name.replace("PARENT", kept.tracking.parent).replace("KIND", kind)
        method, request = takes(full.replace("WORKSPACE", kept.tracking.workspace))
        data = placed(request, kept.tracking.workspace)
        failure = error_of(partial(kept.ask, method, data))
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "RESOURCE_NAME_INVALID"), case
        assert failure.metadata["pattern"].startswith("workspaces/{workspace}"), case
        assert len(failure.fields) == 1, case


@pytest.mark.parametrize("field", OF_RUNS)
def test_a_malformed_name_of_a_run_is_refused(kept: Kept, field: str) -> None:
    refuses_names(kept, OF_RUNS[field], BAD_NAMES, "runs")


@pytest.mark.parametrize("field", OF_EXPERIMENTS)
def test_a_malformed_name_of_an_experiment_is_refused(kept: Kept, field: str) -> None:
    refuses_names(kept, OF_EXPERIMENTS[field], {**BAD_NAMES, **BAD_EXPERIMENTS}, "experiments")


@pytest.mark.parametrize("field", OF_WORKSPACES)
def test_a_malformed_name_of_a_workspace_is_refused(kept: Kept, field: str) -> None:
    refuses_names(kept, OF_WORKSPACES[field], BAD_WORKSPACES, "")


@pytest.mark.parametrize("field", OF_MODELS)
def test_a_malformed_name_of_a_logged_model_is_refused(kept: Kept, field: str) -> None:
    refuses_names(kept, OF_MODELS[field], BAD_NAMES, "loggedModels")


@pytest.mark.parametrize("field", OF_SAVED_VIEWS)
def test_a_malformed_name_of_a_saved_view_is_refused(kept: Kept, field: str) -> None:
    refuses_names(kept, OF_SAVED_VIEWS[field], BAD_NAMES, "savedViews")
