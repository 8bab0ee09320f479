"""One call of UploadArtifacts: puts messages together to files, and answers each file in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass

from trivet_artifacts import convert
from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.uploads import Answer, Begun
from trivet_artifacts.intake import Intake, Intakes
from trivet_kit.errors import CallerError, FieldInvalid, FieldRequired
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

# Files of a stream that are not answered yet. Those that are ready together become visible in one transaction.
MAX_UNANSWERED = 128
# Keys that a stream reserves at once at most; it begins with one, for most streams have few files.
MAX_RESERVED = 128


@dataclass
class _File:
    """A file of the stream."""

    index: int
    intake: Intake | None = None
    """None before it begins, and when it is refused."""
    result: Artifact | CallerError | None = None
    """None until it is known."""
    is_handed_over: bool = False
    """Whether no more of it is read, so that it can be answered."""


class UploadStream:
    """A stream of files. `answers` is for one use.

    One task reads messages and hands bytes to threads; the generator waits for files to be durable, commits those that
    are ready together, and answers. A refused file is passed over; what breaks the order of messages ends the stream.
    """

    def __init__(self, intakes: Intakes, workspace: str) -> None:
        self._intakes = intakes
        self._workspace = workspace
        self._current: _File | None = None
        self._count = 0
        self._to_answer: asyncio.Queue[_File | Answer | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(MAX_UNANSWERED)
        self._keys: list[str] = []
        self._reserved = 1
        self._uncommitted: set[Intake] = set()

    async def answers(self, requests: AsyncIterator[pb.UploadArtifactsRequest]) -> AsyncGenerator[Answer, None]:
        """The answers, in the order of the files.

        Raises:
            FieldInvalid, FieldRequired: messages are out of order, after the files before have been answered.
        """
        reading = asyncio.create_task(self._read(requests))
        try:
            while group := await self._next_group():
                await self._commit([each for each in group if isinstance(each, _File)])
                for each in group:
                    if isinstance(each, _File):
                        self._room.release()
                        yield _answer(each)
                    else:
                        yield each
            await reading
        finally:
            reading.cancel()
            try:
                await asyncio.wait((reading,))
            finally:
                for intake in self._uncommitted:
                    self._intakes.discard(intake)
                self._intakes.release(self._keys)

    async def _read(self, requests: AsyncIterator[pb.UploadArtifactsRequest]) -> None:
        try:
            async for request in requests:
                await self._take(request)
            if self._current is not None and not self._current.is_handed_over:
                raise FieldRequired("finish")
        finally:
            self._to_answer.put_nowait(None)

    async def _take(self, request: pb.UploadArtifactsRequest) -> None:
        match request.WhichOneof("message"):
            case "start":
                if self._current is not None:
                    raise FieldInvalid("start", "must not come before the finish of the file before")
                await self._room.acquire()
                self._current = _File(self._count)
                self._count += 1
                await self._attempt(self._current, self._begin(self._current, request.start))
                self._hand_over_refused(self._current)
            case "data":
                file = self._expected("data")
                await self._attempt(file, self._add(file, request.data))
                self._hand_over_refused(file)
            case "file":
                if self._current is not None:
                    raise FieldInvalid("file", "must not come before the finish of the file before")
                await self._room.acquire()
                whole = _File(self._count)
                self._count += 1
                await self._attempt(whole, self._take_whole(whole, request.file))
                self._hand_over(whole)
            case "finish":
                file = self._expected("finish")
                self._current = None
                await self._attempt(file, self._finish(file, request.finish))
                self._hand_over(file)
            case _:
                raise FieldRequired("message")

    def _hand_over(self, file: _File) -> None:
        if not file.is_handed_over:
            file.is_handed_over = True
            self._to_answer.put_nowait(file)

    def _hand_over_refused(self, file: _File) -> None:
        """Lets a client that sends a refused file hear of it before the end, which may be far."""
        if file.result is not None:
            self._hand_over(file)

    def _expected(self, field: str) -> _File:
        if self._current is None:
            raise FieldInvalid(field, "must not come before the start of a file")
        return self._current

    async def _attempt(self, file: _File, step: Awaitable[None]) -> None:
        """Takes a step with a file, which is refused when that does not succeed."""
        try:
            await step
        except CallerError as refusal:
            self._refuse(file, refusal)

    def _refuse(self, file: _File, refusal: CallerError) -> None:
        file.result = refusal
        if file.intake is not None:
            self._uncommitted.discard(file.intake)
            self._intakes.discard(file.intake)
            file.intake = None

    async def _begin(self, file: _File, start: pb.UploadStart) -> None:
        if start.upload:
            name, offset = convert.to_resumed(start)
            file.intake = await self._intakes.resume(name, offset)
            self._to_answer.put_nowait(Answer(file.index, Begun(offset)))
        else:
            new = convert.to_new_file(start, "start")
            file.intake = await self._intakes.begin(new, await self._next_key())
            self._keys.pop()
        self._uncommitted.add(file.intake)

    async def _take_whole(self, file: _File, whole: pb.UploadFile) -> None:
        new, sha256 = convert.to_whole_file(whole)
        file.intake = await self._intakes.begin(new, await self._next_key())
        self._keys.pop()
        self._uncommitted.add(file.intake)
        self._intakes.add_all(file.intake, whole.data, sha256)

    async def _next_key(self) -> str:
        """A reserved key, which is the last of `_keys` until somebody uses it."""
        if not self._keys:
            self._keys = await self._intakes.reserve(self._workspace, self._reserved)
            self._reserved = min(2 * self._reserved, MAX_RESERVED)
        return self._keys[-1]

    async def _add(self, file: _File, data: bytes) -> None:
        if file.intake is None:
            return
        convert.check_data(data, "data")
        await self._intakes.add(file.intake, data)

    async def _finish(self, file: _File, finish: pb.UploadFinish) -> None:
        if file.intake is not None:
            await self._intakes.finish(file.intake, convert.to_sha256(finish.sha256, "finish.sha256"))

    async def _next_group(self) -> list[_File | Answer]:
        """What there is to answer, in order, at least one; nothing at the end of the stream."""
        group: list[_File | Answer] = []
        while not group or not self._to_answer.empty():
            each = await self._to_answer.get()
            if each is None:
                self._to_answer.put_nowait(None)  # for the next time
                break
            group.append(each)
        return group

    async def _commit(self, files: Sequence[_File]) -> None:
        """Makes files visible, those apart that are refused."""
        for file in files:
            if file.intake is not None:
                await self._attempt(file, self._intakes.durable(file.intake))
        durable = [(file, file.intake) for file in files if file.intake is not None]
        if not durable:
            return
        intakes = [intake for _, intake in durable]
        self._uncommitted.difference_update(intakes)
        try:
            outcomes = await self._intakes.commit(intakes)
        except CallerError as refusal:
            for file, _ in durable:
                file.result = refusal
            return
        for (file, _), outcome in zip(durable, outcomes, strict=True):
            file.result = outcome.result


def _answer(file: _File) -> Answer:
    assert file.result is not None
    return Answer(file.index, file.result)
