"""`trivet models serve`, as a real process: what it answers besides predictions, and what it bears."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from trivet_testing.command_line import invoke
from trivet_testing.model_servers import COLUMN, GIVES_ITS_VERSION, ModelServer, serving, write_model
from trivet_testing.servers import ServerProcess
from trivet_testing.waiting import wait_until

ROW: Any = {"dataframe_split": {"columns": ["x"], "data": [[1.0]]}}
VERSION_1 = {"version": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    return write_model(folder / "one", GIVES_ITS_VERSION, inputs=COLUMN, files=VERSION_1, example=ROW)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ModelServer]:
    with serving(folder, "--workers", "2", "--max-body-mib", "0.01") as server:
        yield server


class Gate:
    """What a model waits for, until it is opened."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "gate"
        self._opened: list[int] = []
        os.mkfifo(self._path)

    @property
    def wait(self) -> str:
        """The line of code by which a model waits: a pipe can be read when somebody writes."""
        return f"open({str(self._path)!r}).close()"

    def open(self) -> None:
        """Lets all pass from now on, when the first is there."""
        self._opened.append(os.open(self._path, os.O_WRONLY))

    def close(self) -> None:
        for opened in self._opened:
            os.close(opened)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def gated(folder: Path, gate: Gate) -> Path:
    """A model that waits at each request."""
    return write_model(folder / "gated", f"{gate.wait}\nreturn [1] * len(data)", inputs=COLUMN)


def in_flight(server: ModelServer) -> float:
    return server.metric("trivet_serving_requests_in_flight")


# --- what operators ask


def test_probes_and_version_answer(server: ModelServer) -> None:
    assert server.get("/ping").status == 200
    assert server.get("/ping").body == b"\n"
    assert server.get("/version").body == b"3.17.2"
    health = server.get("/health")
    assert (health.status, health.content) == (
        200,
        {"status": "serving", "model": "one", "version": "", "problem": ""},
    )


def test_answers_predictions(server: ModelServer) -> None:
    answer = server.post(ROW)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.content == {"predictions": [1]}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/invocations", 405), ("GET", "/nowhere", 404), ("POST", "/health", 405)]
)
def test_other_paths_and_methods_are_refused(server: ModelServer, method: str, path: str, status: int) -> None:
    answer = server.send(method, path, b"" if method == "POST" else None)
    assert (answer.status, answer.content["error_code"]) == (status, "ENDPOINT_NOT_FOUND")


