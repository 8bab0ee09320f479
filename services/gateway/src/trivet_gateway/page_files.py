"""Files for the web pages: to be saved, and of the kinds that browsers show by themselves (ADR 51)."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from trivet_gateway.errors import invalid
from trivet_gateway.mlflow.files import AS_DATA, download, etag, file_name
from trivet_gateway.mlflow.places import Place
from trivet_gateway.requests import query_of
from trivet_gateway.upstream import Caller
from trivet_proto.artifacts.v1 import artifact_pb2

_PDF: Final = "application/pdf"
_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".svg": "image/svg+xml",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".weba": "audio/webm",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".webm": "video/webm",
    ".ogv": "video/ogg",
    ".pdf": _PDF,
}
"""What can be shown: pictures, sound and films, in which nothing acts, and what the browser's own viewer opens."""
_SHOWN: Final = frozenset(_TYPES.values())
# An SVG that is opened by its URL is a document: it has its looks, and none of its scripts.
_INERT: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
# Browsers open no PDF in a sandbox. Nothing else than their viewer reads it, for its type is not guessed.
_FOR_VIEWER: Final = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"


async def save(caller: Caller, request: Request) -> Response:
    """Gives a file that browsers save."""
    return await download(caller, _place(caller, request), request)


async def show(caller: Caller, request: Request) -> Response:
    """Gives a file of a kind that can be shown, or a range of it."""
    return await download(caller, _place(caller, request), request, _as_shown)


def _place(caller: Caller, request: Request) -> Place:
    """The owner by its name in the workspace, `runs/ID`, and a path. What they may be, the service says."""
    fields = query_of(request)
    return Place(f"{caller.parent}/{fields.needed('owner')}", fields.needed("path"))


def _as_shown(file: artifact_pb2.Artifact) -> dict[str, str]:
    said = file.media_type.partition(";")[0].strip().lower()
    name = file.path.rsplit("/", 1)[-1].lower()
    media_type = said if said in _SHOWN else _TYPES.get(name[name.rfind(".") :] if "." in name else "")
    if media_type is None:
        raise invalid("Files of this kind are not shown here. Save it to look at it.")
    return {
        **AS_DATA,
        "content-type": media_type,
        "content-disposition": f"inline; {file_name(file)}",
        "content-security-policy": _FOR_VIEWER if media_type == _PDF else _INERT,
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-cache",
        "etag": etag(file),
    }
