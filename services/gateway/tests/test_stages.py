"""The stages that a workspace has chosen are those of MLflow's clients too."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

import trivet
from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.mlflow_client import session
from trivet_testing.workspaces import unused_workspace

Call = Callable[..., tuple[int, dict[str, Any]]]


def change_rules(services: str, rules: pb.PromotionRules, *fields: str) -> None:
    with grpc.insecure_channel(services.removeprefix("grpc://")) as channel:
        request = pb.UpdatePromotionRulesRequest(rules=rules, update_mask=FieldMask(paths=fields))
        RegistryServiceStub(channel).UpdatePromotionRules(request)


def calls_of(gateway: str, workspace: str) -> Call:
    """What calls MLflow's routes in a workspace, and returns the status and the answer."""

    def call(path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=30)
        headers = {"x-mlflow-workspace": workspace, "content-type": "application/json"}
        connection.request("POST", f"/api/2.0/mlflow/{path}", json.dumps(fields), headers)
        answer = connection.getresponse()
        try:
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return call


def test_a_version_moves_to_a_stage_of_its_workspace_and_is_found_there(gateway: str, services: str) -> None:
    workspace = unused_workspace()
    rules = pb.PromotionRules(workspace=f"workspaces/{workspace}", stages=["None", "Dev", "Live", "Archived"])
    change_rules(services, rules, "stages")
    call = calls_of(gateway, workspace)

    assert call("registered-models/create", name="m")[0] == 200
    for _ in range(2):
        assert call("model-versions/create", name="m", source="s3://b/k")[0] == 200
    status, moved = call("model-versions/transition-stage", name="m", version="1", stage="dev")
    assert (status, moved["model_version"]["current_stage"]) == (200, "Dev")
    status, refused = call("model-versions/transition-stage", name="m", version="1", stage="Production")
    assert (status, refused["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "None, Dev, Live, Archived" in refused["message"]
    # As the client asks for `models:/m/Dev`, and for `models:/m/latest`.
    for stages, versions in ((["Dev"], ["1"]), (["dev"], ["1"]), (["Live"], []), ([], ["1", "2"])):
        status, latest = call("registered-models/get-latest-versions", name="m", stages=stages)
        assert (status, [each["version"] for each in latest.get("model_versions", [])]) == (200, versions)


def test_no_rename_makes_a_protected_alias_mean_another_version(gateway: str, services: str) -> None:
    workspace = unused_workspace()
    call = calls_of(gateway, workspace)
    for name in ("fraud", "toy"):
        assert call("registered-models/create", name=name)[0] == 200
        assert call("model-versions/create", name=name, source=f"s3://b/{name}")[0] == 200
        assert call("registered-models/alias", name=name, alias="champion", version="1")[0] == 200
    rules = pb.PromotionRules(workspace=f"workspaces/{workspace}", protected_aliases=["champion"])
    change_rules(services, rules, "protected_aliases")
    for name, new_name in (("fraud", "old"), ("toy", "other")):
        status, refused = call("registered-models/rename", name=name, new_name=new_name)
        assert (status, refused["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        assert f"The alias champion of workspaces/{workspace}/models/{name} stays as it is" in refused["message"]
    assert call("registered-models/create", name="fraud")[1]["error_code"] == "RESOURCE_ALREADY_EXISTS"


@pytest.mark.timeout(300)
def test_mlflows_client_is_told_how_to_ask_for_what_is_protected(gateway: str, services: str, mlflow: Path) -> None:
    workspace = unused_workspace()
    with trivet.Client(services, workspace=workspace) as client:
        run_id = client.create_run("0").info.run_id
        client.log_text(run_id, "weights", "model/weights")
        for _ in range(2):
            client.registry.register_model(f"runs:/{run_id}/model", "taxi rides")
        client.transition_model_version_stage("taxi rides", 2, "Production")
        promotion = client.registry.promotion
        promotion.protect(stages=["Production"], aliases=["champion"], approvals=2)
        promotion.protect(aliases=["pinned"])

        def told() -> dict[str, list[str]]:
            program = Path(__file__).with_name("protected_program.py")
            python = mlflow / "bin" / "python"
            return session(python, f"{gateway}/w/{workspace}", program, arguments=["taxi rides"])

        before = told()
        moved = client.request_model_version_stage("taxi rides", 1, "Production", archive_existing_versions=True)
        pointed = client.request_registered_model_alias("taxi rides", "champion", 1)
        after = told()
    for said in (before, after):
        assert {what: code for what, (code, _) in said.items()} == dict.fromkeys(before, "INVALID_PARAMETER_VALUE")
        assert "with the permission ADMIN" in said["frozen alias"][1]
        assert "`trivet models promotion request`" in said["delete version"][1]
    asking = {
        "move": "request 'taxi rides' 1 Production --archive-existing",
        "set alias": "request-alias 'taxi rides' champion 1",
    }
    for what, asked in (("move", moved), ("set alias", pointed)):
        assert f"`trivet models promotion {asking[what]}`; it is made once 2 others" in before[what][1]
        assert f"workspaces/{workspace}/promotionRequests/{asked.promotion_request_id} asks for that" in after[what][1]
        assert f"`trivet models promotion show {asked.promotion_request_id}`" in after[what][1]
