"""What is changed of the points of runs after they were written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet_kit.calls import Call
from trivet_kit.resources import parse_run
from trivet_kit.tallies import Tally
from trivet_kit.updates import to_revision
from trivet_proto.tracking.v1 import rewrite_pb2 as pb
from trivet_proto.tracking.v1 import run_pb2
from trivet_tracking import convert
from trivet_tracking.domain.rewrites import Rewrites
from trivet_tracking.domain.runs import Runs
from trivet_tracking.kept_runs import creating


@dataclass(frozen=True)
class RewriteServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    rewrites: Rewrites
    runs: Runs
    now: Callable[[], int]
    """Gives milliseconds since the Unix epoch."""
    kept: Tally
    """How many runs a workspace keeps."""

    def DeleteMetrics(self, request: pb.DeleteMetricsRequest, call: Call) -> pb.DeleteMetricsResponse:
        name = parse_run(request.run, "run")
        keys = convert.to_metric_keys(request.keys)
        context = convert.to_context(request.context, "context") if request.HasField("context") else None
        deleted = self.rewrites.delete_metrics(name.workspace, name.run_id, keys, context)
        return pb.DeleteMetricsResponse(deleted_series=deleted.series, deleted_points=deleted.points)

    def RewindRun(self, request: pb.RewindRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        revision = to_revision(request.etag)
        return convert.from_run(self.rewrites.rewind(name.workspace, name.run_id, request.step, revision))

    def ForkRun(self, request: pb.ForkRunRequest, call: Call) -> run_pb2.Run:
        name = parse_run(request.name, "name")
        new = convert.to_new_fork(request, call, self.now())
        with creating(self.runs, self.kept, name.workspace, new.run_id):
            return convert.from_run(self.rewrites.fork(name.workspace, name.run_id, request.step, new))
