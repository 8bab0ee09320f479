"""Uploads of large files that outlive clients and servers: the index and the store together."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trivet_artifacts.blobs.blob_store import (
    BlobStore,
    DirectStore,
    Held,
    HeldPart,
    PartContent,
    PartsChanged,
    SignedRequest,
)
from trivet_artifacts.blobs.digests import sha256_of
from trivet_artifacts.domain.artifacts import Artifact, Artifacts
from trivet_artifacts.domain.errors import (
    DirectTransferUnavailable,
    UploadExpired,
    UploadIncomplete,
    UploadNotFound,
)
from trivet_artifacts.domain.resumables import Parts, Resumable, Resumables
from trivet_artifacts.domain.uploads import NewFile, Upload, Uploads
from trivet_kit.errors import CallerError, FieldInvalid
from trivet_kit.resources import ArtifactOwnerName, UploadName
from trivet_kit.tallies import Tally

_log = logging.getLogger("trivet.artifacts")


@dataclass(frozen=True)
class NewPart:
    """A part that a client is about to send."""

    number: int
    sha256: bytes
    """Empty where the client does not know it."""


@dataclass(frozen=True)
class Resuming:
    """Begins uploads, says what is held of them, and makes their files visible. Safe for threads."""

    resumables: Resumables
    uploads: Uploads
    artifacts: Artifacts
    blobs: BlobStore
    space: Tally
    """The bytes that workspaces keep."""
    on_unverified: Callable[[], None]
    """Is told that there is an object to be read."""

    @property
    def is_direct(self) -> bool:
        """Whether clients reach the store themselves."""
        return self.blobs.direct is not None

    def create(self, file: NewFile, parts: Parts, resume_key: str) -> Resumable:
        """Begins an upload, or finds the one with this key that has not ended.

        Raises:
            QuotaExceeded: its workspace may keep no more bytes.
            DirectTransferUnavailable: its size is not known, and clients do not reach the store.
            ArtifactStoreUnavailable, StorageFull.
        """
        is_measured = file.size_bytes is not None
        if not is_measured:
            self._direct()
        if resume_key and (found := self.resumables.find(file, parts, resume_key)):
            return found
        workspace = file.owner.workspace
        if file.size_bytes is None:
            self.space.check(workspace, 1)
        with self.space.adding(workspace, file.size_bytes or 0):
            # First the reservation: what a crash leaves after it is found and removed.
            object_key = self.resumables.reserve(workspace)
            store_upload = self.blobs.begin(object_key, with_digests=is_measured)
            return self.resumables.add(object_key, file, parts, resume_key, store_upload)

    def open(self, name: UploadName) -> Resumable:
        """Returns an upload that is not complete. Raises UploadNotFound."""
        upload = self.resumables.use(name)
        if upload.completed is not None:
            raise UploadNotFound(str(name))
        return upload

    def held(self, upload: Resumable) -> Held:
        """What the store has of an upload. Raises ArtifactStoreUnavailable."""
        return self.blobs.held(upload.object_key, upload.store_upload, upload.part_size_bytes)

    def delete(self, name: UploadName) -> None:
        """Gives up an upload and frees what is held of it. Raises ArtifactStoreUnavailable."""
        object_key = f"{name.workspace}/{name.upload_id}"
        if self.resumables.give_up(name):
            self.blobs.remove(object_key)
            self.uploads.release([object_key])

    def sign(self, name: UploadName, parts: Sequence[NewPart]) -> list[SignedRequest]:
        """Requests that send parts.

        Raises:
            UploadNotFound, DirectTransferUnavailable.
            FieldInvalid: the upload has no part of that number.
        """
        upload, direct = self.open(name), self._direct()
        for place, part in enumerate(parts):
            if not 1 <= part.number <= upload.part_count:
                raise FieldInvalid(f"parts[{place}].number", f"must be from 1 to {upload.part_count}")
            if bool(part.sha256) != upload.is_measured:
                form = "must have 32 bytes" if upload.is_measured else "must be empty for an upload without a size"
                raise FieldInvalid(f"parts[{place}].sha256", form)
        return [
            direct.sign_part(
                upload.object_key,
                upload.store_upload,
                number=part.number,
                content=PartContent(upload.part_bytes(part.number), part.sha256) if upload.is_measured else None,
            )
            for part in parts
        ]

    def complete(self, name: UploadName, sha256: bytes, part_digests: Sequence[bytes]) -> Artifact:
        """Makes the file of an upload visible whose parts are held.

        Raises:
            UploadNotFound, DirectTransferUnavailable.
            UploadIncomplete: parts are missing, or have other digests.
            ArtifactPathTaken, ArtifactsHeld: it cannot lie there; the upload stays.
            ArtifactStoreUnavailable, StorageFull.
        """
        upload = self.resumables.use(name)
        if not upload.is_measured:
            raise FieldInvalid("sha256", "must be empty for an upload without a size")
        if upload.completed is None:
            self._assemble(upload, part_digests)
            completed = self._commit(upload, upload.size_bytes, sha256, verified=False)
        else:
            completed = upload.completed
        if completed.sha256 != sha256:
            raise UploadNotFound(str(name))
        return completed

    def complete_unmeasured(self, name: UploadName, etags: Sequence[str], on_read: Callable[[], None]) -> Artifact:
        """Makes the file of an upload without a size visible, when it has been read as a whole.

        Args:
            name: the upload.
            etags: of its parts, in order.
            on_read: is called after each MiB that was read; what it raises ends the reading, and the upload stays.

        Raises:
            UploadNotFound, DirectTransferUnavailable.
            FieldInvalid: it has a size, or another number of parts.
            UploadIncomplete: parts are missing, or are others.
            ArtifactPathTaken, ArtifactsHeld: it cannot lie there; the upload stays.
            QuotaExceeded: its workspace may not keep so many bytes; the upload stays.
            ArtifactStoreUnavailable, StorageFull.
        """
        upload = self.resumables.use(name)
        if upload.is_measured:
            raise FieldInvalid("part_etags", "must be empty for an upload with a size")
        if len(etags) != upload.part_count:
            raise FieldInvalid("part_etags", f"must have {upload.part_count} entries, one for each part")
        etags_sha256 = hashlib.sha256("\n".join(etags).encode()).digest()
        if upload.completed is not None:
            if upload.etags_sha256 != etags_sha256:
                raise UploadIncomplete(str(name), upload.size_bytes)
            return upload.completed
        direct = self._direct()
        held = self.held(upload)
        if held.whole:
            # By a call before, which did not come to its end; perhaps only since the row was read.
            if self.resumables.use(name).etags_sha256 != etags_sha256:
                raise UploadIncomplete(str(name), held.size_bytes)
        else:
            if [(part.number, part.etag) for part in held.parts] != list(enumerate(etags, 1)):
                raise UploadIncomplete(str(name), held.size_bytes)
            self.resumables.note_etags(name, etags_sha256)  # before: afterwards the store lists no parts
            self._put_together(direct, upload, held)
        sha256 = sha256_of(self.blobs, upload.object_key, held.size_bytes, on_read)
        with self.space.adding(upload.name.workspace, held.size_bytes):
            return self._commit(upload, held.size_bytes, sha256, verified=True)

    def sign_read(self, owner: ArtifactOwnerName, path: str) -> tuple[Artifact, SignedRequest]:
        """A file, and a request that reads it. Raises as `Artifacts.find_file`, and DirectTransferUnavailable."""
        direct = self._direct()
        file = self.artifacts.find_file(owner, path)
        if file.is_whole_blob:
            return file.artifact, direct.sign_read(file.object_key)
        if not file.artifact.size_bytes:
            raise DirectTransferUnavailable  # there is no range of no bytes
        return file.artifact, direct.sign_read(file.object_key, (file.offset_bytes, file.artifact.size_bytes))

    def _direct(self) -> DirectStore:
        if self.blobs.direct is None:
            raise DirectTransferUnavailable
        return self.blobs.direct

    def _assemble(self, upload: Resumable, part_digests: Sequence[bytes]) -> None:
        direct = self._direct()
        if len(part_digests) != upload.part_count:
            raise FieldInvalid("part_sha256", f"must have {upload.part_count} entries, one for each part")
        held = self.held(upload)
        if held.whole:
            return  # by a call before, whose answer was lost
        if not _are_those(held.parts, upload, part_digests):
            raise UploadIncomplete(str(upload.name), held.size_bytes)
        self._put_together(direct, upload, held)

    def _put_together(self, direct: DirectStore, upload: Resumable, held: Held) -> None:
        try:
            direct.assemble(upload.object_key, upload.store_upload, held.parts)
        except PartsChanged:
            raise UploadIncomplete(str(upload.name), held.size_bytes) from None

    def _commit(self, upload: Resumable, size_bytes: int, sha256: bytes, *, verified: bool) -> Artifact:
        of_parts = Upload(upload.file, upload.object_key, size_bytes, sha256, verified=verified, outlives=True)
        committed = self.uploads.commit([of_parts])
        (result,) = committed.results
        if isinstance(result, UploadExpired):
            # Perhaps another call was faster.
            completed = self.resumables.use(upload.name).completed
            if completed is None:
                raise UploadNotFound(str(upload.name))
            return completed
        if isinstance(result, CallerError):
            raise result
        if upload.object_key not in committed.used_keys:
            self._remove_spare(upload)
        elif not result.verified:
            self.on_unverified()
        return result

    def _remove_spare(self, upload: Resumable) -> None:
        try:
            self.blobs.remove(upload.object_key)
            self.uploads.release([upload.object_key])
        except CallerError:
            _log.exception("the spare bytes of an upload could not be removed; they expire")


def _are_those(held: Sequence[HeldPart], upload: Resumable, digests: Sequence[bytes]) -> bool:
    """Whether exactly the parts of an upload are held, with these digests."""
    expected = [(number, upload.part_bytes(number), digest) for number, digest in enumerate(digests, 1)]
    return [(part.number, part.size_bytes, part.sha256) for part in held] == expected
