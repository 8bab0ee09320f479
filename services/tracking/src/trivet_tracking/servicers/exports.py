"""Runs and their points on the way out, for analysis elsewhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from trivet_kit import fingerprints, page_tokens, streams
from trivet_kit.calls import Call
from trivet_kit.resources import parse_workspace
from trivet_proto.tracking.v1 import export_pb2 as pb
from trivet_tracking import convert_exports
from trivet_tracking.domain.exports import Exports


@dataclass(frozen=True)
class ExportServicer:
    """Implements their part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    exports: Exports

    async def ExportRuns(
        self, request: pb.ExportRunsRequest, call: Call
    ) -> AsyncGenerator[pb.ExportRunsResponse, None]:
        bound_to = fingerprints.fingerprint(request, "resume_token")
        batches = self.exports.runs(
            parse_workspace(request.parent, "parent").workspace,
            convert_exports.to_selection(request),
            convert_exports.to_tables(request.tables),
            page_tokens.decode(bound_to, request.resume_token, "resume_token"),
        )
        async with aclosing(streams.ahead(convert_exports.from_run_batches(batches, bound_to))) as messages:
            async for message in messages:
                yield message

    async def ExportMetricPoints(
        self, request: pb.ExportMetricPointsRequest, call: Call
    ) -> AsyncGenerator[pb.ExportMetricPointsResponse, None]:
        bound_to = fingerprints.fingerprint(request, "resume_token")
        batches = self.exports.points(
            parse_workspace(request.parent, "parent").workspace,
            convert_exports.to_selection(request),
            page_tokens.decode(bound_to, request.resume_token, "resume_token"),
        )
        async with aclosing(streams.ahead(convert_exports.from_point_batches(batches, bound_to))) as messages:
            async for message in messages:
                yield message
