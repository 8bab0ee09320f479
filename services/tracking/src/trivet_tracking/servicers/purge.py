"""What was deleted, removed for good."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens
from trivet_kit.calls import Call
from trivet_kit.resources import ExperimentName, RunName, parse_workspace
from trivet_proto.tracking.v1 import purge_pb2 as pb
from trivet_tracking import convert
from trivet_tracking.domain import limits
from trivet_tracking.domain.purge import Purge, PurgeQuery


@dataclass(frozen=True)
class PurgeServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    purge: Purge

    def PurgeExperiments(self, request: pb.PurgeExperimentsRequest, call: Call) -> pb.PurgeExperimentsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        page = self.purge.experiments(workspace, _query(request, (), bound_to))
        return pb.PurgeExperimentsResponse(
            experiments=[
                pb.PurgedExperiment(
                    name=str(ExperimentName(workspace, experiment.experiment_id)),
                    display_name=experiment.display_name,
                    run_count=experiment.runs,
                )
                for experiment in page.experiments
            ],
            next_page_token=page_tokens.encode(bound_to, page.next_cursor),
        )

    def PurgeRuns(self, request: pb.PurgeRunsRequest, call: Call) -> pb.PurgeRunsResponse:
        bound_to = fingerprints.of_search(request)
        workspace = parse_workspace(request.parent, "parent").workspace
        run_ids = convert.to_run_ids(request.runs, limits.MAX_PURGED_NAMES)
        page = self.purge.runs(workspace, _query(request, run_ids, bound_to))
        return pb.PurgeRunsResponse(
            runs=[
                pb.PurgedRun(
                    name=str(RunName(workspace, run.run_id)),
                    display_name=run.display_name,
                    point_count=run.points,
                    point_bytes=run.bytes,
                )
                for run in page.runs
            ],
            next_page_token=page_tokens.encode(bound_to, page.next_cursor),
        )


def _query(
    request: pb.PurgeExperimentsRequest | pb.PurgeRunsRequest, run_ids: tuple[str, ...], bound_to: str
) -> PurgeQuery:
    return PurgeQuery(
        older_than_millis=convert.to_age_millis(request),
        experiment_ids=convert.to_experiment_ids(request.experiments),
        run_ids=run_ids,
        dry_run=request.dry_run,
        size=page_tokens.page_size(request.page_size),
        after=page_tokens.decode(bound_to, request.page_token),
    )
