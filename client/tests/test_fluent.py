"""The fluent functions against a real tracking server."""

from __future__ import annotations

import asyncio
import getpass
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import trivet
from trivet_testing.servers import run_to_exit

pytestmark = pytest.mark.usefixtures("tracked")


def test_logged_run_is_read_back_whole() -> None:
    experiment = trivet.set_experiment("taxi")
    with trivet.start_run(run_name="first", description="notes", tags={"stage": "dev"}) as run:
        trivet.log_param("model", "xgb")
        trivet.log_params({"depth": 3, "eta": 0.1})
        trivet.set_tag("team", "a")
        trivet.set_tags({"kind": "baseline", "n": 1})
        for step in range(3):
            trivet.log_metric("rmse", 1.0 / (step + 1), step=step, timestamp=1_700_000_000_000 + step)
        trivet.log_metrics({"acc": 0.5, "loss": 2}, step=7)
    read = trivet.get_run(run.info.run_id)
    assert (read.info.run_name, read.info.status, read.info.experiment_id) == (
        "first",
        "FINISHED",
        experiment.experiment_id,
    )
    assert read.data.params == {"model": "xgb", "depth": "3", "eta": "0.1"}
    assert read.data.tags == {"stage": "dev", "team": "a", "kind": "baseline", "n": "1"}
    assert read.data.metrics == {"rmse": 1 / 3, "acc": 0.5, "loss": 2.0}
    assert trivet.get_metric_history(run.info.run_id, "rmse") == [
        trivet.Metric("rmse", 1.0 / (step + 1), 1_700_000_000_000 + step, step) for step in range(3)
    ]
    assert read.info.description == "notes"


def test_source_commit_user_and_times_are_noted_unasked(tracked: str, tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    script = tmp_path / "train.py"
    script.write_text(
        "import trivet\nwith trivet.start_run() as run:\n    pass\nprint(run.info.run_id)\n", encoding="utf-8"
    )
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "m"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    ended = run_to_exit([sys.executable, str(script)], {"TRIVET_URL": tracked, "TRIVET_CAPTURE": "all"})
    assert ended.returncode == 0, ended.stderr
    info = trivet.get_run(ended.stdout.strip()).info
    assert (info.source, info.git_commit, info.user_id) == (str(script), commit, getpass.getuser())
    assert info.start_time is not None
    assert info.end_time is not None
    assert info.end_time >= info.start_time


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(2), "FAILED"),
    ],
)
def test_run_that_is_left_by_an_exception_says_so(error: BaseException, status: str) -> None:
    with pytest.raises(type(error)), trivet.start_run() as run:
        raise error
    assert trivet.active_run() is None
    assert trivet.get_run(run.info.run_id).info.status == status


@pytest.mark.parametrize(("last_line", "status"), [("", "FINISHED"), ("raise ValueError('bad')", "FAILED")])
def test_run_without_with_is_ended_at_exit(tracked: str, last_line: str, status: str) -> None:
    program = f"import trivet\nprint(trivet.start_run().info.run_id)\ntrivet.log_metric('m', 1)\n{last_line}"
    ended = run_to_exit([sys.executable, "-c", program], {"TRIVET_URL": tracked})
    run = trivet.get_run(ended.stdout.strip())
    assert (run.info.status, run.data.metrics) == (status, {"m": 1.0})


def test_set_experiment_creates_it_once() -> None:
    first = trivet.set_experiment("new")
    assert trivet.set_experiment("new") == first
    assert trivet.set_experiment(experiment_id=first.experiment_id) == first
    assert [experiment.name for experiment in trivet.search_experiments(filter_string="name = 'new'")] == ["new"]
    assert trivet.get_experiment_by_name("nothing") is None
    assert {experiment.name for experiment in trivet.list_experiments()} == {"Default", "new"}


def test_run_goes_into_the_default_experiment_unless_told_otherwise() -> None:
    with trivet.start_run() as run:
        assert run.info.experiment_id == "0"
    with trivet.start_run(experiment_id=trivet.create_experiment("other")) as run:
        assert run.info.experiment_id == "1"


