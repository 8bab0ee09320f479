"""One call of StreamWrites: messages go to the group commit as they come, acknowledgements go back in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from trivet_kit.errors import FieldRequired, Overloaded
from trivet_kit.rates import Rates
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_tracking import convert_writes
from trivet_tracking.commits import GroupCommitter
from trivet_tracking.domain.writes import RunWrite, WriteOutcome

# What one stream may have on the way. More would not make larger groups, and one stream must not fill the queue.
MAX_UNACKNOWLEDGED = 256
MAX_UNACKNOWLEDGED_BYTES = 16 * 1024 * 1024
_WAIT_FOR_ROOM_SECONDS = 0.02


class WriteStream:
    """A stream of writes. `answers` is for one use.

    One task reads messages and hands them to the committer; the generator waits for them in order. Where as much as is
    allowed is on the way, or more points have come than the workspace may write a second, nothing is read: HTTP/2's
    flow control then holds the sender back.
    """

    def __init__(self, committer: GroupCommitter, now: Callable[[], int], points: Rates, workspace: str) -> None:
        self._committer = committer
        self._now = now
        self._points = points
        self._workspace = workspace
        self._on_the_way: deque[tuple[asyncio.Future[WriteOutcome], int]] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()

    async def answers(
        self, requests: AsyncIterator[pb.StreamWritesRequest]
    ) -> AsyncGenerator[pb.StreamWritesResponse, None]:
        """Acknowledges what is durable; raises what the first message that fails does, after what came before it."""
        reading = asyncio.create_task(self._read(requests))
        reading.add_done_callback(lambda _: self._changed.set())
        acknowledged = 0
        try:
            while await self._has_more(reading):
                await asyncio.wait((self._on_the_way[0][0],))
                before = acknowledged
                response = pb.StreamWritesResponse()
                # Whatever is durable by now goes into one answer; what fails comes first in the next one.
                while outcome := self._next_durable():
                    if outcome.resend or outcome.refusals:
                        answer = convert_writes.from_outcome(outcome)
                        response.answers.append(pb.WriteAnswer(index=acknowledged, response=answer))
                    acknowledged += 1
                if acknowledged == before:
                    await self._on_the_way[0][0]  # raises
                response.acknowledged_count = acknowledged
                yield response
            await reading
        finally:
            reading.cancel()
            await asyncio.wait((reading,))
            for future, _ in self._on_the_way:
                future.cancel()

    async def _has_more(self, reading: asyncio.Task[None]) -> bool:
        """Waits until something is on the way; False where nothing will be."""
        while not self._on_the_way:
            if reading.done():
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    def _next_durable(self) -> WriteOutcome | None:
        """Takes the next message off the way if it is durable."""
        if not self._on_the_way:
            return None
        future, size = self._on_the_way[0]
        if not future.done() or future.exception() is not None:
            return None
        self._on_the_way.popleft()
        self._bytes -= size
        self._room.set()
        return future.result()

    async def _read(self, requests: AsyncIterator[pb.StreamWritesRequest]) -> None:
        async for request in requests:
            if not request.write.writer_id:
                raise FieldRequired("write.writer_id")
            await self._take_points(len(request.write.metrics.values))
            write = convert_writes.to_run_write(request.write, self._now())
            while len(self._on_the_way) >= MAX_UNACKNOWLEDGED or self._bytes >= MAX_UNACKNOWLEDGED_BYTES:
                self._room.clear()
                await self._room.wait()
            self._on_the_way.append((await self._handed_in(write), write.size_bytes))
            self._bytes += write.size_bytes
            self._changed.set()

    async def _take_points(self, count: int) -> None:
        """Waits for the turn of so many points."""
        wait = self._points.wait_for(self._workspace, count)
        while wait:
            await asyncio.sleep(wait)
            wait = self._points.wait_for(self._workspace, count)

    async def _handed_in(self, write: RunWrite) -> asyncio.Future[WriteOutcome]:
        """Hands a write in; where too much waits, it waits too: unlike a call, a stream has a sender to hold back."""
        while True:
            try:
                return self._committer.hand_in(write)
            except Overloaded:
                await asyncio.sleep(_WAIT_FOR_ROOM_SECONDS)
