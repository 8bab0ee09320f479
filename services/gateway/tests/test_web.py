"""What the gateway keeps of HTTP: hosts, origins, compression, limits, and packets that do not wait."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from trivet_gateway.hosts import LOOPBACK
from trivet_gateway.serving import listen, serving_in_thread
from trivet_gateway.sign_in.settings import nobody
from trivet_gateway.upstream import everywhere
from trivet_kit.settings import Address
from trivet_testing.gateway_http import API, FILES, Http
from trivet_testing.gateways import gateway_before
from trivet_testing.servers import free_port, run_to_exit

EXPERIMENT = f"{API}/experiments/get?experiment_id=0"
JSON = {"content-type": "application/json"}


@pytest.fixture
def http_of(gateway: str) -> Http:
    return Http(gateway)


def host_statuses(http_of: Http, *hosts: str, path: str = EXPERIMENT) -> list[int]:
    return [http_of.raw("GET", path, headers={"host": host})[0] for host in hosts]


def test_names_of_this_machine_and_addresses_are_answered(http_of: Http) -> None:
    # Nobody can point a name of theirs at this server and have a browser ask by an address.
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:7331", "[::1]:7331", "10.244.1.7:7331", "[fd00::1]"):
        assert host_statuses(http_of, host) == [200], host
    for host in (
        *("evil.example.org", "localhost.evil.example.org", "evil.example.org:80@localhost", "127.0.0.1.evil.org"),
        *("", "[::1]evil.org", "10.0.0.1:1:2", "10.0.0", "0x7f000001", "127.0.0.1/../x", "localhost:port"),
    ):
        status, _, body = http_of.raw("GET", EXPERIMENT, headers={"host": host})
        assert (status, json.loads(body)["error_code"]) == (400, "BAD_REQUEST"), host


def test_a_probe_is_answered_by_whatever_name(http_of: Http) -> None:
    assert host_statuses(http_of, "anything.example.org", path="/health") == [200]


def test_names_of_a_service_and_patterns_are_answered_where_they_are_said(services: str) -> None:
    names = "trivet-gateway, trivet-gateway.trivet-dev.svc, *.example.org"
    with gateway_before(services, TRIVET_ALLOWED_HOSTS=names) as gateway:
        http_of = Http(gateway.url)
        good = ("trivet-gateway:7331", "TRIVET-gateway.trivet-dev.svc", "mlflow.example.org", "a.b.example.org:443")
        assert host_statuses(http_of, *good) == [200] * len(good)
        bad = ("example.org", "notexample.org", "trivet-gateway.evil.org", "mlflow.example.org.evil.org")
        assert host_statuses(http_of, *bad) == [400] * len(bad)


def test_no_other_origin_is_let_in(http_of: Http) -> None:
    for method, path in (("OPTIONS", EXPERIMENT), ("GET", EXPERIMENT), ("GET", "/health"), ("OPTIONS", f"{FILES}/0/x")):
        asked = {"origin": "https://evil.example.org", "access-control-request-method": "POST"}
        _, headers, _ = http_of.raw(method, path, headers=asked)
        assert [name for name in headers if name.startswith("access-control")] == []


def test_pages_of_others_change_nothing(http_of: Http) -> None:
    body = json.dumps({"name": "from elsewhere"}).encode()
    for origin in (
        *("https://evil.example.org", "null", "http://localhost:1", "http://localhost.evil.org", "file://", "x"),
        *(f"http://{http_of.host}.evil.org", f"ftp://{http_of.host}", "http://[", "http://10.0.0.1:1"),
    ):
        for content_type in ("application/json", "text/plain"):
            status, headers, answer = http_of.raw(
                "POST", f"{API}/experiments/create", body, {"content-type": content_type, "origin": origin}
            )
            assert (status, json.loads(answer)["error_code"]) == (403, "PERMISSION_DENIED"), origin
            assert [name for name in headers if name.startswith("access-control")] == []
        assert http_of.raw("PUT", f"{FILES}/0/r/artifacts/x", b"x", {"origin": origin})[0] == 403
    assert http_of.call("GET", "/experiments/get-by-name?experiment_name=from%20elsewhere")[0] == 404
    own = {**JSON, "origin": f"http://{http_of.host}"}
    assert http_of.raw("POST", f"{API}/experiments/create", body, own)[0] == 200


def test_pages_behind_a_proxy_are_its_own_by_a_name_that_was_said(services: str) -> None:
    with gateway_before(services, TRIVET_ALLOWED_HOSTS="mlflow.example.org") as gateway:
        http_of = Http(gateway.url)
        body = json.dumps({"name": "by a proxy"}).encode()
        for origin, host, status in (
            ("https://mlflow.example.org", "mlflow.example.org", 200),
            ("https://mlflow.example.org", http_of.host, 400),  # it is let in, and there is that experiment already
            ("https://mlflow.example.org:443", "mlflow.example.org", 400),
            ("https://other.example.org", "mlflow.example.org", 403),
        ):
            headers = {**JSON, "origin": origin, "host": host}
            assert http_of.raw("POST", f"{API}/experiments/create", body, headers)[0] == status


def test_a_name_that_was_said_is_no_leave_for_whatever_listens_there(services: str) -> None:
    names = "*.example.org,trivet.corp,proxy.corp:8443"
    with gateway_before(services, TRIVET_ALLOWED_HOSTS=names) as gateway:
        http_of = Http(gateway.url)
        body = json.dumps({"name": "by a proxy"}).encode()
        assert http_of.raw("POST", f"{API}/experiments/create", body, JSON)[0] == 200
        port = http_of.host.rpartition(":")[2]
        let_in = 400  # there is that experiment already
        for origin, host, status in (
            # The proxy hands on the name that it is called by, or another one.
            ("https://mlflow.example.org", "mlflow.example.org", let_in),
            ("https://mlflow.example.org", http_of.host, let_in),
            ("https://mlflow.example.org:443", http_of.host, let_in),
            ("http://a.b.example.org", "127.0.0.1", let_in),
            (f"http://trivet.corp:{port}", f"trivet.corp:{port}", let_in),
            (f"http://trivet.corp:{port}", http_of.host, let_in),
            ("http://trivet.corp", "trivet.corp:7331", let_in),
            ("https://proxy.corp:8443", http_of.host, let_in),
            ("https://proxy.corp:8443", "proxy.corp:8443", let_in),
            # Another program of the same host, and another host.
            ("http://trivet.corp:9999", "trivet.corp:7331", 403),
            ("http://trivet.corp:9999", "trivet.corp", 403),
            ("http://trivet.corp:443", "trivet.corp:7331", 403),
            ("https://trivet.corp:80", http_of.host, 403),
            ("https://mlflow.example.org:8443", http_of.host, 403),
            ("https://proxy.corp", http_of.host, 403),
            ("https://proxy.corp:9999", http_of.host, 403),
            ("https://example.org", http_of.host, 403),
            ("https://mlflow.example.org.evil.org", http_of.host, 403),
            ("https://evil.org@mlflow.example.org", http_of.host, 403),
            ("https://127.0.0.1", http_of.host, 403),
            ("http://localhost", http_of.host, 403),
            (f"http://localhost:{port}", http_of.host, 403),
        ):
            headers = {**JSON, "origin": origin, "host": host}
            assert http_of.raw("POST", f"{API}/experiments/create", body, headers)[0] == status, (origin, host)
        assert host_statuses(http_of, "proxy.corp:8443", "proxy.corp", "proxy.corp:1") == [200, 400, 400]


def test_large_answers_are_compressed_for_who_asks(http_of: Http) -> None:
    run_id = http_of.run()
    metrics = [{"key": "loss", "value": 0.5 + step, "timestamp": step, "step": step} for step in range(1000)]
    assert http_of.call("POST", "/runs/log-batch", run_id=run_id, metrics=metrics)[0] == 200
    large = f"{API}/metrics/get-history?run_id={run_id}&metric_key=loss"
    status, headers, plain = http_of.raw("GET", large)
    assert (status, "content-encoding" in headers) == (200, False)
    for asked in ("gzip, deflate, br", "br;q=1, GZIP;q=0.5"):
        status, headers, body = http_of.raw("GET", large, headers={"accept-encoding": asked})
        assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "accept-encoding")
        assert int(headers["content-length"]) == len(body) < len(plain) / 4
        assert gzip.decompress(body) == plain
    for not_asked in ("identity", "br", "gzip;q=0", "gzip; q=0.0"):
        _, headers, body = http_of.raw("GET", large, headers={"accept-encoding": not_asked})
        assert ("content-encoding" in headers, body) == (False, plain), not_asked
    assert "content-encoding" not in http_of.raw("GET", EXPERIMENT, headers={"accept-encoding": "gzip"})[1]


def test_files_are_not_compressed(http_of: Http) -> None:
    path = f"{FILES}/0/{http_of.run()}/artifacts/data.json"
    assert http_of.raw("PUT", path, b"{}" * 50_000)[0] == 200
    _, headers, body = http_of.raw("GET", path, headers={"accept-encoding": "gzip"})
    assert ("content-encoding" in headers, len(body)) == (False, 100_000)


def test_bodies_that_are_too_much_are_refused(http_of: Http) -> None:
    path = f"{API}/experiments/create"
    nested = b'{"name": "n", "tags": ' + b"[" * 100 + b"]" * 100 + b"}"
    very = b'{"name": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    long = json.dumps({"name": "x" * (9 << 20)}).encode()
    chunks = iter([long[: 1 << 20]] * 9)
    for body in (nested, very, long, chunks, b"[1]", b'"text"', b"\xff\xfe", b"{}}"):
        status, _, answer = http_of.raw("POST", path, body, JSON)
        assert (status, json.loads(answer)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    packed = gzip.compress(b'{"name": "packed"}')
    status, _, answer = http_of.raw("POST", path, packed, {**JSON, "content-encoding": "gzip"})
    assert (status, json.loads(answer)["message"]) == (400, "A request's body must not be compressed.")
    # A body that is announced is not waited for.
    host, _, port = http_of.host.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        connection.sendall(f"{head}content-length: {1 << 40}\r\n\r\n{{".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_packets_do_not_wait_for_each_other(services: str) -> None:
    """With Nagle's algorithm, the second packet of an answer would wait 40 ms for the first to be acknowledged."""
    address = services.removeprefix("grpc://")
    listener = listen(Address("127.0.0.1", 0))
    with serving_in_thread(listener, everywhere(address), LOOPBACK, nobody()) as url:
        connection = http.client.HTTPConnection(url)
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b"OK"
        own = connection.sock.getsockname()
        found = [
            option for fd in Path("/proc/self/fd").iterdir() if (option := no_delay(int(fd.name), own)) is not None
        ]
        connection.close()
    assert found == [1]


