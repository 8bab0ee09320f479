"""The proxy of files: uploaded and downloaded in pieces, however large."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from google.rpc import status_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trivet_gateway.answers import to_json, without_empty
from trivet_gateway.errors import MlflowError, invalid, missing
from trivet_gateway.fields import Fields
from trivet_gateway.mlflow.logged_models import get as get_model
from trivet_gateway.mlflow.places import Place, place_in, place_of
from trivet_gateway.mlflow.runs import get as get_run
from trivet_gateway.upstream import Caller
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

_PIECE: Final = 1 << 20
_PAGE: Final = 1000
_MOST_CHUNKED_BYTES: Final = 10 << 30
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
# Pages of artifacts would act for whoever looks at them.
_AS_DATA: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "bytes",
}


async def put(caller: Caller, request: Request) -> Response:
    """Takes in a file, which is there whole or not at all."""
    place = place_of(caller, request.path_params["path"])
    if not place.path:
        raise invalid("Invalid path: it names no file.")
    # Of what comes in chunks, nobody says how much it is.
    size = int(request.headers.get("content-length", _MOST_CHUNKED_BYTES))
    uploading = caller.stream(caller.upstream.artifacts.UploadArtifacts, _pieces(place, request), size)
    for answer in [each async for each in uploading]:
        if answer.WhichOneof("result") == "refused":
            raise _refused(answer.refused)
    return to_json({})


async def _pieces(place: Place, request: Request) -> AsyncIterator[pb.UploadArtifactsRequest]:
    media_type = mimetypes.guess_type(place.path)[0] or ""
    yield pb.UploadArtifactsRequest(start=pb.UploadStart(owner=place.owner, path=place.path, media_type=media_type))
    digest = hashlib.sha256()
    async for chunk in request.stream():
        for begin in range(0, len(chunk), _PIECE):
            piece = chunk[begin : begin + _PIECE]
            digest.update(piece)
            yield pb.UploadArtifactsRequest(data=piece)
    yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest.digest()))


async def get(caller: Caller, request: Request) -> Response:
    """Gives a file, or a range of it."""
    return await _download(caller, place_of(caller, request.path_params["path"]), request)


async def get_of_run(caller: Caller, request: Request) -> Response:
    """Gives a file of a run, for browsers."""
    path, run_id = request.query_params.get("path", ""), request.query_params.get("run_id", "")
    return await _download(caller, place_of(caller, f"{run_id}/artifacts/{path}"), request)


async def _download(caller: Caller, place: Place, request: Request) -> Response:
    if not place.path:
        raise invalid("Invalid path: it is a directory.")
    found: artifact_pb2.Artifact = await caller.call(
        caller.upstream.artifacts.GetArtifact, pb.GetArtifactRequest(owner=place.owner, path=place.path)
    )
    if found.kind == artifact_pb2.ARTIFACT_KIND_FOLDER:
        raise invalid("Invalid path: it is a directory.")
    begin, end = _range(request.headers.get("range", ""), found.size_bytes)
    is_part = (begin, end) != (0, found.size_bytes)
    headers = {
        **_AS_DATA,
        "content-length": str(end - begin),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(place.path.rsplit('/', 1)[-1], safe='')}",
        "etag": f'"{found.sha256.hex()}"',
    }
    if is_part:
        headers["content-range"] = f"bytes {begin}-{end - 1}/{found.size_bytes}"
    wanted = pb.DownloadArtifactRequest(owner=place.owner, path=place.path, offset_bytes=begin, limit_bytes=end - begin)
    return StreamingResponse(
        _data(caller, wanted) if end > begin else iter(()),
        status_code=206 if is_part else 200,
        media_type="application/octet-stream",
        headers=headers,
    )


async def _data(caller: Caller, wanted: pb.DownloadArtifactRequest) -> AsyncIterator[bytes]:
    async for answer in caller.stream(caller.upstream.artifacts.DownloadArtifact, wanted, wanted.limit_bytes):
        if answer.data:
            yield answer.data


def _range(header: str, size: int) -> tuple[int, int]:
    """From where to where; all of it for no range, or for one that is not understood, as RFC 9110 has it."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return max(0, size - int(found[2])), size
    begin, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    if begin >= size or end <= begin:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"The range {header!r} is not in the {size} bytes of the file.")
    return begin, end


async def list_folder(caller: Caller, request: Request) -> Response:
    """Lists a folder by the last parts of the names in it; what is no folder is empty."""
    path = request.query_params.get("path", "").strip("/")
    if not path:
        return to_json({})
    place = place_of(caller, path)
    entries = await _entries(caller, place)
    files = [{"path": entry.path.rsplit("/", 1)[-1], **_facts(entry)} for entry in entries if entry.path != place.path]
    return to_json(without_empty({"files": files}))


async def delete(caller: Caller, request: Request) -> Response:
    """Removes a file or folder."""
    place = place_of(caller, request.path_params["path"])
    await caller.call(
        caller.upstream.artifacts.DeleteArtifacts, pb.DeleteArtifactsRequest(owner=place.owner, path=place.path)
    )
    return to_json({})


async def list_of_run(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Lists a folder of a run by whole paths."""
    info = (await get_run(caller, fields))["run"]["info"]
    return await _listed(caller, info["artifact_uri"], fields.text("path"))


async def list_of_model(caller: Caller, fields: Fields) -> dict[str, Any]:
    """Lists a folder of a logged model by whole paths."""
    info = (await get_model(caller, fields))["model"]["info"]
    return await _listed(caller, info["artifact_uri"], fields.text("artifact_directory_path"))


async def _listed(caller: Caller, root: str, path: str) -> dict[str, Any]:
    place = place_in(caller, root)
    if place is None:
        return {"root_uri": root}  # the client reads there itself
    wanted = Place(place.owner, "/".join(part for part in (place.path, path.strip("/")) if part))
    entries = await _entries(caller, wanted)
    files = [{"path": entry.path, **_facts(entry)} for entry in entries if entry.path != wanted.path]
    return without_empty({"root_uri": root, "files": files})


async def _entries(caller: Caller, place: Place) -> list[artifact_pb2.Artifact]:
    entries: list[artifact_pb2.Artifact] = []
    request = pb.ListArtifactsRequest(owner=place.owner, path=place.path, page_size=_PAGE)
    while True:
        page = await caller.call(caller.upstream.artifacts.ListArtifacts, request)
        entries.extend(page.artifacts)
        request.page_token = page.next_page_token
        if not request.page_token:
            return entries


def _facts(entry: artifact_pb2.Artifact) -> dict[str, Any]:
    if entry.kind == artifact_pb2.ARTIFACT_KIND_FOLDER:
        return {"is_dir": True}
    return {"is_dir": False, "file_size": entry.size_bytes}


def _refused(status: status_pb2.Status) -> MlflowError:
    not_found = 5
    return missing(status.message) if status.code == not_found else invalid(status.message)
