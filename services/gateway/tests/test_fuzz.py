"""Whatever is sent, to whichever route: an answer in JSON that says what is wrong, and never that the server failed.

Schemathesis would need a schema of MLflow's routes, and there is none; the table of routes is data already, so
Hypothesis fills it, with requests that are almost right as well as with ones that are not.
"""

from __future__ import annotations

import http.client
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from trivet_gateway import routes
from trivet_gateway.bridge import METHODS
from trivet_testing.gateway_http import API, FILES, Http
from trivet_testing.tracking import full

# A call takes milliseconds; what takes so long hangs.
_PATIENCE_SECONDS: Final = 20
_PROXY: Final = FILES.removesuffix("/artifacts")
_ROUTES: Final = sorted(
    {
        *((call.method, API + call.path) for call in (*routes.CALLS, *routes.direct(is_direct=False))),
        *((call.method, _PROXY + call.path) for call in routes.direct_files(is_direct=False)),
        *((file.method, API + file.path) for file in routes.TRANSFERS),
        *((file.method, _PROXY + file.path) for file in routes.FILES),
        *((file.method, file.path) for file in routes.PAGE_FILES),
        *((call.method, f"/api{call.path}") for call in routes.WORKSPACES),
        ("POST", f"{API}/traces"),
        ("GET", "/api/3.0/mlflow/server-info"),
        ("POST", "/api/3.0/mlflow/traces"),
    }
)
_NOT_THERE: Final = re.compile(r"/(mpu|presigned)/|/artifacts/presigned-|/webhooks/[^/]*/test|/3\.0/|/traces")
"""What may answer 501."""
_INTERNAL: Final = re.compile(
    rb"Traceback|File \\?\"|site-packages|sqlalchemy|sqlite|psycopg|SELECT |INSERT INTO|/home/|/root/|/tmp/|grpc\.aio"
)
"""What no answer has in it."""

_TEXTS: Final = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", " ", "\0", "a\0b", "..", "../..", "/", "a/b", "%2e%2e", "\ud7ff", "\U0001f600", "é" * 300]),
    st.sampled_from(
        ["x" * 251, "y" * 9000, "z" * 70_000, "0", "-1", "1e400", "NaN", "null", "'", '"', "`", "\\", "\r\n"]
    ),
)
_FILTERS: Final = st.one_of(
    _TEXTS,
    st.sampled_from(
        [
            "metrics.m > 1",
            "metrics.m > 1e999",
            "params.p = '1' and tags.t = 'x'",
            "name LIKE '%'",
            "tags.`a b` ILIKE '\\",
            "attributes.start_time > 99999999999999999999999",
            "run_id IN ('a', 'b')",
            "(((((((((",
            "metrics.m = 'x'",
            "version_number > -1",
            "status = 'NOPE'",
            "'" * 99,
            "NOT " * 40 + "metrics.m > 1",
        ]
    ),
)
_NUMBERS: Final = st.one_of(
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([0, -1, 1, (1 << 31) - 1, 1 << 31, (1 << 63) - 1, -(1 << 63), 1 << 63, 253402300800000]),
    st.just(400).map((10).__pow__),
    st.floats(),
)
_ANYTHING: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)


