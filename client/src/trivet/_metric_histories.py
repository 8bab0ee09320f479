"""Reads the points of a metric: as values, as columns, and by the ranks of a job, apart and together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final

from trivet._connection import Connection
from trivet._entities import Metric, RankSummary
from trivet._metric_columns import MetricColumns, joined
from trivet._names import Names
from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub

_PAGE: Final = 1000


class MetricHistories:
    """What was logged of metrics. Every method raises RunNotFound, and what calls raise."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names

    @property
    def _stub(self) -> TrackingServiceStub:
        return self._connection.stub(TrackingServiceStub)

    def points(self, run_id: str, key: str) -> list[Metric]:
        """All points, by step, then time, then value."""
        return self._points(pb.ReadMetricHistoryRequest(run=self._names.run(run_id), key=key))

    def columns(self, run_id: str, key: str, min_step: int | None, max_step: int | None) -> MetricColumns:
        """The points of some steps as arrays. Raises InvalidArgument where NumPy is not installed."""
        request = pb.ReadMetricHistoryRequest(
            run=self._names.run(run_id), key=key, min_step=min_step, max_step=max_step
        )
        return joined(answer.metrics for answer in self._connection.stream(self._stub.ReadMetricHistory, request))

    def by_rank(self, run_id: str, key: str) -> dict[int, list[Metric]]:
        """All points of processes that had a rank, by the rank."""
        run = self._names.run(run_id)
        found: dict[int, list[Metric]] = {}
        for context in self._ranked_contexts(run, key):
            points = self._points(pb.ReadMetricHistoryRequest(run=run, key=key, context=context))
            # A rank may have measured several models, or on several datasets.
            found[context.rank] = [*found.get(context.rank, []), *points]
        by_order = attrgetter("step", "timestamp")
        return {rank: sorted(found[rank], key=by_order) for rank in sorted(found)}

    def _points(self, request: pb.ReadMetricHistoryRequest) -> list[Metric]:
        points: list[Metric] = []
        for answer in self._connection.stream(self._stub.ReadMetricHistory, request):
            columns = answer.metrics
            points.extend(
                Metric(request.key, value, time_millis, step)
                for step, time_millis, value in zip(columns.steps, columns.times_millis, columns.values, strict=True)
            )
        return points

    def _ranked_contexts(self, run: str, key: str) -> Iterator[metric_pb2.MetricContext]:
        """The contexts with a rank in which a metric of a run has points."""
        request = pb.ListMetricsRequest(parent=run, page_size=_PAGE)
        while True:
            page = self._connection.call(self._stub.ListMetrics, request, repeatable=True)
            for metric in page.metrics:
                if metric.key == key and metric.context.HasField("rank"):
                    yield metric.context
            # They are sorted by key, as UTF-8.
            is_past = bool(page.metrics) and page.metrics[-1].key.encode() > key.encode()
            request.page_token = page.next_page_token
            if is_past or not request.page_token:
                return


def summarize(by_rank: Mapping[int, Iterable[Metric]]) -> list[RankSummary]:
    """What the ranks have at each step, NaN left out."""
    at_steps: dict[int, dict[int, float]] = {}
    for rank, points in by_rank.items():
        for point in points:
            # The later of two points at a step is the one that counts, and comes later here.
            at_steps.setdefault(point.step, {})[rank] = point.value
    return [_summary(step, list(values.values())) for step, values in sorted(at_steps.items())]


def _summary(step: int, values: list[float]) -> RankSummary:
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return RankSummary(step, math.nan, math.nan, math.nan, len(values))
    return RankSummary(step, sum(numbers) / len(numbers), min(numbers), max(numbers), len(values))
