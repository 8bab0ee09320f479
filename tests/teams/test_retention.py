"""The bin is emptied by the policy file's number of days; and what a workspace uses can be asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import trivet
from trivet_testing.gateways import start_standalone
from trivet_testing.teams import Teams

DAY_MILLIS = 24 * 60 * 60 * 1000


@pytest.fixture
def teams(tmp_path: Path) -> Teams:
    kept = {"retention": {"deleted_days": 30}, "quotas": {"runs": 3}}
    everywhere = {"roles": {"maintainer": ["user:trivet/timer"]}}
    return Teams.in_folder(tmp_path, **{"team-a": kept | everywhere, "team-b": everywhere, "team-c": kept})


@pytest.fixture
def server(tmp_path: Path, teams: Teams) -> Iterator[str]:
    with start_standalone(tmp_path, TRIVET_POLICY=str(teams.policy)) as process:
        yield f"grpc://{process.address}"


def deleted_runs(server: str, teams: Teams, workspace: str) -> tuple[str, str]:
    """A run that has long been deleted, with a file, and one that was deleted just now."""
    with trivet.Client(server, workspace=workspace, token=teams.token(workspace, "writer")) as client:
        old, new = (client.create_run("0").info.run_id for _ in range(2))
        client.log_text(old, "text", "file.txt")
        for run in (old, new):
            client.delete_run(run)
        return old, new


def test_the_bin_is_emptied_by_the_policy(server: str, teams: Teams, tmp_path: Path) -> None:
    runs = {workspace: deleted_runs(server, teams, workspace) for workspace in ("team-a", "team-b", "team-c")}
    with closing(sqlite3.connect(tmp_path / ".trivet" / "tracking.db")) as database:
        for old, _ in runs.values():
            database.execute("UPDATE run SET delete_time = delete_time - ? WHERE run_id = ?", (31 * DAY_MILLIS, old))
        database.commit()
    with trivet.Client(server, workspace="team-a", token=teams.named_token("timer")) as timer:
        would_be = timer.purge_by_policy(dry_run=True)
        purged = timer.purge_by_policy()
        again = timer.purge_by_policy()
    old, new = runs["team-a"]
    # Not team-b, of which the file says no number of days, nor team-c, of which the timer may see nothing.
    for answer in (would_be, purged):
        assert {name: [run.run_id for run in each.runs] for name, each in answer.items()} == {"team-a": [old]}
    assert [each.runs for each in again.values()] == [()]
    with trivet.Client(server, workspace="team-a", token=teams.token("team-a", "reader")) as client:
        assert client.get_run(new).info.lifecycle_stage == "deleted"
        with pytest.raises(trivet.RunNotFound):
            client.get_run(old)
    for workspace in ("team-b", "team-c"):
        with trivet.Client(server, workspace=workspace, token=teams.token(workspace, "reader")) as client:
            assert client.get_run(runs[workspace][0]).info.lifecycle_stage == "deleted"


def test_what_a_workspace_uses_can_be_asked_by_its_readers(server: str, teams: Teams) -> None:
    deleted_runs(server, teams, "team-a")
    with trivet.Client(server, workspace="team-a", token=teams.token("team-a", "reader")) as client:
        used = {use.quota: (use.used, use.limit) for use in client.get_workspace_usage()}
    assert used["runs"] == (2, 3)
    assert used["bytes"] == (4, None)
    assert used.keys() == {"bytes", "points_per_second", "requests_per_second", "runs"}
    with (
        trivet.Client(server, workspace="team-a", token=teams.token("team-b", "admin")) as client,
        pytest.raises(trivet.WorkspaceNotFound),
    ):
        client.get_workspace_usage()
