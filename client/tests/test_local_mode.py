"""Local mode: programs that name data on this machine share a server that none of them had to start.

The programs are real ones; what is killed is killed by SIGKILL.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import trivet
from trivet_testing.servers import ServerProcess, run_to_exit

READY = r"^Trivet is ready: grpc (\S+)$"
GRACE_SECONDS = 30
"""What the SDK tells the servers that it starts."""

# Logs a point and says who serves; then waits for its end, or for a line that tells it to log another one.
PROGRAM = """
import json, sys
from pathlib import Path
import trivet

lock = Path(sys.argv[1])
with trivet.start_run() as run:
    trivet.log_metric("loss", 0.5)
    trivet.flush()
    print("logged", run.info.run_id, json.loads(lock.read_text())["pid"], flush=True)
    for line in sys.stdin:
        trivet.log_metric("loss", 0.25, step=1)
        assert trivet.flush(30).refused == 0
        print("again", trivet.get_run(run.info.run_id).data.metrics["loss"], flush=True)
"""


class Program:
    """A program that uses the data in its working directory."""

    def __init__(self, folder: Path, uri: str = "", lock_file: str = ".trivet/trivet.lock") -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRIVET_")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, lock_file],
            cwd=folder,
            env=kept | ({"TRIVET_URL": uri} if uri else {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> list[str]:
        assert self.process.stdout is not None
        return self.process.stdout.readline().split()

    def logged(self) -> tuple[str, int]:
        """The run that it logged to, and the process that serves it."""
        word, run_id, pid = self.line()
        assert word == "logged"
        return run_id, int(pid)

    def log_again(self) -> float:
        """Lets it log another point; what it then reads back."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        word, value = self.line()
        assert word == "again"
        return float(value)

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Those that a test starts; they, and the servers that they started, are gone at its end."""
    started: list[Program] = []
    yield started
    for program in started:
        program.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A working directory; what serves data in it is gone at the end."""
    yield tmp_path
    for lock_file in (*tmp_path.glob("*.lock"), *tmp_path.glob("*/*.lock")):
        text = lock_file.read_text()
        if text:
            end(json.loads(text)["pid"])


def end(pid: int) -> None:
    """Ends a server that a program started."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    wait_for_end(pid, 30)


def wait_for_end(pid: int, timeout_seconds: float) -> None:
    """Returns when the process is gone; it is nobody's child here, or one that Python reaps."""
    handle = os.pidfd_open(pid)
    try:
        ended, _, _ = select.select([handle], [], [], timeout_seconds)
    finally:
        os.close(handle)
    assert ended, f"process {pid} is still there after {timeout_seconds} s"


def start_server(folder: Path, grace_seconds: float) -> ServerProcess:
    """A server as the SDK starts it, but for how long it stays."""
    command = [sys.executable, "-m", "trivet_standalone", "--local", str(grace_seconds), "--data", str(folder)]
    return ServerProcess.start(command, {}, READY)


