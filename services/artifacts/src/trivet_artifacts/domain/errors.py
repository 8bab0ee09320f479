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
