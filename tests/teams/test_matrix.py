"""Every method and every route, by each of six callers, in their own workspace and in that of another team.

Both lists are made from the contracts and from the gateway's table: what is added to these is asked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import status_pb2

from trivet_gateway import routes
from trivet_proto.artifacts.v1 import artifact_service_pb2
from trivet_proto.common.v1 import options_pb2, system_service_pb2
from trivet_proto.registry.v1 import model_pb2, registry_service_pb2, registry_service_pb2_grpc
from trivet_proto.tracking.v1 import run_pb2, tracking_service_pb2, tracking_service_pb2_grpc
from trivet_testing.errors import failure_in
from trivet_testing.filled import request_of
from trivet_testing.gateway_http import Http
from trivet_testing.gateways import start_standalone
from trivet_testing.teams import ROLES, Teams

NOBODY: Final = "nobody"
CALLERS: Final = (NOBODY, *ROLES)
# Of one length, so that what is said of one and of another can be compared byte by byte.
OWN, OTHER, NOWHERE = "team-a", "team-b", "team-z"
RUN: Final = "0199d1f0a0b07000800000000000000a"
SECRET: Final = "d0-not-tell-team-a"
PERMITTED: Final[Mapping[str, frozenset[str]]] = {
    "reader": frozenset({"READ"}),
    "writer": frozenset({"READ", "WRITE"}),
    "maintainer": frozenset({"READ", "WRITE", "MAINTAIN"}),
    "approver": frozenset({"READ", "APPROVE"}),
    "admin": frozenset({"READ", "WRITE", "MAINTAIN", "APPROVE", "ADMIN"}),
}
METHODS: Final[tuple[MethodDescriptor, ...]] = tuple(
    method
    for contract in (tracking_service_pb2, artifact_service_pb2, registry_service_pb2, system_service_pb2)
    for service in contract.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)
# What a stream without an end says when it is let in: nothing, until the time is over.
PATIENCE_SECONDS: Final = 0.5
# Refused before a handler runs; nothing else says that a caller was let in.
TURNED_AWAY: Final = ("UNAUTHENTICATED", "PERMISSION_DENIED", "WORKSPACE_NOT_FOUND")


@dataclass(frozen=True)
class House:
    """A Trivet of two teams, each with something of its own."""

    channel: grpc.Channel
    http: Http
    tokens: Mapping[tuple[str, str], str]

    def metadata(self, caller: str, workspace: str = OWN) -> tuple[tuple[str, str], ...]:
        token = self.tokens.get((workspace, caller))
        return () if token is None else (("authorization", f"Bearer {token}"),)

    def names(self, workspace: str) -> dict[int, str]:
        """A name of each kind; of those that are there, the real one."""
        place = f"workspaces/{workspace}"
        digits = "0" * 32
        run = f"{place}/runs/{RUN}"
        named = {
            "WORKSPACE": place,
            "EXPERIMENT": f"{place}/experiments/0",
            "RUN": run,
            "LOGGED_MODEL": f"{place}/loggedModels/m-{digits}",
            "MODEL": f"{place}/models/net",
            "MODEL_VERSION": f"{place}/models/net/versions/1",
            "ARTIFACT_OWNER": run,
        }
        others = {
            name.removeprefix("RESOURCE_KIND_"): f"{place}/{_collection(name)}/{digits}"
            for name in options_pb2.ResourceKind.DESCRIPTOR.values_by_name
        }
        return {
            options_pb2.ResourceKind.Value(f"RESOURCE_KIND_{kind}"): name for kind, name in (others | named).items()
        }

    def call(self, method: MethodDescriptor, caller: str, workspace: str) -> tuple[str, str, bytes]:
        """What a caller gets: a code, the reason where there is one, and everything that was said."""
        data = request_of(method, self.names(workspace)).SerializeToString()
        path = f"/{method.containing_service.full_name}/{method.name}"
        kind = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
        stub: Any = getattr(self.channel, "_".join(kind))(path)
        sent: Any = iter((data,)) if method.client_streaming else data
        timeout = PATIENCE_SECONDS if method.server_streaming else 60
        said = b""
        try:
            answer = stub(sent, metadata=self.metadata(caller), timeout=timeout)
            for part in answer if method.server_streaming else (answer,):
                said += part
        except grpc.RpcError as raised:
            error: Any = raised
            details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
            if not details:
                return error.code().name, "", said + str(error.details()).encode()
            failure = failure_in(status_pb2.Status.FromString(details))
            return failure.code.name, failure.reason, said + details
        return "OK", "", said

    def told(self) -> tuple[bytes, ...]:
        """What is in the other team's workspace, as its own administrator sees it."""
        metadata = self.metadata("admin", OTHER)
        tracking = tracking_service_pb2_grpc.TrackingServiceStub(self.channel)
        registry = registry_service_pb2_grpc.RegistryServiceStub(self.channel)
        place = f"workspaces/{OTHER}"
        answers = (
            tracking.SearchRuns(tracking_service_pb2.SearchRunsRequest(parent=place), metadata=metadata),
            registry.SearchModels(registry_service_pb2.SearchModelsRequest(parent=place), metadata=metadata),
        )
        assert all(SECRET.encode() in answer.SerializeToString() for answer in answers)
        return tuple(answer.SerializeToString(deterministic=True) for answer in answers)


