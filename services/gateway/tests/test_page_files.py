"""Files for the web pages: what is given to be saved and to be shown, and what never is."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest

from trivet_testing.gateway_http import FILES, Http

CONTENT = bytes(range(256)) * 8_192
"""Two mebibytes: more than one message."""


class Owner:
    """A run with files, and the URLs that pages have for them."""

    def __init__(self, gateway: str) -> None:
        self.http = Http(gateway)
        self.run_id = self.http.run()

    def put(self, path: str, content: bytes = CONTENT) -> None:
        assert self.http.raw("PUT", f"{FILES}/0/{self.run_id}/artifacts/{path}", content)[0] == 200

    def url(self, what: str, path: str, **more: str) -> str:
        return f"/files/{what}?{urlencode({'owner': f'runs/{self.run_id}', 'path': path, **more})}"


@pytest.fixture
def owner(gateway: str) -> Owner:
    return Owner(gateway)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("a.png", "image/png"),
        ("a.WEBP", "image/webp"),
        ("a.svg", "image/svg+xml"),
        ("a.wav", "audio/wav"),
        ("a.webm", "video/webm"),
        ("deep/a.mp4", "video/mp4"),
    ],
)
def test_pictures_sounds_and_films_are_shown_and_act_on_nothing(owner: Owner, name: str, media_type: str) -> None:
    owner.put(name)
    status, headers, body = owner.http.raw("GET", owner.url("show", name))
    assert (status, body) == (200, CONTENT)
    assert headers["content-type"] == media_type
    assert headers["content-disposition"].startswith("inline;")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none';")


def test_a_range_of_what_is_shown_is_given_as_a_part(owner: Owner) -> None:
    owner.put("film.mp4")
    status, headers, body = owner.http.raw("GET", owner.url("show", "film.mp4"), headers={"range": "bytes=100-199"})
    assert (status, body) == (206, CONTENT[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(CONTENT)}"
    assert headers["content-type"] == "video/mp4"
    beyond = owner.http.raw("GET", owner.url("show", "film.mp4"), headers={"range": f"bytes={len(CONTENT)}-"})
    assert beyond[0] == 416
    again = owner.http.raw("GET", owner.url("show", "film.mp4"), headers={"if-none-match": headers["etag"]})
    assert (again[0], again[2]) == (304, b"")


def test_a_pdf_is_for_the_viewer_of_the_browser_which_takes_none_in_a_sandbox(owner: Owner) -> None:
    owner.put("a.pdf")
    _, headers, _ = owner.http.raw("GET", owner.url("show", "a.pdf"))
    assert headers["content-type"] == "application/pdf"
    assert headers["content-security-policy"].startswith("default-src 'none'; object-src 'self';")
    assert headers["content-security-policy"].endswith("frame-ancestors 'self'")


@pytest.mark.parametrize(
    "name", ["a.html", "a.htm", "a.xml", "a.xhtml", "a.js", "a.css", "a.json", "a", "a.png.html", "png"]
)
def test_what_could_act_is_never_shown(owner: Owner, name: str) -> None:
    owner.put(name, b"<script>alert(1)</script>")
    status, headers, body = owner.http.raw("GET", owner.url("show", name))
    assert status == 400
    assert b"<script>" not in body
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["a.html", "a.png", "a b;\"c'.txt", "größe/日本.bin"])
def test_all_is_saved_as_an_attachment_under_its_name(owner: Owner, name: str) -> None:
    owner.put(quote(name))
    status, headers, body = owner.http.raw("GET", owner.url("save", name))
    assert (status, body) == (200, CONTENT)
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1], safe='')}"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize("what", ["save", "show"])
def test_what_is_not_there_and_what_is_no_file_says_so(owner: Owner, what: str) -> None:
    owner.put("folder/a.png")
    assert owner.http.raw("GET", owner.url(what, "never.png"))[0] == 404
    assert owner.http.raw("GET", owner.url(what, "folder"))[0] == 400
    assert owner.http.raw("GET", f"/files/{what}?path=a.png")[0] == 400
    assert owner.http.raw("GET", f"/files/{what}?owner=runs/{owner.run_id}")[0] == 400
    assert owner.http.raw("POST", owner.url(what, "folder/a.png"))[0] == 405


@pytest.mark.parametrize(
    "owner_name",
    [
        "",
        "runs",
        "runs/",
        "runs/../runs/x",
        "../other/runs/x",
        "experiments/0",
        "runs/a/b",
        "models/m/versions/x",
        "/runs/x",
    ],
)
def test_an_owner_that_is_none_is_refused(owner: Owner, owner_name: str) -> None:
    query = urlencode({"owner": owner_name, "path": "a.png"})
    assert owner.http.raw("GET", f"/files/save?{query}")[0] in {400, 404}


def test_files_of_another_workspace_are_not_there(owner: Owner, gateway: str) -> None:
    owner.put("a.png")
    assert Http(gateway).raw("GET", owner.url("show", "a.png"))[0] == 404
    in_path = f"/w/{owner.http.workspace}{owner.url('show', 'a.png')}"
    assert owner.http.raw("GET", in_path)[0] == 200


def test_the_sandbox_has_a_policy_of_its_own(owner: Owner) -> None:
    status, headers, body = owner.http.raw("GET", "/ui/sandbox.html")
    policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
    assert status == 200
    assert policy["sandbox"] == "allow-scripts"
    assert policy["default-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert "connect-src" not in policy
    assert "'self'" not in policy["script-src"]
    assert b"event.source !== parent" in body
