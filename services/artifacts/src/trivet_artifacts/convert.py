"""Between messages and the domain: checks what comes in, spells what goes out."""

from __future__ import annotations

from trivet_artifacts.domain import limits, media_types, paths
from trivet_artifacts.domain.artifacts import Artifact, ByteRange, Kind, Manifest
from trivet_artifacts.domain.uploads import Answer, Begun, NewFile
from trivet_artifacts.packs import WholeFile
from trivet_kit.errors import CallerError, FieldInvalid, FieldRequired, FieldTooLong
from trivet_kit.resources import UploadName, parse_artifact_owner, parse_upload
from trivet_kit.status import to_status
from trivet_kit.timestamps import from_millis
from trivet_proto.artifacts.v1 import artifact_pb2, content_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

_SHA256_BYTES = 32
_KINDS = {Kind.FILE: artifact_pb2.ARTIFACT_KIND_FILE, Kind.FOLDER: artifact_pb2.ARTIFACT_KIND_FOLDER}


def to_new_file(start: pb.UploadStart, field: str) -> NewFile:
    """The file that begins. Raises FieldRequired, FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    if not start.owner:
        raise FieldRequired(f"{field}.owner")
    path = paths.check_path(start.path, f"{field}.path")
    if start.HasField("size_bytes") and start.size_bytes < 0:
        raise FieldInvalid(f"{field}.size_bytes", "must be 0 or more")
    if start.offset_bytes:
        raise FieldInvalid(f"{field}.offset_bytes", "must be 0 without an upload")
    return NewFile(
        owner=parse_artifact_owner(start.owner, f"{field}.owner"),
        path=path,
        media_type=media_types.check_media_type(start.media_type, f"{field}.media_type") or media_types.guess(path),
        size_bytes=start.size_bytes if start.HasField("size_bytes") else None,
    )


def to_resumed(start: pb.UploadStart) -> tuple[UploadName, int]:
    """The upload that is gone on with, and where. Raises FieldInvalid, ResourceNameInvalid."""
    for other in ("owner", "path", "media_type"):
        if getattr(start, other):
            raise FieldInvalid(f"start.{other}", "must be empty with an upload, which has its own")
    if start.HasField("size_bytes"):
        raise FieldInvalid("start.size_bytes", "must be absent with an upload, which has its own")
    if start.offset_bytes < 0:
        raise FieldInvalid("start.offset_bytes", "must be 0 or more")
    return parse_upload(start.upload, "start.upload"), start.offset_bytes


def to_whole_file(whole: pb.UploadFile) -> WholeFile:
    """A file in one message. Raises as `to_new_file` does."""
    if whole.start.upload:
        raise FieldInvalid("file.start.upload", "must be empty for a file in one message")
    if whole.start.HasField("size_bytes"):
        raise FieldInvalid("file.start.size_bytes", "must be absent for a file in one message")
    file = to_new_file(whole.start, "file.start")
    check_data(whole.data, "file.data")
    return WholeFile(file, whole.data, to_sha256(whole.sha256, "file.sha256"))


def check_data(data: bytes, field: str) -> None:
    """Checks the length of a message's bytes. Raises FieldTooLong."""
    if len(data) > limits.MAX_DATA_BYTES:
        raise FieldTooLong(field, len(data), limits.MAX_DATA_BYTES, "bytes")


def to_sha256(digest: bytes, field: str) -> bytes:
    """A digest. Raises FieldInvalid for another length."""
    if len(digest) != _SHA256_BYTES:
        raise FieldInvalid(field, f"must have {_SHA256_BYTES} bytes")
    return digest


def to_range(request: pb.DownloadArtifactRequest) -> ByteRange:
    """The part that is asked for. Raises FieldInvalid."""
    for field, value in (("offset_bytes", request.offset_bytes), ("limit_bytes", request.limit_bytes)):
        if value < 0:
            raise FieldInvalid(field, "must be 0 or more")
    return ByteRange(request.offset_bytes, request.limit_bytes)


def to_content_bytes(request: pb.ListArtifactsRequest) -> int:
    """How many bytes of files may come with a page. Raises FieldInvalid."""
    if request.max_content_bytes < 0:
        raise FieldInvalid("max_content_bytes", "must be 0 or more")
    return request.max_content_bytes


def to_paths(request: pb.DownloadArtifactsRequest) -> list[str]:
    """The files that are asked for. Raises FieldInvalid."""
    if len(request.paths) > limits.MAX_DOWNLOADED:
        raise FieldInvalid("paths", f"must have at most {limits.MAX_DOWNLOADED} entries")
    if len(set(request.paths)) < len(request.paths):
        raise FieldInvalid("paths", "must not have one twice")
    return [paths.check_path(path, f"paths[{place}]") for place, path in enumerate(request.paths)]


def from_artifact(artifact: Artifact) -> artifact_pb2.Artifact:
    """The message of a file or folder."""
    return artifact_pb2.Artifact(
        owner=artifact.owner.name,
        path=artifact.path,
        kind=_KINDS[artifact.kind],
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        media_type=artifact.media_type,
        create_time=from_millis(artifact.create_time),
        verified=artifact.verified,
        reference_uri=artifact.reference_uri,
    )


def from_answer(answer: Answer) -> pb.UploadArtifactsResponse:
    """The message about a file of an upload."""
    if isinstance(answer.result, CallerError):
        return pb.UploadArtifactsResponse(index=answer.index, refused=to_status(answer.result))
    if isinstance(answer.result, Begun):
        return pb.UploadArtifactsResponse(index=answer.index, begun=pb.UploadBegun(offset_bytes=answer.result.offset))
    return pb.UploadArtifactsResponse(index=answer.index, artifact=from_artifact(answer.result))


def from_linked(linked: Manifest) -> pb.LinkArtifactsResponse:
    """The message about a link."""
    return pb.LinkArtifactsResponse(
        linked_files=linked.files, linked_bytes=linked.size_bytes, manifest_sha256=linked.sha256
    )


def from_manifest(manifest: Manifest) -> content_pb2.Manifest:
    """The message about a manifest."""
    return content_pb2.Manifest(
        file_count=manifest.files,
        total_bytes=manifest.size_bytes,
        sha256=manifest.sha256,
        reference_count=manifest.references,
    )