def _collection(kind: str) -> str:
    first, *rest = kind.removeprefix("RESOURCE_KIND_").lower().split("_")
    return f"{first}{''.join(map(str.title, rest))}s"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("matrix")
    teams = Teams.in_folder(folder)
    tokens = {(team, role): teams.token(team, role) for team in (OWN, OTHER) for role in ROLES}
    with start_standalone(folder, TRIVET_POLICY=str(teams.policy)) as server:
        pages = server.wait_for_line(r"^  Web pages: (http://\S+)$")[1]
        with grpc.insecure_channel(server.address) as channel:
            for team in (OWN, OTHER):
                _furnish(channel, tokens[team, "admin"], team)
            yield House(channel, Http(pages), tokens)
        assert "Traceback" not in server.stderr, server.stderr
        for token in tokens.values():
            assert token not in server.stderr


def _furnish(channel: grpc.Channel, token: str, team: str) -> None:
    """Gives a team a run, a model, and something that only it may know."""
    metadata = (("authorization", f"Bearer {token}"),)
    place = f"workspaces/{team}"
    said = SECRET if team == OTHER else "nothing"
    run = run_pb2.Run(experiment=f"{place}/experiments/0", display_name=said)
    tracking_service_pb2_grpc.TrackingServiceStub(channel).CreateRun(
        tracking_service_pb2.CreateRunRequest(parent=place, run_id=RUN, run=run), metadata=metadata
    )
    model = model_pb2.Model(description=said)
    registry_service_pb2_grpc.RegistryServiceStub(channel).CreateModel(
        registry_service_pb2.CreateModelRequest(parent=place, model_id="net", model=model), metadata=metadata
    )


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name.removeprefix("trivet."))
def test_a_method_lets_in_those_whom_its_permission_lets_in(house: House, method: MethodDescriptor) -> None:
    options = method.GetOptions()
    permission = options_pb2.Permission.Name(options.Extensions[options_pb2.permission]).removeprefix("PERMISSION_")
    before = house.told()
    for caller in CALLERS:
        code, reason, said = house.call(method, caller, OWN)
        if permission == "PUBLIC":
            expected = None
        elif caller == NOBODY:
            expected = "UNAUTHENTICATED"
        elif permission == "AUTHENTICATED" or (
            permission in PERMITTED[caller] and not options.Extensions[options_pb2.server_scope]
        ):
            expected = None
        else:
            expected = "PERMISSION_DENIED"
        turned_away = next((each for each in (reason, code) if each in TURNED_AWAY), None)
        assert turned_away == expected, f"{caller}: {code} {reason} {said!r}"
        assert code not in ("INTERNAL", "UNKNOWN"), f"{caller}: {code} {said!r}"
        assert SECRET.encode() not in said
        if permission in ("PUBLIC", "AUTHENTICATED") or options.Extensions[options_pb2.server_scope]:
            continue
        # The other team's workspace answers as one that there is not, to the letter.
        theirs, none = (house.call(method, caller, workspace) for workspace in (OTHER, NOWHERE))
        assert theirs[1] == ("CREDENTIALS_INVALID" if caller == NOBODY else "WORKSPACE_NOT_FOUND"), (
            f"{caller}: {theirs}"
        )
        assert theirs == (*none[:2], none[2].replace(NOWHERE.encode(), OTHER.encode()))
    assert house.told() == before


