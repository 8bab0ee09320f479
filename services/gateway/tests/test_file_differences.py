"""Requests for files are answered as a real MLflow server answers them, but where we say otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from trivet_testing.gateway_http import FILES, Http
from trivet_testing.mlflow_told import told_by_mlflow

# By what is asked, in order: method, path below that of the proxy, body or headers.
ASKED: Final[dict[str, tuple[str, str, Any]]] = {
    "put": ("PUT", "/{root}/a/b.txt", b"0123456789"),
    "put at the top": ("PUT", "/{root}/top.txt", b"top"),
    "put again": ("PUT", "/{root}/top.txt", b"again"),
    "put nothing": ("PUT", "/{root}/empty", b""),
    "put an odd name": ("PUT", "/{root}/a%20b%C3%A9%25.txt", b"odd"),
    "put of a model": ("PUT", "/0/models/m-1/artifacts/MLmodel", b"model"),
    "put with a slash at the end": ("PUT", "/{root}/a/", b"x"),
    "put above": ("PUT", "/{root}/../x", b"x"),
    "put escaped above": ("PUT", "/{root}/%2e%2e/x", b"x"),
    "put absolute": ("PUT", "//etc/x", b"x"),
    "put below a file": ("PUT", "/{root}/top.txt/x", b"x"),
    "put where a folder is": ("PUT", "/{root}/a", b"x"),
    "get": ("GET", "/{root}/a/b.txt", None),
    "get what was put again": ("GET", "/{root}/top.txt", None),
    "get nothing": ("GET", "/{root}/empty", None),
    "get an odd name": ("GET", "/{root}/a%20b%C3%A9%25.txt", None),
    "get of a model": ("GET", "/0/models/m-1/artifacts/MLmodel", None),
    "get a range": ("GET", "/{root}/a/b.txt", {"range": "bytes=2-4"}),
    "get the end": ("GET", "/{root}/a/b.txt", {"range": "bytes=-3"}),
    "get from there": ("GET", "/{root}/a/b.txt", {"range": "bytes=7-"}),
    "get beyond the end": ("GET", "/{root}/a/b.txt", {"range": "bytes=10-"}),
    "get no range": ("GET", "/{root}/a/b.txt", {"range": "bytes=x"}),
    "get an empty range": ("GET", "/{root}/a/b.txt", {"range": "bytes=4-2"}),
    "get for another one": ("GET", "/{root}/a/b.txt", {"range": "bytes=2-4", "if-range": '"other"'}),
    "get a folder": ("GET", "/{root}/a", None),
    "get what is not there": ("GET", "/{root}/never", None),
    "get below a file": ("GET", "/{root}/top.txt/x", None),
    "get above": ("GET", "/{root}/../x", None),
    "list": ("GET", "?path={root}", None),
    "list with a slash": ("GET", "?path={root}/", None),
    "list a folder": ("GET", "?path={root}/a", None),
    "list a file": ("GET", "?path={root}/top.txt", None),
    "list what is not there": ("GET", "?path={root}/never", None),
    "list below a file": ("GET", "?path={root}/top.txt/x", None),
    "list of a model": ("GET", "?path=0/models/m-1/artifacts", None),
    "list of a run without files": ("GET", "?path=0/none/artifacts", None),
    "list above": ("GET", "?path={root}/..", None),
    "list by a URI": ("GET", "?path=file:///etc", None),
    "list of an experiment": ("GET", "?path=0", None),
    "delete a file": ("DELETE", "/{root}/top.txt", None),
    "get what was deleted": ("GET", "/{root}/top.txt", None),
    "delete a folder": ("DELETE", "/{root}/a", None),
    "list what was deleted": ("GET", "?path={root}/a", None),
    "delete above": ("DELETE", "/{root}/../x", None),
}
DIFFERENT: Final = {
    **dict.fromkeys(("put below a file", "put where a folder is"), "a mistake of a user: 400, not 500"),
    **dict.fromkeys(("get no range", "get an empty range"), "what is no range is none (RFC 9110, 14.2): not 400"),
    **dict.fromkeys(("list", "list with a slash"), "a file of no bytes has a size: 0, not none"),
    "list of an experiment": "a path without an owner: 400, not its folders",
}
"""Why we answer otherwise."""


def answered(http_of: Http, method: str, path: str, given: Any) -> list[Any]:
    """The status, and the body: a file's, whose bytes are all of ASCII, or what JSON says, but for sentences."""
    body = given if isinstance(given, bytes) else None
    status, headers, content = http_of.raw(method, f"{FILES}{path}", body, given if isinstance(given, dict) else None)
    if status in (200, 206) and method == "GET" and "?" not in path:
        return [status, content.decode("ascii"), headers.get("content-range")]
    if status >= 400:
        try:
            return [status, json.loads(content)["error_code"]]
        except (ValueError, KeyError):
            return [status]
    try:
        return [status, json.loads(content or b"{}")]
    except ValueError:
        return [status]


def answers(http_of: Http) -> dict[str, list[Any]]:
    """By what is asked."""
    root = f"0/{http_of.run()}/artifacts"
    return {
        name: answered(http_of, method, path.format(root=root), given) for name, (method, path, given) in ASKED.items()
    }


def answers_of_mlflow(url: str) -> dict[str, list[Any]]:
    http_of = Http(url)
    http_of.headers.clear()
    return answers(http_of)


def test_answers_are_those_of_mlflow(gateway: str, mlflow: Path) -> None:
    del mlflow  # it is there
    told = told_by_mlflow("files", [Path(__file__)], answers_of_mlflow)
    different = {}
    for name, ours in answers(Http(gateway)).items():
        theirs = told[name]
        assert ours[0] < 500, name
        # What is no JSON there has no code.
        if theirs != ours and (theirs != [ours[0]] or ours[0] < 400):
            different[name] = theirs, ours
    assert different.keys() == DIFFERENT.keys(), different
