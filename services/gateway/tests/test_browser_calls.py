"""Calls of gRPC-web: from pages in a real Chromium, and as bytes where what is sent is not what browsers send."""

from __future__ import annotations

import base64
import http.client
import json
import math
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from playwright.sync_api import Page

from trivet_gateway.bridge import METHODS
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import system_service_pb2
from trivet_proto.registry.v1 import registry_service_pb2
from trivet_proto.tracking.v1 import run_pb2, tracking_service_pb2, watch_pb2
from trivet_proto.tracking.v1 import tracking_service_pb2 as pb
from trivet_testing.browser import chromium_browser
from trivet_testing.call_recorder import CallRecorder, recorded_calls
from trivet_testing.gateway_http import FILES, Http
from trivet_testing.gateways import gateway_before
from trivet_testing.servers import ServerProcess, free_port
from trivet_testing.waiting import PATIENCE_SECONDS, wait_until

TRACKING = "/trivet.tracking.v1.TrackingService"
ARTIFACTS = "/trivet.artifacts.v1.ArtifactService"
SYSTEM = "/trivet.common.v1.SystemService"
_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True)
class Recorded:
    """A gateway, and what it asks the services."""

    url: str
    calls: CallRecorder


@pytest.fixture(scope="module")
def recorded(services: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with (
        recorded_calls(services.removeprefix("grpc://")) as calls,
        gateway_before(f"grpc://{calls.address}") as gateway,
    ):
        yield Recorded(gateway.url, calls)


@pytest.fixture(scope="module")
def browser_page(headless_chromium: Path) -> Iterator[Page]:
    with chromium_browser(headless_chromium) as browser:
        yield browser.new_page()


@pytest.fixture
def page(browser_page: Page, recorded: Recorded) -> Page:
    """A page of the gateway's own origin."""
    browser_page.goto(f"{recorded.url}/health")
    browser_page.evaluate(Path(__file__).with_name("grpc_web.js").read_text(encoding="utf-8"))
    return browser_page


@dataclass(frozen=True)
class Called:
    """What came back."""

    status: int
    headers: dict[str, str]
    messages: list[bytes]
    trailers: dict[str, str]

    def one(self, kind: type[_Answer]) -> _Answer:
        assert self.trailers["grpc-status"] == "0", self.trailers
        (message,) = self.messages
        return kind.FromString(message)

    @property
    def reason(self) -> str:
        details = self.trailers["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(base64.b64decode(details + "=" * (-len(details) % 4)))
        info = error_details_pb2.ErrorInfo()
        assert any(each.Unpack(info) for each in status.details)
        return str(info.reason)


def trailers_in(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.strip().split("\r\n") if ": " in line)


def call(page: Page, path: str, message: Message, **options: Any) -> Called:
    encoded = base64.b64encode(message.SerializeToString()).decode()
    found = page.evaluate(
        "([path, message, options]) => grpcWeb.call(path, message, options)", [path, encoded, options]
    )
    messages = [base64.b64decode(each) for each in found["messages"]]
    return Called(found["status"], found["headers"], messages, trailers_in(found["trailers"] or ""))


def logged_run(url: str) -> tuple[Http, str]:
    """A run with a metric of 40,000 points, NaN and the largest numbers among them."""
    http_of = Http(url)
    run_id = http_of.run()
    for begin in range(0, 40_000, 1000):
        points = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(begin, begin + 1000)]
        status, answer = http_of.call("POST", "/runs/log-batch", run_id=run_id, metrics=points)
        assert status == 200, answer
    odd = [{"key": "odd", "value": "NaN", "timestamp": 1, "step": (1 << 63) - 1}]
    assert http_of.call("POST", "/runs/log-batch", run_id=run_id, metrics=odd)[0] == 200
    return http_of, run_id


def test_a_page_reads_a_run_with_large_numbers_and_nan(page: Page, recorded: Recorded) -> None:
    http_of, run_id = logged_run(recorded.url)
    name = f"workspaces/{http_of.workspace}/runs/{run_id}"
    found = call(page, f"{TRACKING}/GetRun", pb.GetRunRequest(name=name), headers={"x-request-id": "of-a-page"})
    run = found.one(run_pb2.Run)
    metrics = {metric.key: metric for metric in run.metrics}
    assert math.isnan(metrics["odd"].value)
    assert metrics["odd"].step == (1 << 63) - 1
    assert metrics["m"].value == 39_999
    assert found.headers["content-type"] == "application/grpc-web+proto"
    assert found.headers["x-request-id"] == "of-a-page"
    assert dict(recorded.calls.metadata)[f"{TRACKING}/GetRun"]["x-request-id"] == "of-a-page"
    # A history comes in several messages.
    history = call(page, f"{TRACKING}/ReadMetricHistory", pb.ReadMetricHistoryRequest(run=name, key="m"))
    assert history.trailers["grpc-status"] == "0"
    pieces = [pb.ReadMetricHistoryResponse.FromString(each).metrics.values for each in history.messages]
    assert len(pieces) > 1
    assert [value for piece in pieces for value in piece] == list(range(40_000))


def test_a_page_is_told_why_a_service_refuses(page: Page) -> None:
    found = call(page, f"{TRACKING}/GetRun", pb.GetRunRequest(name="workspaces/default/runs/never"))
    assert (found.trailers["grpc-status"], found.messages) == ("5", [])
    assert found.reason == "RUN_NOT_FOUND"
    assert "never" in unquote(found.trailers["grpc-message"])
    bad = call(page, f"{TRACKING}/SearchRuns", pb.SearchRunsRequest(parent="workspaces/default", filter="metrics.ü ="))
    assert (bad.trailers["grpc-status"], bad.reason) == ("3", "FILTER_INVALID")


def test_what_a_page_aborts_ends_in_the_service(page: Page, recorded: Recorded) -> None:
    while not recorded.calls.ended.empty():
        recorded.calls.ended.get()
    http_of = Http(recorded.url)
    http_of.run()  # a watch tells of what there is first
    request = watch_pb2.WatchRunsRequest(parent=f"workspaces/{http_of.workspace}")
    found = call(page, f"{TRACKING}/WatchRuns", request, until=1)
    assert len(found.messages) == 1
    while True:
        method, is_whole = recorded.calls.ended.get(timeout=PATIENCE_SECONDS)
        if method == f"{TRACKING}/WatchRuns":
            break
    assert not is_whole
    assert (f"{TRACKING}/WatchRuns", None) in recorded.calls.deadlines


def test_deadlines_and_credentials_of_a_page_go_on(page: Page, recorded: Recorded) -> None:
    request = system_service_pb2.WhoAmIRequest()
    headers = {"grpc-timeout": "9500m", "authorization": "Bearer of-a-page", "x-other": "not for services"}
    assert call(page, f"{SYSTEM}/WhoAmI", request, headers=headers).trailers["grpc-status"] == "0"
    assert 8 < dict(recorded.calls.deadlines)[f"{SYSTEM}/WhoAmI"] <= 10  # type: ignore[operator]
    metadata = dict(recorded.calls.metadata)[f"{SYSTEM}/WhoAmI"]
    assert metadata["authorization"] == "Bearer of-a-page"
    assert "x-other" not in metadata
    watch = watch_pb2.WatchRunsRequest(parent="workspaces/default")
    late = call(page, f"{TRACKING}/WatchRuns", watch, headers={"grpc-timeout": "50m"})
    assert late.trailers["grpc-status"] == "4"


def test_a_page_of_another_origin_gets_nothing(browser_page: Page, recorded: Recorded, gateway: str) -> None:
    browser_page.goto(f"{gateway}/health")
    browser_page.evaluate(Path(__file__).with_name("grpc_web.js").read_text(encoding="utf-8"))
    path = f"{SYSTEM}/GetServerInfo"
    assert call(browser_page, path, system_service_pb2.GetServerInfoRequest()).trailers["grpc-status"] == "0"
    caught = "([path]) => grpcWeb.call(path, '').then(() => 'answered', () => 'refused')"
    asked = len(recorded.calls.deadlines)
    assert browser_page.evaluate(caught, [f"{recorded.url}{path}"]) == "refused"
    assert len(recorded.calls.deadlines) == asked


# --- as bytes


def framed(message: bytes, flag: int = 0) -> bytes:
    return struct.pack(">BI", flag, len(message)) + message


def post(url: str, path: str, body: bytes, **headers: str) -> Called:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_SECONDS)
    try:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        sent = {"content-type": "application/grpc-web+proto"} | named
        connection.request("POST", path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        got = {key.lower(): value for key, value in answer.getheaders()}
    finally:
        connection.close()
    messages, trailers = [], {}
    while answer.status == 200 and content:
        flag, size = struct.unpack_from(">BI", content)
        if flag & 0x80:
            trailers = trailers_in(content[5 : 5 + size].decode())
        else:
            messages.append(content[5 : 5 + size])
        content = content[5 + size :]
    return Called(answer.status, got, messages, trailers)


def test_all_methods_of_the_contracts_are_passed_on_and_no_others(gateway: str) -> None:
    modules = (tracking_service_pb2, artifact_service_pb2, registry_service_pb2, system_service_pb2)
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    declared = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert declared - METHODS.keys() == {f"{SYSTEM}/Drain", f"{SYSTEM}/ListServerAuditEvents"}
    assert METHODS.keys() <= declared
    for path in sorted(declared):
        code = post(gateway, path, framed(b"")).trailers["grpc-status"]
        closed = path.endswith(("/Drain", "/ListServerAuditEvents", "/UploadArtifacts", "/StreamWrites"))
        assert (code == "12") == closed, path
    for path in (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Check",
        "/grpc.channelz.v1.Channelz/GetServers",
    ):
        assert post(gateway, path, framed(b"")).status == 404
    for path in ("/trivet.tracking.v1.TrackingService/Never", "/trivet.tracking.v1.TrackingService/", "/trivet.x"):
        assert post(gateway, path, framed(b"")).trailers["grpc-status"] == "12"


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"", {}, "3"),
        (b"\0\0\0", {}, "3"),
        (framed(b"")[:-1] + b"\7", {}, "3"),
        (framed(b"") + b"x", {}, "3"),
        (framed(b"") + framed(b""), {}, "3"),
        (framed(b"", 1), {}, "3"),
        (framed(b"", 0x80), {}, "3"),
        (framed(b"\xff\xff\xff"), {}, "3"),
        (framed(b"x" * (9 << 20)), {}, "8"),
        (framed(b""), {"grpc_timeout": "soon"}, "3"),
        (framed(b""), {"grpc_timeout": "123456789S"}, "3"),
        (framed(pb.SearchRunsRequest(parent="workspaces/default").SerializeToString()), {"grpc_timeout": "0S"}, "4"),
        (framed(b""), {"authorization": "Basic !"}, "16"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(gateway: str, body: bytes, headers: dict[str, str], code: str) -> None:
    assert post(gateway, f"{TRACKING}/SearchRuns", body, **headers).trailers["grpc-status"] == code


@pytest.mark.parametrize("kind", ["application/grpc-web-text", "application/json", "text/plain", "application/grpc"])
def test_another_form_of_calls_is_not_taken(gateway: str, kind: str) -> None:
    found = post(gateway, f"{SYSTEM}/GetServerInfo", framed(b""), content_type=kind)
    assert (found.status, found.headers["accept-post"]) == (415, "application/grpc-web+proto")


def test_a_service_that_is_away_is_told_so_without_its_address() -> None:
    away = f"127.0.0.1:{free_port()}"
    with gateway_before(f"grpc://{away}") as gateway:
        found = post(gateway.url, f"{SYSTEM}/GetServerInfo", framed(b""))
    assert found.trailers["grpc-status"] == "14"
    message = unquote(found.trailers["grpc-message"])
    assert message
    assert "127.0.0.1" not in message
    assert away.rpartition(":")[2] not in json.dumps(found.trailers)


def about(url: str, server: str, method: str = "GetServerInfo") -> Called:
    return post(url, f"{SYSTEM}/{method}", framed(b""), trivet_server=server)


def test_each_server_is_asked_about_itself(services: str) -> None:
    away = f"grpc://127.0.0.1:{free_port()}"
    with gateway_before(services, TRIVET_REGISTRY_URL=away) as gateway:
        own = about(gateway.url, "gateway").one(system_service_pb2.ServerInfo)
        assert own.version == version("trivet-gateway")
        assert abs(own.start_time.ToSeconds() - time.time()) < PATIENCE_SECONDS
        assert TRACKING.strip("/") in own.services
        for server, service in (("tracking", TRACKING), ("artifacts", ARTIFACTS)):
            info = about(gateway.url, server).one(system_service_pb2.ServerInfo)
            assert service.strip("/") in info.services
            assert info.HasField("limits")
        # One that is away takes nothing from the others.
        assert about(gateway.url, "registry").trailers["grpc-status"] == "14"
        assert about(gateway.url, "tracking", "WhoAmI").trailers["grpc-status"] == "0"


def test_a_server_that_there_is_not_is_no_server(gateway: str) -> None:
    for server, method in (("never", "GetServerInfo"), ("", "WhoAmI"), ("gateway", "WhoAmI")):
        assert about(gateway, server, method).trailers["grpc-status"] == "3", server
    # The header is of no account for what is no call about a server.
    request = pb.GetRunRequest(name="workspaces/default/runs/never").SerializeToString()
    found = post(gateway, f"{TRACKING}/GetRun", framed(request), trivet_server="registry")
    assert found.trailers["grpc-status"] == "5"


def test_who_reads_slowly_holds_the_stream_of_the_service(recorded: Recorded) -> None:
    http_of = Http(recorded.url)
    run_id = http_of.run()
    content = bytes(64 << 20)
    assert http_of.raw("PUT", f"{FILES}/0/{run_id}/artifacts/large", content)[0] == 200
    method = f"{ARTIFACTS}/DownloadArtifact"
    before = recorded.calls.passed[method]
    owner = f"workspaces/{http_of.workspace}/runs/{run_id}"
    body = framed(artifact_service_pb2.DownloadArtifactRequest(owner=owner, path="large").SerializeToString())
    host, _, port = recorded.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        head = f"POST {method} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/grpc-web+proto\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert connection.recv(12) == b"HTTP/1.1 200"
        passed = [-1.0]

        def stands_still() -> bool:
            passed.append(recorded.calls.passed[method] - before)
            return len(passed) > 25 and passed[-25] == passed[-1]

        wait_until(stands_still)
        assert passed[-1] < len(content) / 2
    # Whoever goes then is noticed.
    while recorded.calls.ended.get(timeout=PATIENCE_SECONDS) != (method, False):
        pass


def test_a_server_that_ends_ends_watches_too(services: str, tmp_path: Path) -> None:
    settings = {f"TRIVET_{name}_URL": services for name in ("TRACKING", "ARTIFACTS", "REGISTRY")}
    command = [sys.executable, "-m", "trivet_gateway", "serve", "--listen", "127.0.0.1:0"]
    with ServerProcess.start(command, settings, r"^trivet-gateway is ready: http (\S+)$", cwd=tmp_path) as server:
        http_of = Http(f"http://{server.address}")
        http_of.run()
        request = watch_pb2.WatchRunsRequest(parent=f"workspaces/{http_of.workspace}")
        body = framed(request.SerializeToString())
        headers = {"content-type": "application/grpc-web+proto"}
        with http_of.opened("POST", f"{TRACKING}/WatchRuns", body, headers) as answer:
            begin = time.monotonic()
            assert answer.read(1) == b"\0"
            server.terminate()
            took = time.monotonic() - begin
            content = answer.read()
        assert b"grpc-status: 14\r\n" in content
        assert took < 8  # longer, and uvicorn would have cut it
        assert "ERROR" not in server.stderr, server.stderr
