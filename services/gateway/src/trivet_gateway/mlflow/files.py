"""The proxy of files: uploaded and downloaded in pieces, however large."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from google.rpc import status_pb2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from trivet_gateway.answers import to_json, without_empty
from trivet_gateway.errors import MlflowError, from_status, invalid, missing
from trivet_gateway.mlflow.places import Place, place_of
from trivet_gateway.mlflow.ranges import UNSATISFIABLE, Span, is_unchanged, wanted_span
from trivet_gateway.upstream import UNKNOWN_BYTES, Caller
from trivet_proto.artifacts.v1 import artifact_pb2
from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb

_log = logging.getLogger("trivet.gateway")

_PIECE: Final = 1 << 20
"""What one message takes."""
_PAGE: Final = 1000
AS_DATA: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "accept-ranges": "bytes",
}
"""Headers of files: pages of artifacts would act for whoever looks at them."""
_FOLDER: Final = "Invalid path: it is a directory."


HeadersOf = Callable[[artifact_pb2.Artifact], Mapping[str, str]]
"""What is said of a file with its bytes, `content-type` and `etag` among it. May raise MlflowError."""


async def put(caller: Caller, request: Request) -> Response:
    """Takes in a file, which is there whole or not at all."""
    place = place_of(caller, request.path_params["path"])
    if not place.path:
        raise invalid("Invalid path: it names no file.")
    size = int(request.headers.get("content-length", UNKNOWN_BYTES))  # none is said of what comes in chunks
    await upload(caller, place, request.stream(), size)
    return to_json({})


async def upload(caller: Caller, place: Place, content: AsyncIterator[bytes], size: int) -> None:
    """Takes in a file, which is there whole or not at all.

    Args:
        caller: Who sends it.
        place: Where it goes.
        content: Its bytes, in pieces of any size.
        size: How many bytes are announced.

    Raises:
        MlflowError: it was refused.
    """
    if size <= _PIECE:
        await _upload_whole(caller, place, content)
        return
    messages = _until_cut(_messages(place, content))
    answers = caller.stream(caller.upstream.artifacts.UploadArtifacts, messages, size)
    # To the end of the stream, and not only to a refusal in it.
    for answer in [each async for each in answers]:
        if answer.WhichOneof("result") == "refused":
            raise _refused(answer.refused)


async def _upload_whole(caller: Caller, place: Place, content: AsyncIterator[bytes]) -> None:
    """A file that fits into one message."""
    try:
        data = b"".join([piece async for piece in content])
    except ClientDisconnect:
        raise invalid("The file did not arrive.") from None  # nobody reads that
    file = pb.UploadFile(start=_start(place), data=data, sha256=hashlib.sha256(data).digest())
    await caller.call(caller.upstream.artifacts.UploadArtifact, pb.UploadArtifactRequest(file=file), len(data))


def _start(place: Place) -> pb.UploadStart:
    return pb.UploadStart(owner=place.owner, path=place.path, media_type=mimetypes.guess_type(place.path)[0] or "")


async def _messages(place: Place, content: AsyncIterator[bytes]) -> AsyncIterator[pb.UploadArtifactsRequest]:
    digest = hashlib.sha256()
    yield pb.UploadArtifactsRequest(start=_start(place))
    async for piece in _pieces(content):
        digest.update(piece)
        yield pb.UploadArtifactsRequest(data=piece)
    yield pb.UploadArtifactsRequest(finish=pb.UploadFinish(sha256=digest.digest()))


async def _until_cut(messages: AsyncIterator[pb.UploadArtifactsRequest]) -> AsyncIterator[pb.UploadArtifactsRequest]:
    """The messages as far as a client sends them. Without the last one the service refuses the file."""
    try:
        async for message in messages:
            yield message
    except ClientDisconnect:
        return


async def _pieces(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The content in pieces as large as a message takes, for each costs the same."""
    held: list[bytes] = []
    size = 0
    async for chunk in content:
        for begin in range(0, len(chunk), _PIECE):
            part = chunk[begin : begin + _PIECE]
            if size + len(part) > _PIECE:
                yield b"".join(held)
                held, size = [], 0
            held.append(part)
            size += len(part)
    yield b"".join(held)


async def get(caller: Caller, request: Request) -> Response:
    """Gives a file, or a range of it."""
    return await download(caller, place_of(caller, request.path_params["path"]), request)


def as_attachment(file: artifact_pb2.Artifact) -> dict[str, str]:
    """Of a file that browsers save, whatever is in it."""
    return {
        **AS_DATA,
        "content-type": "application/octet-stream",
        "content-disposition": f"attachment; {file_name(file)}",
        "etag": etag(file),
    }


async def download(caller: Caller, place: Place, request: Request, headers_of: HeadersOf = as_attachment) -> Response:
    """Gives the file at a place, or a range of it. Raises MlflowError."""
    if not place.path:
        raise invalid(_FOLDER)
    if request.method == "GET" and "range" not in request.headers and "if-none-match" not in request.headers:
        return await _whole(caller, place, headers_of)
    file = await _file(caller, place)
    headers = headers_of(file)
    if is_unchanged(request.headers, headers["etag"]):
        return Response(status_code=304, headers=headers)
    span = wanted_span(request.headers, file.size_bytes, headers["etag"]) if request.method == "GET" else None
    if span == UNSATISFIABLE:
        return Response(status_code=416, headers={**AS_DATA, "content-range": f"bytes */{file.size_bytes}"})
    if request.method == "HEAD":
        return Response(headers={**headers, "content-length": str(file.size_bytes)})
    return await _part(caller, file, span or Span(0, file.size_bytes), headers, is_part=span is not None)


