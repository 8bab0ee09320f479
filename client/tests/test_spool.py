"""What is logged outlives the process: killed, offline, full, refused, and sent by the next process or by hand."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import logging
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import SupportsFloat

import numpy as np
import pytest
from typer.testing import CliRunner

import trivet
from trivet._commands.root import app
from trivet._spool.folders import limits
from trivet._spool.room import Room
from trivet._spool.segments import segments_in
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


@pytest.mark.timeout(full(300, 3600))
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
    with trivet.Client(tracked) as client:
        for key in ("loss", "a", "b"):
            there = client.tracking.get_metric_columns(run_id, key).steps
            for first, last in said.items():
                of_process = there[(there >= first) & (there < first + 10_000_000)]
                assert np.array_equal(of_process, np.arange(first, first + len(of_process)))
                assert first + len(of_process) >= last
    assert 3 * sum(said.values()) - 3 * sum(said) >= full(1_000, 1_000_000)
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


def test_room_that_is_freed_while_somebody_asks_for_it_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_SPOOL_SIZE", "1MiB")
    room = Room(limits(is_offline=False))
    room.take(1024 * 1024)
    left = [1024 * 1024]

    def is_some_to_free() -> bool:
        # All of it is sent and freed just then, and nothing is left that will be.
        there = bool(left)
        while left:
            room.give_back(left.pop())
        return there

    assert room.make([4096], lambda size: size, is_some_to_free) == 4096


def test_a_file_of_a_log_that_goes_while_they_are_listed_is_left_out(tmp_path: Path) -> None:
    # Listed, and not there when it is looked at: what a file is that another thread has just sent.
    (tmp_path / f"{0:016x}.log").symlink_to(tmp_path / "gone")
    (tmp_path / f"{16:016x}.log").write_bytes(bytes(8))
    assert [(segment.base, segment.end) for segment in segments_in(tmp_path)] == [(16, 24)]


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


@pytest.mark.parametrize("setting", ["TRIVET_SPOOL_DIR", "XDG_STATE_HOME"])
def test_a_file_system_without_locks_is_replaced_or_said(
    tracked: str, tmp_path: Path, setting: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network, local, flock = tmp_path / "network", tmp_path / "local", fcntl.flock
    for folder in (network, local):
        folder.mkdir()

    def without_locks(file: int, operation: int) -> None:
        # What the kernel answers where a network file system has no lock service.
        if Path(f"/proc/self/fd/{file}").resolve().is_relative_to(network):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", without_locks)
    monkeypatch.setattr(tempfile, "tempdir", str(local))
    monkeypatch.setenv(setting, str(network))
    with trivet.Client(tracked) as client:
        run_id = client.create_run("0").info.run_id
        if setting == "TRIVET_SPOOL_DIR":
            with pytest.raises(trivet.SpoolUnusable, match=r"No locks available.*TRIVET_SPOOL_DIR"):
                client.log_metric(run_id, "m", 1)
            return
        client.log_metric(run_id, "m", 1)
        assert client.flush(60) == trivet.Receipt(1, 1, 0)
    assert "TRIVET_SPOOL_DIR" in caplog.text


def test_a_job_in_a_folder_that_is_read_only_logs(tracked: str, mounted: Callable[[str], Path], tmp_path: Path) -> None:
    folder = mounted("ro")
    program = """
import os, sys, trivet
os.chdir(sys.argv[1])
with trivet.start_run() as run:
    trivet.log_metric("m", 1)
assert trivet.get_run(run.info.run_id).data.metrics == {"m": 1.0}
"""
    env = {"HOME": str(folder), "XDG_STATE_HOME": "", "TMPDIR": str(tmp_path), "TRIVET_URL": tracked}
    ended = run_to_exit([sys.executable, "-c", program, str(folder)], env)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("TRIVET_SPOOL_DIR") == 1, ended.stderr
    # Data in this very folder cannot be.
    ended = run_to_exit([sys.executable, "-c", program, str(folder)], env | {"TRIVET_URL": ""})
    assert ended.returncode == 1
    assert re.search(r"Cannot write to .*TRIVET_URL", ended.stderr), ended.stderr


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
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory, with some options."""
    with contextlib.ExitStack() as stack:

        def mount(options: str) -> Path:
            folder = tmp_path / "mounted"
            folder.mkdir()
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False)
            if done.returncode:
                pytest.skip("no file system can be mounted here")
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
            return folder

        yield mount


