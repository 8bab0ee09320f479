"""Jobs of a workspace that has used up a quota: what they log waits, nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trivet
from trivet._commands.root import app
from trivet._spool import sender
from trivet._sync import spool_states
from trivet_testing import artifacts as artifact_server
from trivet_testing.artifacts import Place
from trivet_testing.call_recorder import recorded_calls
from trivet_testing.limited_server import start_limited, write_quotas
from trivet_testing.tracking import migrate
from trivet_testing.waiting import wait_until

MAX_POINTS = 2000
MAX_RUNS = 2
OF_POINTS, OF_RUNS, OF_CALLS, RAISED, OF_BYTES, OF_LEFT = "test-1", "test-2", "test-3", "test-4", "test-5", "test-6"
QUOTAS = {
    OF_POINTS: {"points_per_second": MAX_POINTS},
    OF_RUNS: {"runs": MAX_RUNS},
    OF_CALLS: {"requests_per_second": 4},
    RAISED: {"runs": 1},
    OF_BYTES: {"bytes": 1000},
    OF_LEFT: {"runs": 1},
}
# Sends what was left, and is killed before or after a file that is refused was put aside.
KILLED = """
import os, signal, sys
from trivet._spool.refused_files import RefusedFile
from trivet._sync import sync

take = RefusedFile.take

def killed(file, local, error):
    if sys.argv[1] == "after":
        take(file, local, error)
    os.kill(os.getpid(), signal.SIGKILL)

RefusedFile.take = killed
list(sync())
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    write_quotas(path, QUOTAS)
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, policy: Path) -> Iterator[str]:
    """A server on which these workspaces may use little."""
    database_url = f"sqlite:///{tmp_path_factory.mktemp('limited') / 'tracking.db'}"
    migrate(database_url)
    with start_limited("tracking", database_url, policy) as server:
        yield server.address
        assert "Traceback" not in server.stderr


def test_jobs_that_flood_over_the_rate_have_everything_in_the_end_once(address: str, spool: Path) -> None:
    jobs, count = 3, 2 * MAX_POINTS
    seen: list[str] = []
    with recorded_calls(address) as recorder, trivet.Client(f"grpc://{recorder.address}/{OF_POINTS}") as client:
        runs = [client.create_run("0").info.run_id for _ in range(jobs)]
        began = time.monotonic()

        def log(run_id: str) -> None:
            for step in range(count):
                client.log_metric(run_id, "loss", step / 2, step=step)

        threads = [threading.Thread(target=log, args=(run_id,)) for run_id in runs]
        for thread in threads:
            thread.start()

        def is_said_to_wait() -> bool:
            seen.extend(state.waits_for for state in spool_states())
            return "points_per_second" in seen

        wait_until(is_said_to_wait)
        for thread in threads:
            thread.join()
        assert client.flush(120) == trivet.Receipt(logged=jobs * count, stored=jobs * count, refused=0)
        seconds = time.monotonic() - began
        for run_id in runs:
            history = client.get_metric_history(run_id, "loss")
            assert [(point.step, point.value) for point in history] == [(step, step / 2) for step in range(count)]
    assert jobs * count <= MAX_POINTS * (seconds + 1) + count
    # Who is refused stays away until its turn.
    assert sum(method.endswith("/WriteRun") for method, _ in recorder.requests) < 20 * seconds
    assert not list(spool.glob("*/rejected/*"))


def test_a_run_begun_without_a_server_waits_for_room(
    address: str, policy: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sender, "NO_ROOM_SECONDS", 0.2)
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0.1")
    monkeypatch.setenv("TRIVET_MODE", "offline")
    trivet.set_tracking_uri(f"grpc://{address}/{RAISED}")
    run_ids = []
    for _ in range(3):
        with trivet.start_run() as active:
            run_ids.append(active.info.run_id)
            for step in range(100):
                trivet.log_metric("loss", step, step=step)
    trivet.set_tracking_uri("")

    monkeypatch.setenv("TRIVET_MODE", "online")
    ended = CliRunner().invoke(app, ["sync", "--json"])
    assert ended.exit_code == 1
    problems = [run["problem"] for run in json.loads(ended.stdout)]
    assert [bool(problem) for problem in problems].count(True) == 2
    assert all("quota runs of 1" in problem for problem in problems if problem)
    # Nothing was refused for good, and what waits is said, to this user.
    assert {stat.S_IMODE(file.stat().st_mode) for file in spool.glob("*/logs/*/waits-for.txt")} == {0o600}
    (state,) = spool_states()
    assert (state.refused_runs, state.refused_records, state.waits_for) == (0, 0, "runs")

    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "60")
    with ExitStack() as stack:
        stack.callback(write_quotas, policy, QUOTAS)
        write_quotas(policy, {**QUOTAS, RAISED: {"runs": 3}})
        ended = CliRunner().invoke(app, ["sync"])
    assert ended.exit_code == 0, ended.output
    assert spool_states() == []
    with trivet.Client(f"grpc://{address}/{RAISED}") as client:
        assert sorted(run.info.run_id for run in client.search_runs(["0"])) == sorted(run_ids)
        for run_id in run_ids:
            assert [point.step for point in client.get_metric_history(run_id, "loss")] == list(range(100))


