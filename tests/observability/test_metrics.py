"""What servers measure, as Prometheus reads it."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

import trivet
from trivet_proto.tracking.v1 import watch_pb2
from trivet_testing.fleets import SERVERS, Fleet
from trivet_testing.gateway_http import Http
from trivet_testing.metrics import Scraped
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.waiting import wait_until
from trivet_testing.workspaces import unused_workspace

TRACKING = "/trivet.tracking.v1.TrackingService"
CALLS = "trivet_calls_total"
SECONDS = "trivet_call_duration_seconds"
REQUESTS = "trivet_http_requests_total"


@pytest.fixture
def client(running_fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[trivet.Client]:
    """A client of the fleet, in a workspace of its own."""
    for name, url in running_fleet.addresses.items():
        monkeypatch.setenv(name, url)
    with trivet.Client(workspace=unused_workspace()) as client:
        yield client


def calls(scraped: Scraped, method: str, code: str = "OK") -> float:
    return scraped.total(CALLS, method=f"{TRACKING}/{method}", code=code)


def test_calls_are_counted_by_method_and_code(running_fleet: Fleet, client: trivet.Client) -> None:
    before = running_fleet.scrape("tracking")
    client.tracking.create_experiment("counted")
    with pytest.raises(trivet.ExperimentNotFound):
        client.tracking.get_experiment("4711")

    def counted() -> bool:
        after = running_fleet.scrape("tracking")
        new = [calls(after, method, code) - calls(before, method, code) for method, code in wanted]
        took = after.total(f"{SECONDS}_count", method=f"{TRACKING}/GetExperiment")
        return new == [1, 1] and took == after.total(CALLS, method=f"{TRACKING}/GetExperiment")

    wanted = (("CreateExperiment", "OK"), ("GetExperiment", "NOT_FOUND"))
    wait_until(counted)  # a call is noted after its answer


def test_a_method_that_is_not_there_is_counted_without_its_name(running_fleet: Fleet) -> None:
    with grpc.insecure_channel(running_fleet.servers["registry"].address) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/trivet.registry.v1.RegistryService/SecretOfSomebody"
        )
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=30)
    after = running_fleet.scrape("registry")
    assert after.total(CALLS, method="unknown", code="UNIMPLEMENTED") >= 1
    assert not [sample for sample in after.samples if "SecretOfSomebody" in str(sample.labels)]


def test_methods_that_nobody_called_are_zero_from_the_start(running_fleet: Fleet) -> None:
    # Else the first call of a series would be none for Prometheus, which looks at differences.
    scraped = running_fleet.scrape("artifacts")
    assert scraped.values(CALLS, method="/trivet.artifacts.v1.ArtifactService/CollectGarbage", code="OK") == [0]
    assert not scraped.values(f"{SECONDS}_count", method="/trivet.artifacts.v1.ArtifactService/CollectGarbage")


def test_requests_are_counted_by_the_form_of_their_path(running_fleet: Fleet) -> None:
    http = Http(running_fleet.gateway_url)
    run_id = http.run()
    status, _ = http.call("GET", f"/runs/get?run_id={run_id}x")
    assert status == 404
    http.raw("PROPFIND", f"/coffee/{run_id}")
    message = {"content-type": "application/grpc-web+proto"}
    method = f"{TRACKING}/GetRun"
    assert http.raw("POST", method, b"\0\0\0\0\0", message)[0] == 200

    after = running_fleet.scrape("gateway")
    assert after.total(REQUESTS, method="POST", route="/api/2.0/mlflow/runs/create", code="200") == 1
    assert after.total(REQUESTS, method="GET", route="/api/2.0/mlflow/runs/get", code="404") == 1
    assert after.total(REQUESTS, method="other", route="unknown") == 1
    # Its status of HTTP would say that all is well.
    assert after.total(REQUESTS, method="POST", route=method, code="INVALID_ARGUMENT") == 1
    assert not [sample for sample in after.samples if run_id in str(sample.labels)]


def test_a_call_that_its_page_left_is_counted_as_that(running_fleet: Fleet) -> None:
    http = Http(running_fleet.gateway_url)
    watch = watch_pb2.WatchRunsRequest(parent="workspaces/default").SerializeToString()
    body = struct.pack(">BI", 0, len(watch)) + watch
    method = f"{TRACKING}/WatchRuns"
    with http.opened("POST", method, body, {"content-type": "application/grpc-web+proto"}) as answer:
        assert answer.status == 200
    wait_until(lambda: running_fleet.scrape("gateway").total(REQUESTS, route=method, code="CANCELLED") == 1)


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_that_callers_name_is_a_label(running_fleet: Fleet, client: trivet.Client, server: str) -> None:
    run = client.tracking.create_run("0", run_name="name-of-a-run")
    client.tracking.log_param(run.info.run_id, "name-of-a-param", "value-of-a-param")
    client.tracking.log_metric(run.info.run_id, "name-of-a-metric", 1.5)
    labels = json.dumps([sample.labels for sample in running_fleet.scrape(server).samples])
    for named in (run.info.run_id, "name-of-a-run", "name-of-a-param", "value-of-a-param", "name-of-a-metric"):
        assert named not in labels


def test_points_are_counted_with_how_late_they_come(running_fleet: Fleet, client: trivet.Client) -> None:
    before = running_fleet.scrape("tracking")
    run_id = client.tracking.create_run("0").info.run_id
    client.tracking.log_metric(run_id, "loss", 1.0, timestamp=round(time.time() * 1000) + 3_600_000)
    client.tracking.log_metric(run_id, "loss", 2.0, timestamp=1_000)

    def new(name: str, **labels: str) -> float:
        return running_fleet.scrape("tracking").total(name, **labels) - before.total(name, **labels)

    wait_until(lambda: new("trivet_ingested_points_total") == 2)  # it is counted after the answer
    # A clock that is ahead is no lag, and the age of what is imported is beyond all bounds.
    assert new("trivet_ingest_lag_seconds_bucket", le="0.1") == 1
    assert new("trivet_ingest_lag_seconds_bucket", le="86400.0") == 1
    assert new("trivet_ingest_lag_seconds_bucket", le="+Inf") == 2
    assert new("trivet_group_commit_duration_seconds_count") >= 2


def test_rows_that_wait_for_the_folder_are_counted_until_it_has_come(
    running_fleet: Fleet, client: trivet.Client
) -> None:
    run_id = client.tracking.create_run("0").info.run_id

    def one_waits() -> bool:
        # Another each time: the first may be folded before the figures are looked up again.
        client.tracking.log_metric(run_id, "loss", 1.0)
        return running_fleet.scrape("tracking").total("trivet_unfolded_rows") >= 1

    wait_until(one_waits)
    wait_until(lambda: running_fleet.scrape("tracking").values("trivet_unfolded_rows") == [0])
    last = running_fleet.scrape("tracking")
    assert (last.values("trivet_unfolded_points"), last.values("trivet_unfolded_age_seconds")) == ([0], [0])


def test_bytes_are_counted_by_workspace_and_requests_to_s3_by_method(
    running_fleet: Fleet, client: trivet.Client, tmp_path: Path
) -> None:
    before = running_fleet.scrape("artifacts")
    run_id = client.tracking.create_run("0").info.run_id
    file = tmp_path / "weights.bin"
    file.write_bytes(os.urandom(100_000))
    client.log_artifact(run_id, str(file))

    def kept() -> list[float]:
        return running_fleet.scrape("artifacts").values("trivet_artifact_bytes", workspace=client.workspace)

    wait_until(lambda: kept() == [100_000])  # what is kept is looked up now and then
    puts = {"method": "PUT", "status": "200"}
    after = running_fleet.scrape("artifacts")
    name = "trivet_s3_request_duration_seconds_count"
    assert after.total(name, **puts) > before.total(name, **puts)


@pytest.mark.parametrize("server", ["tracking", "artifacts", "registry"])
def test_pools_are_measured(running_fleet: Fleet, server: str) -> None:
    scraped = running_fleet.scrape(server)
    (most,) = scraped.values("trivet_database_connections_max")
    (in_use,) = scraped.values("trivet_database_connections_in_use")
    assert 0 <= in_use <= most
    assert most == 20


def test_a_port_in_use_is_said(running_fleet: Fleet) -> None:
    taken = running_fleet.metrics_urls["gateway"].split("/")[2]
    ended = run_to_exit(
        [sys.executable, "-m", "trivet_gateway", "serve", "--listen", f"127.0.0.1:{free_port()}"],
        {"TRIVET_METRICS_LISTEN": taken},
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1] == (
        f"trivet-gateway: Cannot listen on {taken} (TRIVET_METRICS_LISTEN): address already in use."
    )
