"""TrackingService: parse, ask the store, convert back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.page_tokens import Cursor
from trivet_kit.resources import parse_experiment, parse_run, parse_workspace
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import experiment_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking import convert, convert_reads, convert_writes
from trivet_tracking.commits import GroupCommitter
from trivet_tracking.domain import limits
from trivet_tracking.domain.comparison import compare
from trivet_tracking.domain.experiments import ExperimentQuery, Experiments
from trivet_tracking.domain.metric_reads import Metrics
from trivet_tracking.domain.metrics import HistoryQuery
from trivet_tracking.domain.run_keys import RunKeyQuery
from trivet_tracking.domain.runs import RunQuery, Runs
from trivet_tracking.domain.vocabularies import EXPERIMENTS, RUNS
from trivet_tracking.write_streams import WriteStream


@dataclass(frozen=True)
class TrackingServicer:
    """Implements `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    experiments: Experiments
    runs: Runs
    metrics: Metrics
    committer: GroupCommitter
    now: Callable[[], int]
    """Gives milliseconds since the Unix epoch."""

    def CreateExperiment(self, request: pb.CreateExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert.to_new_experiment(request.experiment)
        created = self.experiments.create(workspace, new, fingerprints.repeatable_request(request, request.request_id))
        return convert.from_experiment(created)

    def GetExperiment(self, request: pb.GetExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.get(name.workspace, name.experiment_id))

    def LookupExperiment(self, request: pb.LookupExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        workspace = parse_workspace(request.parent, "parent").workspace
        name = texts.check_label(request.display_name, "display_name", limits.MAX_DISPLAY_NAME_CHARACTERS)
        return convert.from_experiment(self.experiments.lookup(workspace, name))

    def SearchExperiments(self, request: pb.SearchExperimentsRequest, call: Call) -> pb.SearchExperimentsResponse:
        bound_to = fingerprints.of_search(request)
        query = ExperimentQuery(
            where=parse_filter(request.filter, EXPERIMENTS),
            order_by=parse_order_by(request.order_by, EXPERIMENTS),
            view=convert.to_view(request.view),
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
        )
        page = self.experiments.search(parse_workspace(request.parent, "parent").workspace, query)
        experiments = [convert.from_experiment(experiment) for experiment in page.experiments]
        kept = page_tokens.entries_that_fit([experiment.ByteSize() for experiment in experiments])
        ends = page.is_last and kept == len(experiments)
        return pb.SearchExperimentsResponse(
            experiments=experiments[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
        )

    def UpdateExperiment(self, request: pb.UpdateExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.experiment.name, "experiment.name")
        change = convert.to_experiment_change(request)
        revision = to_revision(request.experiment.etag)
        return convert.from_experiment(self.experiments.update(name.workspace, name.experiment_id, change, revision))

    def SetExperimentTags(self, request: pb.SetExperimentTagsRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        tags = texts.check_map(request.tags, "tags", limits.MAX_TAG_VALUE_BYTES)
        deleted = frozenset(
            texts.check_key(key, f"deleted_tags[{index}]") for index, key in enumerate(request.deleted_tags)
        )
        texts.check_disjoint(tags, deleted, "deleted_tags")
        return convert.from_experiment(self.experiments.set_tags(name.workspace, name.experiment_id, tags, deleted))

    def DeleteExperiment(self, request: pb.DeleteExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.delete(name.workspace, name.experiment_id))

    def RestoreExperiment(self, request: pb.RestoreExperimentRequest, call: Call) -> experiment_pb2.Experiment:
        name = parse_experiment(request.name, "name")
        return convert.from_experiment(self.experiments.restore(name.workspace, name.experiment_id))

    def CreateRun(self, request: pb.CreateRunRequest, call: Call) -> run_pb2.Run:
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert.to_new_run(request, call, self.now())
        return convert.from_run(self.runs.create(workspace, new))

    def GetRun(self, request: pb.GetRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        return convert.from_run(self.runs.get(name.workspace, name.run_id))

    def SearchRuns(self, request: pb.SearchRunsRequest, call: Call) -> pb.SearchRunsResponse:
        bound_to = fingerprints.of_search(request, "count_total")
        mask = convert.to_read_mask(request)
        query = RunQuery(
            experiment_ids=convert.to_experiment_ids(request.experiments),
            where=parse_filter(request.filter, RUNS),
            order_by=parse_order_by(request.order_by, RUNS),
            view=convert.to_view(request.view),
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
            fields=convert.to_run_fields(request),
            count=request.count_total,
        )
        page = self.runs.search(parse_workspace(request.parent, "parent").workspace, query)
        runs = [convert.from_run(run, mask) for run in page.runs]
        kept = page_tokens.entries_that_fit([run.ByteSize() for run in runs])
        ends = page.is_last and kept == len(runs)
        return pb.SearchRunsResponse(
            runs=runs[:kept],
            next_page_token="" if ends else page_tokens.encode(bound_to, page.cursors[kept - 1]),
            total_size=page.total,
        )

    def ListRunKeys(self, request: pb.ListRunKeysRequest, call: Call) -> pb.ListRunKeysResponse:
        bound_to = fingerprints.of_search(request)
        query = RunKeyQuery(
            kind=convert.to_run_key_kind(request.kind),
            experiment_ids=convert.to_experiment_ids(request.experiments),
            run_ids=convert.to_run_ids(request.runs, limits.MAX_SEARCHED_RUNS),
            contains=texts.check_text(request.contains, "contains", texts.MAX_KEY_CHARACTERS),
            size=page_tokens.page_size(request.page_size),
            after=page_tokens.decode(bound_to, request.page_token),
        )
        if query.experiment_ids and query.run_ids:
            raise FieldInvalid("runs", "cannot be set together with experiments")
        page = self.runs.keys(parse_workspace(request.parent, "parent").workspace, query)
        return pb.ListRunKeysResponse(
            keys=page.keys, next_page_token=_token(bound_to, None if page.is_last else [page.keys[-1]])
        )

    def CompareRuns(self, request: pb.CompareRunsRequest, call: Call) -> pb.CompareRunsResponse:
        run_ids = convert.to_run_ids(request.runs, limits.MAX_COMPARED_RUNS)
        if not run_ids:
            raise FieldRequired("runs")
        runs = self.runs.get_several(parse_workspace(request.parent, "parent").workspace, run_ids)
        response = convert.from_comparison(compare(runs, only_differing=request.only_differing))
        if response.ByteSize() > page_tokens.MAX_PAGE_BYTES:
            raise FieldInvalid("runs", "have too much to compare in one answer; name fewer")
        return response

    def UpdateRun(self, request: pb.UpdateRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.run.name, "run.name")
        change = convert.to_run_change(request)
        revision = to_revision(request.run.etag)
        return convert.from_run(self.runs.update(name.workspace, name.run_id, change, revision))

    def DeleteRun(self, request: pb.DeleteRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        return convert.from_run(self.runs.delete(name.workspace, name.run_id))

    def RestoreRun(self, request: pb.RestoreRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        return convert.from_run(self.runs.restore(name.workspace, name.run_id))

    async def WriteRun(self, request: pb.WriteRunRequest, call: Call) -> pb.WriteRunResponse:
        write = convert_writes.to_run_write(request, self.now())
        del request  # many calls wait at once, and what they hold is bounded by their writes
        return convert_writes.from_outcome(await self.committer.submit(write))

    async def StreamWrites(
        self, requests: AsyncIterator[pb.StreamWritesRequest], call: Call
    ) -> AsyncGenerator[pb.StreamWritesResponse, None]:
        async with aclosing(WriteStream(self.committer, self.now).answers(requests)) as answers:
            async for answer in answers:
                yield answer

    def ListMetrics(self, request: pb.ListMetricsRequest, call: Call) -> pb.ListMetricsResponse:
        bound_to = fingerprints.of_search(request)
        name = parse_run(request.parent, "parent")
        size = page_tokens.page_size(request.page_size)
        after = page_tokens.decode(bound_to, request.page_token)
        page = self.metrics.list(name.workspace, name.run_id, size, after)
        return pb.ListMetricsResponse(
            metrics=[convert.from_metric(metric) for metric in page.metrics],
            next_page_token=_token(bound_to, page.next_cursor),
        )

    async def ReadMetricHistory(
        self, request: pb.ReadMetricHistoryRequest, call: Call
    ) -> AsyncIterator[pb.ReadMetricHistoryResponse]:
        name = parse_run(request.run, "run")
        query = HistoryQuery(
            key=texts.check_key(request.key, "key"),
            context=convert.to_context(request.context, "context") if request.HasField("context") else None,
            min_step=request.min_step if request.HasField("min_step") else None,
            max_step=request.max_step if request.HasField("max_step") else None,
        )
        parts = await asyncio.to_thread(self.metrics.history, name.workspace, name.run_id, query)
        context = request.context if request.HasField("context") else None
        while points := await asyncio.to_thread(next, parts, None):
            for message in convert_reads.from_points(query.key, context, points):
                yield message

    async def ReadMetricCurves(
        self, request: pb.ReadMetricCurvesRequest, call: Call
    ) -> AsyncIterator[pb.ReadMetricCurvesResponse]:
        runs, keys, query = convert_reads.to_curves(request)
        for run in runs:
            for curve in await asyncio.to_thread(self.metrics.curves, run.workspace, run.run_id, keys, query):
                yield pb.ReadMetricCurvesResponse(curve=convert_reads.from_curve(run, curve))


def _token(bound_to: str, cursor: Cursor | None) -> str:
    return page_tokens.encode(bound_to, cursor) if cursor is not None else ""