def test_metrics_count_what_all_workers_did(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        for _ in range(20):
            assert server.post({"dataframe_split": {"columns": ["x"], "data": [[1.0], [2.0]]}}).status == 200
        assert server.post(b"{").status == 400
        assert server.metric("trivet_serving_requests_total", status="200") == 20
        assert server.metric("trivet_serving_requests_total", status="400") == 1
        assert server.metric("trivet_serving_rows_total") == 40
        assert server.metric("trivet_serving_request_seconds_count") == 21
        assert server.metric("trivet_serving_requests_in_flight") == 0
        assert server.metric("trivet_serving_workers", model="one", version="") == 2
        assert server.metric("trivet_serving_loads_total", result="loaded") == 2


def test_openapi_document_describes_what_is_taken(server: ModelServer) -> None:
    document = server.get("/openapi.json").content
    assert document["openapi"].startswith("3.1.")
    operation = document["paths"]["/invocations"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    assert body["example"] == ROW
    # Schemas of 3.1 are those of JSON Schema.
    check = jsonschema.Draft202012Validator(body["schema"])
    check.check_schema(body["schema"])
    for taken in (
        body["example"],
        {"dataframe_records": [{"x": 1.5}]},
        {"instances": [{"x": 1}]},
        {"inputs": {"x": [1, 2]}},
    ):
        assert check.is_valid(taken), taken
        assert server.post(taken).status == 200
    refusals: list[dict[str, Any]] = [{}, {"dataframe_records": [{}]}, {"dataframe_records": [{"x": "a"}]}]
    for refused in refusals:
        assert not check.is_valid(refused), refused
        assert server.post(refused).status == 400
    assert set(operation["responses"]) == {"200", "400", "401", "413", "415", "429", "503", "504"}


def test_page_loads_nothing_from_elsewhere(server: ModelServer) -> None:
    for path in ("/docs", "/docs/page.js", "/docs/page.css"):
        answer = server.get(path)
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert b"http:" not in answer.body
        assert b"https:" not in answer.body


# --- what it bears


def test_body_that_is_too_large_is_refused(server: ModelServer) -> None:
    large = {"dataframe_split": {"columns": ["x"], "data": [[1.0]] * 5000}}
    answer = server.post(large)
    assert (answer.status, answer.content["error_code"]) == (413, "BAD_REQUEST")


def test_body_in_pieces_that_is_too_large_is_refused(server: ModelServer) -> None:
    connection = http.client.HTTPConnection(server.address, timeout=60)
    pieces = iter([b"[" * 8192, b"[" * 8192])
    connection.request("POST", "/invocations", pieces, {"content-type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_parquet_that_says_more_than_it_has_bytes_is_refused(server: ModelServer) -> None:
    written = io.BytesIO()
    pd.DataFrame({"x": np.zeros(100_000)}).to_parquet(written)
    assert len(written.getvalue()) < 10_000
    assert server.post(written.getvalue(), "application/vnd.apache.parquet").status == 413


def test_parquet_that_says_a_text_once_for_many_rows_is_refused(server: ModelServer) -> None:
    written = io.BytesIO()
    pd.DataFrame({"x": ["long" * 500] * 2000}).to_parquet(written)
    assert len(written.getvalue()) < 10_000
    assert server.post(written.getvalue(), "application/vnd.apache.parquet").status == 413


def test_parquet_whose_lists_are_long_is_refused(server: ModelServer) -> None:
    written = io.BytesIO()
    pd.DataFrame({"x": [np.zeros(100_000)]}).to_parquet(written)
    assert len(written.getvalue()) < 10_000
    assert server.post(written.getvalue(), "application/vnd.apache.parquet").status == 413


def test_bodies_that_are_held_are_bounded_together(tmp_path: Path, gate: Gate) -> None:
    almost_all = json.dumps(ROW).encode().ljust(10_000)
    with (
        serving(gated(tmp_path, gate), "--max-body-mib", "0.01", "--threads", "1") as server,
        ThreadPoolExecutor(5) as pool,
    ):
        asked = [pool.submit(server.post, almost_all) for _ in range(5)]
        wait_until(lambda: any(each.done() for each in asked))
        gate.open()
        assert sorted(each.result().status for each in asked) == [200] * 4 + [429]
        assert server.post(almost_all).status == 200


def test_bodies_of_requests_that_were_given_up_are_let_go(tmp_path: Path, gate: Gate) -> None:
    almost_all = json.dumps(ROW).encode().ljust(10_000)
    limits = ("--max-body-mib", "0.01", "--threads", "1", "--queue", "1", "--timeout", "0.5")
    with serving(gated(tmp_path, gate), *limits) as server:
        # The first runs on; what waits behind it leaves nothing, neither its place nor its body.
        assert [server.post(almost_all).status for _ in range(6)] == [504] * 6
        gate.open()
        wait_until(lambda: server.post(almost_all).status == 200)


def test_more_requests_than_may_wait_are_refused_and_can_come_again(tmp_path: Path, gate: Gate) -> None:
    model = gated(tmp_path, gate)
    with serving(model, "--threads", "1", "--queue", "1") as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, ROW)
        wait_until(lambda: in_flight(server) == 1)
        second = pool.submit(server.post, ROW)
        wait_until(lambda: in_flight(server) == 2)
        refused = server.post(ROW)
        assert (refused.status, refused.content["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert int(refused.headers["retry-after"]) > 0
        assert server.get("/health").status == 200
        gate.open()
        assert (first.result().status, second.result().status) == (200, 200)
        assert server.metric("trivet_serving_requests_total", status="429") == 1


def test_answer_that_takes_too_long_is_given_up(tmp_path: Path, gate: Gate) -> None:
    with serving(gated(tmp_path, gate), "--timeout", "0.2") as server:
        late = server.post(ROW)
        assert (late.status, late.content["error_code"]) == (504, "DEADLINE_EXCEEDED")
        gate.open()


def test_body_that_does_not_come_is_given_up(folder: Path) -> None:
    with serving(folder, "--timeout", "0.2") as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            head = "POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: 10\r\n\r\n[".encode())
            assert connection.recv(1024).startswith(b"HTTP/1.1 504 ")


def test_running_requests_end_before_the_server_does(tmp_path: Path, gate: Gate) -> None:
    with serving(gated(tmp_path, gate)) as server, ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.post, ROW)
        wait_until(lambda: in_flight(server) == 1)
        os.kill(server.process.pid, signal.SIGTERM)
        host, _, port = server.address.rpartition(":")
        wait_until(lambda: not accepts(host, int(port)))
        gate.open()
        assert running.result().status == 200
        assert server.process.terminate() == 0


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def test_workers_end_with_a_server_that_was_killed(folder: Path) -> None:
    with serving(folder, "--workers", "2") as server:
        host, _, port = server.address.rpartition(":")
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: not accepts(host, int(port)))


def test_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "dying", "import os\nif float(data['x'].iloc[0]) < 0: os._exit(9)\nreturn [1]", inputs=COLUMN
    )
    with serving(model) as server:
        with pytest.raises((http.client.HTTPException, OSError)):
            server.post({"dataframe_records": [{"x": -1.0}]})
        assert server.post(ROW).status == 200  # waits in the queue of the socket until there is a worker again
        assert server.metric("trivet_serving_workers", model="dying", version="") == 1


def test_worker_whose_child_lives_on_is_replaced(tmp_path: Path, gate: Gate) -> None:
    # The child has all that the worker had open: its channel, and the socket that it listened on.
    dies = (
        f"import os\nif float(data['x'].iloc[0]) < 0:\n    if os.fork(): os._exit(9)\n    {gate.wait}\n    os._exit(0)"
    )
    model = write_model(tmp_path / "forking", f"{dies}\nreturn [1]", inputs=COLUMN)
    with serving(model, "--workers", "2") as server:
        # The child has the connection as well, so that its end would not be seen.
        connection = http.client.HTTPConnection(server.address, timeout=60)
        body = json.dumps({"dataframe_records": [{"x": -1.0}]})
        connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        server.process.wait_for_line("a worker ended by 9", on="stderr")
        connection.close()
        wait_until(lambda: server.metric("trivet_serving_workers", model="forking", version="") == 2)
        assert {server.post(ROW).status for _ in range(20)} == {200}
        gate.open()


def test_model_that_exits_is_a_model_that_fails(tmp_path: Path) -> None:
    model = write_model(tmp_path / "exiting", "import sys\nif float(data['x'].iloc[0]) < 0: sys.exit(3)\nreturn [1]")
    with serving(model) as server:
        assert server.post({"dataframe_records": [{"x": -1.0}]}).status == 400
        assert server.post(ROW).status == 200
        assert server.metric("trivet_serving_model_failures_total") == 1
        assert "another one begins" not in server.process.stderr


def test_metrics_do_not_grow_with_workers_that_die(tmp_path: Path) -> None:
    dies = "import os\nif float(data['x'].iloc[0]) < 0: os._exit(9)\nreturn [1]"
    model = write_model(tmp_path / "dying", dies, inputs=COLUMN)
    folder = tmp_path / "tmp"
    folder.mkdir()
    with serving(model, env={"TMPDIR": str(folder)}) as server:
        assert server.post(ROW).status == 200
        files = sorted(folder.glob("trivet-metrics-*/*"))
        with pytest.raises((http.client.HTTPException, OSError)):
            server.post({"dataframe_records": [{"x": -1.0}]})
        assert server.post(ROW).status == 200
        assert sorted(folder.glob("trivet-metrics-*/*")) == files
        assert server.metric("trivet_serving_requests_total", status="200") == 2
        assert server.metric("trivet_serving_requests_in_flight") == 0


def test_caller_that_goes_is_no_failure_of_the_server(folder: Path) -> None:
    with serving(folder) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            head = "POST /invocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: 10\r\n\r\n[".encode())
            wait_until(lambda: in_flight(server) == 1)
        wait_until(lambda: server.metric("trivet_serving_requests_total", status="499") == 1)
        assert server.metric("trivet_serving_requests_total", status="500") == 0


