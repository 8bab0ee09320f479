"""Between the messages of the artifact service and what the SDK returns."""

from __future__ import annotations

from trivet._entities import FileInfo, Manifest
from trivet._errors import InvalidArgument
from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2

_SHA256_BYTES = 32


def to_file_info(artifact: artifact_pb2.Artifact) -> FileInfo:
    """A file or folder, as it was listed."""
    is_dir = artifact.kind == artifact_pb2.ARTIFACT_KIND_FOLDER
    return FileInfo(
        path=artifact.path,
        is_dir=is_dir,
        file_size=None if is_dir else artifact.size_bytes,
        sha256=artifact.sha256.hex(),
        reference_uri=artifact.reference_uri,
        is_verified=artifact.verified,
    )


def to_manifest(manifest: content_pb2.Manifest) -> Manifest:
    """The digest of files."""
    return Manifest(manifest.sha256.hex(), manifest.file_count, manifest.total_bytes, manifest.reference_count)


def to_sha256(text: str) -> bytes:
    """The bytes of a digest in hexadecimal; none of an empty text. Raises InvalidArgument."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b"?"
    if len(digest) not in (0, _SHA256_BYTES):
        raise InvalidArgument(f"{text!r} is no SHA-256: it has 64 hexadecimal digits.")
    return digest
