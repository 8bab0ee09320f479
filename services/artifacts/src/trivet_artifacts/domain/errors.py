"""Errors of files: facts, from which the status follows."""

from __future__ import annotations

from typing import Literal

from trivet_kit.errors import CallerError, Code


class ArtifactNotFound(CallerError):
    """Nothing lies at a path, or a folder where a file is needed."""

    code = Code.NOT_FOUND
    reason = "ARTIFACT_NOT_FOUND"

    def __init__(self, owner: str, path: str) -> None:
        super().__init__(
            f"{owner} has no file at {path!r}." if path else f"{owner} has no files.",
            metadata={"owner": owner, "path": path},
        )


class ArtifactExists(CallerError):
    """The destination of a link has other bytes at a path."""

    code = Code.ALREADY_EXISTS
    reason = "ARTIFACT_EXISTS"

    def __init__(self, owner: str, path: str) -> None:
        super().__init__(
            f"{owner} has another file at {path!r}. Delete that first.", metadata={"owner": owner, "path": path}
        )


class ArtifactPathTaken(CallerError):
    """A file cannot lie where a folder is, nor below a file."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACT_PATH_TAKEN"

    def __init__(self, owner: str, path: str, kind: Literal["FILE", "FOLDER"]) -> None:
        super().__init__(
            f"{owner} has a {kind.lower()} at {path!r}. Delete that first, or choose another path.",
            metadata={"owner": owner, "path": path, "kind": kind},
        )


class ArtifactDigestMismatch(CallerError):
    """The bytes that came do not have the digest that the client reckoned."""

    code = Code.INVALID_ARGUMENT
    reason = "ARTIFACT_DIGEST_MISMATCH"

    def __init__(self, sha256: str, expected: str) -> None:
        super().__init__(
            f"The bytes that came have SHA-256 {sha256}, and {expected} was expected. Send the file again.",
            metadata={"sha256": sha256, "expectedSha256": expected},
            field="finish.sha256",
        )


class ArtifactSizeMismatch(CallerError):
    """Another number of bytes came than was announced."""

    code = Code.INVALID_ARGUMENT
    reason = "ARTIFACT_SIZE_MISMATCH"

    def __init__(self, size_bytes: int, expected_size_bytes: int) -> None:
        super().__init__(
            f"{size_bytes} bytes came, and {expected_size_bytes} were announced. Send the file again.",
            metadata={"sizeBytes": str(size_bytes), "expectedSizeBytes": str(expected_size_bytes)},
            field="start.size_bytes",
        )


class UploadExpired(CallerError):
    """The upload counts as left behind."""

    code = Code.ABORTED
    reason = "UPLOAD_EXPIRED"

    def __init__(self) -> None:
        super().__init__("The server lost touch with its database during the upload. Send the file again.")


class ArtifactStoreUnavailable(CallerError):
    """The store of the bytes does not answer."""

    code = Code.UNAVAILABLE
    reason = "ARTIFACT_STORE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__(
            "The store of the files does not answer. Send the call again in a moment.", retry_after_seconds=1
        )


class ArtifactStoreRefuses(CallerError):
    """The store of the bytes is not as it was set up."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACT_STORE_REFUSES"

    def __init__(self, problem: Literal["BUCKET_MISSING", "ACCESS_DENIED"]) -> None:
        what = {"BUCKET_MISSING": "its bucket is missing", "ACCESS_DENIED": "it denies access to this service"}[problem]
        super().__init__(
            f"The store of the files cannot be used: {what}. Whoever operates it has to set that right.",
            metadata={"problem": problem},
        )


class ArtifactContentMissing(CallerError):
    """A workspace does not hold verified bytes of a digest and size."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACT_CONTENT_MISSING"

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"The workspace does not hold the bytes with SHA-256 {sha256}. Send the file.", metadata={"sha256": sha256}
        )


class UploadNotFound(CallerError):
    """There is no such upload."""

    code = Code.NOT_FOUND
    reason = "UPLOAD_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no upload {name}. Begin a new one.", metadata={"name": name})


class UploadIncomplete(CallerError):
    """Parts of an upload are missing, or are others than the client named."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_INCOMPLETE"

    def __init__(self, name: str, held_bytes: int) -> None:
        super().__init__(
            f"{name} lacks parts, or has others than named; {held_bytes} bytes are held. Send them and try again.",
            metadata={"name": name, "heldBytes": str(held_bytes)},
        )


class UploadOffsetWrong(CallerError):
    """Bytes do not begin where those that are held end."""

    code = Code.FAILED_PRECONDITION
    reason = "UPLOAD_OFFSET_WRONG"

    def __init__(self, name: str, held_bytes: int) -> None:
        super().__init__(
            f"{held_bytes} bytes of {name} are held. Go on there.",
            metadata={"name": name, "heldBytes": str(held_bytes)},
            field="start.offset_bytes",
        )


class UploadBusy(CallerError):
    """Another call sends bytes of the upload."""

    code = Code.ABORTED
    reason = "UPLOAD_BUSY"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Another call sends bytes of {name}. Try again in a moment.",
            metadata={"name": name},
            retry_after_seconds=1,
        )


class DirectTransferUnavailable(CallerError):
    """Clients do not reach the store themselves."""

    code = Code.FAILED_PRECONDITION
    reason = "DIRECT_TRANSFER_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("Clients do not reach the store of the files themselves. Send and fetch by streams.")


class ArtifactIsReference(CallerError):
    """The bytes of a file are elsewhere."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACT_IS_REFERENCE"

    def __init__(self, owner: str, path: str, uri: str) -> None:
        super().__init__(
            f"{path!r} of {owner} is a reference to {uri}. Read it there.",
            metadata={"owner": owner, "path": path, "uri": uri},
        )


class ArtifactCorrupt(CallerError):
    """A check has found other bytes than those of the file's digest."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACT_CORRUPT"

    def __init__(self, owner: str, path: str) -> None:
        super().__init__(
            f"The bytes of {path!r} of {owner} are not those of its digest. Upload it again.",
            metadata={"owner": owner, "path": path},
        )


class ArtifactsHeld(CallerError):
    """A hold keeps the files of an owner."""

    code = Code.FAILED_PRECONDITION
    reason = "ARTIFACTS_HELD"

    def __init__(self, owner: str) -> None:
        super().__init__(
            f"A hold keeps the files of {owner} from being removed or replaced. Release it first.",
            metadata={"owner": owner},
        )


class CollectionBusy(CallerError):
    """Another call collects the garbage of the workspace."""

    code = Code.ABORTED
    reason = "COLLECTION_BUSY"

    def __init__(self, workspace: str) -> None:
        super().__init__(
            f"Another call collects the garbage of the workspace {workspace}. Try again in a moment.",
            metadata={"workspace": workspace},
            retry_after_seconds=10,
        )
