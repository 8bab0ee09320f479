"""Large files that clients send to the store themselves, in parts, and fetch from there (ADR 43)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from trivet_gateway.errors import MlflowError, invalid
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.places import Place, place_of
from trivet_gateway.mlflow.run_files import in_run
from trivet_gateway.upstream import UNKNOWN_BYTES, Caller, last
from trivet_proto.artifacts.v1 import direct_pb2, upload_pb2

_Handler = Callable[[Caller, Fields], Awaitable[dict[str, Any]]]

# More than a usual line sends before the last URL expires; a stream has as long as it needs.
_MOST_PARTS: Final = 1000
_SIGNED_AT_ONCE: Final = 100
# What clients look for, before they send or fetch a file through this server.
_NO_PARTS: Final = "Multipart upload is not supported for the current artifact repository"
_NO_URLS: Final = "Presigned download is not supported for the current artifact repository"
_LONGEST_EXPIRATION: Final = 604_800


def proxy_calls(*, is_direct: bool) -> Mapping[str, tuple[str, _Handler]]:
    """The calls about transfers past this server, by their path below that of the proxy of files."""
    return {
        "/mpu/create/{folder:path}": ("POST", create if is_direct else refuse_parts),
        "/mpu/complete/{folder:path}": ("POST", complete if is_direct else refuse_parts),
        "/mpu/abort/{folder:path}": ("POST", abort if is_direct else refuse_parts),
        "/presigned/{path:path}": ("GET", presign if is_direct else refuse_urls),
    }


def run_calls(*, is_direct: bool) -> Mapping[str, tuple[str, _Handler]]:
    """Those about files of runs, by their path below that of MLflow's calls."""
    return {
        "/artifacts/presigned-download-url": ("POST", presign_of_run if is_direct else refuse_urls_of_run),
        "/artifacts/presigned-upload-url": ("POST", refuse_upload_urls),
    }


async def create(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Begins an upload: gives a URL for each part."""
    place = _file(caller, fields)
    count = fields.whole("num_parts", 1)
    if not 1 <= count <= _MOST_PARTS:
        raise MlflowError("NOT_IMPLEMENTED", f"{_NO_PARTS}: it would have {count} parts")
    request = upload_pb2.CreateUploadRequest(owner=place.owner, path=place.path, part_count=count)
    upload = await _or_not_supported(caller, caller.upstream.artifacts.CreateUpload, request, _NO_PARTS)
    numbers = range(1, count + 1)
    signed: list[direct_pb2.SignedRequest] = []
    for begin in range(0, count, _SIGNED_AT_ONCE):
        parts = [direct_pb2.UploadPart(number=number) for number in numbers[begin : begin + _SIGNED_AT_ONCE]]
        wanted = direct_pb2.SignUploadPartsRequest(upload=upload.name, parts=parts)
        signed += (await caller.call(caller.upstream.artifacts.SignUploadParts, wanted)).requests
    return {
        "upload_id": last(upload.name),
        "credentials": [
            {"url": each.url, "part_number": number, "headers": dict(each.headers)}
            for number, each in zip(numbers, signed, strict=True)
        ],
    }


async def complete(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Makes the file of an upload visible, when its parts are there and were read."""
    etags = {part.whole("part_number"): part.text("etag") for part in fields.objects("parts")}
    if sorted(etags) != list(range(1, len(etags) + 1)) or not etags:
        raise invalid("The parts must be numbered from 1 up, without a gap.")
    request = direct_pb2.CompleteUploadRequest(
        upload=caller.upload(fields.needed("upload_id")), part_etags=[etags[number] for number in sorted(etags)]
    )
    await caller.call(caller.upstream.artifacts.CompleteUpload, request, UNKNOWN_BYTES)  # it is read as a whole
    return {}


async def abort(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Gives up an upload."""
    request = upload_pb2.DeleteUploadRequest(name=caller.upload(fields.needed("upload_id")))
    await caller.call(caller.upstream.artifacts.DeleteUpload, request)
    return {}


async def presign(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Gives a URL of a file, or nothing but that there is none: then clients fetch it through this server."""
    found = await _signed(caller, place_of(caller, fields.needed("path")))
    # A URL that is good for one range alone does not take those of this client.
    if found is None or found.request.headers:
        return {"url": "", "headers": {}}
    return {"url": found.request.url, "headers": {}, "file_size": found.artifact.size_bytes}


async def presign_of_run(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Gives a URL of a file of a run, and the headers that go with it. It holds for five minutes at most."""
    if not 1 <= fields.whole("expiration", 300) <= _LONGEST_EXPIRATION:
        raise invalid(f"expiration must be between 1 and {_LONGEST_EXPIRATION} seconds.")
    found = await in_run(caller, fields, lambda place: _signed(caller, place))
    if found is None:
        raise invalid(f"{_NO_URLS}: fetch it through this server.")
    headers = dict(found.request.headers)
    return {"presigned_url": found.request.url, "headers": headers, "file_size": found.artifact.size_bytes}


async def refuse_parts(_: Caller, __: Fields) -> dict[str, Any]:
    """Says that there are no parts, in place of which clients send files through this server."""
    raise MlflowError("NOT_IMPLEMENTED", _NO_PARTS)


async def refuse_urls(_: Caller, __: Fields) -> dict[str, Any]:
    """Says that there are no URLs, in place of which clients fetch files through this server."""
    raise MlflowError("NOT_IMPLEMENTED", _NO_URLS)


async def refuse_urls_of_run(_: Caller, __: Fields) -> dict[str, Any]:
    """Says so as upstream does of places of this server."""
    raise invalid("Presigned download is not supported for runs with proxied artifact storage.")


async def refuse_upload_urls(_: Caller, fields: Fields) -> dict[str, Any]:
    """Says that nothing is signed for an upload in one piece: nobody would say when it is there."""
    if bool(fields.text("run_id")) == bool(fields.text("model_id")):
        raise invalid("Exactly one of run_id and model_id must be provided.")
    raise invalid(
        "Presigned upload is not supported for proxied artifact storage. Send it to the artifacts of this server."
    )


def _file(caller: Caller, fields: Fields) -> Place:
    """The file of an upload: in a folder of this server, by the last part of its name at the client."""
    folder = place_of(caller, fields.needed("folder"))
    name = re.split(r"[/\\]", fields.needed("path"))[-1]
    if not name:
        raise invalid("Invalid path: it names no file.")
    return folder.below(name)


async def _signed(caller: Caller, place: Place) -> direct_pb2.DownloadUrl | None:
    """A URL of a file; None where there is none to be had."""
    if not place.path:
        raise invalid("Invalid path: it is a directory.")
    request = direct_pb2.GetDownloadUrlRequest(owner=place.owner, path=place.path)
    try:
        found: direct_pb2.DownloadUrl = await caller.call(caller.upstream.artifacts.GetDownloadUrl, request)
    except MlflowError as error:
        if error.reason != "DIRECT_TRANSFER_UNAVAILABLE":
            raise
        return None
    return found


async def _or_not_supported(caller: Caller, method: Any, request: Any, message: str) -> Any:
    try:
        return await caller.call(method, request)
    except MlflowError as error:
        if error.reason != "DIRECT_TRANSFER_UNAVAILABLE":
            raise
        raise MlflowError("NOT_IMPLEMENTED", message) from None
