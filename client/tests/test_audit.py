"""Audit in the SDK: the events of three servers as one list."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

import trivet
from trivet_testing.command_line import invoke


def test_what_was_done_by_any_service_is_listed_the_newest_first(client: trivet.Client, workspace: str) -> None:
    experiment_id = client.create_experiment("taxi")
    client.create_registered_model("taxi")
    run = client.create_run(experiment_id)
    client.artifacts.housekeeping.hold(run.info.run_id, reason="audit")
    with pytest.raises(trivet.RunNotFound):
        client.delete_run("gone")
    events = client.list_audit_events()
    assert [event.timestamp for event in events] == sorted((event.timestamp for event in events), reverse=True)
    # Three servers know nothing of each other's order within a millisecond.
    by_method = {event.method.rsplit("/", 1)[1]: event for event in events}
    assert len(events) == len(by_method)
    assert by_method.keys() == {"DeleteRun", "CreateHold", "CreateRun", "CreateModel", "CreateExperiment"}
    deleted, held, began, named = (by_method[name] for name in ("DeleteRun", "CreateHold", "CreateRun", "CreateModel"))
    assert (deleted.outcome, deleted.code, deleted.reason) == ("FAILED", "NOT_FOUND", "RUN_NOT_FOUND")
    assert f"workspaces/{workspace}/runs/{run.info.run_id}" in held.resources
    assert began.user_agent.startswith("trivet/")
    assert named == trivet.AuditEvent(
        event_id=named.event_id,
        timestamp=named.first_timestamp,
        first_timestamp=named.first_timestamp,
        call_count=1,
        method="/trivet.registry.v1.RegistryService/CreateModel",
        subject="anonymous",
        is_authenticated=False,
        token_id="",
        workspace=workspace,
        resources=(f"workspaces/{workspace}", f"workspaces/{workspace}/models/taxi"),
        more_resource_count=0,
        outcome="SUCCEEDED",
        code="OK",
        reason="",
        peer="127.0.0.1",
        claimed_forwarded_for="",
        user_agent=began.user_agent,
        request_id=named.request_id,
    )
    assert client.list_audit_events(max_results=2) == events[:2]
    assert client.list_audit_events(outcome="FAILED") == [deleted]
    assert client.list_audit_events(method="CreateModel", subject="anonymous") == [named]
    assert client.list_audit_events(resource=f"workspaces/{workspace}/models/taxi") == [named]
    assert client.list_audit_events(resource="taxi") == []
    assert client.list_audit_events(end_time=events[-1].timestamp) == []
    assert client.list_audit_events(start_time=datetime.now(UTC) + timedelta(hours=1)) == []
    assert deleted in client.list_audit_events(whole_server=True, method="DeleteRun")


def test_the_command_has_all_of_an_event_for_programs(client: trivet.Client, workspace: str) -> None:
    client.create_experiment("taxi")
    ended = invoke("audit", "ls", "--method", "CreateExperiment", "--outcome", "succeeded", "--json")
    (event,) = json.loads(ended.stdout)
    of_it = invoke("audit", "ls", "--method", "CreateExperiment", "--resource", event["resources"][-1], "--json")
    assert json.loads(of_it.stdout) == [event]
    assert (event["method"], event["workspace"]) == (
        "/trivet.tracking.v1.TrackingService/CreateExperiment",
        workspace,
    )
    assert len(event["event_id"]) == 32
    assert invoke("audit", "ls", "--until", "2026-01-01").output == "There are no such events.\n"


def test_times_may_be_ages(client: trivet.Client) -> None:
    client.create_experiment("taxi")
    listed = ("audit", "ls", "--method", "CreateExperiment", "--json")
    assert len(json.loads(invoke(*listed, "--since", "1h30m").stdout)) == 1
    assert json.loads(invoke(*listed, "--since", "2h", "--until", "1h").stdout) == []
    ended = invoke(*listed, "--since", "soon")
    assert (ended.exit_code, "'soon'" in ended.stderr) == (2, True)


def test_a_method_that_there_is_not_is_said_with_those_that_are_called_nearly_so(client: trivet.Client) -> None:
    ended = invoke("audit", "ls", "--method", "deleteRuns")
    assert (ended.exit_code, "There is no method 'deleteRuns'; there are DeleteRun, " in ended.stderr) == (1, True)
    for name in ("PromoteEverything", "/trivet.tracking.v1.TrackingService/PromoteEverything"):
        with pytest.raises(trivet.InvalidArgument, match=re.escape(f"There is no method {name!r}")):
            client.list_audit_events(method=name)
    assert client.list_audit_events(method="/trivet.registry.v1.RegistryService/DeleteModel") == []


def test_questions_that_cannot_be_are_refused(client: trivet.Client) -> None:
    with pytest.raises(trivet.InvalidArgument, match="SUCCEEDED, DENIED, FAILED"):
        client.list_audit_events(outcome="lost")
    with pytest.raises(trivet.InvalidArgument, match="max_results is 0"):
        client.list_audit_events(max_results=0)
    with pytest.raises(trivet.InvalidArgument):
        client.list_audit_events(subject="x" * 301)
