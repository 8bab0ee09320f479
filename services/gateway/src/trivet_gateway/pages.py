"""The web pages: one document for all their URLs, and the files that it loads.

They are built from `ui/` into this package by `make pages`; a checkout that has none says so.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from trivet_gateway.compression import takes

BUILT: Final = Path(__file__).with_name("ui")
"""Where the build puts them."""
SECTIONS: Final = (
    *("experiments", "runs", "compare", "models", "promotions", "server", "access", "audit"),
    *("sign-in", "signed-in"),
)
"""What the paths of pages begin with. What is below them is for the pages themselves to read."""
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What pages may load and be loaded by: nothing but what comes from here."""
SANDBOX: Final = "sandbox.html"
"""The document that shows somebody's HTML in a frame (ADR 51)."""
SANDBOX_POLICY: Final = "; ".join(
    (
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval' data: blob:",
        "style-src 'unsafe-inline' data: blob:",
        "img-src data: blob:",
        "media-src data: blob:",
        "font-src data:",
        "worker-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
"""What scripts of a file may do: all that needs neither this server, nor another one, nor the page around them."""
_OF_PAGES: Final = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
# Names of files hold their digest, so what lies under one never changes.
_KEPT_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASKED_EACH_TIME: Final = "no-cache"
_CODINGS: Final = (("br", ".br"), ("gzip", ".gz"))


@dataclass(frozen=True)
class _File:
    path: Path
    media_type: str
    codings: tuple[tuple[str, Path], ...]
    """Forms of it that are compressed already, the smallest first."""

    def answer(self, headers: Headers, cached: str) -> Response:
        """The file, in the smallest form that the browser takes."""
        more = {**_OF_PAGES, "cache-control": cached, "vary": "accept-encoding"}
        if self.path.name == SANDBOX:
            more["content-security-policy"] = SANDBOX_POLICY
        for coding, path in self.codings:
            if takes(headers, coding):
                return FileResponse(path, media_type=self.media_type, headers={**more, "content-encoding": coding})
        return FileResponse(self.path, media_type=self.media_type, headers=more)


def routes(built: Path = BUILT) -> list[BaseRoute]:
    """The routes of the pages in a folder. What is asked for is looked up, and never opened by its name."""
    files = {name: each for name, each in _files(built).items() if not name.startswith(".vite/")}
    document = files.get("index.html")

    async def page(request: Request) -> Response:
        if document is None:
            return PlainTextResponse("The web pages are not built in this checkout. Run: make pages\n", status_code=404)
        return document.answer(request.headers, _ASKED_EACH_TIME)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        found = files.get(name)
        if found is None:
            raise HTTPException(404)
        return found.answer(request.headers, _KEPT_FOR_GOOD if name.startswith("assets/") else _ASKED_EACH_TIME)

    paths = ["/", *(f"/{section}" for section in SECTIONS), *(f"/{section}/{{rest:path}}" for section in SECTIONS)]
    return [*(Route(path, page, methods=["GET"]) for path in paths), Route("/ui/{name:path}", file, methods=["GET"])]


def _files(folder: Path) -> dict[str, _File]:
    """The files below a folder, by their paths in it."""
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    compressed = tuple(suffix for _, suffix in _CODINGS)
    return {
        name: _File(
            path,
            mimetypes.guess_type(name)[0] or "application/octet-stream",
            tuple((coding, there[name + suffix]) for coding, suffix in _CODINGS if name + suffix in there),
        )
        for name, path in there.items()
        if not name.endswith(compressed)
    }