def no_delay(fd: int, peer: tuple[str, int]) -> int | None:
    """Whether packets of a socket do not wait; None for what is no socket that is connected to a peer."""
    try:
        with socket.socket(fileno=os.dup(fd)) as duplicate:
            if duplicate.family != socket.AF_INET or duplicate.getpeername() != peer:
                return None
            return duplicate.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    except OSError:
        return None


def test_a_start_line_and_headers_without_end_are_cut_off(http_of: Http) -> None:
    host, _, port = http_of.host.partition(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n")
        sent = 0
        try:
            while sent < 64 << 20:
                connection.sendall(b"x-a: " + b"y" * 65_000 + b"\r\n")
                sent += 65_000
        except OSError:
            pass
    assert sent < 8 << 20, time.monotonic() - began


def test_health_is_asked_by_a_command(gateway: str) -> None:
    command = [sys.executable, "-m", "trivet_gateway", "health"]
    there = run_to_exit(command, {"TRIVET_LISTEN": gateway.removeprefix("http://")})
    assert (there.returncode, there.stdout) == (0, "trivet-gateway serves.\n")
    away = run_to_exit(command, {"TRIVET_LISTEN": f"127.0.0.1:{free_port()}"})
    assert (away.returncode, away.stderr.startswith("trivet-gateway: 127.0.0.1:")) == (1, True)
