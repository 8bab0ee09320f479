"""The document of the web pages and its files: what is answered, kept, compressed and forbidden."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path

import pytest
from starlette.routing import Router
from starlette.types import Message

from trivet_gateway import pages
from trivet_testing.gateway_http import Http

PATHS = ["/", "/experiments", "/experiments/3", "/runs/abc", "/compare?runs=x", "/models/iris/versions/2", "/server"]


@pytest.fixture
def http_of(gateway: str) -> Http:
    return Http(gateway)


@pytest.mark.parametrize("prefix", ["", "/w/default", "/w/nobodys"])
def test_every_page_is_the_same_document_with_a_strict_policy(http_of: Http, prefix: str) -> None:
    answers = [http_of.raw("GET", prefix + path) for path in PATHS]
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == 1
    for _, headers, _ in answers:
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-cache"
        assert headers["x-content-type-options"] == "nosniff"
        policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        loading = {value for name, value in policy.items() if name.endswith("-src") and name != "default-src"}
        assert loading == {"'self'"}


def test_each_page_of_the_application_can_be_opened_by_its_url() -> None:
    routes = (Path(__file__).parents[3] / "ui" / "src" / "routes.tsx").read_text(encoding="utf-8")
    sections = set(re.findall(r'\bpath: "/?([a-z][-a-z]*)(?:/\$[^"]*)?"', routes))
    # What is before the path of a page in another workspace is no page.
    assert sections - {"w"} == set(pages.SECTIONS)


def test_what_the_document_loads_is_kept_for_good_and_lies_there_compressed(http_of: Http) -> None:
    document = http_of.raw("GET", "/")[2].decode()
    (script,) = re.findall(r'src="(/ui/assets/[^"]+\.js)"', document)
    status, plain, content = http_of.raw("GET", script)
    assert (status, plain["cache-control"]) == (200, "public, max-age=31536000, immutable")
    assert "javascript" in plain["content-type"]
    assert "content-encoding" not in plain
    _, headers, compressed = http_of.raw("GET", script, headers={"accept-encoding": "gzip"})
    assert (headers["content-encoding"], headers["vary"]) == ("gzip", "accept-encoding")
    assert gzip.decompress(compressed) == content
    assert http_of.raw("GET", script, headers={"accept-encoding": "gzip, deflate, br"})[1]["content-encoding"] == "br"
    _, headers_of_refused, _ = http_of.raw("GET", script, headers={"accept-encoding": "br;q=0, gzip;q=0.000"})
    assert "content-encoding" not in headers_of_refused
    again = http_of.raw("GET", script, headers={"if-none-match": headers["etag"], "accept-encoding": "gzip"})
    assert len(compressed) < len(content) / 2
    assert again[0] in {200, 304}


@pytest.mark.parametrize(
    "path",
    [
        *("/ui/never.js", "/ui/", "/ui", "/ui/assets", "/ui/../pages.py", "/ui/%2e%2e/pages.py", "/ui/..%2fpages.py"),
        *(
            "/ui//etc/passwd",
            "/ui/%00",
            "/ui/.vite/manifest.json",
            "/ui/index.html.gz",
            "/experimentsx",
            "/favicon.ico",
        ),
    ],
)
def test_nothing_else_is_there(http_of: Http, path: str) -> None:
    status, headers, body = http_of.raw("GET", path)
    assert (status, headers["content-type"]) == (404, "application/json")
    assert b"ENDPOINT_NOT_FOUND" in body


def test_pages_are_only_read(http_of: Http) -> None:
    assert http_of.raw("POST", "/experiments", b"")[0] == 405
    assert http_of.raw("DELETE", "/", b"")[0] == 405


def test_a_checkout_without_pages_says_how_to_build_them(tmp_path: Path) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/experiments", "headers": [], "query_string": b""}
    asyncio.run(Router(pages.routes(tmp_path))(scope, receive, send))
    begin, body = sent
    assert begin["status"] == 404
    assert body["body"] == b"The web pages are not built in this checkout. Run: make pages\n"
