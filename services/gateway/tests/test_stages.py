"""The stages that a workspace has chosen are those of MLflow's clients too."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from trivet_proto.registry.v1 import promotion_rules_pb2 as pb
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_testing.workspaces import unused_workspace


def test_a_version_moves_to_a_stage_of_its_workspace_and_is_found_there(gateway: str, services: str) -> None:
    workspace = unused_workspace()
    with grpc.insecure_channel(services.removeprefix("grpc://")) as channel:
        rules = pb.PromotionRules(workspace=f"workspaces/{workspace}", stages=["None", "Dev", "Live", "Archived"])
        request = pb.UpdatePromotionRulesRequest(rules=rules, update_mask=FieldMask(paths=["stages"]))
        RegistryServiceStub(channel).UpdatePromotionRules(request)

    def call(path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(urlsplit(gateway).netloc, timeout=30)
        headers = {"x-mlflow-workspace": workspace, "content-type": "application/json"}
        connection.request("POST", f"/api/2.0/mlflow/{path}", json.dumps(fields), headers)
        answer = connection.getresponse()
        try:
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

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
