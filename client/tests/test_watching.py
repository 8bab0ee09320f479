"""Watching runs by the SDK and the command line: what comes, and that it goes on whatever happens to servers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import trivet
from trivet import _watch
from trivet._tracking import RunWatch
from trivet_testing.command_line import invoke
from trivet_testing.servers import free_port
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.tracking import migrate, start_server

TRIVET = str(Path(sys.executable).with_name("trivet"))
PATIENCE_SECONDS = 60.0
Change = trivet.RunChange | trivet.ExperimentChange


def until(watch: RunWatch, wanted: Callable[[Change], bool]) -> Change:
    """The first change that is wanted."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: next(change for change in watch if wanted(change)))
        try:
            return found.result(PATIENCE_SECONDS)
        finally:
            if not found.done():
                watch.close()


def is_of(run_id: str, change: Change) -> bool:
    return isinstance(change, trivet.RunChange) and change.run_id == run_id


def test_changes_come_as_values(client: trivet.Client) -> None:
    with client.watch_runs() as watch:
        run = client.tracking.create_run(run_name="lasso", tags={"team": "a"})
        run_id = run.info.run_id

        def has(kind: str) -> Callable[[Change], bool]:
            return lambda change: isinstance(change, trivet.RunChange) and kind in change.kinds

        created = until(watch, has("created"))
        # Inputs and outputs are not watched.
        run = replace(run, inputs=None, outputs=None)
        assert created == trivet.RunChange(run_id, "0", created.kinds, run, {})  # type: ignore[union-attr] # a change of a run
        client.log_metric(run_id, "rmse", 6.5, step=3)
        measured = until(watch, has("metrics"))
        assert measured == trivet.RunChange(
            run_id, "0", frozenset({"metrics"}), None, {"rmse": trivet.MetricSummary(6.5, 3, 6.5, 6.5)}
        )
        client.set_terminated(run_id)
        ended = until(watch, has("fields"))
        assert isinstance(ended, trivet.RunChange)
        assert ended.run is not None
        assert ended.run.info.status == "FINISHED"


def test_an_experiment_that_is_deleted_is_told_of(client: trivet.Client) -> None:
    experiment_id = client.create_experiment("taxi")
    with client.watch_runs(experiment_id) as watch:
        client.delete_experiment(experiment_id)
        assert next(watch) == trivet.ExperimentChange(experiment_id, "deleted")
        client.restore_experiment(experiment_id)
        assert next(watch) == trivet.ExperimentChange(experiment_id, "active")


def test_only_what_is_asked_for_comes(client: trivet.Client) -> None:
    watched, other = (client.tracking.create_run().info.run_id for _ in range(2))
    with client.tracking.watch_runs(run_ids=[watched], metric_keys=["a"], tag_keys=[], param_keys=[]) as watch:
        client.set_tag(watched, "t", "1")
        client.log_metric(other, "a", 1)
        client.log_metric(watched, "b", 1)
        client.log_metric(watched, "a", 2)
        change = next(watch)
        assert isinstance(change, trivet.RunChange)
        assert (change.run_id, change.kinds, dict(change.metrics)) == (
            watched,
            frozenset({"metrics"}),
            {"a": trivet.MetricSummary(2, 0, 2, 2)},
        )


def test_a_later_watch_goes_on_after_what_was_taken(client: trivet.Client) -> None:
    with client.watch_runs() as watch:
        first = client.tracking.create_run().info.run_id
        until(watch, partial(is_of, first))
        token = watch.resume_token
    second = client.tracking.create_run().info.run_id
    with client.watch_runs(resume_token=token) as later:
        until(later, partial(is_of, second))


def test_what_cannot_be_watched_is_said_at_once(client: trivet.Client) -> None:
    with pytest.raises(trivet.RunNotFound):
        client.watch_runs(run_ids=["none"])
    with pytest.raises(trivet.ExperimentNotFound):
        client.watch_runs("77")
    with pytest.raises(trivet.InvalidArgument):
        client.watch_runs(resume_token="?")
    with pytest.raises(trivet.ServerUnavailable):
        trivet.Client(f"grpc://127.0.0.1:{free_port()}").watch_runs()


def test_close_ends_a_watch_that_waits(client: trivet.Client) -> None:
    watch = client.watch_runs()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(watch))
        watch.close()
        assert waiting.result(PATIENCE_SECONDS) == []
    watch.close()
    assert list(watch) == []


def test_closing_the_client_ends_its_watches_with_an_error(environment: object) -> None:
    client = trivet.Client()
    watch = client.watch_runs()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: list(watch))
        client.close()
        with pytest.raises(trivet.ClientClosed):
            waiting.result(PATIENCE_SECONDS)


