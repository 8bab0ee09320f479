"""A metric that several processes of a job logged: apart, and taken together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from trivet._entities import Metric, RankSummary
from trivet_proto.tracking.v1 import metric_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb

_PAGE = 1000


def ranked_contexts(
    run: str, key: str, ask: Callable[[pb.ListMetricsRequest], pb.ListMetricsResponse]
) -> Iterator[metric_pb2.MetricContext]:
    """The contexts with a rank in which a metric of a run has points."""
    request = pb.ListMetricsRequest(parent=run, page_size=_PAGE)
    while True:
        page = ask(request)
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
