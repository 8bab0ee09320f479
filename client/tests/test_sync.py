"""What was logged offline, or by processes that ended, is sent by hand: once, in order, and also elsewhere."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trivet
from trivet._commands.root import app
from trivet_testing.servers import run_to_exit
from trivet_testing.workspaces import unused_workspace

OFFLINE = """
import sys, trivet
trivet.set_experiment("made offline")
with trivet.start_run(run_name="far away", tags={"team": "a"}) as run:
    trivet.log_params({"lr": 0.1, "depth": 3})
    for step in range(1000):
        trivet.log_metric("loss", 1 / (step + 1), step=step)
    trivet.set_tag("kind", "first")
    trivet.delete_tag("kind")
    trivet.log_artifact(sys.argv[1], "reports")
    assert trivet.flush() == trivet.Receipt(1004, 0, 0), trivet.flush()
print(run.info.run_id)
"""

LOGGED = 20_000  # more than a first file holds


def run(*arguments: str) -> str:
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def left(*arguments: str) -> list[dict[str, object]]:
    """What is said by a command that leaves something."""
    ended = CliRunner().invoke(app, [*arguments, "--json"])
    assert ended.exit_code == 1, ended.output
    said: list[dict[str, object]] = json.loads(ended.stdout)
    return said


def steps(run_id: str, key: str) -> list[int]:
    return [point.step for point in trivet.get_metric_history(run_id, key)]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MODE", "offline")


def test_a_torn_last_record_is_dropped_alone(tracked: str, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = trivet.start_run().info.run_id
    trivet.end_run()
    monkeypatch.setenv("TRIVET_MODE", "offline")
    with trivet.Client(tracked) as client:
        for step in range(10):
            client.log_metric(run_id, "loss", step, step=step)
    (log,) = spool.glob("*/logs/*/*.log")
    with log.open("r+b") as file:
        file.seek(9 * 32 + 20)  # in the midst of the last record
        file.write(b"\xff")
    run("sync", str(spool))
    assert steps(run_id, "loss") == list(range(9))


def test_what_was_logged_offline_is_there_once_after_syncing(
    environment: None, client: trivet.Client, spool: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.txt"
    report.write_text("all is well", encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name.startswith("TRIVET_")}
    ended = run_to_exit([sys.executable, "-c", OFFLINE, str(report)], env | {"TRIVET_MODE": "offline"})
    assert (ended.returncode, ended.stderr) == (0, "")
    run_id = ended.stdout.strip()
    report.write_text("written over", encoding="utf-8")
    with pytest.raises(trivet.RunNotFound):
        client.get_run(run_id)
    assert json.loads(run("status", "--json"))["spool"][0]["pending"] == 1004
    for _ in range(2):
        run("sync", str(spool))
        read = client.get_run(run_id)
        assert (read.info.run_name, read.info.status) == ("far away", "FINISHED")
        assert (read.data.params, read.data.tags) == ({"lr": "0.1", "depth": "3"}, {"team": "a"})
        assert len(client.get_metric_history(run_id, "loss")) == 1000
        assert client.get_experiment(read.info.experiment_id).name == "made offline"
        assert Path(client.download_artifacts(run_id, "reports/report.txt")).read_text("utf-8") == "all is well"
    assert json.loads(run("status", "--json"))["spool"] == []


def test_a_run_that_was_gone_on_with_offline_ends_as_it_ended_there(
    tracked: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trivet.start_run() as active:
        pass
    monkeypatch.setenv("TRIVET_MODE", "offline")
    trivet.set_tracking_uri(tracked)
    trivet.start_run(run_id=active.info.run_id)
    trivet.log_metric("m", 1)
    trivet.end_run("FAILED")
    run("sync", str(spool))
    read = trivet.get_run(active.info.run_id)
    assert (read.info.status, read.data.metrics) == ("FAILED", {"m": 1.0})


def test_a_sync_that_is_killed_again_and_again_stores_everything_once(tracked: str, spool: Path) -> None:
    program = """
import trivet
with trivet.start_run() as run:
    for step in range(400_000):
        trivet.log_metrics({"a": step, "b": step}, step=step)