@dataclass(frozen=True)
class Fuzzed:
    """A request."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """What there is, so that requests get far."""

    workspace: str
    things: dict[str, Any]
    doomed: dict[str, Any]
    """Others, for requests that delete."""


def known_in(http_of: Http) -> Known:
    events = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
    made = []
    for name in ("kept", "doomed"):
        run_id = http_of.run()
        http_of.call("POST", "/runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
        http_of.raw("PUT", f"{FILES}/0/{run_id}/artifacts/m/a.txt", b"data")
        http_of.call("POST", "/registered-models/create", name=name)
        source = f"mlflow-artifacts:/0/{run_id}/artifacts/m"
        http_of.call("POST", "/model-versions/create", name=name, source=source)
        http_of.call("POST", "/registered-models/alias", name=name, alias="best", version="1")
        _, experiment = http_of.call("POST", "/experiments/create", name=name)
        _, logged = http_of.call("POST", "/logged-models", experiment_id=experiment["experiment_id"], name=name)
        _, hook = http_of.call("POST", "/webhooks", name=name, url="https://example.org", events=events)
        ids = {
            "run_id": run_id,
            "experiment_id": experiment["experiment_id"],
            "model_id": logged["model"]["info"]["model_id"],
            "webhook_id": hook["webhook"]["webhook_id"],
            "name": name,
            "experiment_name": name,
        }
        files = {"source": source, "path": f"0/{run_id}/artifacts/m/a.txt"}
        made.append({**ids, **files, "run_ids": [run_id], "experiment_ids": [experiment["experiment_id"]]})
    return Known(http_of.workspace, *made)


_PAIRS: Final = st.lists(st.fixed_dictionaries({"key": _TEXTS, "value": _TEXTS}), max_size=3)
_POINT: Final = {"key": _TEXTS, "value": _NUMBERS | _TEXTS, "timestamp": _NUMBERS, "step": _NUMBERS}
_DATASET: Final = {"name": _TEXTS, "digest": _TEXTS, "schema": _TEXTS, "source": _TEXTS}
_MODEL: Final = '{"artifact_path": 1, "flavors": {}, "run_id": [], "utc_time_created": {}}'
_EVENTS: Final = [{"entity": "MODEL_VERSION", "action": "CREATED"}]
# Of each field a value that some message takes, and others.
_FIELDS: Final[dict[str, tuple[Any, st.SearchStrategy[Any]]]] = {
    "run_id": ("", _TEXTS),
    "run_ids": ([], st.lists(_TEXTS, max_size=3)),
    "run_uuid": ("", _TEXTS),
    "experiment_id": ("0", _TEXTS),
    "experiment_ids": (["0"], st.lists(_TEXTS, max_size=3)),
    "experiment_name": ("Default", _TEXTS),
    "model_id": ("", _TEXTS),
    "name": ("", _TEXTS),
    "new_name": (None, _TEXTS),
    "version": ("1", _NUMBERS),
    "source": ("", _TEXTS),
    "path": ("", st.just("m/a.txt") | _TEXTS),
    "artifact_file_path": ("MLmodel", _TEXTS),
    "artifact_directory_path": (None, _TEXTS),
    "key": ("k", _TEXTS),
    "value": ("1", _NUMBERS | _TEXTS),
    "timestamp": (5, _NUMBERS),
    "step": (5, _NUMBERS),
    "start_time": (5, _NUMBERS),
    "end_time": (5, _NUMBERS),
    "start_step": (None, _NUMBERS),
    "end_step": (None, _NUMBERS),
    "max_results": (5, _NUMBERS),
    "num_parts": (2, _NUMBERS),
    "page_token": (None, _TEXTS | st.sampled_from(["eyJvZmZzZXQiOiA1fQ==", "5", "²"])),
    "filter": (None, _FILTERS),
    "order_by": (None, st.lists(_FILTERS, max_size=3) | st.just([{"field_name": "metrics.m", "ascending": False}])),
    "view_type": ("ALL", st.sampled_from([1, 9, "²"])),
    "run_view_type": ("ALL", st.sampled_from([1, 9, "²"])),
    "status": (None, st.sampled_from(["FINISHED", "LOGGED_MODEL_READY", "DISABLED", 1, 99, "¹"])),
    "stage": ("Staging", _TEXTS),
    "stages": (None, st.lists(_TEXTS, max_size=3)),
    "alias": ("best", _TEXTS),
    "description": ("d", _TEXTS),
    "url": ("https://example.org", _TEXTS),
    "events": (_EVENTS, st.just([{"entity": 1, "action": 9}]) | _ANYTHING),
    "secret": (None, _TEXTS),
    "tags": ([{"key": "t", "value": "1"}], _PAIRS),
    "params": ([], _PAIRS),
    "metrics": ([], st.lists(st.fixed_dictionaries(_POINT), max_size=3)),
    "datasets": (
        None,
        st.lists(st.fixed_dictionaries({"dataset": st.fixed_dictionaries(_DATASET), "tags": _PAIRS}), max_size=2),
    ),
    "models": ([], st.lists(_ANYTHING, max_size=2)),
    "model_json": (_MODEL, _TEXTS),
    "metric_key": ("m", _TEXTS),
    "archive_existing_versions": (None, st.booleans() | _TEXTS),
    "upload_id": ("u", _TEXTS),
    "parts": ([], st.lists(_ANYTHING, max_size=2)),
    "expiration": (60, _NUMBERS),
}


@st.composite
def filled(draw: st.DrawFn, things: dict[str, Any]) -> dict[str, Any]:
    """Fields of which some are not what they should be, or not there."""
    fields = {name: usual for name, (usual, _) in _FIELDS.items() if usual is not None} | things
    for name in draw(st.lists(st.sampled_from(sorted(_FIELDS)), max_size=4, unique=True)):
        match draw(st.integers(0, 5)):
            case 0:
                fields.pop(name, None)
            case 1:
                fields[name] = draw(_ANYTHING)
            case _:
                fields[name] = draw(_FIELDS[name][1])
    return fields


def as_query(fields: dict[str, Any]) -> str:
    return "&".join(
        f"{quote(name)}={quote(each if isinstance(each, str) else json.dumps(each), errors='replace')}"
        for name, value in fields.items()
        for each in (value if isinstance(value, list) else [value])
    )


@st.composite
def requests(draw: st.DrawFn, known: Known) -> Fuzzed:
    """To a route, mostly by its method."""
    method, path = draw(st.sampled_from(_ROUTES))
    things = known.doomed if method == "DELETE" or path.endswith("/delete") else known.things
    if draw(st.integers(0, 19)) == 0:
        method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]))
    if draw(st.booleans()):
        path = path.replace("/api/", "/ajax-api/", 1)

    def part(found: re.Match[str]) -> str:
        if draw(st.integers(0, 3)):
            return quote(things.get(found[1], "x"))
        return quote_from_bytes(draw(st.binary(min_size=1, max_size=12)))

    path = re.sub(r"\{(\w+)(?::path)?\}", part, path)
    headers = {"x-mlflow-workspace": known.workspace}
    if draw(st.integers(0, 29)) == 0:
        headers |= draw(
            st.sampled_from(
                [
                    {"x-mlflow-workspace": "A b"},
                    {"authorization": "Basic ?"},
                    {"authorization": "Basic w7zDvDrDvMO8"},
                    {"authorization": "Bearer \xff"},
                    {"range": "bytes=9-1"},
                    {"content-type": "text/plain"},
                    {"content-type": ""},
                    {"content-encoding": "gzip"},
                    {"accept-encoding": "gzip;q=x"},
                ]
            )
        )
    fields = draw(filled(things))
    if method in ("GET", "HEAD", "OPTIONS"):
        query = as_query(fields) if draw(st.integers(0, 9)) else quote_from_bytes(draw(st.binary(max_size=30)), "=&%")
        return Fuzzed(method, f"{path}?{query}"[:60_000], None, headers)
    headers.setdefault("content-type", "application/json")
    return Fuzzed(method, path, draw(bodies(fields)), headers)


@st.composite
def bodies(draw: st.DrawFn, fields: dict[str, Any]) -> bytes:
    """The fields as JSON, or something that is none."""
    text = json.dumps(fields)
    match draw(st.integers(0, 19)):
        case 0:
            return draw(st.binary(max_size=40))
        case 1:
            return json.dumps(draw(_ANYTHING)).encode()
        case 2:
            return b'{"run_id": ' + b'[{"a": ' * draw(st.sampled_from([20, 5_000])) + b"1"
        case 3:
            return text.encode()[: draw(st.integers(0, len(text)))]
        case 4:
            return text.encode("utf-16")
        case 5:
            return text.encode("latin-1").replace(b"\\u", b"\xff")
        case _:
            return text.encode()


def sent(host: str, request: Fuzzed) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(host, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type") or "", answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def fuzzed(gateway: str) -> Iterator[tuple[str, st.SearchStrategy[Fuzzed]]]:
    http_of = Http(gateway)
    known = known_in(http_of)
    yield http_of.host, requests(known)
    # It is all there, and answers.
    assert http_of.raw("GET", "/health")[0] == 200


@settings(
    max_examples=full(500, 20_000),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_no_request_makes_the_server_fail(fuzzed: tuple[str, st.SearchStrategy[Fuzzed]], data: st.DataObject) -> None:
    host, strategy = fuzzed
    request = data.draw(strategy)
    status, kind, body = sent(host, request)
    shown = body[:500]
    event(f"answered by {status}")
    assert status < 500 or (status == 501 and _NOT_THERE.search(request.path)), (status, shown)
    assert not _INTERNAL.search(body), shown
    if request.method == "HEAD":
        return
    if kind == "application/json":
        answer = json.loads(body)
        assert isinstance(answer, dict)
        if status >= 400:
            assert re.fullmatch(r"[A-Z_]+", answer["error_code"]), shown
            assert answer["message"], shown
    else:
        assert status in (200, 206, 304, 416), (status, kind, shown)  # a file, or a part of one


@settings(max_examples=full(150, 5_000), deadline=None)
@given(
    path=st.sampled_from(sorted(METHODS)) | st.text("/aAz.1", max_size=30).map("/trivet.tracking.v1.{}".format),
    message=st.binary(max_size=60),
    flag=st.sampled_from([0] * 9 + [1, 0x80, 255]),
    size=st.sampled_from([0] * 9 + [-1, 1, 1 << 20]),
)
def test_no_call_of_a_page_makes_the_server_fail(
    fuzzed: tuple[str, st.SearchStrategy[Fuzzed]], path: str, message: bytes, flag: int, size: int
) -> None:
    body = struct.pack(">BI", flag, max(0, len(message) + size)) + message
    headers = {"content-type": "application/grpc-web+proto", "grpc-timeout": "300m"}
    status, kind, answer = sent(fuzzed[0], Fuzzed("POST", path, body, headers))
    assert (status, kind) == (200, "application/grpc-web+proto")
    code = re.search(rb"grpc-status: (\d+)\r\n", answer)
    assert code is not None
    assert code[1] not in (b"2", b"13", b"14"), answer
    assert not _INTERNAL.search(answer), answer
