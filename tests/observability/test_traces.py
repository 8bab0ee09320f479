"""Traces: real processes send their spans to a collector, and one trace has the program, the servers, SQL and S3."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from trivet_testing.fleets import Fleet
from trivet_testing.gateway_http import Http
from trivet_testing.gateways import gateway_before, services_in
from trivet_testing.minio import MinioServer
from trivet_testing.otlp import ReceivedSpan, Receiver, receiving_spans
from trivet_testing.servers import run_to_exit
from trivet_testing.waiting import wait_until

TRACKING = "trivet.tracking.v1.TrackingService"
PROGRAM = """
import sys, trivet
with trivet.Client() as client:
    run_id = client.create_run("0", tags={"secret-tag": "secret-value"}).info.run_id
    client.log_artifact(run_id, sys.argv[1])
    client.log_metric(run_id, "secret-metric", 1.0)
    assert len(client.get_metric_history(run_id, "secret-metric")) == 1
    try:
        client.get_run("missing")
    except trivet.RunNotFound:
        pass
    else:
        sys.exit("it is there")
"""


@dataclass(frozen=True)
class Traced:
    """A gateway before services, all of which send spans."""

    services: str
    gateway: str
    receiver: Receiver


@pytest.fixture
def traced(database_url: str, minio_server: MinioServer, tmp_path: Path) -> Iterator[Traced]:
    """Over a bucket, and each of the databases."""
    store = minio_server.store(minio_server.create_bucket())
    options = ("--database", database_url, "--artifacts", store)
    with receiving_spans() as receiver:
        env = receiver.settings
        with (
            services_in(tmp_path, *options, **minio_server.credentials, **env) as services,
            gateway_before(services, **env) as gateway,
        ):
            yield Traced(services, gateway.url, receiver)


def traceparent() -> tuple[str, str]:
    """A new trace, and a context in it that counts."""
    trace_id = secrets.token_hex(16)
    return trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01"


class Tree:
    """The spans of a trace."""

    def __init__(self, spans: list[ReceivedSpan]) -> None:
        self.spans = spans
        self._by_id = {span.span_id: span for span in spans}

    def above(self, span: ReceivedSpan) -> list[tuple[str, str]]:
        """The service and name of a span, and of those that it is in, to the outermost that came."""
        path = []
        at: ReceivedSpan | None = span
        while at is not None:
            path.append((at.service, at.name))
            at = self._by_id.get(at.parent_id)
        return path

    def paths(self, name: str) -> list[list[tuple[str, str]]]:
        """As `above`, of all spans of a name."""
        return [self.above(span) for span in self.spans if span.name == name]


def test_one_trace_has_the_program_the_servers_sql_and_s3(traced: Traced, tmp_path: Path) -> None:
    trace_id, parent = traceparent()
    file = tmp_path / "weights.bin"
    file.write_bytes(os.urandom(100_000))
    settings = {**traced.receiver.settings, "TRIVET_URL": traced.services, "TRACEPARENT": parent}
    ended = run_to_exit([sys.executable, "-c", PROGRAM, str(file)], settings)
    assert ended.returncode == 0, ended.stderr
    http = Http(traced.gateway)
    status, _, _ = http.raw("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"traceparent": parent})
    assert status == 200

    of_program = [("trivet", f"{TRACKING}/CreateRun"), ("trivet-client", f"{TRACKING}/CreateRun")]
    of_gateway = [("trivet", f"{TRACKING}/GetExperiment"), ("trivet-gateway", "HTTP GET")]

    def joined() -> bool:
        tree = Tree(traced.receiver.spans(trace_id))
        statements = tree.paths("SQL")
        return (
            [("trivet", "SQL"), *of_program] in statements
            and [("trivet", "SQL"), *of_gateway] in statements
            and any(path[1:] and "Artifact" in path[1][1] for path in tree.paths("S3"))
        )

    wait_until(joined)
    spans = traced.receiver.spans(trace_id)
    (missing,) = (span for span in spans if span.name == f"{TRACKING}/GetRun" and span.service == "trivet")
    # It is the caller who asked for what is not there.
    assert (missing.attributes["rpc.grpc.status"], missing.failed) == ("NOT_FOUND", False)
    assert missing.attributes["trivet.request.id"]
    (route,) = (span.attributes["http.route"] for span in spans if span.name == "HTTP GET")
    assert route == "/api/2.0/mlflow/experiments/get"
    texts = [span.attributes["db.query.text"] for span in spans if span.name == "SQL"]
    assert any("experiment" in text for text in texts)
    assert "secret-" not in json.dumps([span.attributes for span in spans])  # values are bound, and stay where they are


def test_a_write_is_in_the_trace_of_its_caller_although_others_are_committed_with_it(traced: Traced) -> None:
    trace_id, parent = traceparent()
    http = Http(traced.gateway)
    run_id = http.run()
    body = json.dumps({"run_id": run_id, "key": "loss", "value": 1, "timestamp": 1, "step": 1}).encode()
    headers = {"content-type": "application/json", "traceparent": parent}
    assert http.raw("POST", "/api/2.0/mlflow/runs/log-metric", body, headers)[0] == 200
    wanted = [("trivet", "SQL"), ("trivet", "group commit"), ("trivet", f"{TRACKING}/WriteRun")]
    wait_until(lambda: any(path[:3] == wanted for path in Tree(traced.receiver.spans(trace_id)).paths("SQL")))


@pytest.mark.parametrize("malformed", ["", "00-1-2-01", f"00-{'0' * 32}-{'1' * 16}-01", "ff-" + "1" * 52])
def test_without_a_collector_the_context_goes_on_to_the_logs_of_the_services(
    running_fleet: Fleet, malformed: str
) -> None:
    trace_id, parent = traceparent()
    http = Http(running_fleet.gateway_url)
    request_id = secrets.token_hex(8)
    path = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    good = {"traceparent": parent, "x-request-id": f"{request_id}-good"}
    bad = {"traceparent": malformed, "x-request-id": f"{request_id}-bad"}
    for headers in (good, bad):
        assert http.raw("GET", path, headers=headers)[0] == 200
    server = running_fleet.servers["tracking"]
    lines = [
        json.loads(server.wait_for_line(f'"request_id": "{request_id}-{name}"', on="stderr").string)
        for name in ("good", "bad")
    ]
    assert [line.get("trace_id") for line in lines] == [trace_id, None]