def test_deleted_experiment_cannot_become_the_active_one(tracked: str) -> None:
    experiment_id = trivet.create_experiment("gone")
    with trivet.Client(tracked) as client:
        client.delete_experiment(experiment_id)
    with pytest.raises(trivet.ExperimentDeleted, match="restore_experiment"):
        trivet.set_experiment("gone")


def test_second_run_needs_nested_and_gets_its_parent() -> None:
    with trivet.start_run() as parent:
        with pytest.raises(trivet.InvalidArgument, match="nested=True"):
            trivet.start_run()
        with trivet.start_run(nested=True) as child:
            trivet.log_param("whose", "child")
        trivet.log_param("whose", "parent")
    assert trivet.get_run(child.info.run_id).info.parent_run_id == parent.info.run_id
    assert trivet.get_run(child.info.run_id).data.params == {"whose": "child"}
    assert trivet.get_run(parent.info.run_id).data.params == {"whose": "parent"}


def test_run_is_gone_on_with_by_its_id() -> None:
    with trivet.start_run() as first:
        trivet.log_metric("m", 1, step=1)
    with trivet.start_run(run_id=first.info.run_id) as again:
        assert trivet.get_run(again.info.run_id).info.status == "RUNNING"
        trivet.log_metric("m", 2, step=2)
    read = trivet.get_run(first.info.run_id)
    assert (read.info.status, read.data.metrics) == ("FINISHED", {"m": 2.0})


