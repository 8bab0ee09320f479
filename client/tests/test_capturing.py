"""What is captured of a run unasked, by programs as users write them, and that each of it can be turned off."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

import trivet
from trivet._captured.choice import Captured, Choice
from trivet._captured.console import Console
from trivet._captured.console_lines import Line
from trivet._captured.run_capture import system_seconds
from trivet._captured.secrets_in_text import redacted
from trivet._commands.root import app
from trivet_testing.left_out import leave_out
from trivet_testing.servers import free_port, run_to_exit

GIT = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "init.defaultBranch=trunk"]

SERVICE_URLS = ("TRIVET_TRACKING_URL", "TRIVET_ARTIFACTS_URL", "TRIVET_REGISTRY_URL")

TRAIN = r"""
import logging, os, sys, threading, trivet
logging.basicConfig(format="%(message)s")
run = trivet.start_run(tags={"team": "a"})
print(run.info.run_id)
print("plain", "\x1b[32mgreen\x1b[0m")
logging.warning("by a handler that is older than the run")
for step in range(101):
    print(f"\r{step} %", end="", file=sys.stderr)
print(file=sys.stderr)
sys.stdout.write("garbage \0 \udcff\n")
def shout(name):
    for number in range(500):
        print(f"{name} {number}\n", end="")
threads = [threading.Thread(target=shout, args=(name,)) for name in "abcd"]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
trivet.log_metric("loss", 1)
while "system/cpu_utilization_percentage" not in trivet.get_run(run.info.run_id).data.metrics:
    pass
print("open at the end", end="")
def fail():
    raise ValueError("bad data")
fail()
"""

EACH_ALONE = """
import sys, time, trivet
for name in sys.argv[1:]:
    with trivet.start_run(capture="-" + name) as run:
        print("run of", name)
        while name != "system" and not any("cpu" in key for key in trivet.get_run(run.info.run_id).data.metrics):
            pass
        raise_ = ValueError(name)
        try:
            run.__exit__(ValueError, raise_, None)
        except ValueError:
            pass
    sys.__stdout__.write(f"{name} {run.info.run_id}\\n")
"""

ENDS_WITH_FILES_MADE = """
import os, pathlib, trivet
trivet.start_run(run_id="0192f0c1a7d47b6e9c3e5a8b1f2d4c60")
while not list(pathlib.Path(os.environ["TMPDIR"]).glob("trivet-captured-*/environment.json")):
    pass
