"""Runs: to create, find, compare, change and delete them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, texts
from trivet_kit.calls import Call
from trivet_kit.errors import FieldInvalid, FieldRequired
from trivet_kit.resources import parse_run, parse_workspace
from trivet_kit.search.parser import parse_filter, parse_order_by
from trivet_kit.tallies import Tally
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking import convert
from trivet_tracking.domain import limits
from trivet_tracking.domain.comparison import compare
from trivet_tracking.domain.run_keys import RunKeyQuery
from trivet_tracking.domain.runs import RunQuery, Runs
from trivet_tracking.domain.vocabularies import RUNS
from trivet_tracking.kept_runs import creating


@dataclass(frozen=True)
class RunServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    runs: Runs
    now: Callable[[], int]
    """Gives milliseconds since the Unix epoch."""
    kept: Tally
    """How many a workspace keeps."""

    def CreateRun(self, request: pb.CreateRunRequest, call: Call) -> run_pb2.Run:
        workspace = parse_workspace(request.parent, "parent").workspace
        new = convert.to_new_run(request, call, self.now())
        with creating(self.runs, self.kept, workspace, new.run_id):
            return convert.from_run(self.runs.create(workspace, new))

    def GetRun(self, request: pb.GetRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        mask = convert.to_read_mask(request.read_mask)
        return convert.from_run(self.runs.get(name.workspace, name.run_id, convert.to_masked_fields(mask)), mask)

    def SearchRuns(self, request: pb.SearchRunsRequest, call: Call) -> pb.SearchRunsResponse:
        bound_to = fingerprints.of_search(request, "count_total")
        mask = convert.to_read_mask(request.read_mask)
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
            keys=page.keys, next_page_token=page_tokens.encode(bound_to, None if page.is_last else [page.keys[-1]])
        )

    def CompareRuns(self, request: pb.CompareRunsRequest, call: Call) -> pb.CompareRunsResponse:
        run_ids = convert.to_run_ids(request.runs, limits.MAX_COMPARED_RUNS)
        if not run_ids:
            raise FieldRequired("runs")
        runs = self.runs.get_several(parse_workspace(request.parent, "parent").workspace, run_ids)
        too_much = FieldInvalid("runs", "have too much to compare in one answer; name fewer")
        if len(runs) < len(run_ids) or any(run.left_out for run in runs):
            raise too_much
        response = convert.from_comparison(compare(runs, only_differing=request.only_differing))
        if response.ByteSize() > page_tokens.MAX_PAGE_BYTES:
            raise too_much
        return response

    def UpdateRun(self, request: pb.UpdateRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.run.name, "run.name")
        change = convert.to_run_change(request)
        revision = to_revision(request.run.etag)
        mask = convert.to_read_mask(request.read_mask)
        fields = convert.to_masked_fields(mask)
        return convert.from_run(self.runs.update(name.workspace, name.run_id, change, revision, fields), mask)

    def DeleteRun(self, request: pb.DeleteRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        return convert.from_run(self.runs.delete(name.workspace, name.run_id))

    def RestoreRun(self, request: pb.RestoreRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        return convert.from_run(self.runs.restore(name.workspace, name.run_id))