def test_programs_that_start_at_once_share_one_server_and_find_each_others_runs(
    folder: Path, programs: list[Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.extend(Program(folder) for _ in range(4))
    logged = [program.logged() for program in programs]
    assert len({pid for _, pid in logged}) == 1
    monkeypatch.chdir(folder)
    # A file, a model of it, and the file by the model's name, all without a server that anybody started.
    (folder / "weights").write_bytes(b"w" * 1000)
    with trivet.Client() as client:
        assert {run.info.run_id for run in client.search_runs("0")} == {run_id for run_id, _ in logged}
        run_id = logged[0][0]
        client.log_artifact(run_id, str(folder / "weights"), "model")
        assert client.registry.register_model(f"runs:/{run_id}/model", "taxi").status == "READY"
    assert sorted(path.name for path in folder.iterdir()) == [".trivet", "weights"]


def test_server_that_was_killed_is_started_again_and_nothing_acknowledged_is_lost(
    folder: Path, programs: list[Program]
) -> None:
    program = Program(folder, "sqlite:///x.db", "x.lock")
    programs.append(program)
    _, pid = program.logged()
    assert {path.name for path in folder.glob("x*")} >= {"x.db", "x-artifacts.db", "x-registry.db", "x.lock", "x.log"}
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid, 10)
    assert program.log_again() == 0.25
    after = json.loads((folder / "x.lock").read_text())["pid"]
    assert after != pid


def test_server_ends_after_the_last_of_its_programs_was_killed(folder: Path, programs: list[Program]) -> None:
    with start_server(folder / ".trivet", 2) as server:
        with trivet.Client(f"file:{folder / '.trivet'}") as client:  # keeps it until they are there
            client.create_experiment("mine")
            programs.extend(Program(folder) for _ in range(2))
            logged = [program.logged() for program in programs]
        assert {pid for _, pid in logged} == {server.pid}
        programs[0].kill()
        assert programs[1].log_again() == 0.25
        programs[1].kill()
        wait_for_end(server.pid, 20)
        assert server.exit_code == 0
    assert (folder / ".trivet" / "trivet.lock").read_text() == ""
    # Its data can be served again at once.
    with start_server(folder / ".trivet", 0.5) as server:
        wait_for_end(server.pid, 20)  # nobody came


@pytest.mark.skipif(not os.environ.get("TRIVET_TEST_FULL"), reason="waits for half a minute; a long form")
def test_server_that_a_program_started_is_no_orphan_after_it_was_killed(folder: Path, programs: list[Program]) -> None:
    program = Program(folder)
    programs.append(program)
    _, pid = program.logged()
    began = time.monotonic()
    program.kill()
    wait_for_end(pid, GRACE_SECONDS + 30)
    assert time.monotonic() - began > GRACE_SECONDS - 5


def test_client_that_is_closed_no_longer_keeps_the_server(folder: Path) -> None:
    with start_server(folder, 2) as server:
        for _ in range(2):
            with trivet.Client(f"file:{folder}") as client:
                client.create_experiment(f"{client}{time.monotonic_ns()}")
        wait_for_end(server.pid, 20)


def test_running_trivet_up_is_used_and_no_other_server_started(folder: Path, programs: list[Program]) -> None:
    up = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--data", ".trivet"]
    with ServerProcess.start(up, {}, READY, cwd=folder) as server:
        program = Program(folder)
        programs.append(program)
        assert program.logged()[1] == server.pid
    assert not (folder / ".trivet" / "trivet.log").exists()


def test_trivet_up_on_data_that_programs_use_is_told_so(folder: Path) -> None:
    with start_server(folder, 60) as server, trivet.Client(f"file:{folder}") as client:
        client.create_experiment("mine")
        up = [sys.executable, "-m", "trivet_standalone", "--grpc-port", "0", "--data", str(folder)]
        ended = run_to_exit(up, {})
        assert ended.returncode == 1
        assert f"(process {server.pid}), for programs that use it without a server of their own" in ended.stderr


def test_forked_child_uses_the_server_too(folder: Path) -> None:
    program = """
import multiprocessing, trivet

def train(run_id):
    with trivet.Client() as client:
        client.log_metric(run_id, "child", 1)
        assert client.flush().stored == 1

with trivet.start_run() as run:
    trivet.log_metric("parent", 1)
    child = multiprocessing.get_context("fork").Process(target=train, args=(run.info.run_id,))
    child.start()
    child.join()
    assert child.exitcode == 0
    print(sorted(trivet.get_run(run.info.run_id).data.metrics))
"""
    ended = run_to_exit([sys.executable, "-c", program], {"TRIVET_URL": f"file:{folder}"})
    assert (ended.returncode, ended.stdout) == (0, "['child', 'parent']\n"), ended.stderr


def test_data_that_cannot_be_served_says_why(folder: Path) -> None:
    (folder / "x.db").write_text("a note of mine that is long enough to be looked at as a header" * 20)
    with trivet.Client(f"sqlite:///{folder / 'x.db'}") as client:
        with pytest.raises(trivet.ServerUnavailable, match="file is not a database") as caught:
            client.search_experiments()
        assert str(folder / "x.log") in str(caught.value)


def test_folder_that_cannot_be_made_says_why(folder: Path) -> None:
    (folder / "file").write_text("mine")
    with (
        trivet.Client(f"file:{folder / 'file' / 'data'}") as client,
        pytest.raises(trivet.ServerUnavailable, match="Cannot write to"),
    ):
        client.search_experiments()


def test_database_of_a_newer_trivet_is_refused_and_left_alone(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "tracking.db")) as database:
        database.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES (9999)"
        )
        with trivet.Client(f"file:{folder}") as client, pytest.raises(trivet.ServerUnavailable, match="newer one"):
            client.search_experiments()
        assert database.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("alembic_version",)]


def test_sockets_in_a_folder_that_others_can_enter_are_refused(folder: Path) -> None:
    command = [sys.executable, "-m", "trivet_standalone", "--local", "1", "--data", str(folder / "data")]
    with tempfile.TemporaryDirectory() as temporary:  # not the test's own: the paths of sockets must be short
        sockets = Path(temporary) / f"trivet-{os.getuid()}"
        sockets.mkdir()
        sockets.chmod(0o755)
        ended = run_to_exit(command, {"TMPDIR": temporary})
        assert ended.returncode == 1
        assert "must be yours alone" in ended.stderr


def test_sockets_whose_path_is_too_long_are_refused(folder: Path) -> None:
    temporary = folder / ("t" * 100)
    temporary.mkdir()
    command = [sys.executable, "-m", "trivet_standalone", "--local", "1", "--data", str(folder / "data")]
    ended = run_to_exit(command, {"TMPDIR": str(temporary)})
    assert ended.returncode == 1
    assert "set TMPDIR to a shorter one" in ended.stderr