"""


def program_env(**more: str) -> dict[str, str]:
    """The environment of a program that uses the shared servers, and captures all."""
    names = (*SERVICE_URLS, "TRIVET_WORKSPACE")
    # Python's streams do not take halves of characters by themselves.
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "TRIVET_CAPTURE": "", "PYTHONIOENCODING": "utf-8:backslashreplace", **more}


def run_program(program: str, *arguments: str, **env: str) -> list[str]:
    """Runs a program to its end; the lines that it printed."""
    ended = run_to_exit([sys.executable, "-c", program, *arguments], program_env(**env))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def texts(client: trivet.Client, run_id: str) -> list[str]:
    return [line.text for line in client.console(run_id)]


def files(client: trivet.Client, run_id: str, folder: str = "trivet") -> set[str]:
    found = client.list_artifacts(run_id, folder)
    deeper = [name for file in found if file.is_dir for name in files(client, run_id, file.path)]
    return {*(file.path for file in found if not file.is_dir), *deeper}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A working tree whose `train.py` differs from its commit."""
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "https://me:hunter2@example.com/taxi.git")
    (tmp_path / "train.py").write_text("import trivet\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "m")
    return tmp_path


def test_all_is_captured_of_a_script_that_fails(client: trivet.Client, repository: Path) -> None:
    script = repository / "train.py"
    script.write_text(TRAIN, encoding="utf-8")
    arguments = ["--lr", "0.1", "--api-key", "hunter2", "--hf-token=hunter2", "db=postgres://u:hunter2@host/db"]
    env = program_env(
        TRIVET_SYSTEM_SECONDS="0.1", SECRET_TOKEN="hunter2", SHOWN_A="yes", TRIVET_CAPTURE_VARIABLES="SHOWN_*"
    )
    ended = run_to_exit([sys.executable, str(script), *arguments], env)
    assert (ended.returncode, ended.stderr.rstrip().splitlines()[-1]) == (1, "ValueError: bad data")
    run_id = ended.stdout.splitlines()[0]
    run = client.get_run(run_id)

    assert (run.info.status, run.info.source) == ("FAILED", str(script))
    assert run.info.git_commit == git(repository, "rev-parse", "HEAD")
    trace = run.data.tags["trivet.exit.traceback"]
    assert trace.startswith("Traceback")
    assert trace.endswith("ValueError: bad data\n")
    assert {key: value for key, value in run.data.tags.items() if key != "trivet.exit.traceback"} == {
        "team": "a",
        "trivet.command": f"{sys.executable} {script} --lr 0.1 --api-key *** '--hf-token=***' 'db=postgres://***@host/db'",
        "trivet.exit.message": "ValueError: bad data",
        "trivet.git.branch": "trunk",
        "trivet.git.dirty": "true",
        "trivet.git.remote": "https://***@example.com/taxi.git",
        "trivet.host": socket.gethostname(),
    }

    lines = list(client.console(run_id))
    by_stream = {name: [line.text for line in lines if line.stream == name] for name in ("stdout", "stderr")}
    shouted = [text for text in by_stream["stdout"] if text[:2] in ("a ", "b ", "c ", "d ")]
    assert sorted(shouted) == sorted(f"{name} {number}" for name in "abcd" for number in range(500))
    assert [text for text in by_stream["stdout"] if text not in shouted] == [
        run_id,
        "plain \x1b[32mgreen\x1b[0m",
        "garbage ␀ \\udcff",
        "open at the end",
    ]
    assert by_stream["stderr"][:2] == ["by a handler that is older than the run", "100 %"]
    assert by_stream["stderr"][-1] == "ValueError: bad data"
    assert [line.number for line in lines] == list(range(len(lines)))
    assert run.info.start_time is not None
    assert run.info.end_time is not None
    assert all(run.info.start_time <= line.timestamp <= run.info.end_time for line in lines)

    assert files(client, run_id) == {"trivet/environment.json", "trivet/source/train.py", "trivet/diff.patch"}
    folder = Path(client.download_artifacts(run_id, "trivet"))
    assert (folder / "source" / "train.py").read_text() == TRAIN
    assert "+logging.basicConfig" in (folder / "diff.patch").read_text()
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["python"] == platform.python_version()
    assert environment["packages"]["grpcio"]
    assert environment["variables"] == {"SHOWN_A": "yes"}
    for path in (folder / "environment.json", *folder.rglob("*.patch")):
        assert "hunter2" not in path.read_text()

    metrics = {
        key.removeprefix("system/"): value for key, value in run.data.metrics.items() if key.startswith("system/")
    }
    assert 0 <= metrics["cpu_utilization_percentage"] <= 100
    assert 0 < metrics["system_memory_usage_percentage"] < 100
    assert metrics["process_memory_usage_megabytes"] > 10
    assert metrics["disk_available_megabytes"] > 0
    assert metrics.keys() >= {"network_receive_megabytes", "network_transmit_megabytes", "process_cpu_percentage"}


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "trivet.end_run()"])
def test_a_short_script_has_all_of_it(client: trivet.Client, tmp_path: Path, end: str) -> None:
    script = tmp_path / "short.py"
    script.write_text(f"import sys, trivet\nprint(trivet.start_run().info.run_id)\n{end}\n", encoding="utf-8")
    ended = run_to_exit([sys.executable, str(script)], program_env())
    assert (ended.returncode, ended.stderr) == (0, "")
    run_id = ended.stdout.strip()
    assert client.get_run(run_id).info.status == "FINISHED"
    assert texts(client, run_id) == [run_id]
    assert files(client, run_id) == {"trivet/environment.json", "trivet/source/short.py"}


