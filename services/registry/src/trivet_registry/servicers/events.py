"""To watch what happens to models."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from trivet_kit.calls import Call
from trivet_proto.registry.v1 import model_event_pb2 as pb
from trivet_registry import convert_events
from trivet_registry.watching import Watching


@dataclass(frozen=True)
class EventServicer:
    """Implements its part of `trivet.registry.v1.RegistryService`; what each method does is said in the contract."""

    watching: Watching

    async def WatchModelEvents(
        self, request: pb.WatchModelEventsRequest, call: Call
    ) -> AsyncGenerator[pb.WatchModelEventsResponse, None]:
        query = convert_events.to_query(request)
        position = convert_events.to_position(request.resume_token)
        async with aclosing(self.watching.watch(query, position)) as pages:
            async for page in pages:
                for message in convert_events.from_page(page):
                    yield message