@pytest.fixture
def small_disk(mounted: Callable[[str], Path]) -> Path:
    """A file system of 8 MiB."""
    return mounted("size=8m")


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


@pytest.mark.timeout(full(300, 3600))
def test_a_server_that_answers_nothing_for_long_is_not_noticed_by_the_loop(
    tracking_address: str, workspace: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_SPOOL_SIZE", "8GiB")
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


def test_a_full_disk_waits_for_the_server(tracked: str, small_disk: Path) -> None:
    program = """
import sys, trivet
client = trivet.Client()
for step in range(400_000):
    client.log_metric(sys.argv[1], "loss", step, step=step)
print(client.flush(60))
"""
    (small_disk / "ballast").write_bytes(bytes(2 * 1024 * 1024))
    run_id = trivet.start_run().info.run_id
    env = {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(small_disk)}
    ended = run_to_exit([sys.executable, "-c", program, run_id], env, timeout_seconds=120)
    assert (ended.returncode, ended.stdout.strip()) == (0, str(trivet.Receipt(400_000, 400_000, 0))), ended.stderr
    assert steps(run_id, "loss") == list(range(400_000))


class Scalar:
    """A scalar as other libraries have it: a number by what it turns into."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return float(self._value)

    def __index__(self) -> int:
        return int(self._value)


def torch_scalars() -> list[object]:
    torch = pytest.importorskip("torch")
    kinds = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64)
    return [torch.tensor(2, dtype=kind) for kind in kinds] + [torch.tensor([[2.0]], requires_grad=True)]


def jax_scalars() -> list[object]:
    jax = pytest.importorskip("jax")
    return [jax.numpy.asarray(2, dtype=kind) for kind in ("float16", "bfloat16", "float32", "int32")]


def numpy_scalars() -> list[object]:
    return [np.float16(2), np.float32(2), np.longdouble(2), np.int8(2), np.uint64(2), np.array(2.0), Scalar(2)]


@pytest.mark.parametrize("scalars", [numpy_scalars, torch_scalars, jax_scalars])
# Leaving out that a tensor has a gradient is what is wanted here; and an array of one number is one.
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad", "ignore:Conversion of an array with ndim")
def test_scalars_of_libraries_are_numbers(tracked: str, scalars: Callable[[], list[object]]) -> None:
    values = scalars()
    with trivet.start_run() as active:
        for step, value in enumerate(values):
            trivet.log_metric("one", value, step=step)  # type: ignore[arg-type] # the libraries may have no types
            trivet.log_metrics({"a": value, "b": value}, step=step)  # type: ignore[dict-item] # as above
        for scalar in values:
            if not hasattr(scalar, "dtype") or "int" in str(scalar.dtype):
                trivet.log_metric("at a step", 1, step=scalar)  # type: ignore[arg-type] # as above
    for key in ("one", "a", "b"):
        points = trivet.get_metric_history(active.info.run_id, key)
        assert [(point.step, point.value) for point in points] == [(step, 2.0) for step in range(len(values))]
    assert {point.step for point in trivet.get_metric_history(active.info.run_id, "at a step")} == {2}


def test_a_loop_of_asyncio_goes_on_while_the_server_does_not_answer(tracking_address: str, workspace: str) -> None:
    with TcpProxy(tracking_address) as proxy, trivet.Client(f"grpc://{proxy.address}/{workspace}") as client:
        run_id = client.create_run("0").info.run_id
        proxy.hold(Direction.REQUESTS)
        beats = 0

        async def train(number: int) -> None:
            for step in range(1_000):
                client.log_metric(run_id, f"loss {number}", step, step=step)
                client.log_param(run_id, f"param {number}, {step % 10}", "set")
                if step % 10 == 0:
                    await asyncio.sleep(0)

        async def main() -> None:
            nonlocal beats
            training = asyncio.gather(*(train(number) for number in range(3)))
            while not training.done():
                await asyncio.sleep(0)
                beats += 1
            await training

        # It would never end if one of the calls waited for the server.
        asyncio.run(main())
        assert beats >= 100
        receipt = client.flush(0)
        assert (receipt.logged, receipt.stored) == (6_000, 0)
        proxy.release()
        assert client.flush(60) == trivet.Receipt(6_000, 6_000, 0)
