"""What is logged outlives the process: killed, offline, full, refused, and sent by the next process or by hand."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import pytest
from typer.testing import CliRunner

import trivet
from trivet._commands import app
from trivet_testing.servers import free_port, run_to_exit
from trivet_testing.tcp_proxy import Direction, TcpProxy
from trivet_testing.tracking import full

# Logs for ever, and says after each hundred what is logged.
ENDLESS = """
import sys, trivet
with trivet.start_run(run_id=sys.argv[1]):
    step = int(sys.argv[2])
    while True:
        trivet.log_metric("loss", 1 / (step + 1), step=step)
        trivet.log_metrics({"a": step, "b": -step}, step=step)
        step += 1
        if step % 100 == 0:
            print(step, flush=True)
"""


VALUES: list[SupportsFloat] = [math.nan, math.inf, -math.inf, 0.5, np.float32(0.25), 3, np.int64(9), True]


def run(*arguments: str) -> str:
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def steps(run_id: str, key: str) -> list[int]:
    return [point.step for point in trivet.get_metric_history(run_id, key)]


def logs(spool: Path) -> list[Path]:
    return list(spool.glob("*/logs/*"))


def test_what_killed_processes_logged_is_there_once(tracked: str, spool: Path) -> None:
    chance = random.Random(20_261_127)
    run_id = trivet.start_run().info.run_id
    trivet.end_run()
    env = os.environ | {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(spool)}
    said: dict[int, int] = {}
    for first in range(0, full(5, 200) * 10_000_000, 10_000_000):
        command = [sys.executable, "-c", ENDLESS, run_id, str(first)]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            # While it sends what the one before it left, or while it logs and sends.
            until = time.monotonic() + chance.random()
            while time.monotonic() < until:
                line = process.stdout.readline()
            process.kill()
            said[first] = int([line, *process.stdout.read().split("\n")[:-1]][-1])
    run("sync", str(spool))
    for key in ("loss", "a", "b"):
        there = steps(run_id, key)
        assert len(there) == len(set(there))
        for first, last in said.items():
            of_process = [step for step in there if first <= step < first + 10_000_000]
            assert of_process == list(range(first, first + len(of_process)))
            assert first + len(of_process) >= last
    assert logs(spool) == []


@pytest.mark.parametrize("count", [1, 2, 5000])
def test_sigkill_right_after_the_call_loses_nothing(tracked: str, spool: Path, count: int) -> None:
    program = """
