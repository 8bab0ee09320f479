"""What `check_services` says of servers that are there, away, elsewhere, or of another kind."""

from __future__ import annotations

import os
from importlib.metadata import version

import pytest

import trivet
from trivet_testing.servers import free_port


def test_services_that_answer_say_who_they_are(client: trivet.Client) -> None:
    statuses = client.check_services()
    assert statuses == [
        trivet.ServiceStatus(
            service, os.environ[f"TRIVET_{service.upper()}_URL"], version=version("trivet-kit"), user="anonymous"
        )
        for service in ("tracking", "artifacts", "registry")
    ]
    assert all(status.is_reachable for status in statuses)


def test_each_service_that_cannot_be_used_says_why(environment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody, other = f"grpc://127.0.0.1:{free_port()}", os.environ["TRIVET_REGISTRY_URL"]
    monkeypatch.setenv("TRIVET_TRACKING_URL", nobody)
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", other)
    monkeypatch.delenv("TRIVET_REGISTRY_URL")
    with trivet.Client() as client:
        tracking, artifacts, registry = client.check_services()
    assert (tracking.address, tracking.is_reachable) == (nobody, False)
    assert f"No Trivet server answers at {nobody}" in tracking.problem
    assert "`trivet up`" in tracking.problem
    assert (artifacts.address, artifacts.is_reachable) == (other, True)
    assert artifacts.problem == f"The server at {other} does not serve artifacts: set TRIVET_ARTIFACTS_URL."
    assert (registry.address, registry.is_reachable) == ("", False)
    assert "set TRIVET_REGISTRY_URL" in registry.problem


def test_workspace_that_is_not_there_is_a_problem(tracking_address: str) -> None:
    with trivet.Client(f"grpc://{tracking_address}/nowhere") as client:
        tracking = client.check_services()[0]
    assert tracking.is_reachable
    assert tracking.problem.startswith(f"There is no workspace 'nowhere' at grpc://{tracking_address}")
