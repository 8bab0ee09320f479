"""The real MLflow client against a real MLflow server and against ours: the same session reads back the same."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from trivet_proto.artifacts.v1 import artifact_service_pb2 as pb
from trivet_proto.artifacts.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from trivet_testing.gateway_http import API, Http
from trivet_testing.mlflow_client import session
from trivet_testing.mlflow_told import told_by_mlflow
from trivet_testing.workspaces import unused_workspace

PROGRAM = Path(__file__).with_name("client_program.py")


@pytest.mark.timeout(300)
def test_a_session_reads_back_what_it_does_with_mlflow(gateway: str, mlflow: Path) -> None:
    python = mlflow / "bin" / "python"
    expected = told_by_mlflow("session", [PROGRAM], lambda url: session(python, url, PROGRAM))
    assert session(python, gateway, PROGRAM) == expected
    # Again, in another workspace: nothing of the first session is in its way.
    assert session(python, f"{gateway}/w/test-0", PROGRAM) == expected


@pytest.mark.timeout(300)
def test_a_model_is_logged_registered_and_loaded_by_each_of_its_names(
    gateway: str, services: str, mlflow: Path
) -> None:
    workspace = unused_workspace()
    found = session(mlflow / "bin" / "python", f"{gateway}/w/{workspace}", PROGRAM.with_name("model_program.py"))
    assert found["predicted"] == [1.0] * 4
    assert (found["kept"], found["version"], found["status"], found["found"]) == (1.0, "2", "READY", ["model"])
    # The files are those of the logged model and of the versions, not of something that has their names.
    with grpc.insecure_channel(services.removeprefix("grpc://")) as channel:
        stub = ArtifactServiceStub(channel)

        def files(owner: str) -> set[str]:
            request = pb.ListArtifactsRequest(owner=f"workspaces/{workspace}/{owner}", recursive=True)
            return {artifact.path for artifact in stub.ListArtifacts(request).artifacts}

        of_model = files(f"loggedModels/{found['model_id']}")
        assert "MLmodel" in of_model
        assert files(f"runs/{found['model_id']}") == set()


@pytest.mark.timeout(300)
def test_the_workspace_of_the_clients_own_setting_is_the_one_that_it_works_in(gateway: str, mlflow: Path) -> None:
    workspace = unused_workspace()
    program = PROGRAM.with_name("workspace_program.py")
    # What is not part of Trivet answers 501, which the client would ask for again.
    settings = {"MLFLOW_WORKSPACE": workspace, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    found = session(mlflow / "bin" / "python", gateway, program, settings)
    assert (found["params"], found["text"]) == ({"alpha": "0.1"}, "hello")
    assert found["models"] == [found["experiment"]]
    assert {"default", workspace} <= set(found["workspaces"])
    assert found["workspaces"] == sorted(found["workspaces"])
    assert found["workspace"] == workspace
    assert not found["found in default"]
    assert found["refused"] == [
        "RESOURCE_DOES_NOT_EXIST",  # a workspace that is not there
        "NOT_IMPLEMENTED",
        "NOT_IMPLEMENTED",
        "RESOURCE_DOES_NOT_EXIST",  # the run, from `default`
    ]
    http_of = Http(gateway)
    path = f"{API}/runs/get?run_id={found['run_id']}"
    for named, status in ((workspace, 200), ("default", 404), (http_of.workspace, 404), ("", 404)):
        assert http_of.raw("GET", path, headers={"x-mlflow-workspace": named})[0] == status, named