def test_sigterm_before_there_is_a_model_leaves_no_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {"TMPDIR": str(tmp_path), "TRIVET_REGISTRY_URL": f"grpc://127.0.0.1:{silent.getsockname()[1]}"}
        command = [str(Path(sys.executable).with_name("trivet")), "models", "serve", "-m", "models:/taxi/1", "-p", "0"]
        with subprocess.Popen(command, env={**os.environ, **settings}) as process:
            wait_until(lambda: list(tmp_path.glob("trivet-metrics-*")) != [])
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.glob("trivet-*")) == []


def test_model_that_fails_answers_a_fixed_sentence(tmp_path: Path) -> None:
    model = write_model(tmp_path / "failing", "raise OSError(f'secret of {self.folder}')", inputs=COLUMN)
    with serving(model) as server:
        answer = server.post(ROW)
        assert (answer.status, answer.content["error_code"]) == (400, "BAD_REQUEST")
        assert b"secret" not in answer.body
        assert str(tmp_path).encode() not in answer.body
        assert server.metric("trivet_serving_model_failures_total") == 1
        assert "secret of" in server.process.stderr


def test_answer_that_json_has_no_form_for_is_a_fault_of_the_server(tmp_path: Path) -> None:
    model = write_model(tmp_path / "odd", "return {'a': object()}", inputs=COLUMN)
    with serving(model) as server:
        answer = server.post(ROW)
        assert (answer.status, answer.content["error_code"]) == (500, "INTERNAL_ERROR")
        assert server.post(ROW).status == 500