import os, signal, sys, trivet
client = trivet.Client()
for step in range(int(sys.argv[2])):
    client.log_metric(sys.argv[1], "loss", step, step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run_id = trivet.start_run().info.run_id
    env = {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(spool), "TRIVET_MODE": "offline"}
    ended = run_to_exit([sys.executable, "-c", program, run_id, str(count)], env)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    run("sync", str(spool))
    assert steps(run_id, "loss") == list(range(count))


def test_a_job_whose_server_is_away_goes_on_and_its_run_is_sent_later(
    tracking_address: str,
    workspace: str,
    spool: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0.2")
    with TcpProxy(tracking_address) as proxy:
        proxy.hold(Direction.REQUESTS)
        trivet.set_tracking_uri(f"grpc://{proxy.address}/{workspace}")
        with caplog.at_level(logging.WARNING, "trivet"):
            assert trivet.set_experiment("later").experiment_id == ""
            with trivet.start_run(run_name="patient") as active:
                for step in range(20_000):
                    trivet.log_metric("loss", step, step=step)
        # Said for the experiment, the run, and at its end: not for each record.
        assert len(caplog.records) == 3, caplog.text
        proxy.release()
        monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "60")
        trivet.flush()
        read = trivet.get_run(active.info.run_id)
        assert (read.info.run_name, read.info.status) == ("patient", "FINISHED")
        assert trivet.get_experiment(read.info.experiment_id).name == "later"
        assert steps(active.info.run_id, "loss") == list(range(20_000))


def test_one_refused_in_many_is_kept_and_holds_nothing_up(tracked: str, spool: Path) -> None:
    with trivet.Client(tracked) as other:
        run_id = other.create_run("0").info.run_id
        other.log_param(run_id, "lr", 1)
    with trivet.Client(tracked) as client:
        for step in range(9_999):
            client.log_metric(run_id, "loss", step, step=step)
            if step == 5_000:
                client.log_param(run_id, "lr", 2)
        assert client.flush(60) == trivet.Receipt(logged=10_000, stored=9_999, refused=1)
        (line,) = next(spool.glob("*/rejected/*.jsonl")).read_text("utf-8").splitlines()
        said = json.loads(line)
        assert (said["param"], said["error"]["reason"]) == ({"key": "lr", "value": "2"}, "PARAM_CHANGED")
        assert len(client.get_metric_history(run_id, "loss")) == 9_999


@pytest.mark.parametrize("method", ["log_metric", "log_metrics"])
def test_a_full_spool_drops_and_counts_where_it_may(
    tracked: str, spool: Path, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = trivet.start_run().info.run_id
    trivet.end_run()
    monkeypatch.setenv("TRIVET_MODE", "offline")
    monkeypatch.setenv("TRIVET_SPOOL_SIZE", "5MiB")
    with trivet.Client(tracked) as client:
        for step in range(200_000):
            if method == "log_metric":
                client.log_metric(run_id, "loss", 0.5, step=step)
            else:
                client.tracking.log_metrics(run_id, {"loss": 0.5}, step=step)
        receipt = client.flush()
        assert (receipt.logged, receipt.stored) == (200_000, 0)
        assert receipt.dropped > 50_000
        assert caplog.text.count("dropped and counted") == 1
    run("sync", str(spool))
    assert steps(run_id, "loss") == list(range(200_000 - receipt.dropped))


def test_a_full_spool_waits_for_the_server(
    tracking_address: str,
    workspace: str,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TRIVET_SPOOL_SIZE", "1MiB")
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        proxy.hold(Direction.REQUESTS)
        count = 300_000

        def log() -> None:
            for step in range(count):
                client.log_metric(run_id, "loss", 0.5, step=step)

        logging_thread = threading.Thread(target=log)
        logging_thread.start()
        logging_thread.join(5)
        assert logging_thread.is_alive()
        assert "The spool is full" in caplog.text
        proxy.release()
        logging_thread.join(60)
        assert client.flush(60) == trivet.Receipt(count, count, 0)


def test_disabled_keeps_nothing_and_calls_nobody(spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_MODE", "disabled")
    trivet.set_tracking_uri(f"grpc://127.0.0.1:{free_port()}")
    trivet.set_experiment("nothing")
    with trivet.start_run() as active:
        trivet.log_metric("m", 1)
        trivet.log_metrics({"a": 1})
        trivet.log_param("p", 1)
        trivet.set_tags({"t": 1})
        trivet.log_artifact(tmp_path)
    assert len(active.info.run_id) == 32
    assert trivet.flush() == trivet.Receipt(0, 0, 0)
    assert not spool.exists()


@pytest.mark.parametrize(("name", "value"), [("MODE", "of"), ("SPOOL_SIZE", "much"), ("SPOOL_FULL", "explode")])
def test_a_setting_that_cannot_be_understood_is_said(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TRIVET_{name}", value)
    with trivet.Client("grpc://127.0.0.1:1") as client, pytest.raises(trivet.InvalidArgument, match=f"TRIVET_{name}"):
        client.log_metric("r", "m", 1)


def test_a_spool_that_cannot_be_made_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(tmp_path / "file" / "spool"))
    with trivet.Client("grpc://127.0.0.1:1") as client, pytest.raises(trivet.SpoolUnusable, match="TRIVET_SPOOL_DIR"):
        client.log_metric("r", "m", 1)


def test_a_home_that_cannot_be_written_to_is_replaced(
    tracked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with trivet.start_run() as active:
        trivet.log_metric("m", 1)
    assert trivet.get_run(active.info.run_id).data.metrics == {"m": 1.0}
    assert "TRIVET_SPOOL_DIR" in caplog.text


def test_nothing_of_a_spool_is_readable_by_others_or_holds_a_token(
    tracked: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_MODE", "offline")
    with trivet.Client(tracked, token="s3cret") as client:
        client.log_metric("r" * 32, "m", 1.0)
        files = [path for path in spool.rglob("*") if path.is_file()]
        assert {path.stat().st_mode & 0o777 for path in files} <= {0o600}
        assert all(b"s3cret" not in path.read_bytes() for path in files)
        assert {path.stat().st_mode & 0o077 for path in spool.rglob("*") if path.is_dir()} == {0}


def test_all_values_and_times_come_back_as_they_were(tracked: str) -> None:
    chance = random.Random(7)
    with trivet.start_run() as active:
        expected: dict[str, set[tuple[int, int, str]]] = {}
        for number in range(3_000):
            key = f"k{chance.randrange(7)}"
            value = chance.choice(VALUES)
            step, at = chance.randrange(-(2**62), 2**62), 1_700_000_000_000 + number
            if chance.random() < 0.3:
                trivet.log_metrics({key: value, "all": 1}, step=step, timestamp=at)
                expected.setdefault("all", set()).add((step, at, "1.0"))
            else:
                trivet.log_metric(key, value, step=np.int64(step), timestamp=at)
            expected.setdefault(key, set()).add((step, at, repr(float(value))))
            if number % 500 == 0:
                trivet.set_tag("at", number)
    for key, points in expected.items():
        read = trivet.get_metric_history(active.info.run_id, key)
        assert {(point.step, point.timestamp, repr(point.value)) for point in read} == points
        assert len(read) == len(points)


def test_ranks_that_launchers_say_are_recorded(tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = trivet.start_run().info.run_id
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", "2")
        with trivet.Client(tracked) as client:
            client.log_metric(run_id, "loss", 1.0 + int(rank), step=1)
            client.tracking.log_metrics(run_id, {"loss": 3.0 + int(rank), "acc": 1}, step=2)
    assert len(trivet.get_metric_history(run_id, "loss")) == 4
    with trivet.Client(tracked) as client:
        by_rank = client.tracking.get_metric_by_rank(run_id, "loss")
        assert {rank: [(point.step, point.value) for point in points] for rank, points in by_rank.items()} == {
            0: [(1, 1.0), (2, 3.0)],
            1: [(1, 2.0), (2, 4.0)],
        }
        together = client.tracking.summarize_ranks(run_id, "loss")
        assert [(it.step, it.mean, it.min, it.max, it.ranks) for it in together] == [
            (1, 1.5, 1.0, 2.0, 2),
            (2, 3.5, 3.0, 4.0, 2),
        ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_an_error_and_what_was_logged_is_sent(
    tracked: str, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trivet.start_run().info.run_id
    trivet.end_run()
    program = """
import sys, trivet
client = trivet.Client()
step = 0
while True:
    client.log_metric(sys.argv[1], "loss", step, step=step)
    step += 1
    if step % 1000 == 0:
        print(step, flush=True)
"""
    env = {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(small_disk), "TRIVET_MODE": "offline"}
    (small_disk / "ballast").write_bytes(bytes(2 * 1024 * 1024))
    command = [sys.executable, "-c", program, run_id]
    with subprocess.Popen(command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        said = 0
        for _ in range(300):
            said = int(process.stdout.readline())
        process.kill()
        assert process.stderr.read().count(b"The spool is full: the disk is full") == 1
    run("sync", str(small_disk))
    there = steps(run_id, "loss")
    assert there == list(range(len(there)))
    assert 100_000 < len(there) < said


def test_a_loop_of_asyncio_is_not_held_up(tracking_address: str, workspace: str, spool: Path) -> None:
    async def ticks(client: trivet.Client, run_id: str) -> list[float]:
        longest = []
        for step in range(2_000):
            began = time.perf_counter()
            client.log_metric(run_id, "loss", step, step=step)
            longest.append(time.perf_counter() - began)
            await asyncio.sleep(0)
        return longest

    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        proxy.hold(Direction.REQUESTS)  # nobody answers
        taken = asyncio.run(ticks(client, run_id))
        assert sorted(taken)[len(taken) // 2] < 0.001
        proxy.release()
        assert client.flush(60) == trivet.Receipt(2_000, 2_000, 0)


def test_a_server_that_answers_nothing_for_long_is_not_noticed_by_the_loop(
    tracking_address: str, workspace: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        proxy.hold(Direction.REQUESTS)
        count = 0
        until = time.monotonic() + full(2, 120)
        while time.monotonic() < until:
            for _ in range(1_000):
                client.log_metric(run_id, "loss", 0.5, step=count)
                count += 1
        proxy.release()
        assert client.flush(600) == trivet.Receipt(count, count, 0)
        assert len(client.tracking.get_metric_columns(run_id, "loss").steps) == count


def test_a_client_that_is_closed_in_the_midst_of_a_call_refuses_nothing(
    tracking_address: str, workspace: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_FINISH_TIMEOUT", "0.1")
    with TcpProxy(tracking_address) as proxy:
        with trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
            run_id = client.create_run("0").info.run_id
            proxy.hold_responses_after(b"slow")
            client.log_metric(run_id, "slow", 1.0, timestamp=1)
            proxy.wait_for_request(b"slow")
        proxy.release()
        assert list(spool.glob("*/rejected/*")) == []
        # The next client of the process, as of another one, finds what is left when it logs.
        with trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
            client.log_metric(run_id, "other", 1.0)
            deadline = time.monotonic() + 30
            while not client.get_metric_history(run_id, "slow"):
                assert time.monotonic() < deadline
            assert len(client.get_metric_history(run_id, "slow")) == 1