def test_a_script_that_ends_its_run_by_ending_loses_no_files_while_the_server_is_away(tmp_path: Path) -> None:
    script = tmp_path / "short.py"
    # It ends when the files are made: what Python does at its end by itself must not come before they are kept.
    script.write_text(ENDS_WITH_FILES_MADE, encoding="utf-8")
    spool = {"TRIVET_SPOOL_DIR": str(tmp_path / "spool"), "TRIVET_FINISH_TIMEOUT": "2", "TMPDIR": str(tmp_path)}
    away = {name: f"grpc://127.0.0.1:{free_port()}" for name in SERVICE_URLS}
    ended = run_to_exit([sys.executable, str(script)], program_env(**spool, **away))
    assert ended.returncode == 0, ended.stderr
    assert "not stored" in ended.stderr  # it is kept, and that is said
    assert not list(tmp_path.glob("trivet-captured-*"))
    kept = {path.name for path in (tmp_path / "spool").rglob("*") if path.is_file()}
    assert {"environment.json", "short.py"} <= kept


def test_each_of_it_can_be_turned_off_alone(client: trivet.Client, repository: Path) -> None:
    script = repository / "each.py"
    script.write_text(EACH_ALONE, encoding="utf-8")
    (repository / "train.py").write_text("changed", encoding="utf-8")
    ended = run_to_exit([sys.executable, str(script), *Captured], program_env(TRIVET_SYSTEM_SECONDS="0.1"))
    assert ended.returncode == 0, ended.stderr
    said = [line.split() for line in ended.stdout.splitlines() if not line.startswith("run of")]
    for name, run_id in said:
        run = client.get_run(run_id)
        kept = files(client, run_id)
        there = {
            "source": bool(run.info.source) and "trivet/source/each.py" in kept,
            "git": bool(run.info.git_commit) and run.data.tags.keys() >= {"trivet.git.branch", "trivet.git.remote"},
            "diff": "trivet/diff.patch" in kept,
            "command": "trivet.command" in run.data.tags,
            "environment": "trivet/environment.json" in kept,
            "host": "trivet.host" in run.data.tags,
            "user": bool(run.info.user_id),
            "console": texts(client, run_id) == [f"run of {name}"],
            "system": any(key.startswith("system/") for key in run.data.metrics),
            "exit": run.data.tags.get("trivet.exit.message") == f"ValueError: {name}",
        }
        assert there == {item.value: item != name for item in Captured}
        assert run.info.status == "FAILED"
    assert [name for name, _ in said] == [item.value for item in Captured]


@pytest.mark.parametrize(("setting", "argument"), [("none", None), ("", False), ("all", "none"), ("-exit", ["none"])])
def test_all_of_it_can_be_turned_off(
    tracked: str, monkeypatch: pytest.MonkeyPatch, setting: str, argument: Choice
) -> None:
    monkeypatch.setenv("TRIVET_CAPTURE", setting)
    before = (sys.stdout.write, sys.exit, signal.getsignal(signal.SIGTERM))
    with trivet.start_run(capture=argument) as run:
        assert (sys.stdout.write, sys.exit, signal.getsignal(signal.SIGTERM)) == before
    read = trivet.get_run(run.info.run_id)
    assert (read.info.source, read.info.user_id, read.info.git_commit, read.data) == ("", "", "", trivet.RunData())


@pytest.mark.parametrize("choice", ["everything", "console,-gpu", ["sorce"]])
def test_a_name_of_nothing_is_refused_before_a_run_begins(tracked: str, choice: str | list[str]) -> None:
    with pytest.raises(trivet.InvalidArgument, match="say all, none, or some of source, git, diff"):
        trivet.start_run(capture=choice)
    assert trivet.active_run() is None