print(run.info.run_id)
"""
    env = {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(spool)}
    ended = run_to_exit([sys.executable, "-c", program], env | {"TRIVET_MODE": "offline"}, timeout_seconds=120)
    run_id = ended.stdout.strip()
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'trivet'; from trivet._cli import main; main()", "sync"]
    for wait in (0.9, 1.1, 1.3):
        with subprocess.Popen(command, env=os.environ | env, stdout=subprocess.DEVNULL) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait)
            process.kill()
    ended = run_to_exit(command, env, timeout_seconds=120)
    assert ended.returncode == 0, ended.stderr
    for key in "ab":
        assert steps(run_id, key) == list(range(400_000))
    assert trivet.get_run(run_id).info.status == "FINISHED"


def test_a_run_whose_experiment_is_gone_gets_another_home(
    tracked: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = trivet.create_experiment("gone")
    trivet.set_experiment(experiment_id=experiment_id)
    monkeypatch.setenv("TRIVET_MODE", "offline")
    trivet.set_tracking_uri(tracked)
    with trivet.start_run(experiment_id=experiment_id) as active:
        trivet.log_metric("m", 1)
    with trivet.Client(tracked) as client:
        client.delete_experiment(experiment_id)
    monkeypatch.delenv("TRIVET_MODE")
    ended = CliRunner().invoke(app, ["sync", str(spool), "--json"])
    (said,) = json.loads(ended.stdout)
    assert (ended.exit_code, said["run_id"]) == (1, active.info.run_id)
    assert "deleted" in said["problem"]
    run("sync", str(spool))  # it is not tried again
    run("sync", str(spool), "--experiment", "new home")
    read = trivet.get_run(active.info.run_id)
    assert (read.data.metrics, read.info.status) == ({"m": 1.0}, "FINISHED")
    assert trivet.get_experiment(read.info.experiment_id).name == "new home"


def overwrite(at: int, data: bytes) -> Callable[[Path], None]:
    def act(log: Path) -> None:
        with (log / f"{0:016x}.log").open("r+b") as file:
            file.seek(at)
            file.write(data)

    return act


def lose_the_second_file(log: Path) -> None:
    (log / f"{256 * 1024:016x}.log").unlink()


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        (overwrite(500 * 32 + 20, b"\xff"), range(500, 501)),  # in the step of a record
        (overwrite(0, b"\xff" * 8), range(1)),  # the checksum and tag of the first one
        (overwrite(40 * 32 + 4, b"\x03\0\0\0\xff\xff\0\0"), range(40, 41)),  # another kind, of a great length
        (overwrite(4096, bytes(4096)), range(128, 256)),  # a page that was never written to the disk
        (overwrite(8191 * 32, b"\xff" * 32), range(8191, 8192)),  # the last one of a file
        (lose_the_second_file, range(8192, LOGGED)),
    ],
)
def test_damage_loses_only_what_is_damaged_and_is_counted(
    tracked: str,
    spool: Path,
    offline: None,
    damage: Callable[[Path], None],
    lost: range,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with trivet.start_run() as active:
        run_id = active.info.run_id
    run("sync", str(spool))
    with trivet.Client(tracked) as client:
        for step in range(LOGGED):
            client.log_metric(run_id, "loss", step, step=step)
        client.set_tag(run_id, "last", "here")
    (log,) = spool.glob("*/logs/*")
    damage(log)
    there = [step for step in range(LOGGED) if step not in lost]
    is_at_the_end = damage is lose_the_second_file
    assert json.loads(run("status", "--json"))["spool"][0]["pending"] == len(there) + (not is_at_the_end)
    with caplog.at_level(logging.WARNING, "trivet"):
        (said,) = json.loads(run("sync", str(spool), "--json"))
    assert said["stored"] == len(there) + (not is_at_the_end)
    assert said["damaged"] == (not is_at_the_end)
    assert len(caplog.records) == (not is_at_the_end)
    assert steps(run_id, "loss") == there


def test_a_damaged_head_sends_everything_once(tracked: str, spool: Path, offline: None) -> None:
    with trivet.start_run() as active:
        for step in range(1000):
            trivet.log_metric("loss", step, step=step)
    (head,) = spool.glob("*/logs/*/head")
    with head.open("r+b") as file:
        file.seek(64)
        file.write(bytes(256))
    run("sync", str(spool))
    assert steps(active.info.run_id, "loss") == list(range(1000))


def test_another_workspace_gets_runs_that_were_begun_for_one(
    tracking_address: str, tracked: str, spool: Path, offline: None
) -> None:
    elsewhere = unused_workspace()
    with trivet.start_run() as outer, trivet.start_run(nested=True) as inner:
        trivet.log_metric("m", 1)
    experiment_id = trivet.create_experiment("chosen by id")
    with trivet.start_run(experiment_id=experiment_id) as chosen:
        trivet.log_metric("m", 2)
    (problem,) = [line for line in left("sync", str(spool), "--workspace", elsewhere) if line["problem"]]
    assert (problem["run_id"], "--experiment" in str(problem["problem"])) == (chosen.info.run_id, True)
    run("sync", str(spool), "--workspace", elsewhere, "--experiment", "another")
    with trivet.Client(f"grpc://{tracking_address}/{elsewhere}") as client:
        for active, value in ((inner, 1.0), (chosen, 2.0)):
            read = client.get_run(active.info.run_id)
            assert (read.info.status, read.data.metrics) == ("FINISHED", {"m": value})
        assert client.get_run(inner.info.run_id).info.parent_run_id == outer.info.run_id
        assert client.get_experiment(client.get_run(chosen.info.run_id).info.experiment_id).name == "another"
    with pytest.raises(trivet.RunNotFound):
        trivet.get_run(outer.info.run_id)


def test_a_run_that_was_begun_elsewhere_is_waited_for(
    tracked: str, tmp_path: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(there))
    with trivet.start_run() as active:
        trivet.log_metric("there", 1)
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(here))
    trivet.set_tracking_uri(tracked)  # another client, which looks anew where the spool is
    with trivet.start_run(run_id=active.info.run_id):
        trivet.log_metric("here", 1)
    (line,) = left("sync", str(here))
    assert "no run" in str(line["problem"])
    assert not list(here.glob("*/rejected/*"))
    # On a machine whose clock is late, it looks as if it was begun before the run.
    (log,) = here.glob("*/logs/*")
    head = (log / "head").read_bytes()
    (log / "head").write_bytes(re.sub(rb'("began_millis": )\d', rb"\g<1>0", head).replace(b": 0", b": 1", 1))
    log.rename(next(there.glob("*/logs")) / log.name)
    said = json.loads(run("sync", str(there), "--json"))
    assert [line["problem"] for line in said] == ["", ""]
    read = trivet.get_run(active.info.run_id)
    assert (read.data.metrics, read.info.status) == ({"here": 1.0, "there": 1.0}, "FINISHED")
