"""To watch runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from trivet_kit.calls import Call
from trivet_proto.tracking.v1 import watch_pb2
from trivet_tracking import convert_watches
from trivet_tracking.domain.watches import Changes
from trivet_tracking.watching import Watching


@dataclass(frozen=True)
class WatchServicer:
    """Implements its part of `trivet.tracking.v1.TrackingService`; what each method does is said in the contract."""

    changes: Changes
    watching: Watching

    async def WatchRuns(
        self, request: watch_pb2.WatchRunsRequest, call: Call
    ) -> AsyncGenerator[watch_pb2.WatchRunsResponse, None]:
        position = convert_watches.to_position(request)
        query = await asyncio.to_thread(convert_watches.to_query, request, self.changes)
        async with aclosing(self.watching.watch(query, position)) as messages:
            async for message in messages:
                yield message