async def _file(caller: Caller, place: Place) -> artifact_pb2.Artifact:
    found: artifact_pb2.Artifact = await caller.call(
        caller.upstream.artifacts.GetArtifact, pb.GetArtifactRequest(owner=place.owner, path=place.path)
    )
    if found.kind == artifact_pb2.ARTIFACT_KIND_FOLDER:
        raise invalid(_FOLDER)
    return found


async def _whole(caller: Caller, place: Place, headers_of: HeadersOf) -> Response:
    """A file, which tells of itself before its bytes come: one call."""
    wanted = pb.DownloadArtifactRequest(owner=place.owner, path=place.path)
    answers = caller.stream(caller.upstream.artifacts.DownloadArtifact, wanted, UNKNOWN_BYTES)
    try:
        file = (await anext(answers)).artifact
    except MlflowError as error:
        if error.code == missing("").code:
            await _file(caller, place)  # a folder is answered otherwise than nothing
        raise
    headers = {**headers_of(file), "content-length": str(file.size_bytes)}
    return _Download(_data(answers), headers=headers)


async def _part(
    caller: Caller, file: artifact_pb2.Artifact, span: Span, of_file: Mapping[str, str], *, is_part: bool
) -> Response:
    headers = {**of_file, "content-length": str(span.size)}
    if is_part:
        headers["content-range"] = f"bytes {span.begin}-{span.end - 1}/{file.size_bytes}"
    wanted = pb.DownloadArtifactRequest(
        owner=file.owner, path=file.path, offset_bytes=span.begin, limit_bytes=span.size
    )
    answers = caller.stream(caller.upstream.artifacts.DownloadArtifact, wanted, span.size)
    if (await anext(answers)).artifact.sha256 != file.sha256:
        raise MlflowError("RESOURCE_CONFLICT", "The file was replaced in this moment. Ask again.")
    return _Download(_data(answers), status_code=206 if is_part else 200, headers=headers)


class _Download(StreamingResponse):
    """A file on its way. One that its service does not end is cut off, so that no client takes it for the whole."""

    async def stream_response(self, send: Send) -> None:
        """As Starlette has it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for piece in self.body_iterator:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except MlflowError as error:
            _log.warning("a download was cut off: %s", error.message)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _data(answers: AsyncIterator[pb.DownloadArtifactResponse]) -> AsyncIterator[bytes]:
    async for answer in answers:
        yield answer.data


def file_name(file: artifact_pb2.Artifact) -> str:
    """The parameter of `content-disposition` that names it."""
    return f"filename*=UTF-8''{quote(file.path.rsplit('/', 1)[-1], safe='')}"


def etag(file: artifact_pb2.Artifact) -> str:
    """Changes with its bytes."""
    return f'"{file.sha256.hex()}"'


async def list_folder(caller: Caller, request: Request) -> Response:
    """Lists a folder by the last parts of the names in it; what is no folder is empty."""
    path = request.query_params.get("path", "").strip("/")
    if not path:
        return to_json({})
    place = place_of(caller, path)
    entries = await entries_of(caller, place)
    files = [{"path": entry.path.rsplit("/", 1)[-1], **facts_of(entry)} for entry in entries]
    return to_json(without_empty({"files": files}))


async def delete(caller: Caller, request: Request) -> Response:
    """Removes a file or folder."""
    place = place_of(caller, request.path_params["path"])
    await caller.call(
        caller.upstream.artifacts.DeleteArtifacts, pb.DeleteArtifactsRequest(owner=place.owner, path=place.path)
    )
    return to_json({})


async def entries_of(caller: Caller, place: Place) -> list[artifact_pb2.Artifact]:
    """What lies in a folder; nothing in what is none."""
    entries: list[artifact_pb2.Artifact] = []
    request = pb.ListArtifactsRequest(owner=place.owner, path=place.path, page_size=_PAGE)
    while True:
        page = await caller.call(caller.upstream.artifacts.ListArtifacts, request)
        entries.extend(entry for entry in page.artifacts if entry.path != place.path)
        request.page_token = page.next_page_token
        if not request.page_token:
            return entries


def facts_of(entry: artifact_pb2.Artifact) -> dict[str, Any]:
    """What lists say of an entry besides its path."""
    if entry.kind == artifact_pb2.ARTIFACT_KIND_FOLDER:
        return {"is_dir": True}
    return {"is_dir": False, "file_size": entry.size_bytes}


def _refused(status: status_pb2.Status) -> MlflowError:
    not_found, exhausted = 5, 8
    if status.code == exhausted:
        return from_status("REQUEST_LIMIT_EXCEEDED", status)
    return missing(status.message) if status.code == not_found else invalid(status.message)
