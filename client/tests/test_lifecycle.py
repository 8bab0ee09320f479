"""The life of a run, by the SDK and the command line: what the tracking service does is tested beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

import trivet
from trivet_testing.command_line import invoke
from trivet_testing.servers import free_port

ALL = timedelta(0)


def log_steps(client: trivet.Client, run_id: str, begin: int, end: int, key: str = "loss") -> None:
    for step in range(begin, end):
        client.log_metric(run_id, key, float(step), step=step, timestamp=1)


def steps(client: trivet.Client, run_id: str, key: str = "loss") -> list[int]:
    return [point.step for point in client.get_metric_history(run_id, key)]


def run(*arguments: str, **options: str) -> Result:
    ended = invoke(*arguments, **options)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
    return ended


@pytest.fixture
def run_id(client: trivet.Client) -> str:
    """A run with a metric of ten steps."""
    created = client.create_run("0", run_name="first", tags={"team": "a"})
    client.log_param(created.info.run_id, "lr", 0.1)
    log_steps(client, created.info.run_id, 0, 10)
    return created.info.run_id


def test_deleting_metrics_removes_what_was_logged_before(client: trivet.Client, run_id: str) -> None:
    log_steps(client, run_id, 0, 3, "acc")
    assert client.delete_metrics(run_id, ["loss", "never logged"]) == 10
    assert client.get_run(run_id).data.metrics == {"acc": 2.0}
    log_steps(client, run_id, 5, 6)
    assert steps(client, run_id) == [5]
    with pytest.raises(trivet.InvalidArgument):
        client.delete_metrics(run_id, [])


@pytest.mark.parametrize("ask", ["delete_metrics", "compare_runs", "watch_runs"])
def test_a_text_is_no_list_of_texts(client: trivet.Client, run_id: str, ask: str) -> None:
    for key in "ab":
        log_steps(client, run_id, 0, 1, key)
    wrong: dict[str, Callable[[], object]] = {
        "delete_metrics": lambda: client.delete_metrics(run_id, "ab"),
        "compare_runs": lambda: client.compare_runs(run_id),
        "watch_runs": lambda: client.watch_runs(run_ids=run_id),
    }
    with pytest.raises(trivet.InvalidArgument, match="must be a list of texts"):
        wrong[ask]()
    assert {"a", "b"} <= client.get_run(run_id).data.metrics.keys()


WRONG: dict[str, Callable[[Any, str], object]] = {
    "metrics": lambda tracking, run_id: tracking.log_batch(run_id, metrics=[("loss", 1.0)]),
    "a mapping of metrics": lambda tracking, run_id: tracking.log_batch(run_id, metrics={"loss": 1.0}),
    "params": lambda tracking, run_id: tracking.log_batch(run_id, params=[("lr", 1)]),
    "tags": lambda tracking, run_id: tracking.set_tags(run_id, "team"),
    "models": lambda tracking, run_id: tracking.log_outputs(run_id, ["m-1"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_of_another_kind_is_refused_and_nothing_logged(client: trivet.Client, run_id: str, what: str) -> None:
    before = client.get_run(run_id).data
    with pytest.raises(trivet.InvalidArgument, match="must be a"):
        WRONG[what](client.tracking, run_id)
    client.flush()
    assert client.get_run(run_id).data == before


def test_a_client_goes_on_with_the_run_that_it_rewound(client: trivet.Client, run_id: str) -> None:
    client.set_terminated(run_id)
    log_steps(client, run_id, 10, 12)
    rewound = client.rewind_run(run_id, 4)
    assert (rewound.info.status, rewound.info.end_time, dict(rewound.data.metrics)) == ("RUNNING", None, {"loss": 4.0})
    assert dict(rewound.data.params) == {"lr": "0.1"}
    log_steps(client, run_id, 5, 8)
    assert steps(client, run_id) == [0, 1, 2, 3, 4, 5, 6, 7]
    client.rewind_run(run_id, 6)
    log_steps(client, run_id, 7, 8)
    receipt = client.flush()
    assert (receipt.refused, receipt.pending) == (0, 0)
    assert steps(client, run_id) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_what_another_process_still_logs_to_a_rewound_run_is_refused(
    client: trivet.Client, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.flush()
    with trivet.Client() as other:
        other.rewind_run(run_id, 4)
        log_steps(other, run_id, 5, 6)
        assert steps(other, run_id) == [0, 1, 2, 3, 4, 5]
    log_steps(client, run_id, 10, 12)
    assert client.flush().refused == 2
    assert "was rewound" in caplog.text
    assert steps(client, run_id) == [0, 1, 2, 3, 4, 5]


def test_a_failed_rewind_leaves_the_client_as_it_was(client: trivet.Client, run_id: str) -> None:
    client.delete_run(run_id)
    with pytest.raises(trivet.RunDeleted):
        client.rewind_run(run_id, 4)
    client.restore_run(run_id)
    log_steps(client, run_id, 10, 11)
    assert len(steps(client, run_id)) == 11


def test_a_fork_begins_with_what_was_logged_up_to_the_step(client: trivet.Client, run_id: str) -> None:
    fork = client.fork_run(run_id, 4, run_name="second", params={"lr": 0.01}, tags={"kind": "fork"})
    assert (fork.info.forked_from_run_id, fork.info.forked_from_step) == (run_id, 4)
    assert (fork.info.run_name, fork.info.status) == ("second", "RUNNING")
    assert (dict(fork.data.params), dict(fork.data.tags)) == ({"lr": "0.01"}, {"team": "a", "kind": "fork"})
    log_steps(client, fork.info.run_id, 5, 6)
    assert steps(client, fork.info.run_id) == [0, 1, 2, 3, 4, 5]
    assert steps(client, run_id) == list(range(10))
    again = client.fork_run(run_id, 4, fork.info.run_id, "second", {"lr": 0.01}, {"kind": "fork"})
    assert again.info.run_id == fork.info.run_id
    with pytest.raises(trivet.RunIdTaken):
        client.fork_run(run_id, 3, fork.info.run_id)
    found = client.search_runs((), filter_string=f"forked_from_run_id = '{run_id}'")
    assert [each.info.run_id for each in found] == [fork.info.run_id]


def test_a_purge_removes_runs_with_their_files(client: trivet.Client, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    kept = client.create_run("0").info.run_id
    for each in (run_id, kept):
        client.log_artifact(each, str(tmp_path / "weights"))
    assert client.purge(ALL) == trivet.Purged((), ())
    client.delete_run(run_id)
    assert client.purge(timedelta(days=1)) == trivet.Purged((), ())
    would_be = client.purge(ALL, dry_run=True)
    assert [(each.run_id, each.run_name, each.point_count) for each in would_be.runs] == [(run_id, "first", 10)]
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert [file.path for file in client.list_artifacts(run_id)] == ["weights"]

    assert client.purge(ALL, [run_id, "never-there"]) == would_be
    with pytest.raises(trivet.RunNotFound):
        client.get_run(run_id)
    assert client.list_artifacts(run_id) == []
    assert [file.path for file in client.list_artifacts(kept)] == ["weights"]
    # Its id is free.
    assert client.tracking.create_run(run_id=run_id).data.metrics == {}


def test_a_purge_removes_experiments_with_all_their_runs(client: trivet.Client, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w")
    chosen, other = client.create_experiment("chosen"), client.create_experiment("other")
    runs = [client.create_run(experiment).info.run_id for experiment in (chosen, chosen, other)]
    for each in runs:
        client.log_artifact(each, str(tmp_path / "weights"))
    for experiment in (chosen, other):
        client.delete_experiment(experiment)
    purged = client.purge(ALL, experiment_ids=[chosen])
    assert purged.experiments == (trivet.PurgedExperiment(chosen, "chosen", 2),)
    assert [each.run_id for each in purged.runs] == runs[:2]
    with pytest.raises(trivet.ExperimentNotFound):
        client.restore_experiment(chosen)
    client.restore_experiment(other)
    assert client.get_run(runs[2]).info.lifecycle_stage == "active"
    assert [len(client.list_artifacts(each)) for each in runs] == [0, 0, 1]


def test_no_run_is_purged_before_its_files(client: trivet.Client, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = client.create_experiment("gone")
    inside = client.create_run(experiment).info.run_id
    client.delete_run(run_id)
    client.delete_experiment(experiment)
    monkeypatch.setenv("TRIVET_ARTIFACTS_URL", f"grpc://127.0.0.1:{free_port()}")
    with trivet.Client(timeout_seconds=1) as cut_off, pytest.raises(trivet.ServerUnavailable):
        cut_off.purge(ALL)
    for each in (run_id, inside):
        assert client.get_run(each).info.lifecycle_stage == "deleted"
    assert {each.run_id for each in client.purge(ALL).runs} == {run_id, inside}


def test_a_nested_run_is_found_by_its_parent(client: trivet.Client, run_id: str) -> None:
    children = [client.tracking.create_run(parent_run_id=run_id).info.run_id for _ in range(2)]
    found = client.search_runs((), filter_string=f"parent_run_id = '{run_id}'", order_by=["run_id ASC"])
    assert [each.info.run_id for each in found] == sorted(children)
    listed = run("runs", "ls", "--filter", f"parent_run_id = '{run_id}'")
    assert all(child in listed.stdout for child in children)


def test_a_run_goes_on_where_it_is_resumed_by_its_id(client: trivet.Client, run_id: str) -> None:
    client.set_terminated(run_id, status="FAILED")
    with trivet.start_run(run_id=run_id) as resumed:
        assert resumed.info.run_id == run_id
        assert client.get_run(run_id).info.status == "RUNNING"
        trivet.log_metric("loss", 10.0, step=10)
    found = client.get_run(run_id)
    assert (found.info.status, found.data.metrics) == ("FINISHED", {"loss": 10.0})
    assert steps(client, run_id) == list(range(11))


def test_name_and_notes_of_a_run_change(client: trivet.Client, run_id: str) -> None:
    assert run("runs", "rename", run_id, "Zweiter Versuch").exit_code == 0
    assert run("runs", "describe", run_id, "# Notes\n\n- *one*").exit_code == 0
    info = client.get_run(run_id).info
    assert (info.run_name, info.description) == ("Zweiter Versuch", "# Notes\n\n- *one*")
    assert "- *one*" in run("runs", "show", run_id).stdout
    assert run("runs", "describe", run_id, "-", input="# From a file\n").exit_code == 0
    assert client.get_run(run_id).info.description == "# From a file\n"


def test_a_run_says_when_it_was_last_written(client: trivet.Client, run_id: str) -> None:
    client.flush()
    first = client.get_run(run_id).info
    assert not first.stale
    assert first.last_write_time is not None
    client.update_run(run_id, name="second")
    second = client.get_run(run_id).info.last_write_time
    assert second is not None
    assert second >= first.last_write_time
    assert "Written" in run("runs", "show", run_id).stdout


REMOVALS: dict[str, Callable[[str], tuple[str, ...]]] = {
    "rewind": lambda run_id: ("runs", "rewind", run_id, "4"),
    "rm-metrics": lambda run_id: ("runs", "rm-metrics", run_id, "loss"),
    "purge": lambda _run_id: ("purge", "--older-than", "0s"),
}


@pytest.mark.parametrize("command", REMOVALS)
def test_what_removes_for_good_asks_first(client: trivet.Client, run_id: str, command: str) -> None:
    doomed = client.create_run("0").info.run_id
    client.delete_run(doomed)
    ended = run(*REMOVALS[command](run_id))
    assert ended.exit_code == 2
    assert "--yes" in ended.stderr
    assert steps(client, run_id) == list(range(10))
    assert client.get_run(doomed).info.lifecycle_stage == "deleted"


def test_nothing_to_purge_is_not_asked_about(client: trivet.Client) -> None:
    ended = run("purge")
    assert (ended.exit_code, ended.stderr) == (0, "Nothing has been in the bin for so long.\n")


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1w", "1.5h", ""])
def test_an_age_that_is_none_is_refused(client: trivet.Client, age: str) -> None:
    ended = run("purge", "--older-than", age, "--dry-run")
    assert ended.exit_code == 2
    assert "is no age" in ended.stderr


@pytest.mark.parametrize("age", ["0s", "90m", "1d12h"])
def test_ages_are_understood(client: trivet.Client, age: str) -> None:
    assert run("purge", "--older-than", age, "--dry-run").exit_code == 0