def test_logging_without_a_run_starts_one() -> None:
    trivet.log_metric("m", 1)
    run = trivet.active_run()
    assert run is not None
    assert trivet.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_threads_log_to_runs_of_their_own() -> None:
    both = threading.Barrier(2)
    runs: dict[str, str] = {}

    def train(name: str) -> None:
        with trivet.start_run(run_name=name) as run:
            runs[name] = run.info.run_id
            for step in range(50):
                both.wait(30)
                trivet.log_metric(name, step, step=step)

    threads = [threading.Thread(target=train, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trivet.active_run() is None
    for name, run_id in runs.items():
        run = trivet.get_run(run_id)
        assert (run.info.run_name, run.info.status, run.data.metrics) == (name, "FINISHED", {name: 49.0})
        assert len(trivet.get_metric_history(run_id, name)) == 50


def test_values_that_are_no_numbers_of_python_are_numbers_too() -> None:
    with trivet.start_run() as run:
        trivet.log_metric("nan", math.nan)
        trivet.log_metric("inf", math.inf)
        trivet.log_metric("numpy", np.float32(0.5), step=np.int64(3))
        trivet.log_metric("bool", value=True)
    metrics = dict(trivet.get_run(run.info.run_id).data.metrics)
    assert math.isnan(metrics.pop("nan"))
    assert metrics == {"inf": math.inf, "numpy": 0.5, "bool": 1.0}
    assert trivet.get_metric_history(run.info.run_id, "numpy")[0].step == 3


def test_last_word_on_a_tag_counts() -> None:
    with trivet.start_run() as run:
        trivet.set_tag("kept", 1)
        trivet.set_tag("removed", 1)
        trivet.delete_tag("removed")
        trivet.set_tag("kept", 2)
    assert trivet.get_run(run.info.run_id).data.tags == {"kept": "2"}


def test_search_finds_what_passes_in_order() -> None:
    experiment = trivet.set_experiment("searched")
    for number in range(5):
        with trivet.start_run(run_name=f"run {number}"):
            trivet.log_metric("rmse", number)
            trivet.log_param("parity", number % 2)
    # A plain text is one id.
    found = trivet.search_runs(
        experiment_ids=experiment.experiment_id,
        filter_string="metrics.rmse < 4 and params.parity = '0'",
        run_view_type=trivet.ViewType.ACTIVE_ONLY,
        order_by=["metrics.rmse DESC"],
        output_format="list",
    )
    assert [run.info.run_name for run in found] == ["run 2", "run 0"]
    assert len(trivet.search_runs(max_results=3, output_format="list")) == 3
    assert [run.info.run_name for run in trivet.search_runs(experiment_names=["searched"], output_format="list")] == [
        f"run {number}" for number in reversed(range(5))
    ]
    assert trivet.search_runs(experiment_names=["nothing"], output_format="list") == []
    infos = trivet.list_run_infos(experiment.experiment_id)
    assert [info.run_name for info in infos] == [f"run {number}" for number in reversed(range(5))]


def test_search_can_look_into_the_bin() -> None:
    with trivet.start_run() as run:
        pass
    trivet.delete_run(run.info.run_id)
    assert trivet.search_runs(output_format="list") == []
    (deleted,) = trivet.search_runs(run_view_type=trivet.ViewType.DELETED_ONLY, output_format="list")
    assert (deleted.info.run_id, deleted.info.lifecycle_stage) == (run.info.run_id, "deleted")


def test_search_goes_on_where_it_ended(tracked: str) -> None:
    for _ in range(3):
        with trivet.start_run():
            pass
    with trivet.Client(tracked) as client:
        first = client.search_runs("0", max_results=2)
        assert len(first) == 2
        second = client.search_runs(["0"], max_results=2, page_token=first.token)
        assert (len(second), second.token) == (1, "")


def test_receipt_counts_what_was_logged(tracked: str) -> None:
    with trivet.Client(tracked) as client:
        run_id = client.create_run("0").info.run_id
        client.log_batch(run_id, metrics=[trivet.Metric("m", 1, 1, 1)], params={"a": 1}, tags={"b": 2})
        client.log_metric(run_id, "m", 2.0, step=2)
        assert client.flush() == trivet.Receipt(logged=4, stored=4, refused=0)
        client.set_terminated(run_id)
        assert client.get_run(run_id).info.status == "FINISHED"
        assert client.flush() == trivet.Receipt(logged=4, stored=4, refused=0)


def test_a_history_is_read_as_arrays(tracked: str) -> None:
    with trivet.Client(tracked) as client:
        run_id = client.create_run("0").info.run_id
        points = [trivet.Metric("m", value, 7, step) for step, value in enumerate([1.5, float("nan"), -0.5])]
        client.log_batch(run_id, metrics=points)
        columns = client.tracking.get_metric_columns(run_id, "m", min_step=1)
        assert (columns.steps.tolist(), columns.timestamps.tolist()) == ([1, 2], [7, 7])
        assert [repr(value) for value in columns.values.tolist()] == ["nan", "-0.5"]
        assert len(client.tracking.get_metric_columns(run_id, "never").values) == 0


def test_hundred_thousand_points_are_stored_once(capsys: pytest.CaptureFixture[str]) -> None:
    with trivet.start_run() as run:
        began = time.perf_counter()
        for step in range(100_000):
            trivet.log_metric("loss", 1 / (step + 1), step=step)
        logged = time.perf_counter() - began
        receipt = trivet.flush(60)
        stored = time.perf_counter() - began
    with capsys.disabled():
        print(f"[100,000 points: {logged * 10:.1f} µs each to log, {stored:.2f} s to be stored]")  # noqa: T201 - a measurement
    assert receipt == trivet.Receipt(100_000, 100_000, 0)
    assert [point.step for point in trivet.get_metric_history(run.info.run_id, "loss")] == list(range(100_000))


def test_flush_of_nothing_is_an_empty_receipt() -> None:
    trivet.set_tracking_uri("")
    assert trivet.flush() == trivet.Receipt(0, 0, 0)


def test_tasks_log_to_runs_of_their_own() -> None:
    async def train(name: str) -> str:
        with trivet.start_run(run_name=name) as run:
            for step in range(10):
                await asyncio.sleep(0)
                trivet.log_metric(name, step, step=step)
        return run.info.run_id

    async def both() -> tuple[str, str]:
        return await asyncio.gather(train("left"), train("right"))

    for name, run_id in zip(("left", "right"), asyncio.run(both()), strict=True):
        assert trivet.get_run(run_id).data.metrics == {name: 9.0}