def test_a_bad_setting_is_refused(tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVET_CAPTURE", "consol")
    with pytest.raises(trivet.InvalidArgument, match="TRIVET_CAPTURE has 'consol'"):
        trivet.start_run()
    monkeypatch.setenv("TRIVET_CAPTURE", "console")
    monkeypatch.setenv("TRIVET_CAPTURE_RANKS", "some")
    with pytest.raises(trivet.InvalidArgument, match="say first or all"):
        trivet.start_run()


ENDINGS = [
    ("sys.exit(3)", 3, "FAILED", "exit status 3"),
    ("sys.exit('no data')", 1, "FAILED", "no data"),
    ("sys.exit()", 0, "FINISHED", None),
    ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", 143, "KILLED", "SIGTERM"),
    ("os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -signal.SIGINT, "KILLED", "KeyboardInterrupt"),
    ("with trivet.start_run(nested=True): sys.exit(4)", 4, "FAILED", "exit status 4"),
]


@pytest.mark.parametrize(("last_line", "returncode", "status", "message"), ENDINGS, ids=[case[0] for case in ENDINGS])
def test_how_the_process_ends_is_how_the_run_ends(
    tracked: str, last_line: str, returncode: int, status: str, message: str | None
) -> None:
    # Python leaves Ctrl-C alone where whoever started it does, as a shell does for what runs in the background.
    heard = "import os, signal, sys, time, trivet\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heard}\nprint(trivet.start_run().info.run_id, flush=True)\n{last_line}"
    ended = run_to_exit([sys.executable, "-c", program], program_env(TRIVET_URL=tracked, TRIVET_CAPTURE="exit"))
    assert ended.returncode == returncode, ended.stderr
    run = trivet.get_run(ended.stdout.strip())
    assert (run.info.status, run.data.tags.get("trivet.exit.message")) == (status, message)


def test_a_run_that_goes_on_has_not_failed(tracked: str) -> None:
    with pytest.raises(ValueError, match="bad"), trivet.start_run(capture="exit") as run:
        raise ValueError("bad")
    run_id = run.info.run_id
    assert trivet.get_run(run_id).data.tags.keys() == {"trivet.exit.message", "trivet.exit.traceback"}
    with trivet.start_run(run_id, capture="exit"):
        pass
    assert trivet.get_run(run_id).data.tags == {}


def test_what_was_replaced_is_put_back(tracked: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (sys.stdout.write, sys.stderr.write, sys.exit, signal.getsignal(signal.SIGTERM))
    with trivet.start_run(capture="console,exit") as run:
        assert all(old != new for old, new in zip(before, (sys.stdout.write, sys.stderr.write, sys.exit), strict=False))
        with trivet.start_run(nested=True, capture="console,exit") as nested:
            say("inside of both")
        say("outside of one")
    assert (sys.stdout.write, sys.stderr.write, sys.exit, signal.getsignal(signal.SIGTERM)) == before
    say("outside of both")
    assert capsys.readouterr().out == "inside of both\noutside of one\noutside of both\n"
    # A process has one console: it is of the run that began first.
    with trivet.Client(tracked) as client:
        assert texts(client, run.info.run_id) == ["inside of both", "outside of one"]
        assert texts(client, nested.info.run_id) == []


def test_what_others_replaced_since_stays(tracked: str) -> None:
    written: list[str] = []
    with trivet.start_run(capture="console") as run:
        tapped = sys.stdout.write

        def write(text: str) -> int:
            written.append(text)
            return tapped(text)

        sys.stdout.write = write  # type: ignore[method-assign] # as other tools do
        say("both")
    try:
        say("theirs")
    finally:
        del sys.stdout.write
    assert written == ["both\n", "theirs\n"]
    with trivet.Client(tracked) as client:
        assert texts(client, run.info.run_id) == ["both"]


# A child prints, ends by itself, and is ended: none of it is the parent's.
FORK = """
import multiprocessing, os, sys, time, trivet
def speak():
    print("child")
    sys.exit(5)
def wait():
    time.sleep(60)
context = multiprocessing.get_context("fork")
with trivet.start_run() as run:
    for number in range(200):
        print("parent", number)
    speaking, waiting = context.Process(target=speak), context.Process(target=wait)
    speaking.start()
    waiting.start()
    speaking.join(60)
    waiting.terminate()
    waiting.join(60)
    print("codes", speaking.exitcode, waiting.exitcode)
print(run.info.run_id)
"""


def test_a_forked_child_has_nothing_of_it(tracked: str) -> None:
    printed = run_program(FORK, TRIVET_URL=tracked, TRIVET_CAPTURE="console,exit,system")
    run_id = printed[-1]
    with trivet.Client(tracked) as client:
        assert texts(client, run_id) == [*(f"parent {number}" for number in range(200)), "codes 5 -15"]
        run = client.get_run(run_id)
    assert (run.info.status, run.data.tags) == ("FINISHED", {})


def test_what_a_killed_process_printed_is_sent_later(tracked: str, tmp_path: Path) -> None:
    program = """
import os, signal, sys, trivet
from pathlib import Path
run = trivet.start_run()
sys.stderr.write(run.info.run_id)
for number in range(3000):
    print("line", number)
while not any(b"line 2999" in path.read_bytes() for path in Path(os.environ["TRIVET_SPOOL_DIR"]).rglob("*.log")):
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""
    env = {"TRIVET_URL": tracked, "TRIVET_SPOOL_DIR": str(tmp_path), "TRIVET_CAPTURE": "console"}
    ended = run_to_exit([sys.executable, "-c", program], program_env(TRIVET_MODE="offline", **env))
    assert ended.returncode == -signal.SIGKILL
    assert CliRunner().invoke(app, ["sync", str(tmp_path)]).exit_code == 0
    with trivet.Client(tracked) as client:
        lines = [line.text for line in client.console(ended.stderr) if line.stream == "stdout"]
    assert lines == [f"line {number}" for number in range(3000)]


def test_offline_files_and_console_wait_for_sync(client: trivet.Client, tmp_path: Path) -> None:
    program = "import trivet\nwith trivet.start_run() as run:\n    print('far away')\nprint(run.info.run_id)"
    env = {"TRIVET_SPOOL_DIR": str(tmp_path), "TRIVET_MODE": "offline", "TRIVET_CAPTURE": "console,environment"}
    run_id = run_program(program, **env)[-1]
    assert CliRunner().invoke(app, ["sync", str(tmp_path)]).exit_code == 0
    assert texts(client, run_id) == ["far away"]
    assert files(client, run_id) == {"trivet/environment.json"}


def test_disabled_nothing_is_captured(tracked: str) -> None:
    program = (
        "import sys, trivet\nwrite = sys.stdout.write\nwith trivet.start_run():\n    assert sys.stdout.write == write"
    )
    run_program(program, TRIVET_URL=tracked, TRIVET_MODE="disabled")


RANK = """
import sys, trivet
with trivet.start_run(sys.argv[1]) as run:
    print("hello")
    while not any(key.startswith("system/") for key in trivet.get_run(run.info.run_id).data.metrics):
        pass
"""


@pytest.mark.parametrize(("ranks", "has_console"), [("", False), ("all", True)])
def test_of_ranks_the_first_one_captures_what_they_have_in_common(
    client: trivet.Client,
    ranks: str,
    has_console: bool,  # noqa: FBT001 - a case
) -> None:
    run_id = client.create_run("0").info.run_id
    rank = {"RANK": "1", "WORLD_SIZE": "2"}
    run_program(RANK, run_id, TRIVET_SYSTEM_SECONDS="0.1", TRIVET_CAPTURE_RANKS=ranks, **rank)
    assert [(line.text, line.rank) for line in client.console(run_id)] == ([("hello", 1)] if has_console else [])
    assert ("trivet.command" in client.get_run(run_id).data.tags) == has_console
    assert bool(files(client, run_id)) == has_console
    by_rank = client.tracking.get_metric_by_rank(run_id, "system/process_memory_usage_megabytes")
    assert list(by_rank) == [1]
    steps = [point.step for point in by_rank[1]]
    assert steps == sorted(steps)


NVML = """
#include <string.h>
typedef struct { unsigned gpu, memory; } utilization;
typedef struct { unsigned long long total, free, used; } memory;
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **card) { *card = (void *)(long)(index + 1); return 0; }
int nvmlDeviceGetUtilizationRates(void *card, utilization *use) { use->gpu = 40 + (long)card; return 0; }
int nvmlDeviceGetMemoryInfo(void *card, memory *m) { m->total = 4ull << 30; m->used = 1ull << 30; return 0; }
int nvmlDeviceGetPowerUsage(void *card, unsigned *mw) { *mw = 75000; return (long)card == 2 ? 3 : 0; }
int nvmlDeviceGetEnforcedPowerLimit(void *card, unsigned *mw) { *mw = 300000; return 0; }
"""


def test_cards_of_nvidia_are_measured_where_their_library_is(tracked: str, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        leave_out("a C compiler", "there is no cc on the path")
    (tmp_path / "nvml.c").write_text(NVML, encoding="utf-8")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "nvml.c"], check=True)
    program = """
import trivet
with trivet.start_run() as run:
    while not any("gpu" in key for key in trivet.get_run(run.info.run_id).data.metrics):
        pass
print(run.info.run_id)
"""
    env = {"TRIVET_SYSTEM_SECONDS": "0.1", "LD_LIBRARY_PATH": str(tmp_path), "TRIVET_CAPTURE": "system"}
    (run_id,) = run_program(program, TRIVET_URL=tracked, **env)
    metrics = trivet.get_run(run_id).data.metrics
    # The second card tells nothing of power, and this library nothing of temperature.
    assert {key.removeprefix("system/gpu_"): value for key, value in metrics.items() if "gpu" in key} == {
        "0_utilization_percentage": 41,
        "0_memory_usage_megabytes": 1024,
        "0_memory_usage_percentage": 25,
        "0_power_usage_watts": 75,
        "0_power_usage_percentage": 25,
        "1_utilization_percentage": 42,
        "1_memory_usage_megabytes": 1024,
        "1_memory_usage_percentage": 25,
    }


# Waits for two samples, which end when the run does.
SAMPLED = """
import trivet
with trivet.start_run() as run:
    print("measured")
    while len(trivet.get_metric_history(run.info.run_id, "system/process_cpu_percentage")) < 2:
        pass
print(run.info.run_id)
"""
SAMPLING = {"TRIVET_SYSTEM_SECONDS": "0.1", "TRIVET_CAPTURE": "system,console"}


@pytest.mark.parametrize(
    "library",
    [
        None,
        "int nvmlInit_v2(void) { return 9; }",  # NVML_ERROR_DRIVER_NOT_LOADED
        "int nvmlInit_v2(void) { return 0; }",  # and nothing else, as of another version
        "int something_else(void) { return 0; }",
    ],
)
def test_without_nvml_or_its_driver_there_are_no_cards_and_all_else(
    client: trivet.Client, library: str | None, tmp_path: Path
) -> None:
    if library is None:
        with contextlib.suppress(OSError):
            ctypes.CDLL("libnvidia-ml.so.1")
            leave_out("a machine without NVML", "this one has it")
    else:
        compiler = shutil.which("cc")
        if compiler is None:
            leave_out("a C compiler", "there is no cc on the path")
        (tmp_path / "nvml.c").write_text(library, encoding="utf-8")
        built = tmp_path / "libnvidia-ml.so.1"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", built, tmp_path / "nvml.c"], check=True)
    ended = run_to_exit([sys.executable, "-c", SAMPLED], program_env(LD_LIBRARY_PATH=str(tmp_path), **SAMPLING))
    assert (ended.returncode, ended.stderr) == (0, "")
    metrics = client.get_run(ended.stdout.split()[-1]).data.metrics
    assert "system/system_memory_usage_megabytes" in metrics
    assert not any("gpu" in key for key in metrics)


def test_without_the_kernels_files_the_rest_is_measured(client: trivet.Client) -> None:
    """As on other systems than Linux."""
    hidden = "mount -t tmpfs none /proc && mount -t tmpfs none /sys && exec "
    command = ["unshare", "--mount", "sh", "-c", hidden + shlex.join([sys.executable, "-c", SAMPLED])]
    if subprocess.run(["unshare", "--mount", "sh", "-c", hidden + "true"], check=False).returncode:
        leave_out("a view of the machine without /proc", "nothing can be mounted here")
    ended = run_to_exit(command, program_env(**SAMPLING))
    assert (ended.returncode, ended.stderr) == (0, "")
    run_id = ended.stdout.split()[-1]
    names = {key.removeprefix("system/") for key in client.get_run(run_id).data.metrics}
    disk = {"disk_usage_megabytes", "disk_available_megabytes", "disk_usage_percentage"}
    assert names == disk | {"process_cpu_percentage"}
    assert [line.text for line in client.console(run_id)] == ["measured"]


def test_what_c_code_prints_goes_where_it_went_and_not_to_the_run(client: trivet.Client) -> None:
    program = """
import ctypes, subprocess, trivet
with trivet.start_run() as run:
    print("from Python", flush=True)
    libc = ctypes.CDLL(None)
    libc.puts(b"from C")
    libc.fflush(None)
    subprocess.run(["echo", "from a child"], check=True)
print(run.info.run_id)
"""
    *said, run_id = run_program(program, TRIVET_CAPTURE="console")
    assert said == ["from Python", "from C", "from a child"]
    assert [line.text for line in client.console(run_id)] == ["from Python"]


def test_import_and_a_client_load_nothing_of_it() -> None:
    program = """
import sys, trivet
trivet.Client("grpc://127.0.0.1:1")
print([name for name in sys.modules if name.startswith("trivet._captured")])
"""
    assert run_program(program) == ["[]"]


PAGE = Path(__file__).parents[2] / "docs" / "capturing.md"


def test_the_page_names_all_that_is_captured() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    assert rows[: len(Captured)] == [f"`{item.value}`" for item in Captured]
    settings = {f"`TRIVET_{name}`" for name in ("CAPTURE", "CAPTURE_RANKS", "CAPTURE_VARIABLES", "SYSTEM_SECONDS")}
    assert set(rows[len(Captured) :]) == {*settings, "`TRIVET_CONSOLE_BYTES` (server)"}


def test_a_bad_number_of_seconds_is_said_and_the_default_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for text in ("soon", "0", "nan", "-1", "inf"):
        monkeypatch.setenv("TRIVET_SYSTEM_SECONDS", text)
        assert system_seconds() == 10
    assert caplog.text.count("TRIVET_SYSTEM_SECONDS") == 5
    monkeypatch.setenv("TRIVET_SYSTEM_SECONDS", "0.5")
    assert system_seconds() == 0.5


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        (["--password", "a", "b"], ["--password", "***", "b"]),
        (["--password", "--lr", "1"], ["--password", "--lr", "1"]),
        (["-DbPassword=a=b"], ["-DbPassword=***"]),
        (["+model.api_key=x"], ["+model.api_key=***"]),
        (["AWS_SECRET_ACCESS_KEY=x", "SSH_KEY=y"], ["AWS_SECRET_ACCESS_KEY=***", "SSH_KEY=***"]),
        (["--apiKey", "x"], ["--apiKey", "***"]),
        (
            ["--max-tokens", "512", "--tokenizer=bpe", "--key", "k"],
            ["--max-tokens", "512", "--tokenizer=bpe", "--key", "k"],
        ),
        (["--url=https://u:p@h/x?a=b@c", "s3://bucket/a@b"], ["--url=https://***@h/x?a=b@c", "s3://bucket/a@b"]),
    ],
)
def test_arguments_that_look_like_secrets_are_replaced(argument: list[str], shown: list[str]) -> None:
    assert list(redacted(argument)) == shown


class Sink:
    """Takes the lines of a console."""

    def __init__(self, *, has_room: bool = True) -> None:
        self.lines: list[Line] = []
        self.room = has_room

    def send(self, lines: list[Line]) -> None:
        # What is written here would be heard for ever.
        say("sending")
        self.lines += lines

    def has_room(self) -> bool:
        return self.room

    @property
    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def test_more_than_the_spool_has_room_for_is_left_out_and_said() -> None:
    sink = Sink(has_room=False)
    console = Console(sink.send, sink.has_room)  # type: ignore[arg-type] # it gets lists
    for number in range(10):
        say(f"lost {number}")
    console.drain()
    sink.room = True
    say("there")
    console.close()
    assert sink.texts == ["[trivet: 10 lines are left out here]", "there"]


def test_printing_without_end_is_cut_and_waits_for_nobody() -> None:
    sink = Sink()
    console = Console(sink.send, sink.has_room)  # type: ignore[arg-type] # as above
    line = "x" * 1023 + "\n"
    for _ in range(40 * 1024):
        sys.stdout.write(line)
    console.drain()
    say("after it")
    console.close()
    kept = sum(len(text) + 1 for text in sink.texts)
    assert 8 * 1024 * 1024 < kept < 24 * 1024 * 1024
    assert sum("left out" in text for text in sink.texts) >= 1
    assert sink.texts[-1] == "after it"


def test_a_follower_sees_lines_as_they_come_and_ends_with_the_run(tracked: str, client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    seen: list[str] = []

    def follow() -> None:
        with trivet.Client() as other:
            seen.extend(line.text for line in other.console(run_id, follow=True))

    def log(text: str, **more: object) -> None:
        client.tracking.log_console(run_id, [trivet.ConsoleLine(text, 1_793_611_800_000, **more)])  # type: ignore[arg-type] # fields of ConsoleLine
        client.flush()

    log("first")
    follower = threading.Thread(target=follow)
    follower.start()
    log("second")
    log("third")
    client.set_terminated(run_id)
    follower.join(60)
    assert seen == ["first", "second", "third"]
    assert [line.text for line in client.console(run_id, 2)] == ["second", "third"]


def show(*arguments: str) -> str:
    ended = CliRunner().invoke(app, ["runs", "console", *arguments], color=True)
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_the_command_shows_colors_and_does_nothing_else_to_a_terminal(client: trivet.Client) -> None:
    run_id = client.create_run("0").info.run_id
    at = 1_793_611_800_000
    client.tracking.log_console(
        run_id,
        [
            trivet.ConsoleLine("\x1b[31mred", at),
            trivet.ConsoleLine("10 %", at, "stderr", unfinished=True),
            trivet.ConsoleLine("of rank 3", at, rank=3),
            trivet.ConsoleLine("\r20 %", at, "stderr"),
            trivet.ConsoleLine("\x1b]52;c;ZXZpbA==\x07\x1b[2J title", at),
        ],
    )
    client.flush()
    assert show(run_id) == ("\x1b[31mred\x1b[0m\n[3] of rank 3\n20 %\n\\x1b]52;c;ZXZpbA==\\x07\\x1b[2J title\n")
    assert show(run_id, "--newest", "1", "--times").endswith("\\x1b[2J title\n")
    objects = [json.loads(line) for line in show(run_id, "--json").splitlines()]
    assert [entry["number"] for entry in objects] == list(range(5))
    assert objects[1] == {
        "text": "10 %",
        "timestamp": at,
        "stream": "stderr",
        "rank": None,
        "unfinished": True,
        "number": 1,
    }
    missing = CliRunner().invoke(app, ["runs", "console", "missing"])
    assert (missing.exit_code, "missing" in missing.stderr) == (1, True)


def test_lines_that_a_server_refuses_hold_nothing_up(
    client: trivet.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVET_SPOOL_DIR", str(tmp_path))
    run_id = client.create_run("0").info.run_id
    lines = [trivet.ConsoleLine("x" * 20_000, 1), *(trivet.ConsoleLine(str(number), 1) for number in range(12_000))]
    with trivet.Client() as other:
        other.tracking.log_console(run_id, lines)
        other.log_metric(run_id, "loss", 1)
        assert other.flush() == trivet.Receipt(12_002, 12_001, 1)
    assert texts(client, run_id) == [str(number) for number in range(12_000)]
    (rejected,) = tmp_path.glob("*/rejected/*.jsonl")
    assert json.loads(rejected.read_text())["console"]["text"] == "x" * 20_000
    with pytest.raises(trivet.InvalidArgument, match="stdout or stderr"):
        client.tracking.log_console(run_id, [trivet.ConsoleLine("", 1, "stdin")])
