"""Audit of two teams on one server: each administrator sees what was done, or tried, in their own workspace alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_proto.registry.v1 import model_pb2, registry_service_pb2
from trivet_proto.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from trivet_proto.tracking.v1 import run_pb2, tracking_service_pb2
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.gateways import start_standalone
from trivet_testing.teams import Teams

TEAM_A, TEAM_B = "workspaces/team-a", "workspaces/team-b"


@dataclass(frozen=True)
class House:
    """A server of two teams."""

    channel: grpc.Channel
    teams: Teams

    def metadata(self, workspace: str, role: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.teams.token(workspace, role)}"),)

    def create_run(self, parent: str, metadata: tuple[tuple[str, str], ...]) -> run_pb2.Run:
        request = tracking_service_pb2.CreateRunRequest(parent=parent)
        return TrackingServiceStub(self.channel).CreateRun(request, metadata=metadata, timeout=30)

    def events(self, parent: str, metadata: tuple[tuple[str, str], ...]) -> list[pb.AuditEvent]:
        request = pb.ListAuditEventsRequest(parent=parent)
        answer = SystemServiceStub(self.channel).ListAuditEvents(request, metadata=metadata, timeout=30)
        return list(answer.audit_events)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    teams = Teams.in_folder(tmp_path)
    with (
        start_standalone(tmp_path, TRIVET_POLICY=str(teams.policy)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield House(channel, teams)


def test_administrators_see_what_was_done_and_tried_in_their_workspace(house: House) -> None:
    writer, admin = house.metadata("team-a", "writer"), house.metadata("team-a", "admin")
    stranger, other_admin = house.metadata("team-b", "writer"), house.metadata("team-b", "admin")
    run = house.create_run(TEAM_A, writer)
    model = registry_service_pb2.CreateModelRequest(parent=TEAM_A, model_id="net", model=model_pb2.Model())
    RegistryServiceStub(house.channel).CreateModel(model, metadata=writer, timeout=30)
    assert error_of(lambda: house.create_run(TEAM_A, stranger)).reason == "WORKSPACE_NOT_FOUND"
    assert error_of(lambda: house.create_run(TEAM_A, house.metadata("team-a", "reader"))).reason == "PERMISSION_DENIED"
    assert error_of(lambda: house.create_run(TEAM_A, (("authorization", "Bearer forged"),))).code == (
        grpc.StatusCode.UNAUTHENTICATED
    )
    house.create_run(TEAM_B, stranger)
    # Whoever is no administrator is turned away, which is noted as well.
    assert error_of(lambda: house.events(TEAM_A, writer)).reason == "PERMISSION_DENIED"
    assert error_of(lambda: house.events(TEAM_A, other_admin)).reason == "WORKSPACE_NOT_FOUND"

    events = house.events(TEAM_A, admin)
    assert [(event.subject, event.method.rpartition("/")[2], event.reason) for event in reversed(events)] == [
        ("trivet/writer-of-team-a", "CreateRun", ""),
        ("trivet/writer-of-team-a", "CreateModel", ""),
        ("trivet/writer-of-team-b", "CreateRun", "WORKSPACE_NOT_FOUND"),
        ("trivet/reader-of-team-a", "CreateRun", "PERMISSION_DENIED"),
    ]
    began = events[-1]
    assert (began.authenticated, bool(began.token_id), list(began.resources)) == (True, True, [TEAM_A, run.name])
    assert all(event.workspace == "team-a" for event in events)
    (own,) = house.events(TEAM_B, other_admin)
    assert (own.subject, own.workspace) == ("trivet/writer-of-team-b", "team-b")
    of_server = pb.ListServerAuditEventsRequest()
    system = SystemServiceStub(house.channel)
    failure = error_of(lambda: system.ListServerAuditEvents(of_server, metadata=admin, timeout=30))
    assert (failure.reason, failure.metadata) == ("PERMISSION_DENIED", {"permission": "ADMIN"})
