"""Takes in the bytes of files in threads: digests, sizes, blobs, and how a file becomes visible or leaves nothing.

Nothing here runs on the event loop but `Intakes.begin`, `add`, `finish` and `commit`, which wait for the threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from trivet_artifacts.blobs.blob_store import BlobStore, BlobWriter
from trivet_artifacts.domain.errors import ArtifactDigestMismatch, ArtifactSizeMismatch
from trivet_artifacts.domain.uploads import NewFile, Outcome, Upload, Uploads
from trivet_kit.errors import Overloaded

# Files whose bytes come in at once, over all streams. In S3 each holds up to one part in memory and sends a copy of it.
MAX_OPEN_FILES = 32
# How long a file waits for others to be done before it is refused.
WAIT_SECONDS = 30.0

_log = logging.getLogger("trivet.artifacts")


@dataclass(eq=False)
class Intake:
    """A file whose bytes come in. Its work is done in order, in one thread at a time."""

    file: NewFile
    object_key: str
    writer: BlobWriter
    leave: Callable[[], None]
    """Gives up its place among the open files; called once."""
    work: Future[None] | None = None
    """What is done for it last."""
    size_bytes: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _left: bool = False

    @property
    def upload(self) -> Upload:
        """The file, when `finish` has been done."""
        return Upload(self.file, self.object_key, self.size_bytes, self._digest.digest())

    def take(self, data: bytes) -> None:
        """Adds bytes. Raises ArtifactSizeMismatch, ArtifactStoreUnavailable, StorageFull."""
        self.size_bytes += len(data)
        announced = self.file.size_bytes
        if announced is not None and self.size_bytes > announced:
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
        if self._digest.digest() != sha256:
            raise ArtifactDigestMismatch(self._digest.hexdigest(), sha256.hex())
        self.writer.finish()
        self.close()

    def close(self) -> None:
        """Holds no bytes any longer. Idempotent."""
        if not self._left:
            self._left = True
            self.leave()


class Intakes:
    """The files that come in to one server process. For one event loop; `close` is for any thread."""

    def __init__(
        self, uploads: Uploads, blobs: BlobStore, threads: ThreadPoolExecutor, index: ThreadPoolExecutor
    ) -> None:
        """Shares two pools of threads with others.

        Args:
            uploads: the index of uploads.
            blobs: where bytes go.
            threads: for work on bytes.
            index: for work on the index; fewer, so that they do not take all connections to the database.
        """
        self._uploads = uploads
        self._blobs = blobs
        self._threads = threads
        self._index = index
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
            Overloaded: there was none for half a minute.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Overloaded("uploads", retry_after_seconds=5) from None
        loop = asyncio.get_running_loop()

        def leave() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._places.release)

        return Intake(file, object_key, self._blobs.create(object_key), leave)

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

    async def commit(self, intakes: Sequence[Intake]) -> list[Outcome]:
        """Makes durable files visible; what is spare of them is removed. It is done also when nobody waits for it."""
        done = self._index.submit(self._commit, list(intakes))
        return await asyncio.shield(asyncio.wrap_future(done))

    def discard(self, intake: Intake) -> None:
        """Leaves nothing of a file that is not to be visible; returns at once, and follows what is under way."""
        self._threads.submit(self._discard, intake, intake.work)

    async def _done(self, intake: Intake) -> None:
        if intake.work is not None:
            await asyncio.wrap_future(intake.work)

    def _commit(self, intakes: list[Intake]) -> list[Outcome]:
        try:
            outcomes = self._uploads.commit([intake.upload for intake in intakes])
        except BaseException:
            # Perhaps they are visible, and only the answer was lost: their bytes must not be touched. Where they are
            # not, they expire.
            self._uploads.forget([intake.object_key for intake in intakes])
            raise
        for intake, outcome in zip(intakes, outcomes, strict=True):
            if outcome.is_spare:
                self.discard(intake)
        return outcomes

    def _discard(self, intake: Intake, before: Future[None] | None) -> None:
        if before is not None:
            wait([before])  # it was given to these threads earlier, so it does not wait for this
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
