"""One call of UploadArtifacts: puts messages together to files, and answers each file in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from trivet_artifacts import convert
from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.uploads import Answer, Begun, Upload
from trivet_artifacts.intake import Incoming, Intake, Intakes
from trivet_artifacts.packs import PACK_FILES, Batch, Batches, Pack, WholeFile
from trivet_kit.errors import CallerError, FieldInvalid, FieldRequired
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

# Files of a stream that are not answered yet. Those that are ready together become visible in one transaction.
MAX_UNANSWERED = 4 * PACK_FILES
# Keys that a stream reserves at once at most; it begins with one, for most streams have few files.
MAX_RESERVED = 16


_Begun = TypeVar("_Begun", Intake, Pack)


@dataclass
class _File:
    """A file of the stream."""

    index: int
    intake: Intake | None = None
    """None before it begins, when it is refused, and for one that came as a whole."""
    batch: Batch[_File] | None = None
    """With which others it is written, for one that came as a whole."""
    result: Artifact | CallerError | None = None
    """None until it is known."""
    is_handed_over: bool = False
    """Whether no more of it is read, so that it can be answered."""

    @property
    def is_ready(self) -> bool:
        """Whether it is durable, or refused."""
        if self.result is not None:
            return True
        if self.batch is not None:
            return self.batch.written.done()
        return self.intake is None or self.intake.work is None or self.intake.work.done()


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
        self._next: _File | Answer | None = None
        """What comes after the last group."""
        self._batches: Batches[_File] = Batches(self._write)
        self._keys: list[str] = []
        self._reserved = 1
        self._uncommitted: set[Incoming] = set()

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
                await self._batches.cancel()
            finally:
                for intake in self._uncommitted:
                    self._intakes.discard(intake)
                self._intakes.release(self._keys)

    async def _read(self, requests: AsyncIterator[pb.UploadArtifactsRequest]) -> None:
        try:
            async for request in requests:
                await self._take(request)
            self._batches.seal()
            if self._current is not None and not self._current.is_handed_over:
                raise FieldRequired("finish")
        finally:
            self._to_answer.put_nowait(None)

    async def _take(self, request: pb.UploadArtifactsRequest) -> None:
        match request.WhichOneof("message"):
            case "start":
                if self._current is not None:
                    raise FieldInvalid("start", "must not come before the finish of the file before")
                # Files become visible in their order, also those that have the same path.
                self._batches.seal()
                await self._acquire_room()
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
                await self._acquire_room()
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

    async def _attempt(self, file: _File, step: Awaitable[object]) -> None:
        """Takes a step with a file, which is refused when that does not succeed."""
        try:
            await step
        except CallerError as refusal:
            self._refuse(file, refusal)

    def _refuse(self, file: _File, refusal: CallerError) -> None:
        file.result = refusal
        if file.intake is not None:
            self._discard(file.intake)
            file.intake = None

    async def _begin(self, file: _File, start: pb.UploadStart) -> None:
        if start.upload:
            name, offset = convert.to_resumed(start)
            file.intake = await self._intakes.resume(name, offset)
            self._to_answer.put_nowait(Answer(file.index, Begun(offset)))
        else:
            new = convert.to_new_file(start, "start")
            file.intake = await self._with_key(partial(self._intakes.begin, new))
        self._uncommitted.add(file.intake)

    async def _take_whole(self, file: _File, whole: pb.UploadFile) -> None:
        file.batch = await self._batches.add(file, convert.to_whole_file(whole))

    async def _write(self, files: Sequence[WholeFile]) -> Pack:
        """Makes small files durable as one object."""
        pack = await self._with_key(self._intakes.begin_pack)
        self._uncommitted.add(pack)
        try:
            await self._intakes.write(pack, files)
        except CallerError:
            self._discard(pack)
            raise
        return pack

    async def _with_key(self, begin: Callable[[str], Awaitable[_Begun]]) -> _Begun:
        """Begins something under a reserved key, which is given back where that does not succeed."""
        while not self._keys:
            self._keys += await self._intakes.reserve(self._workspace, self._reserved)
            self._reserved = min(2 * self._reserved, MAX_RESERVED)
        key = self._keys.pop()
        try:
            return await begin(key)
        except BaseException:
            self._keys.append(key)
            raise

    def _discard(self, incoming: Incoming) -> None:
        self._uncommitted.discard(incoming)
        self._intakes.discard(incoming)

    async def _add(self, file: _File, data: bytes) -> None:
        if file.intake is None:
            return
        convert.check_data(data, "data")
        await self._intakes.add(file.intake, data)

    async def _finish(self, file: _File, finish: pb.UploadFinish) -> None:
        if file.intake is not None:
            await self._intakes.finish(file.intake, convert.to_sha256(finish.sha256, "finish.sha256"))

    async def _acquire_room(self) -> None:
        if self._room.locked():
            self._batches.seal()  # its files are among those that are waited for
        await self._room.acquire()

    async def _next_group(self) -> list[_File | Answer]:
        """What there is to answer, in order: one that is waited for, and those after it that are ready by then.

        Nothing at the end of the stream.
        """
        group: list[_File | Answer] = []
        while True:
            if self._next is None:
                if group and self._to_answer.empty():
                    return group
                self._next = await self._to_answer.get()
                if self._next is None:
                    self._to_answer.put_nowait(None)  # for the next time
                    return group
            if isinstance(self._next, _File):
                if group and not self._next.is_ready:
                    return group
                await self._durable(self._next)
            group.append(self._next)
            self._next = None

    async def _durable(self, file: _File) -> None:
        """Returns when a file is durable, or refused."""
        if file.batch is not None and file.result is None:
            # The others of its batch hear of it in their turn; they share what keeps all of them from being durable.
            await self._attempt(file, asyncio.shield(file.batch.written))
        elif file.intake is not None:
            await self._attempt(file, self._intakes.durable(file.intake))

    async def _commit(self, files: Sequence[_File]) -> None:
        """Makes files visible, those apart that are refused; with each all others of its batch."""
        incoming: dict[Incoming, list[_File]] = {}
        for file in files:
            if file.result is not None:
                continue
            if file.intake is not None:
                incoming[file.intake] = [file]
            elif file.batch is not None:
                pack = file.batch.written.result()
                if pack not in incoming:
                    incoming[pack] = _note_refused(file.batch.members, pack)
        if not incoming:
            return
        self._uncommitted.difference_update(incoming)
        durable = [file for of_one in incoming.values() for file in of_one]
        try:
            results = await self._intakes.commit(list(incoming))
        except CallerError as refusal:
            for file in durable:
                file.result = refusal
            return
        for file, result in zip(durable, results, strict=True):
            file.result = result


def _note_refused(files: Sequence[_File], pack: Pack) -> list[_File]:
    """Gives files of a pack that are not right their results; returns the others."""
    durable: list[_File] = []
    for file, result in zip(files, pack.results, strict=True):
        if isinstance(result, Upload):
            durable.append(file)
        else:
            file.result = result
    return durable


def _answer(file: _File) -> Answer:
    assert file.result is not None
    return Answer(file.index, file.result)
