"""Short ways to write and read experiments, runs and metrics over the wire."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.tracking.v1 import (
    experiment_pb2,
    lifecycle_pb2,
    logged_model_pb2,
    metric_pb2,
    run_inputs_pb2,
    run_pb2,
    saved_view_pb2,
)
from trivet_proto.tracking.v1 import logged_model_service_pb2 as models_pb
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.tracking import Tracking

Point = tuple[int, int, float]
"""Step, time in milliseconds, value. NaN is always the object `math.nan`, so that lists of points can be compared."""

_serial = itertools.count(1)


def timestamp(millis: int) -> Timestamp:
    """The time so many milliseconds after the Unix epoch."""
    return Timestamp(seconds=millis // 1000, nanos=millis % 1000 * 1_000_000)


def create_experiment(tracking: Tracking, display_name: str = "", **fields: object) -> experiment_pb2.Experiment:
    """Creates an experiment, by default of a name that no other one has."""
    experiment = experiment_pb2.Experiment(display_name=display_name or f"experiment {next(_serial)}", **fields)  # type: ignore[arg-type] # fields of Experiment
    return tracking.stub.CreateExperiment(pb.CreateExperimentRequest(parent=tracking.parent, experiment=experiment))


def create_run(tracking: Tracking, run_id: str = "", **fields: object) -> run_pb2.Run:
    """Creates a run, by default with an id that the server makes, in the experiment `0`."""
    run = run_pb2.Run(**fields)  # type: ignore[arg-type] # fields of Run
    return tracking.stub.CreateRun(pb.CreateRunRequest(parent=tracking.parent, run_id=run_id, run=run))


def metric(
    key: str, *points: Point, context: metric_pb2.MetricContext | None = None, at: int | None = None
) -> metric_pb2.MetricColumns:
    """Columns with one piece; `at` is the time of all points instead of theirs."""
    return metric_pb2.MetricColumns(
        keys=[key],
        counts=[len(points)],
        steps=[point[0] for point in points],
        times_millis=[at] if at is not None else [point[1] for point in points],
        values=[point[2] for point in points],
        contexts=[] if context is None else [context],
        context_index=[] if context is None else [1],
    )


def write(tracking: Tracking, run: str, **fields: object) -> pb.WriteRunResponse:
    """Writes to a run, which is given by its resource name."""
    return tracking.stub.WriteRun(pb.WriteRunRequest(run=run, **fields))  # type: ignore[arg-type] # fields of WriteRunRequest


def log(tracking: Tracking, run: str, **values: float) -> None:
    """Writes one point, of step 0 and time 0, for each metric."""
    columns = metric_pb2.MetricColumns(keys=list(values), times_millis=[0], values=list(values.values()))
    assert not write(tracking, run, metrics=columns, atomic=True).refused


def get_run(tracking: Tracking, name: str) -> run_pb2.Run:
    """A run, by its resource name."""
    return tracking.stub.GetRun(pb.GetRunRequest(name=name))


def list_metrics(tracking: Tracking, run: str, page_size: int = 0) -> list[metric_pb2.Metric]:
    """All current values of a run, from all pages."""
    metrics: list[metric_pb2.Metric] = []
    token = ""
    while True:
        page = tracking.stub.ListMetrics(pb.ListMetricsRequest(parent=run, page_size=page_size, page_token=token))
        metrics += page.metrics
        token = page.next_page_token
        if not token:
            return metrics


def read_history(tracking: Tracking, run: str, key: str, **fields: object) -> list[Point]:
    """The points of a metric, in the order in which they were streamed."""
    request = pb.ReadMetricHistoryRequest(run=run, key=key, **fields)  # type: ignore[arg-type] # fields of the request
    return [point for answer in tracking.stub.ReadMetricHistory(request) for point in points_of(answer.metrics)]


def points_of(columns: metric_pb2.MetricColumns) -> Iterable[Point]:
    """The points in columns that have all of their parts."""
    values = (math.nan if math.isnan(value) else value for value in columns.values)
    return zip(columns.steps, columns.times_millis, values, strict=True)


def run_pages(tracking: Tracking, request: pb.SearchRunsRequest) -> Iterator[list[run_pb2.Run]]:
    """The pages of a search, one call each, up to the last."""
    asked = pb.SearchRunsRequest()
    asked.CopyFrom(request)
    asked.parent = tracking.parent
    while True:
        page = tracking.stub.SearchRuns(asked)
        yield list(page.runs)
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def search_runs(tracking: Tracking, filter: str = "", order_by: str = "", **fields: object) -> list[str]:  # noqa: A002 - the field's name
    """The ids of the runs that pass a filter, in order, from all pages."""
    request = pb.SearchRunsRequest(filter=filter, order_by=order_by, **fields)  # type: ignore[arg-type] # fields of SearchRunsRequest
    return [id_of(run.name) for page in run_pages(tracking, request) for run in page]


def experiment_pages(
    tracking: Tracking, request: pb.SearchExperimentsRequest
) -> Iterator[list[experiment_pb2.Experiment]]:
    """The pages of a search, one call each, up to the last."""
    asked = pb.SearchExperimentsRequest()
    asked.CopyFrom(request)
    asked.parent = tracking.parent
    while True:
        page = tracking.stub.SearchExperiments(asked)
        yield list(page.experiments)
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def search_experiments(tracking: Tracking, filter: str = "", order_by: str = "", **fields: object) -> list[str]:  # noqa: A002 - the field's name
    """The display names of the experiments that pass a filter, in order, from all pages."""
    request = pb.SearchExperimentsRequest(filter=filter, order_by=order_by, **fields)  # type: ignore[arg-type] # fields of the request
    return [found.display_name for page in experiment_pages(tracking, request) for found in page]


def create_logged_model(tracking: Tracking, model_id: str = "", **fields: object) -> logged_model_pb2.LoggedModel:
    """Creates a logged model, by default with an id that the server makes, in the experiment `0`."""
    model = logged_model_pb2.LoggedModel(**fields)  # type: ignore[arg-type] # fields of LoggedModel
    return tracking.stub.CreateLoggedModel(
        models_pb.CreateLoggedModelRequest(parent=tracking.parent, logged_model_id=model_id, logged_model=model)
    )


def get_logged_model(tracking: Tracking, name: str) -> logged_model_pb2.LoggedModel:
    """A logged model, by its resource name."""
    return tracking.stub.GetLoggedModel(models_pb.GetLoggedModelRequest(name=name))


def logged_model_pages(
    tracking: Tracking, request: models_pb.SearchLoggedModelsRequest
) -> Iterator[list[logged_model_pb2.LoggedModel]]:
    """The pages of a search, one call each, up to the last."""
    asked = models_pb.SearchLoggedModelsRequest()
    asked.CopyFrom(request)
    asked.parent = tracking.parent
    while True:
        page = tracking.stub.SearchLoggedModels(asked)
        yield list(page.logged_models)
        asked.page_token = page.next_page_token
        if not asked.page_token:
            return


def search_logged_models(tracking: Tracking, filter: str = "", order_by: str = "", **fields: object) -> list[str]:  # noqa: A002 - the field's name
    """The ids of the logged models that pass a filter, in order, from all pages."""
    request = models_pb.SearchLoggedModelsRequest(filter=filter, order_by=order_by, **fields)  # type: ignore[arg-type] # fields of the request
    return [id_of(model.name) for page in logged_model_pages(tracking, request) for model in page]


def search_datasets(tracking: Tracking, page_size: int = 0, **fields: object) -> list[tuple[str, str, str, str]]:
    """Experiment id, name, digest and context of the datasets that runs used, from all pages."""
    request = models_pb.SearchDatasetsRequest(parent=tracking.parent, page_size=page_size, **fields)  # type: ignore[arg-type] # fields of the request
    found: list[tuple[str, str, str, str]] = []
    while True:
        page = tracking.stub.SearchDatasets(request)
        found += [(id_of(used.experiment), used.name, used.digest, used.context) for used in page.datasets]
        request.page_token = page.next_page_token
        if not request.page_token:
            return found


def dataset_input(
    name: str, digest: str = "1", context: str = "", *, tags: Mapping[str, str] | None = None, **fields: str
) -> run_inputs_pb2.DatasetInput:
    """A dataset as an input of a run; `context` is the tag that searches know by that name."""
    of_context = {"mlflow.data.context": context} if context else {}
    return run_inputs_pb2.DatasetInput(
        dataset=run_inputs_pb2.Dataset(name=name, digest=digest, **fields), tags={**of_context, **(tags or {})}
    )


def create_saved_view(
    tracking: Tracking, display_name: str, state: str = "{}", request_id: str = "", **fields: object
) -> saved_view_pb2.SavedView:
    """Saves a view, by default of no experiment."""
    saved_view = saved_view_pb2.SavedView(display_name=display_name, state=state, **fields)  # type: ignore[arg-type] # fields of SavedView
    return tracking.stub.CreateSavedView(
        saved_view_pb2.CreateSavedViewRequest(parent=tracking.parent, saved_view=saved_view, request_id=request_id)
    )


def saved_view_pages(
    tracking: Tracking, experiment: str | None = None, page_size: int = 0
) -> Iterator[list[saved_view_pb2.SavedView]]:
    """The pages of a list, one call each, up to the last; by default of all of the workspace."""
    request = saved_view_pb2.ListSavedViewsRequest(parent=tracking.parent, experiment=experiment, page_size=page_size)
    while True:
        page = tracking.stub.ListSavedViews(request)
        yield list(page.saved_views)
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def id_of(name: str) -> str:
    """The last segment of a resource name."""
    return name.rpartition("/")[2]


def snapshot(tracking: Tracking) -> list[bytes]:
    """All that a workspace holds, deleted or not: experiments, runs, current values and points; logged models in use;
    saved views.

    Two snapshots are equal if and only if nothing that a reader can see has changed, but when runs were last reached.
    """
    everything = lifecycle_pb2.LIFECYCLE_VIEW_ALL
    held = [
        experiment.SerializeToString(deterministic=True)
        for page in experiment_pages(tracking, pb.SearchExperimentsRequest(view=everything))
        for experiment in page
    ]
    for page in run_pages(tracking, pb.SearchRunsRequest(view=everything)):
        for run in page:
            run.ClearField("last_write_time")
            held.append(run.SerializeToString(deterministic=True))
            held += [found.SerializeToString() for found in list_metrics(tracking, run.name, 1000)]
            for current in run.metrics:
                request = pb.ReadMetricHistoryRequest(run=run.name, key=current.key)
                held += [answer.SerializeToString() for answer in tracking.stub.ReadMetricHistory(request)]
    for models in logged_model_pages(tracking, models_pb.SearchLoggedModelsRequest()):
        held += [model.SerializeToString(deterministic=True) for model in models]
    for saved_views in saved_view_pages(tracking):
        held += [saved_view.SerializeToString() for saved_view in saved_views]
    return held