def test_health_says_that_there_is_no_model_while_it_loads(tmp_path: Path, gate: Gate) -> None:
    model = write_model(tmp_path / "slow", "return [1]", load=gate.wait, inputs=COLUMN)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    opened = threading.Thread(target=lambda: serve_at(port, model))
    opened.start()
    server = ModelServer(None, f"127.0.0.1:{port}")  # type: ignore[arg-type] # it is ended by the thread
    wait_until(lambda: accepts("127.0.0.1", port))
    assert server.get("/health").status == 503
    assert server.get("/ping").status == 503
    refused = server.post(ROW)
    assert (refused.status, refused.content["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
    gate.open()
    opened.join()


def serve_at(port: int, model: Path) -> None:
    with serving(model, "-p", str(port)) as server:
        assert server.get("/health").status == 200


# --- who may ask


def test_listening_for_others_needs_a_token_or_a_word() -> None:
    ended = invoke("models", "serve", "-m", "models:/taxi/1", "--host", "0.0.0.0")
    assert ended.exit_code == 1
    assert "--insecure-no-auth" in ended.output


def test_token_is_asked_for(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("open sesame\n", encoding="utf-8")
    with serving(folder, "--token-file", str(tmp_path / "token")) as server:
        for headers in ({}, {"authorization": "Bearer open"}, {"authorization": "Basic open sesame"}):
            assert server.post(ROW, headers=headers).status == 401
            assert server.get("/metrics", headers).status == 401
            assert server.get("/openapi.json", headers).status == 401
        assert server.post(ROW, headers={"authorization": "Bearer open sesame"}).status == 200
        assert (server.get("/health").status, server.get("/health").content) == (200, {"status": "serving"})
        assert server.get("/health", {"authorization": "Bearer open sesame"}).content["model"] == "one"
        assert server.get("/docs").status == 200
        assert "sesame" not in server.process.stderr


def test_other_names_and_other_pages_are_refused(server: ModelServer) -> None:
    assert server.post(ROW, headers={"host": "rebound.example"}).status == 400
    assert server.get("/openapi.json", {"host": "rebound.example"}).status == 400
    assert server.get("/health", {"host": "rebound.example"}).status == 200
    assert server.post(ROW, headers={"host": "localhost:5000"}).status == 200
    assert server.post(ROW, headers={"origin": "https://evil.example"}).status == 403
    assert server.post(ROW, headers={"host": "localhost:1", "origin": "http://localhost:1"}).status == 200


# --- what cannot be served


def test_what_is_no_model_is_said_in_a_line(tmp_path: Path) -> None:
    ended = invoke("models", "serve", "-m", str(tmp_path / "nothing"), "-p", "0")
    assert ended.exit_code == 1
    assert ended.output.startswith("trivet: There is no folder ")


def test_model_that_cannot_be_loaded_ends_the_server(tmp_path: Path) -> None:
    model = write_model(tmp_path / "broken", "return [1]", load="raise ValueError('it is broken')")
    command = [str(Path(sys.executable).with_name("trivet")), "models", "serve", "-m", str(model), "-p", "0"]
    process = ServerProcess.start(command, {}, "it is broken", ready_on="stderr")
    with process:
        process.wait_for_line("trivet: The model cannot be loaded: ValueError: it is broken", on="stderr")


def test_json_of_python_may_have_nan(server: ModelServer) -> None:
    body = json.dumps({"dataframe_records": [{"x": float("nan")}]}).encode()
    assert b"NaN" in body
    assert server.post(body).status == 200