def test_a_watch_outlives_a_killed_server(database_url: str) -> None:
    migrate(database_url)
    listen = f"127.0.0.1:{free_port()}"
    server = start_server(database_url, listen)
    with trivet.Client(f"grpc://{listen}") as client, client.watch_runs() as watch:
        run_id = client.tracking.create_run().info.run_id
        until(watch, lambda change: isinstance(change, trivet.RunChange))
        server.kill()
        # Another server makes a change that this client is not told of while it has no connection.
        with start_server(database_url) as other, trivet.Client(f"grpc://{other.address}") as elsewhere:
            elsewhere.set_tag(run_id, "made", "meanwhile")
            elsewhere.flush()
        with start_server(database_url, listen):
            change = until(watch, lambda change: isinstance(change, trivet.RunChange) and "tags" in change.kinds)
            assert isinstance(change, trivet.RunChange)
            assert change.run is not None
            assert change.run.data.tags == {"made": "meanwhile"}


def test_a_watch_goes_on_at_the_other_replica_when_one_is_killed(postgres_url: str) -> None:
    migrate(postgres_url)
    port = free_port()
    hosts = [f"127.0.0.{number}:{port}" for number in (1, 2)]
    first, second = (start_server(postgres_url, host) for host in hosts)
    with first, second, trivet.Client(f"grpc://{hosts[0]},{hosts[1]}") as client:
        # As many as make sure that there is one at each.
        watches = [client.watch_runs() for _ in range(4)]
        run_id = client.tracking.create_run().info.run_id
        first.kill()
        client.log_metric(run_id, "a", 1.0)
        for watch in watches:
            until(watch, lambda change: isinstance(change, trivet.RunChange) and "a" in change.metrics)
            watch.close()


def test_a_server_that_says_nothing_is_taken_for_lost(
    tracking_address: str, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_watch, "SILENCE_SECONDS", 1.0)
    with (
        TcpProxy(tracking_address) as proxy,
        trivet.Client(f"grpc://{proxy.address}/{workspace}") as watcher,
        trivet.Client(f"grpc://{tracking_address}/{workspace}") as client,
        watcher.watch_runs() as watch,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(next, watch)
        proxy.hold(Direction.RESPONSES)
        run_id = client.tracking.create_run().info.run_id
        released = threading.Timer(3, proxy.release)
        released.start()
        change = waiting.result(PATIENCE_SECONDS)
        assert isinstance(change, trivet.RunChange)
        assert change.run_id == run_id


# --- the command


@contextmanager
def watching(*arguments: str, url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [TRIVET, "runs", "watch", "--url", url, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_line(process: subprocess.Popen[str], holding: str) -> str:
    """The next line that holds a text."""
    assert process.stdout is not None
    timer = threading.Timer(PATIENCE_SECONDS, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if holding in line:
                return line
    finally:
        timer.cancel()
    raise AssertionError(f"no line has {holding!r}")


def test_the_command_shows_a_line_for_each_change_until_ctrl_c(tracked: str) -> None:
    with trivet.Client(tracked) as client:
        run_id = client.tracking.create_run(run_name="lasso").info.run_id
        with watching(run_id, url=tracked) as process:
            assert "RUNNING" in read_line(process, run_id)
            client.log_metric(run_id, "rmse", 6.125)
            assert "rmse=6.125" in read_line(process, "rmse")
            client.set_terminated(run_id, status="FAILED")
            assert "lasso  FAILED" in read_line(process, "FAILED")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_SECONDS) == 130
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()


def test_the_command_writes_an_object_a_line_and_stops_when_runs_have_ended(tracked: str) -> None:
    with trivet.Client(tracked) as client:
        run_id = client.tracking.create_run(run_name="lasso").info.run_id
        with watching(run_id, "--until-ended", "--json", "--metric", "rmse", url=tracked) as process:
            now = json.loads(read_line(process, run_id))
            assert (now["run_name"], now["status"], now["kinds"]) == ("lasso", "RUNNING", [])
            shown = invoke("runs", "show", run_id, "--json", "--url", tracked).stdout
            assert now["start_time"] == json.loads(shown)["start_time"]
            client.tracking.log_metrics(run_id, {"rmse": float("nan"), "mae": 1.0})
            change = json.loads(read_line(process, "rmse"))
            assert change == {
                "kinds": ["metrics"],
                "run_id": run_id,
                "experiment_id": "0",
                "metrics": {"rmse": "NaN"},
            }
            client.set_terminated(run_id)
            assert json.loads(read_line(process, "FINISHED"))["kinds"] == ["fields"]
            assert process.wait(PATIENCE_SECONDS) == 0