ROUTES: Final = (
    *((each.method, f"/api/2.0/mlflow{each.path}") for each in routes.CALLS),
    *((each.method, f"/api/2.0/mlflow{each.path}") for each in routes.TRANSFERS),
    *((each.method, f"/api/2.0/mlflow{each.path}") for each in routes.direct(is_direct=False)),
    *((each.method, f"/api/2.0/mlflow-artifacts{each.path}") for each in routes.FILES),
    *((each.method, f"/api/2.0/mlflow-artifacts{each.path}") for each in routes.direct_files(is_direct=False)),
    *((each.method, each.path) for each in routes.PAGE_FILES),
)
READING: Final = ("/search", "/search-datasets", "/get-latest-versions", "/get-history-bulk-interval")
# All that any route asks for; each takes what it knows.
FIELDS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("run_id", "run_uuid", "runId"), RUN),
    "run_ids": [RUN],
    "experiment_id": "0",
    "experiment_ids": ["0"],
    "experiment_name": "Default",
    "name": "net",
    "new_name": "net2",
    "version": "1",
    "alias": "champion",
    "stage": "Staging",
    "key": "key",
    "metric_key": "key",
    "metric_keys": ["key"],
    "value": "1",
    "timestamp": 1,
    "path": "model",
    "source": f"runs:/{RUN}/model",
    "model_id": f"m-{'0' * 32}",
    "tags": [{"key": "key", "value": "value"}],
    "params": [{"key": "key", "value": "value"}],
    "metrics": [{"key": "key", "value": 1.0, "timestamp": 1, "step": 0}],
    "models": [{"model_id": f"m-{'0' * 32}", "step": 0}],
    "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}}],
    "status": "FINISHED",
    "model_json": json.dumps({"artifact_path": "model", "flavors": {}, "run_id": RUN, "utc_time_created": "2026"}),
    "url": "https://hooks.example.org",
    "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    "description": "text",
    "webhook_id": "0" * 32,
    "artifact_file_path": "model/file",
    "filename": "file",
    "owner": f"runs/{RUN}",
}
# What some routes ask for under a name that others have too.
OWN_FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "/api/2.0/mlflow/artifacts/presigned-upload-url": {"model_id": ""},
    "/api/2.0/mlflow/logged-models/search": {"datasets": [{"dataset_name": "d"}]},
    "/api/2.0/mlflow/logged-models/{model_id}": {"status": "LOGGED_MODEL_READY"},
    "/api/2.0/mlflow/webhooks": {"status": "ACTIVE"},
    "/api/2.0/mlflow/webhooks/{webhook_id}": {"status": "ACTIVE"},
    "/api/2.0/mlflow-artifacts/artifacts": {"path": f"0/{RUN}/artifacts"},
    "/api/2.0/mlflow-artifacts/artifacts/{path:path}": {"path": f"0/{RUN}/artifacts/model/file"},
}


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part)
def test_a_route_lets_in_those_whom_its_calls_let_in(house: House, method: str, path: str) -> None:
    before = house.told()
    reads = method == "GET" or path.endswith(READING)
    for caller in CALLERS:
        status, answer = _asked(house, method, path, caller, OWN)
        said = answer.decode(errors="replace")
        assert status < 500 or status == 501, f"{caller}: {status} {said}"
        assert SECRET not in said
        if caller == NOBODY:
            assert status == 401 or _is_not_here(status, said), f"{status} {said}"
            continue
        assert status != 401, said
        if reads and method != "GET":
            assert status != 403, f"{caller}: {said}"
        if not reads and caller in ("reader", "approver"):
            # Some routes read what they are to change, and it is not there.
            assert status in {403, 404} or _is_not_here(status, said), f"{caller}: {status} {said}"
        if caller == "admin":
            assert status != 403, said
        theirs, none = (_asked(house, method, path, caller, workspace) for workspace in (OTHER, NOWHERE))
        assert theirs == (none[0], none[1].replace(NOWHERE.encode(), OTHER.encode()))
        # A search among experiments that are not there finds nothing, as MLflow has it.
        assert theirs[0] == 404 or theirs == (200, b"{}") or _is_not_here(theirs[0], theirs[1].decode()), theirs
    assert house.told() == before


def _is_not_here(status: int, said: str) -> bool:
    """Whether a route is refused because clients of this server do not reach its store of files."""
    return status == 501 or (status == 400 and "proxied artifact storage" in said)


def _asked(house: House, method: str, path: str, caller: str, workspace: str) -> tuple[int, bytes]:
    token = house.tokens.get((OWN, caller))
    headers = {"x-mlflow-workspace": workspace}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    fields = {**FIELDS, **OWN_FIELDS.get(path, {})}
    filled = re.sub(r"\{(\w+?)(:path)?\}", lambda part: str(fields.get(part[1], "model/file")), path)
    query = urlencode([(key, value) for key, value in fields.items() if isinstance(value, str)])
    query += "".join(f"&run_ids={run}" for run in fields["run_ids"])
    sends_bytes = method == "PUT" or path.endswith("/upload-artifact")
    sent = b"bytes" if sends_bytes else json.dumps(fields).encode()
    headers["content-type"] = "application/json"
    status, _, answer = house.http.raw(method, f"{filled}?{query}", None if method == "GET" else sent, headers)
    return status, answer