def test_what_is_left_of_a_run_without_room_holds_up_nothing_and_is_sent_when_there_is_room(
    address: str, policy: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "NO_ROOM_SECONDS", 0.2)
    target = f"grpc://{address}/{OF_LEFT}"
    with trivet.Client(target) as client:
        there = client.create_run("0").info.run_id
    monkeypatch.setenv("TRIVET_MODE", "offline")
    trivet.set_tracking_uri(target)
    with trivet.start_run() as active:
        trivet.log_metric("loss", 1)
    trivet.set_tracking_uri("")
    waiting = active.info.run_id
    with trivet.Client(target) as client:
        client.log_metric(there, "loss", 2)
    monkeypatch.setenv("TRIVET_MODE", "online")
    with ExitStack() as stack:
        client = stack.enter_context(trivet.Client(target))
        stack.callback(write_quotas, policy, QUOTAS)
        client.set_tag(there, "begun", "again")
        wait_until(lambda: client.get_run(there).data.metrics == {"loss": 2})
        (log,) = spool.glob("*/logs/*/waits-for.txt")
        assert (log.read_text(), log.parent.name.partition(".")[0]) == ("runs", waiting)
        write_quotas(policy, {**QUOTAS, OF_LEFT: {"runs": 2}})
        wait_until(lambda: spool_states() == [])
        assert client.get_run(waiting).data.metrics == {"loss": 1}


@pytest.mark.parametrize("killed", ["", "before", "after"])
def test_a_file_that_there_was_no_room_for_arrives_under_its_path_when_there_is(
    killed: str, address: str, policy: Path, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(f"sqlite:///{tmp_path / 'artifacts.db'}", str(tmp_path / "files"), {})
    artifact_server.migrate(place.database_url)
    content = tmp_path / "weights.bin"
    content.write_bytes(bytes(range(200)) * 10)
    folder = tmp_path / "head"
    folder.mkdir()
    # Named as what tells that a folder is a log.
    (folder / "head").write_bytes(b"h" * 1500)
    with ExitStack() as stack:
        stack.callback(write_quotas, policy, QUOTAS)
        files = stack.enter_context(start_limited("artifacts", place.database_url, policy, place.store))
        monkeypatch.setenv("TRIVET_TRACKING_URL", f"grpc://{address}")
        monkeypatch.setenv("TRIVET_ARTIFACTS_URL", f"grpc://{files.address}")
        monkeypatch.setenv("TRIVET_WORKSPACE", OF_BYTES)
        monkeypatch.setenv("TRIVET_MODE", "offline")
        with trivet.start_run() as active:
            trivet.log_artifact(content, "models/best")
            trivet.log_artifacts(folder, "folders")
            trivet.log_metric("loss", 1)
        trivet.set_tracking_uri("")
        monkeypatch.setenv("TRIVET_MODE", "online")

        if killed:
            program = subprocess.run([sys.executable, "-c", KILLED, killed], check=False)
            assert program.returncode == -signal.SIGKILL
        ended = CliRunner().invoke(app, ["sync", "--json"])
        shipped, *_ = json.loads(ended.stdout)
        assert (shipped["stored"], shipped["refused"]) == (1, 2)
        (state,) = spool_states()
        assert (state.pending, state.refused_runs, state.refused_files) == (0, 0, 2)
        notes = sorted(spool.glob("*/rejected/*.json"))
        assert {stat.S_IMODE(note.stat().st_mode) for note in notes} == {0o600}
        said = [json.loads(note.read_text("utf-8")) for note in notes]
        assert {(each["run_id"], each["path"], each["reason"]) for each in said} == {
            (active.info.run_id, "models/best/weights.bin", "QUOTA_EXCEEDED"),
            (active.info.run_id, "folders", "QUOTA_EXCEEDED"),
        }

        # As long as there is no room, they stay.
        ended = CliRunner().invoke(app, ["sync", "--json"])
        assert ended.exit_code == 1
        assert all("quota bytes of 1000" in run["problem"] for run in json.loads(ended.stdout))
        write_quotas(policy, {**QUOTAS, OF_BYTES: {"bytes": 100_000}})

        def is_all_sent() -> bool:
            return CliRunner().invoke(app, ["sync"]).exit_code == 0

        wait_until(is_all_sent)
        assert spool_states() == []
        assert list(spool.glob("*/rejected/*")) == []
        with trivet.Client() as client:
            run_id = active.info.run_id
            stored = client.download_artifacts(run_id, "models/best/weights.bin", str(tmp_path))
            assert Path(stored).read_bytes() == content.read_bytes()
            assert [file.path for file in client.list_artifacts(run_id, "folders")] == ["folders/head"]


def test_who_asks_for_a_run_is_told_at_once_that_there_is_no_room(address: str) -> None:
    with trivet.Client(f"grpc://{address}/{OF_RUNS}") as client:
        for _ in range(MAX_RUNS):
            client.create_run("0")
        with pytest.raises(trivet.QuotaExceeded) as raised:
            client.create_run("0")
    assert raised.value.metadata == {"workspace": OF_RUNS, "quota": "runs", "limit": str(MAX_RUNS)}
    assert not raised.value.is_rate


def test_calls_wait_for_a_rate_for_a_while(address: str) -> None:
    with trivet.Client(f"grpc://{address}/{OF_CALLS}") as client:
        began = time.monotonic()
        runs = [client.create_run("0").info.run_id for _ in range(12)]
        assert {run.info.run_id for run in client.search_runs(["0"])} == set(runs)
        assert time.monotonic() - began >= (12 - 4 - 1) / 4
