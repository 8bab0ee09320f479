"""Between messages about uploads that outlive calls and the domain."""

from __future__ import annotations

from trivet_artifacts import convert
from trivet_artifacts.blobs.blob_store import Held, SignedRequest
from trivet_artifacts.domain import limits, media_types, paths
from trivet_artifacts.domain.resumables import Parts, Resumable
from trivet_artifacts.domain.uploads import NewFile
from trivet_artifacts.resuming import NewPart
from trivet_kit.errors import FieldInvalid, FieldTooLong
from trivet_kit.resources import parse_artifact_owner
from trivet_kit.timestamps import from_millis
from trivet_proto.artifacts.v1 import direct_pb2, upload_pb2

_MIB = 1024 * 1024


def to_large_file(request: upload_pb2.CreateUploadRequest) -> tuple[NewFile, Parts]:
    """The file that is to come, and its parts. Raises FieldInvalid, FieldTooLong, ResourceNameInvalid."""
    path = paths.check_path(request.path, "path")
    media_type = media_types.check_media_type(request.media_type, "media_type") or media_types.guess(path)
    owner = parse_artifact_owner(request.owner, "owner")
    if request.part_count:
        return NewFile(owner, path, media_type, None), _unmeasured_parts(request)
    if not 1 <= request.size_bytes <= limits.MAX_UPLOAD_BYTES:
        raise FieldInvalid("size_bytes", f"must be from 1 to {limits.MAX_UPLOAD_BYTES}")
    part_size = request.part_size_bytes or limits.DEFAULT_PART_BYTES
    if not limits.MIN_PART_BYTES <= part_size <= limits.MAX_PART_BYTES:
        raise FieldInvalid("part_size_bytes", f"must be from {limits.MIN_PART_BYTES} to {limits.MAX_PART_BYTES}, or 0")
    if part_size * limits.MAX_PARTS < request.size_bytes:
        part_size = (request.size_bytes // (limits.MAX_PARTS * _MIB) + 1) * _MIB
    return NewFile(owner, path, media_type, request.size_bytes), Parts(part_size, -(-request.size_bytes // part_size))


def _unmeasured_parts(request: upload_pb2.CreateUploadRequest) -> Parts:
    if not 1 <= request.part_count <= limits.MAX_PARTS:
        raise FieldInvalid("part_count", f"must be from 1 to {limits.MAX_PARTS}, or 0")
    for field in ("size_bytes", "part_size_bytes", "resume_key"):
        if getattr(request, field):
            raise FieldInvalid(field, "must not be set with part_count")
    return Parts(0, request.part_count)


def to_resume_key(request: upload_pb2.CreateUploadRequest) -> str:
    """What a client knows the file by. Raises FieldTooLong, FieldInvalid."""
    if len(request.resume_key) > limits.MAX_RESUME_KEY_CHARACTERS:
        raise FieldTooLong("resume_key", len(request.resume_key), limits.MAX_RESUME_KEY_CHARACTERS)
    if "\0" in request.resume_key:
        raise FieldInvalid("resume_key", "must have no NUL character")
    return request.resume_key


def to_parts(request: direct_pb2.SignUploadPartsRequest) -> list[NewPart]:
    """The parts that are to be sent. Raises FieldInvalid."""
    if len(request.parts) > limits.MAX_SIGNED:
        raise FieldInvalid("parts", f"must have at most {limits.MAX_SIGNED} entries")
    return [
        NewPart(part.number, convert.to_sha256(part.sha256, f"parts[{place}].sha256") if part.sha256 else b"")
        for place, part in enumerate(request.parts)
    ]


def to_etags(request: direct_pb2.CompleteUploadRequest) -> list[str]:
    """What the store answered for the parts of an upload without a size. Raises FieldInvalid."""
    for field in ("sha256", "part_sha256"):
        if getattr(request, field):
            raise FieldInvalid(field, "must not be set with part_etags")
    return [etag.strip('"') for etag in request.part_etags]


def from_upload(upload: Resumable, held: Held, *, direct: bool) -> upload_pb2.Upload:
    """The message of an upload."""
    if held.whole:
        parts = list(range(1, upload.part_count + 1)) if direct else []
    else:
        # A part of another size was sent by nobody who holds a URL for it.
        parts = [
            part.number
            for part in held.parts
            if not upload.is_measured or part.size_bytes == upload.part_bytes(part.number)
        ]
    return upload_pb2.Upload(
        name=str(upload.name),
        owner=upload.file.owner.name,
        path=upload.file.path,
        size_bytes=upload.size_bytes,
        part_size_bytes=upload.part_size_bytes,
        direct=direct,
        held_bytes=held.size_bytes,
        held_parts=parts if direct else [],
        expire_time=from_millis(upload.expire_time),
        part_count=upload.part_count,
    )


def from_signed(signed: SignedRequest) -> direct_pb2.SignedRequest:
    """The message of a signed request."""
    return direct_pb2.SignedRequest(
        method=signed.method, url=signed.url, headers=signed.headers, expire_time=from_millis(signed.expire_time)
    )
