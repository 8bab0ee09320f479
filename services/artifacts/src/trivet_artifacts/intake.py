"""Takes in the bytes of files in threads: digests, sizes, blobs, and how a file becomes visible or leaves nothing.

Nothing here runs on the event loop but `Intakes.begin`, `add`, `finish` and `commit`, which wait for the threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from trivet_artifacts.blobs.blob_store import BlobStore, BlobWriter
from trivet_artifacts.blobs.digests import sha256_of
from trivet_artifacts.domain.artifacts import Artifact
from trivet_artifacts.domain.errors import (
    ArtifactDigestMismatch,
    ArtifactSizeMismatch,
    UploadNotFound,
    UploadOffsetWrong,
)
from trivet_artifacts.domain.resumables import Resumables
from trivet_artifacts.domain.uploads import Committed, NewFile, Upload, Uploads
from trivet_artifacts.packs import Pack, WholeFile
from trivet_kit.errors import CallerError, FieldInvalid, Overloaded
from trivet_kit.resources import UploadName
from trivet_kit.tallies import Tally

# Files whose bytes come in at once, over all streams. In S3 each holds up to one part in memory and sends a copy of it.
MAX_OPEN_FILES = 32
# How long a file waits for others to be done before it is refused.
WAIT_SECONDS = 30.0

_log = logging.getLogger("trivet.artifacts")


class Incoming(Protocol):
    """What comes in under one key."""

    object_key: str
    writer: BlobWriter
    work: Future[None] | None
    """What is done for it last."""
    keeps_bytes: bool
    """Whether what was written stays for another call, when this one ends before the file does."""

    @property
    def uploads(self) -> list[Upload]:
        """The files, when they are durable."""
        ...

    def close(self) -> None:
        """Holds no bytes any longer. Idempotent."""
        ...


@dataclass(eq=False)
class Intake:
    """A file whose bytes come in. Its work is done in order, in one thread at a time."""

    file: NewFile
    object_key: str
    writer: BlobWriter
    leave: Callable[[], None]
    """Gives up its place among the open files; called once."""
    resumed_from: int | None = None
    """Where an upload goes on that outlives this call; None for another one."""
    read_again: Callable[[], bytes] | None = None
    """Reckons the digest of all bytes, where some came before."""
    work: Future[None] | None = None
    """What is done for it last."""
    size_bytes: int = 0
    keeps_bytes: bool = False
    """Whether what was written stays for another call, when this one ends before the file does."""
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _sha256: bytes = b""
    _left: bool = False

    def __post_init__(self) -> None:
        if self.resumed_from is not None:
            self.size_bytes = self.resumed_from
            self.keeps_bytes = True

    @property
    def uploads(self) -> list[Upload]:
        """The file, when `finish` has been done."""
        is_resumed = self.resumed_from is not None
        return [Upload(self.file, self.object_key, self.size_bytes, self._sha256, outlives=is_resumed)]

    def take(self, data: bytes) -> None:
        """Adds bytes. Raises ArtifactSizeMismatch, ArtifactStoreUnavailable, StorageFull."""
        self.size_bytes += len(data)
        announced = self.file.size_bytes
        if announced is not None and self.size_bytes > announced:
            self.keeps_bytes = False
            raise ArtifactSizeMismatch(self.size_bytes, announced)
        self._digest.update(data)
        self.writer.write(data)

    def finish(self, sha256: bytes) -> None:
        """Verifies the file and makes it durable.

        Raises:
            ArtifactSizeMismatch, ArtifactDigestMismatch: it is not what was announced.
            ArtifactStoreUnavailable, StorageFull, UploadExpired: the store does not have it.
        """
        announced = self.file.size_bytes
        if announced is not None and self.size_bytes != announced:
            raise ArtifactSizeMismatch(self.size_bytes, announced)
        if self.read_again is None:
            self._verify(self._digest.digest(), sha256)
            self.writer.finish()
        else:
            # The bytes that came before are in the store alone, which shows them only when they are whole.
            self.writer.finish()
            self._verify(self.read_again(), sha256)
        self.close()

    def _verify(self, found: bytes, expected: bytes) -> None:
        if found != expected:
            self.keeps_bytes = False
            raise ArtifactDigestMismatch(found.hex(), expected.hex())
        self._sha256 = found

    def close(self) -> None:
        """Holds no bytes any longer. Idempotent."""
        if not self._left:
            self._left = True
            self.leave()


class Intakes:
    """The files that come in to one server process. For one event loop; `close` is for any thread."""

    def __init__(
        self,
        uploads: Uploads,
        resumables: Resumables,
        blobs: BlobStore,
        threads: ThreadPoolExecutor,
        index: ThreadPoolExecutor,
        space: Tally,
    ) -> None:
        """Shares two pools of threads with others.

        Args:
            uploads: the index of uploads.
            resumables: the index of uploads that outlive processes.
            blobs: where bytes go.
            threads: for work on bytes.
            index: for work on the index; fewer, so that they do not take all connections to the database.
            space: the bytes that workspaces keep.
        """
        self._uploads = uploads
        self._resumables = resumables
        self._blobs = blobs
        self._threads = threads
        self._index = index
        self._space = space
        self._loop: asyncio.AbstractEventLoop | None = None
        self._places = asyncio.Semaphore(MAX_OPEN_FILES)

    async def reserve(self, workspace: str, count: int) -> list[str]:
        """Returns object keys for files that are to come."""
        done = self._index.submit(self._uploads.reserve, workspace, count)
        try:
            return await asyncio.shield(asyncio.wrap_future(done))
        except asyncio.CancelledError:
            # The thread goes on, and nobody would give back what it reserves.
            done.add_done_callback(self._release_reserved)
            raise

    def release(self, object_keys: Sequence[str]) -> None:
        """Gives back keys that were not used; returns at once."""
        if object_keys:
            self._index.submit(self._release, list(object_keys))

    async def begin(self, file: NewFile, object_key: str) -> Intake:
        """Opens a file, when there is a place for it.

        Raises:
            QuotaExceeded: its workspace may keep no more bytes.
            Overloaded: there was none for half a minute.
        """
        await self._check_space(file.owner.workspace, file.size_bytes or 1)
        leave = await self._place()
        return Intake(file, object_key, self._blobs.create(object_key), leave)

    async def begin_pack(self, object_key: str) -> Pack:
        """Opens a pack, when there is a place for it. Raises Overloaded: there was none for half a minute."""
        leave = await self._place()
        return Pack(object_key, self._blobs.create(object_key), leave)

    async def write(self, pack: Pack, files: Sequence[WholeFile]) -> None:
        """Makes files of a pack durable. Raises as `Pack.write` does."""
        pack.work = self._threads.submit(pack.write, files)
        await asyncio.wrap_future(pack.work)

    async def take_in(self, whole: WholeFile) -> Artifact:
        """Makes a file visible whose bytes are all there.

        Raises:
            QuotaExceeded: its workspace may keep no more bytes.
            Overloaded: there was no place for it for half a minute.
            ArtifactDigestMismatch, ArtifactPathTaken, ArtifactsHeld: it is refused.
            ArtifactStoreUnavailable, StorageFull, UploadExpired: it could not be made durable.
        """
        workspace = whole.file.owner.workspace
        await self._check_space(workspace, len(whole.data))
        object_key = self._uploads.take_spare(workspace) or (await self.reserve(workspace, 1))[0]
        try:
            pack = await self.begin_pack(object_key)
        except BaseException:
            self.release([object_key])
            raise
        # From here on it goes to its end also when nobody waits for it.
        return await asyncio.shield(asyncio.wrap_future(self._threads.submit(self._take_in, pack, whole)))

    def _take_in(self, pack: Pack, whole: WholeFile) -> Artifact:
        try:
            pack.write((whole,))
            upload = pack.only()
            committing = self._index.submit(self._commit, [pack], lambda _: self._uploads.commit_one(upload))
        except BaseException:
            self._discard(pack, None)
            raise
        (result,) = committing.result()
        if isinstance(result, CallerError):
            raise result
        return result

    async def resume(self, name: UploadName, offset: int) -> Intake:
        """Opens the file of an upload that outlives this call, when there is a place for it.

        Raises:
            Overloaded: there was none for half a minute.
            FieldInvalid: the upload has no size.
            UploadNotFound, UploadOffsetWrong, UploadBusy, ArtifactStoreUnavailable.
        """
        leave = await self._place()
        opening = self._threads.submit(self._resume, name, offset, leave)
        try:
            return await asyncio.shield(asyncio.wrap_future(opening))
        except BaseException:
            # Also where nobody waits any longer, and the thread goes on.
            opening.add_done_callback(lambda done: self._leave_resumed(done, leave))
            raise

    def _resume(self, name: UploadName, offset: int, leave: Callable[[], None]) -> Intake:
        upload = self._resumables.use(name)
        if upload.completed is not None:
            raise UploadNotFound(str(name))
        if not upload.is_measured:
            raise FieldInvalid("start.upload", "must be an upload with a size; the parts of others go to the store")
        held = self._blobs.held(upload.object_key, upload.store_upload, upload.part_size_bytes)
        if offset != held.size_bytes:
            raise UploadOffsetWrong(str(name), held.size_bytes)
        writer = self._blobs.resume(upload.object_key, upload.store_upload, upload.part_size_bytes, held)
        self._uploads.hold(upload.object_key)
        read_again = partial(sha256_of, self._blobs, upload.object_key, upload.size_bytes) if offset else None
        return Intake(upload.file, upload.object_key, writer, leave, resumed_from=offset, read_again=read_again)

    def _leave_resumed(self, done: Future[Intake], leave: Callable[[], None]) -> None:
        if done.exception() is None:
            self.discard(done.result())
        else:
            leave()

    async def _place(self) -> Callable[[], None]:
        """A place among the open files, as what gives it up."""
        if self._places.locked():
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._places.acquire()
            except TimeoutError:
                raise Overloaded("uploads", retry_after_seconds=5) from None
        else:
            await self._places.acquire()  # does not wait
        self._loop = asyncio.get_running_loop()
        return self._leave

    def _leave(self) -> None:
        """Gives up a place, from any thread."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._places.release)

    async def add(self, intake: Intake, data: bytes) -> None:
        """Adds bytes: returns when those before them are written, so that one message is on its way and one is read.

        Raises what went wrong with those before.
        """
        await self._done(intake)
        intake.work = self._threads.submit(intake.take, data)

    async def finish(self, intake: Intake, sha256: bytes) -> None:
        """Begins to verify a file and to make it durable; `durable` waits for that. Raises as `add` does."""
        await self._done(intake)
        intake.work = self._threads.submit(intake.finish, sha256)

    async def durable(self, intake: Intake) -> None:
        """Returns when a finished file is durable. Raises what keeps it from being."""
        await self._done(intake)

    async def commit(self, incoming: Sequence[Incoming]) -> tuple[Artifact | CallerError, ...]:
        """Makes durable files visible, and returns what became of each; it is done also when nobody waits for it.

        What nothing refers to of what came is removed.
        """
        done = self._index.submit(self._commit, list(incoming), self._uploads.commit)
        return await asyncio.shield(asyncio.wrap_future(done))

    def discard(self, intake: Incoming) -> None:
        """Leaves nothing of a file that is not to be visible, unless another call may go on with it.

        Returns at once, and follows what is under way.
        """
        self._threads.submit(self._discard, intake, intake.work)

    async def _done(self, intake: Intake) -> None:
        if intake.work is None:
            return
        if intake.work.done():
            intake.work.result()
        else:
            await asyncio.wrap_future(intake.work)

    async def _check_space(self, workspace: str, size_bytes: int) -> None:
        if self._space.is_limited(workspace):
            await asyncio.wrap_future(self._index.submit(self._space.check, workspace, size_bytes))

    def _commit(
        self, incoming: list[Incoming], commit: Callable[[Sequence[Upload]], Committed]
    ) -> tuple[Artifact | CallerError, ...]:
        """Makes files visible that their workspaces have room for; the others are refused, and removed."""
        refusals: dict[Incoming, CallerError] = {}
        with ExitStack() as adding:
            for each in incoming:
                try:
                    for workspace, size_bytes in _space_of(each).items():
                        adding.enter_context(self._space.adding(workspace, size_bytes))
                except CallerError as refusal:
                    refusals[each] = refusal
                    each.keeps_bytes = False
                    self.discard(each)
            taken = [each for each in incoming if each not in refusals]
            uploads = [upload for each in taken for upload in each.uploads]
            results = iter(self._committed(taken, partial(commit, uploads)) if taken else ())
        return tuple(refusals.get(each) or next(results) for each in incoming for _ in each.uploads)

    def _committed(
        self, incoming: Sequence[Incoming], commit: Callable[[], Committed]
    ) -> tuple[Artifact | CallerError, ...]:
        try:
            committed = commit()
        except BaseException:
            # Perhaps they are visible, and only the answer was lost: their bytes must not be touched. Where they are
            # not, they expire.
            self._uploads.forget([each.object_key for each in incoming])
            raise
        for each in incoming:
            if each.object_key not in committed.used_keys:
                each.keeps_bytes = False
                self.discard(each)
        return committed.results

    def _discard(self, intake: Incoming, before: Future[None] | None) -> None:
        if before is not None:
            wait([before])  # it was given to these threads earlier, so it does not wait for this
        if intake.keeps_bytes:
            intake.writer.suspend()
            self._uploads.forget([intake.object_key])
            intake.close()
            return
        try:
            intake.writer.discard()
        except Exception:  # noqa: BLE001 - whatever it is, it is tried again later
            _log.exception("the bytes of an upload could not be removed; they expire")
            self._uploads.forget([intake.object_key])
        else:
            self._release([intake.object_key])
        finally:
            intake.close()

    def _release_reserved(self, done: Future[list[str]]) -> None:
        if done.exception() is None:
            self.release(done.result())

    def _release(self, object_keys: list[str]) -> None:
        try:
            self._uploads.release(object_keys)
        except Exception:  # noqa: BLE001 - whatever it is, it is tried again later
            _log.exception("reservations of uploads could not be ended; they expire")


def _space_of(incoming: Incoming) -> dict[str, int]:
    """How many bytes a workspace keeps more of it; none where they have been counted since its upload was made."""
    contents = {upload.sha256: upload for upload in incoming.uploads if not upload.outlives}
    space: dict[str, int] = {}
    for upload in contents.values():
        workspace = upload.file.owner.workspace
        space[workspace] = space.get(workspace, 0) + upload.size_bytes
    return space
