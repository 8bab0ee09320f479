"""What runs are written, and their metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, streams, texts
from trivet_kit.calls import Call
from trivet_kit.rates import Rates
from trivet_kit.resources import parse_run
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking import convert, convert_reads, convert_writes
from trivet_tracking.commits import GroupCommitter
from trivet_tracking.domain.metric_reads import Metrics
from trivet_tracking.domain.metrics import HistoryQuery
from trivet_tracking.write_streams import WriteStream


@dataclass(frozen=True)
class MetricServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    metrics: Metrics
    committer: GroupCommitter
    now: Callable[[], int]
    """Gives milliseconds since the Unix epoch."""
    points: Rates
    """How many of a workspace are taken in."""

    async def WriteRun(self, request: pb.WriteRunRequest, call: Call) -> pb.WriteRunResponse:
        assert call.workspace is not None
        # Before anything is done with them, so that what is refused costs little.
        self.points.take(call.workspace, len(request.metrics.values))
        write = convert_writes.to_run_write(request, self.now())
        del request  # many calls wait at once, and what they hold is bounded by their writes
        return convert_writes.from_outcome(await self.committer.submit(write))

    async def StreamWrites(
        self, requests: AsyncIterator[pb.StreamWritesRequest], call: Call
    ) -> AsyncGenerator[pb.StreamWritesResponse, None]:
        assert call.workspace is not None
        stream = WriteStream(self.committer, self.now, self.points, call.workspace)
        async with aclosing(stream.answers(requests)) as answers:
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
            next_page_token=page_tokens.encode(bound_to, page.next_cursor),
        )

    async def ReadMetricHistory(self, request: pb.ReadMetricHistoryRequest, call: Call) -> AsyncGenerator[bytes, None]:
        name = parse_run(request.run, "run")
        query = HistoryQuery(
            key=texts.check_key(request.key, "key"),
            context=convert.to_context(request.context, "context") if request.HasField("context") else None,
            min_step=request.min_step if request.HasField("min_step") else None,
            max_step=request.max_step if request.HasField("max_step") else None,
        )
        parts = await asyncio.to_thread(self.metrics.history, name.workspace, name.run_id, query)
        context = request.context if request.HasField("context") else None
        async with aclosing(streams.ahead(convert_reads.history_messages(query.key, context, parts))) as messages:
            async for message in messages:
                yield message

    async def ReadMetricCurves(
        self, request: pb.ReadMetricCurvesRequest, call: Call
    ) -> AsyncGenerator[pb.ReadMetricCurvesResponse, None]:
        runs, keys, query = convert_reads.to_curves(request)
        workspace = runs[0].workspace
        parts = await asyncio.to_thread(self.metrics.curves, workspace, [run.run_id for run in runs], keys, query)
        async with aclosing(streams.ahead(convert_reads.curve_messages(workspace, parts))) as messages:
            async for message in messages:
                yield message
