"""Audit of a real server: SystemService tells what was done, and the log has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from trivet_proto.common.v1 import system_service_pb2 as pb
from trivet_proto.common.v1.system_service_pb2_grpc import SystemServiceStub
from trivet_proto.tracking.v1 import tracking_service_pb2 as tracking_pb
from trivet_proto.tracking.v1.tracking_service_pb2_grpc import TrackingServiceStub
from trivet_testing.errors import error_of
from trivet_testing.records import create_run, metric, write
from trivet_testing.servers import ServerProcess
from trivet_testing.tracking import Tracking, migrate, start_server
from trivet_testing.waiting import wait_until

SERVICE = "/trivet.tracking.v1.TrackingService/"


def events_of(channel: grpc.Channel, workspace: str, **query: Any) -> list[pb.AuditEvent]:
    request = pb.ListAuditEventsRequest(parent=f"workspaces/{workspace}", query=pb.AuditQuery(**query))
    return list(SystemServiceStub(channel).ListAuditEvents(request, timeout=30).audit_events)


def test_what_is_done_in_a_workspace_is_listed_there(tracking: Tracking, channel: grpc.Channel) -> None:
    run = create_run(tracking).name
    write(tracking, run, metrics=metric("loss", (1, 1000, 0.5)))  # counted: listed when its minute is over
    gone = f"{tracking.parent}/runs/gone"
    assert (
        error_of(lambda: tracking.stub.DeleteRun(tracking_pb.DeleteRunRequest(name=gone), timeout=30)).reason
        == "RUN_NOT_FOUND"
    )
    tracking.stub.DeleteRun(tracking_pb.DeleteRunRequest(name=run), timeout=30)
    wait_until(lambda: len(events_of(channel, tracking.workspace)) == 3)
    deleted, failed, created = events_of(channel, tracking.workspace)
    assert list(created.resources) == [tracking.parent, run]
    assert (created.method, created.call_count, created.code) == (f"{SERVICE}CreateRun", 1, "OK")
    assert (created.subject, created.authenticated, created.peer) == ("anonymous", False, "127.0.0.1")
    assert created.time == created.first_time
    assert (list(failed.resources), failed.code, failed.reason) == ([gone], "NOT_FOUND", "RUN_NOT_FOUND")
    assert [each.outcome for each in (deleted, failed)] == [pb.AUDIT_OUTCOME_SUCCEEDED, pb.AUDIT_OUTCOME_FAILED]
    assert events_of(channel, tracking.workspace, outcome=pb.AUDIT_OUTCOME_FAILED) == [failed]
    assert events_of(channel, tracking.workspace, method="CreateRun") == [created]
    assert events_of(channel, tracking.workspace, subject="people/ann") == []
    assert events_of(channel, tracking.workspace, start_time=Timestamp(seconds=created.time.seconds + 3600)) == []
    first = pb.ListAuditEventsRequest(parent=tracking.parent, page_size=2)
    page = SystemServiceStub(channel).ListAuditEvents(first, timeout=30)
    assert list(page.audit_events) == [deleted, failed]
    first.page_token = page.next_page_token
    page = SystemServiceStub(channel).ListAuditEvents(first, timeout=30)
    assert (list(page.audit_events), page.next_page_token) == ([created], "")


def test_a_workspace_that_is_not_there_is_noted_for_the_server_alone(tracking: Tracking, channel: grpc.Channel) -> None:
    nowhere = f"nowhere-{tracking.workspace}"
    request = pb.ListServerAuditEventsRequest(query=pb.AuditQuery(outcome=pb.AUDIT_OUTCOME_DENIED), page_size=1000)

    def denials() -> list[pb.AuditEvent]:
        answer = SystemServiceStub(channel).ListServerAuditEvents(request, timeout=30)
        assert answer.dropped_count == 0
        return [event for event in answer.audit_events if event.workspace == nowhere]

    run = f"workspaces/{nowhere}/runs/x"
    assert (
        error_of(lambda: tracking.stub.GetRun(tracking_pb.GetRunRequest(name=run), timeout=30)).reason
        == "WORKSPACE_NOT_FOUND"
    )
    wait_until(lambda: len(denials()) == 1)
    (event,) = denials()
    assert (event.method, list(event.resources)) == (f"{SERVICE}GetRun", [run])
    assert (event.code, event.reason) == ("NOT_FOUND", "WORKSPACE_NOT_FOUND")
    assert error_of(lambda: events_of(channel, nowhere)).reason == "WORKSPACE_NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "reason", "field"),
    [
        (pb.AuditQuery(subject="x" * 301), "FIELD_TOO_LONG", "query.subject"),
        (pb.AuditQuery(method="a\0b"), "FIELD_INVALID", "query.method"),
        (pb.AuditQuery(resource="x" * 301), "FIELD_TOO_LONG", "query.resource"),
        (pb.AuditQuery(outcome=77), "FIELD_INVALID", "query.outcome"),  # type: ignore[arg-type]
        (pb.AuditQuery(start_time=Timestamp(seconds=-1)), "FIELD_INVALID", "query.start_time"),
        (pb.AuditQuery(end_time=Timestamp(nanos=-1)), "FIELD_INVALID", "query.end_time"),
    ],
)
def test_questions_that_cannot_be_are_refused(
    tracking: Tracking, channel: grpc.Channel, query: pb.AuditQuery, reason: str, field: str
) -> None:
    request = pb.ListAuditEventsRequest(parent=tracking.parent, query=query)
    failure = error_of(lambda: SystemServiceStub(channel).ListAuditEvents(request, timeout=30))
    assert (failure.reason, failure.metadata["field"]) == (reason, field)


def lines_of(server: ServerProcess) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.stderr.splitlines()]
    return [line for line in lines if line["logger"] == "trivet.audit"]


def test_counts_survive_a_stop_and_the_log_survives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tracking.db'}"
    migrate(url)
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        tracking = Tracking(TrackingServiceStub(channel), "default")
        run = create_run(tracking).name
        for step in range(5):
            write(tracking, run, metrics=metric("loss", (step, 1000, 0.5)))
        server.terminate()
        began, written, ended = lines_of(server)
    assert (began["method"], began["outcome"], began["resources"][-1]) == (f"{SERVICE}CreateRun", "SUCCEEDED", run)
    assert (written["method"], written["call_count"], written["resources"]) == (f"{SERVICE}WriteRun", 1, [run])
    assert {**written, "call_count": 5, "time": ended["time"]} == ended
    with start_server(url) as server, grpc.insecure_channel(server.address) as channel:
        listed = {event.event_id: event.call_count for event in events_of(channel, "default")}
        assert listed == {began["event_id"]: 1, written["event_id"]: 5}
        TrackingServiceStub(channel).DeleteRun(tracking_pb.DeleteRunRequest(name=run), timeout=30)
        server.wait_for_line("event_id.*DeleteRun", on="stderr")
        server.kill()
        assert lines_of(server)[-1]["method"] == f"{SERVICE}DeleteRun"
