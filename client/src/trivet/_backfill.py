"""Runs that were logged elsewhere, written as whole messages and read back with all their points."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from google.protobuf.field_mask_pb2 import FieldMask

from trivet._connection import Connection
from trivet._export_streams import STREAM_SECONDS, groups
from trivet._names import Names
from trivet._spool.frames import Series
from trivet_proto.tracking.v1 import experiment_pb2, export_pb2, lifecycle_pb2, metric_pb2, run_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

# A server that is started anew is back by then; a long import is worth the wait.
_PATIENCE_SECONDS = 30.0


class Backfill:
    """Past the spool: every call waits for the server, and may be repeated without another effect."""

    def __init__(self, connection: Connection, names: Names) -> None:
        """Prepares it; calls no server."""
        self._connection = connection
        self.names = names

    @property
    def _stub(self) -> TrackingServiceStub:
        return self._connection.stub(TrackingServiceStub)

    def describe_experiment(self, experiment_id: str, description: str) -> None:
        """Sets the description of an experiment."""
        experiment = experiment_pb2.Experiment(name=self.names.experiment(experiment_id), description=description)
        request = pb.UpdateExperimentRequest(experiment=experiment, update_mask=FieldMask(paths=["description"]))
        self._connection.call(self._stub.UpdateExperiment, request, repeatable=True)

    def create(self, run_id: str, run: run_pb2.Run) -> None:
        """Creates a run. Raises RunIdTaken for an id that another run has."""
        request = pb.CreateRunRequest(parent=self.names.parent, run_id=run_id, run=run)
        self._connection.call(self._stub.CreateRun, request, repeatable=True, patience_seconds=_PATIENCE_SECONDS)

    def update(self, run: run_pb2.Run, fields: Sequence[str]) -> None:
        """Sets fields of a run."""
        request = pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=fields))
        self._connection.call(self._stub.UpdateRun, request, repeatable=True, patience_seconds=_PATIENCE_SECONDS)

    def write(self, message: pb.WriteRunRequest) -> pb.WriteRunResponse:
        """Writes records to a run; each point has to have its time, so that the same again changes nothing."""
        return self._connection.call(self._stub.WriteRun, message, repeatable=True, patience_seconds=_PATIENCE_SECONDS)

    def points(self, run_ids: Sequence[str]) -> Iterator[tuple[str, Series, list[tuple[int, int, float]]]]:
        """All points of runs, deleted ones too: run, series, and step, time and value of each.

        A long series comes in several parts.
        """
        ids = ", ".join(f"'{run_id}'" for run_id in run_ids)

        def ask(token: str) -> Iterator[export_pb2.ExportMetricPointsResponse]:
            request = export_pb2.ExportMetricPointsRequest(
                parent=self.names.parent,
                filter=f"run_id IN ({ids})",
                view=lifecycle_pb2.LIFECYCLE_VIEW_ALL,
                resume_token=token,
            )
            return self._connection.stream(self._stub.ExportMetricPoints, request, timeout_seconds=STREAM_SECONDS)

        for group in groups(ask):
            for message in group:
                yield from _parts(message.points)


def _parts(points: export_pb2.ExportedPoints) -> Iterator[tuple[str, Series, list[tuple[int, int, float]]]]:
    steps, times, values = array("q", points.steps), array("q", points.times_millis), array("d", points.values)
    contexts = [None, *points.contexts]
    series_at = begin = 0
    for run_id, series_count in zip(points.run_ids, points.series_counts, strict=True):
        for number in range(series_at, series_at + series_count):
            end = begin + points.counts[number]
            series = _series(points.keys[number], contexts[points.context_index[number]])
            yield run_id, series, list(zip(steps[begin:end], times[begin:end], values[begin:end], strict=True))
            begin = end
        series_at += series_count


def _series(key: str, context: metric_pb2.MetricContext | None) -> Series:
    if context is None:
        return Series(key)
    rank = context.rank if context.HasField("rank") else -1
    return Series(key, rank, context.model_id, context.dataset_name, context.dataset_digest)
